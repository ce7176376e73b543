//! What is wrong with a definition.

use std::fmt;

/// Everything that is wrong with a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionError {
    /// Its name, or its file where the name is not known.
    pub definition: String,
    /// What is wrong, in the order of the file.
    pub flaws: Vec<Flaw>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The step, if it is about one: its name, or its number from 0.
    pub step: Option<String>,
    /// The field.
    pub field: String,
    /// Why it is wrong.
    pub reason: String,
    /// What to do about it.
    pub mend: String,
}

impl DefinitionError {
    /// It is not JSON, or not of the right shape.
    pub(super) fn unreadable(
        file: &str,
        error: &serde_path_to_error::Error<serde_json::Error>,
    ) -> Self {
        if !error.inner().is_data() {
            return Self::not_json(file, error.inner());
        }
        let path = error.path().to_string();
        let (step, field) = match path
            .strip_prefix("steps[")
            .and_then(|rest| rest.split_once(']'))
        {
            Some((number, field)) => (Some(number.to_owned()), field.trim_start_matches('.')),
            None => (None, path.as_str()),
        };
        let field = if field.is_empty() || field == "." {
            "(all of it)"
        } else {
            field
        };
        let told = error.inner().to_string();
        let reason = told
            .rsplit_once(" at line ")
            .map_or(told.as_str(), |(reason, _)| reason);
        let mend = match reason {
            _ if reason.starts_with("missing") => "add it",
            _ if reason.starts_with("unknown") => "remove it or mend its name",
            _ => "write what is expected",
        };
        Self::one(file, step, field, reason, mend)
    }

    pub(super) fn not_json(file: &str, error: &serde_json::Error) -> Self {
        Self::one(file, None, "(all of it)", &error.to_string(), "write JSON")
    }

    fn one(file: &str, step: Option<String>, field: &str, reason: &str, mend: &str) -> Self {
        Self {
            definition: file.to_owned(),
            flaws: vec![Flaw {
                step,
                field: field.to_owned(),
                reason: reason.to_owned(),
                mend: mend.to_owned(),
            }],
        }
    }
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, flaw) in self.flaws.iter().enumerate() {
            if index > 0 {
                formatter.write_str("; ")?;
            }
            write!(formatter, "saga \"{}\"", self.definition)?;
            if let Some(step) = &flaw.step {
                write!(formatter, ", step \"{step}\"")?;
            }
            let Flaw {
                field,
                reason,
                mend,
                ..
            } = flaw;
            write!(formatter, ", field \"{field}\": {reason}; {mend}")?;
        }
        Ok(())
    }
}

impl std::error::Error for DefinitionError {}
