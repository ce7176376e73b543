//! The query of a search, checked.

use serde::Deserialize;
use suoke_guest::{ApiError, Invalid, clock, page};
use suoke_search::query::QUERY_CHARS_MAX;
use suoke_search::{Cursor, Search};

/// What can be found.
const KINDS: [&str; 8] = [
    "acupoint",
    "consultation",
    "element",
    "emergency",
    "finding",
    "formula",
    "record",
    "syndrome",
];

/// The query as it is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    q: Option<String>,
    /// Kinds, with commas between them.
    #[serde(rename = "type")]
    kinds: Option<String>,
    from: Option<String>,
    to: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// The search, or what is wrong with it.
pub(crate) fn read(asked: Asked) -> Result<Search, ApiError> {
    let limit = page::limit(asked.limit)?;
    let mut invalid = Invalid::new();
    let text = asked.q.unwrap_or_default();
    let length = text.chars().count();
    invalid.check(!text.trim().is_empty(), "q", "required", "is required");
    invalid.check(
        length <= QUERY_CHARS_MAX,
        "q",
        "too_long",
        "must have at most 200 characters",
    );
    let kinds: Vec<String> = asked
        .kinds
        .iter()
        .flat_map(|kinds| kinds.split(','))
        .map(str::to_owned)
        .collect();
    let is_known = |kind: &String| KINDS.contains(&kind.as_str());
    let message = format!(
        "must be one or more of {}, with commas between them",
        KINDS.join(", ")
    );
    invalid.check(
        kinds.iter().all(is_known),
        "type",
        "invalid_value",
        &message,
    );
    let from_ms = asked.from.as_deref().map(clock::parse_rfc3339);
    let to_ms = asked.to.as_deref().map(clock::parse_rfc3339);
    for (field, instant) in [("from", from_ms), ("to", to_ms)] {
        let message = "must be an instant such as 2026-01-31T08:00:00+08:00";
        invalid.check(instant != Some(None), field, "invalid_timestamp", message);
    }
    let (from_ms, to_ms) = (from_ms.flatten(), to_ms.flatten());
    let is_span = from_ms.zip(to_ms).is_none_or(|(from, to)| from < to);
    invalid.check(is_span, "from", "invalid_value", "must be before `to`");
    invalid.finish()?;
    let after = match asked.cursor {
        Some(cursor) => Some(Cursor::parse(&cursor).ok_or_else(page::invalid_cursor)?),
        None => None,
    };
    Ok(Search {
        text,
        kinds,
        from_ms,
        to_ms,
        limit: limit as usize,
        after,
    })
}
