//! What is wrong, as an `OperationOutcome`.

use serde_json::{Value, json};

use crate::json::set;

/// What kind of thing is wrong: a code of
/// <http://hl7.org/fhir/R4/valueset-issue-type.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueType {
    /// It is no resource: not JSON, or of another shape.
    Structure,
    /// Something that must be there is not.
    Required,
    /// A value that cannot be used.
    Value,
    /// A rule of ours, such as a range, forbids it.
    BusinessRule,
    /// It is not done here.
    NotSupported,
    /// There is no such thing, or it is not the caller's.
    NotFound,
    /// Who asks is not known.
    Login,
    /// Who asks may not.
    Forbidden,
    /// It contradicts what is stored.
    Conflict,
    /// Something is given twice or found twice.
    Duplicate,
    /// A code that is not known.
    CodeInvalid,
    /// Too much at once.
    TooCostly,
    /// Too large.
    TooLong,
    /// Our fault.
    Exception,
    /// Later it may work.
    Transient,
    /// Nothing is wrong.
    Informational,
}

impl IssueType {
    /// The code of FHIR.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Required => "required",
            Self::Value => "value",
            Self::BusinessRule => "business-rule",
            Self::NotSupported => "not-supported",
            Self::NotFound => "not-found",
            Self::Login => "login",
            Self::Forbidden => "forbidden",
            Self::Conflict => "conflict",
            Self::Duplicate => "duplicate",
            Self::CodeInvalid => "code-invalid",
            Self::TooCostly => "too-costly",
            Self::TooLong => "too-long",
            Self::Exception => "exception",
            Self::Transient => "transient",
            Self::Informational => "informational",
        }
    }

    /// The kind that fits a status of HTTP.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Login,
            403 => Self::Forbidden,
            404 | 410 => Self::NotFound,
            405 | 406 | 415 => Self::NotSupported,
            409 | 412 => Self::Conflict,
            413 => Self::TooLong,
            422 => Self::BusinessRule,
            429 => Self::TooCostly,
            503 | 504 => Self::Transient,
            status if status >= 500 => Self::Exception,
            _ => Self::Value,
        }
    }
}

/// One thing that is wrong. It never repeats what was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// What kind of thing.
    pub kind: IssueType,
    /// Where: a `FHIRPath` such as `Observation.valueQuantity.value`, or the name of a
    /// parameter. Empty where it is about the whole.
    pub place: String,
    /// What is wrong and how to mend it, for people.
    pub message: String,
    /// What is wrong, for programs, such as `out_of_range`. Empty where the kind says
    /// it all.
    pub code: String,
}

impl Issue {
    /// A thing that is wrong at `place`.
    pub fn new(kind: IssueType, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind,
            place: place.into(),
            message: message.into(),
            code: String::new(),
        }
    }

    /// The same with a code for programs.
    #[must_use]
    pub fn coded(mut self, code: impl Into<String>) -> Self {
        self.code = code.into();
        self
    }

    /// The same within something larger, such as `Bundle.entry[3].resource`.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.place = match self.place.split_once('.') {
            Some((_, inner)) => format!("{outer}.{inner}"),
            None => outer.to_owned(),
        };
        self
    }

    fn to_json(&self, severity: &str) -> Value {
        let mut issue = json!({
            "severity": severity,
            "code": self.kind.as_str(),
            "diagnostics": self.message,
        });
        if !self.place.is_empty() {
            set(&mut issue, "expression", json!([self.place]));
        }
        if !self.code.is_empty() {
            set(
                &mut issue,
                "details",
                json!({ "coding": [{ "system": "urn:suoke:problem", "code": self.code }] }),
            );
        }
        issue
    }
}

/// The `OperationOutcome` of what is wrong.
pub fn errors(issues: &[Issue]) -> Value {
    let each = issues.iter().map(|issue| issue.to_json("error"));
    json!({ "resourceType": "OperationOutcome", "issue": each.collect::<Vec<_>>() })
}

/// The `OperationOutcome` of what went well.
pub fn success(message: &str) -> Value {
    let issue = Issue::new(IssueType::Informational, "", message);
    json!({ "resourceType": "OperationOutcome", "issue": [issue.to_json("information")] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issues_name_kind_place_and_mend() {
        let issue = Issue::new(
            IssueType::Required,
            "Observation.status",
            "`status` is needed",
        );
        let told = errors(&[issue
            .coded("missing_field")
            .within("Bundle.entry[2].resource")]);
        assert_eq!(
            told["issue"][0],
            json!({
                "severity": "error",
                "code": "required",
                "diagnostics": "`status` is needed",
                "expression": ["Bundle.entry[2].resource.status"],
                "details": { "coding": [{ "system": "urn:suoke:problem", "code": "missing_field" }] },
            })
        );
        assert_eq!(success("done")["issue"][0]["severity"], "information");
        assert_eq!(IssueType::of_status(404).as_str(), "not-found");
    }
}
