//! What goes wrong, as an `OperationOutcome` with its status.

use suoke_events::EventError;
use suoke_fhir::outcome::{self, Issue, IssueType};
use suoke_guest::{ApiError, Reply};
use suoke_store::StoreError;

use crate::answer;

/// Headers that a failure carries on.
const HEADERS: [&str; 4] = ["allow", "www-authenticate", "retry-after", "accept"];

/// A failure.
#[derive(Debug)]
pub struct Failed {
    /// The status of HTTP.
    pub status: u16,
    /// What is wrong.
    pub issues: Vec<Issue>,
    /// Headers of the answer.
    headers: Vec<(&'static str, String)>,
    /// What is to be logged and not told.
    pub cause: Option<String>,
}

impl Failed {
    /// A failure with one issue.
    pub fn new(status: u16, kind: IssueType, place: &str, message: &str) -> Self {
        Self::with(status, Issue::new(kind, place, message))
    }

    /// A failure with this issue.
    pub fn with(status: u16, issue: Issue) -> Self {
        Self {
            status,
            issues: vec![issue],
            headers: Vec::new(),
            cause: None,
        }
    }

    /// The same, of an entry of a bundle.
    pub fn within(mut self, place: &str) -> Self {
        let moved = self.issues.into_iter().map(|issue| issue.within(place));
        self.issues = moved.collect();
        self
    }

    /// The answer.
    pub fn reply(self) -> Result<Reply, ApiError> {
        let outcome = outcome::errors(&self.issues);
        let mut reply = answer::plain(self.status, &outcome)?;
        for (name, value) in self.headers {
            reply = reply.header(name, value);
        }
        Ok(reply)
    }
}

impl From<Issue> for Failed {
    fn from(issue: Issue) -> Self {
        let status = match issue.kind {
            IssueType::BusinessRule | IssueType::NotSupported => 422,
            IssueType::Conflict => 409,
            IssueType::Forbidden => 403,
            IssueType::NotFound => 404,
            IssueType::TooCostly | IssueType::TooLong => 413,
            _ => 400,
        };
        Self::with(status, issue)
    }
}

impl From<ApiError> for Failed {
    fn from(error: ApiError) -> Self {
        let status = error.status();
        let kind = IssueType::of_status(status);
        let shown = error.to_string();
        let (told, cause) = if status >= 500 {
            ("something went wrong on our side", Some(shown.clone()))
        } else {
            let head = format!("{status} {}: ", error.code());
            (
                shown.strip_prefix(&head).unwrap_or("this cannot be done"),
                None,
            )
        };
        let mut issues = vec![Issue::new(kind, "", told).coded(error.code())];
        for field in error.errors() {
            let issue = Issue::new(kind, field.field.clone(), field.message.clone());
            issues.push(issue.coded(field.code.as_ref()));
        }
        let headers = HEADERS.iter().filter_map(|name| {
            let value = error.header_value(name)?;
            Some((*name, value.to_owned()))
        });
        Self {
            status,
            issues,
            headers: headers.collect(),
            cause,
        }
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        ApiError::from(error).into()
    }
}

impl From<EventError> for Failed {
    fn from(error: EventError) -> Self {
        ApiError::from(error).into()
    }
}
