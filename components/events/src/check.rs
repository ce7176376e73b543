//! What callers may write.

use suoke_guest::{ApiError, FieldError, clock};

/// How long a name may be.
const NAME_CHARS_MAX: usize = 128;

/// How long a subject may be: consumers refuse a longer one.
const SUBJECT_SIZE_BYTES_MAX: usize = suoke_events::ATTRIBUTE_SIZE_BYTES_MAX;

/// How many things a page shows unless the caller says otherwise.
const LIMIT_DEFAULT: u32 = 50;

/// How many may be asked for.
const LIMIT_MAX: u32 = 200;

fn wrong(field: &str, code: &'static str, message: &str) -> ApiError {
    ApiError::invalid(vec![FieldError::new(field, code, message)])
}

/// A type, a component or the name of a stream.
pub(crate) fn name(field: &str, text: &str) -> Result<(), ApiError> {
    let fits = !text.is_empty() && text.len() <= NAME_CHARS_MAX;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if fits && text.bytes().all(is_name) {
        return Ok(());
    }
    let message = "must be 1 to 128 letters, digits, points, hyphens and underscores";
    Err(wrong(field, "invalid_name", message))
}

/// What an event is about, such as `consultation/ID`.
pub(crate) fn subject(text: &str) -> Result<(), ApiError> {
    let fits = (1..=SUBJECT_SIZE_BYTES_MAX).contains(&text.len());
    if fits && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let message = "must have 1 to 512 bytes and no control characters";
    Err(wrong("subject", "invalid_subject", message))
}

/// The size of a page.
pub(crate) fn limit(asked: Option<u32>) -> Result<u32, ApiError> {
    let limit = asked.unwrap_or(LIMIT_DEFAULT);
    if (1..=LIMIT_MAX).contains(&limit) {
        return Ok(limit);
    }
    Err(wrong("limit", "out_of_range", "must be between 1 and 200"))
}

/// An instant, in milliseconds since the epoch.
pub(crate) fn instant(field: &str, text: Option<&str>) -> Result<Option<i64>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    match clock::parse_rfc3339(text) {
        Some(ms) => Ok(Some(ms)),
        None => Err(wrong(field, "invalid_time", "must be an RFC 3339 instant")),
    }
}
