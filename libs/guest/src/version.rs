//! Versions of what is stored: `ETag` and `If-Match`.

use crate::error::ApiError;
use crate::request::Request;

/// A version as an `ETag`.
#[must_use]
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// Fails unless the caller has seen this version: `If-Match` names it, is `*`, or is not
/// there, as then the last change wins.
///
/// # Errors
/// 409 `version_conflict`.
pub fn expect(request: &Request, version: i64) -> Result<(), ApiError> {
    let Some(known) = request.header("if-match") else {
        return Ok(());
    };
    let current = etag(version);
    let is_known = |tag: &str| tag.trim() == current || tag.trim() == "*";
    if known.split(',').any(is_known) {
        return Ok(());
    }
    let detail = "It was changed meanwhile; read it again and decide anew.";
    Err(ApiError::conflict("version_conflict", detail)
        .zh("内容已被修改，请重新读取后再试。")
        .header("etag", current))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_seen_the_version_changes_it_and_who_does_not_say_so() {
        for (known, status) in [
            (None, None),
            (Some("\"3\""), None),
            (Some("*"), None),
            (Some("\"2\", \"3\""), None),
            (Some("\"2\""), Some(409)),
            (Some("W/\"3\""), Some(409)),
            (Some("3"), Some(409)),
            (Some(""), Some(409)),
        ] {
            let mut request = Request::new("PUT", "/");
            if let Some(known) = known {
                request = request.with_header("if-match", known);
            }
            let failed = expect(&request, 3).err();
            let told = failed.as_ref().map(ApiError::status);
            assert_eq!(told, status, "{known:?}");
            let tag = failed.as_ref().and_then(|error| error.header_value("etag"));
            assert_eq!(tag, status.map(|_| "\"3\""));
        }
    }
}
