//! How far an import has come, as callers see it.

use serde::{Deserialize, Serialize};
use suoke_guest::{ApiError, FieldError, Request, clock};

use crate::owners::Rejected;
use crate::queries::Import;

/// Refused lines on one page unless asked otherwise.
const LIMIT_DEFAULT: u32 = 100;
/// Most refused lines on one page.
const LIMIT_MAX: u32 = 1_000;

/// The query of the list of refused lines.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    /// The last line that was shown.
    after_line: Option<i64>,
    limit: Option<u32>,
}

/// A line that was refused.
#[derive(Debug, Serialize)]
pub(crate) struct Reject {
    line: i64,
    code: String,
    message: String,
}

/// How far an import has come.
#[derive(Debug, Serialize)]
pub(crate) struct State {
    import_id: String,
    next_line: i64,
    accepted: i64,
    duplicated: i64,
    rejected: i64,
    created_at: String,
    changed_at: String,
    rejects: Vec<Reject>,
    /// Where the next page of refused lines begins.
    next_after_line: Option<i64>,
}

pub(crate) fn shown(rejected: Rejected) -> Reject {
    Reject {
        line: i64::try_from(rejected.line).unwrap_or(i64::MAX),
        code: rejected.code,
        message: rejected.message,
    }
}

/// The last line that was shown, and how many are.
pub(crate) fn page(request: &Request) -> Result<(i64, u32), ApiError> {
    let page: Page = request.query()?;
    let limit = page.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let error = FieldError::new("limit", "out_of_range", "must be between 1 and 1000");
        return Err(ApiError::invalid(vec![error]));
    }
    Ok((page.after_line.unwrap_or_default(), limit))
}

impl State {
    pub(crate) fn new(id: &str, import: Import, mut rejects: Vec<Rejected>, limit: u32) -> Self {
        let has_more = rejects.len() > limit as usize;
        rejects.truncate(limit as usize);
        let rejects: Vec<Reject> = rejects.into_iter().map(shown).collect();
        let next_after_line = rejects.last().filter(|_| has_more).map(|last| last.line);
        Self {
            import_id: id.to_owned(),
            next_line: import.next_line,
            accepted: import.accepted,
            duplicated: import.duplicated,
            rejected: import.rejected,
            created_at: clock::rfc3339(import.created_ms),
            changed_at: clock::rfc3339(import.changed_ms),
            rejects,
            next_after_line,
        }
    }
}
