//! Answers that are kept for a while, and `ETag`s.

use sha2::{Digest, Sha256};
use suoke_redis::{Redis, RedisError};

use crate::stored::Stored;

/// Whether a function's answer may be kept and given to others who ask the
/// same: it says so itself. What [`suoke_guest`] answers is `no-store` unless
/// the function sets something else.
#[must_use]
pub fn may_keep(status: u16, headers: &[(String, Vec<u8>)]) -> bool {
    let directives = headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("cache-control"))
        .flat_map(|(_, value)| value.split(|byte| *byte == b','))
        .map(|directive| {
            String::from_utf8_lossy(directive)
                .trim()
                .to_ascii_lowercase()
        });
    let is_forbidden = |directive: String| {
        let name = directive.split('=').next().unwrap_or_default().to_owned();
        ["no-store", "no-cache", "private"].contains(&name.as_str())
    };
    let varies = headers.iter().any(|(name, value)| {
        let name = name.to_ascii_lowercase();
        name == "set-cookie" || (name == "vary" && value.contains(&b'*'))
    });
    status == 200 && !varies && !directives.into_iter().any(is_forbidden)
}

/// Where the answer to a GET is kept. Everything that it may depend on is part
/// of it: the function, the path with its query, the language and media type
/// that are asked for, and the caller unless the function serves everybody
/// alike.
#[must_use]
pub fn key(
    route: &str,
    target: &str,
    language: &str,
    accept: &str,
    user_id: Option<&str>,
) -> String {
    let mut hasher = Sha256::new();
    let caller = user_id.map_or_else(|| "public".to_owned(), |user| format!("user {user}"));
    for part in [route, target, language, accept, &caller] {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part.as_bytes());
    }
    format!("cache:{}", hex(&hasher.finalize()))
}

/// What was kept under a key.
///
/// # Errors
/// When Redis does not answer.
pub async fn find(redis: &Redis, key: &str) -> Result<Option<Stored>, RedisError> {
    let bytes = redis.get(key).await?;
    // What cannot be read was kept by another version: it is made anew.
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Keeps an answer.
///
/// # Errors
/// When Redis does not answer or has no room left.
pub async fn keep(
    redis: &Redis,
    key: &str,
    answer: &Stored,
    seconds: u32,
) -> Result<(), RedisError> {
    let bytes = serde_json::to_vec(answer).unwrap_or_default();
    redis
        .set(key, &bytes, Some(u64::from(seconds) * 1000))
        .await
}

/// The tag of a body: half of its SHA-256.
#[must_use]
pub fn etag(body: &[u8]) -> String {
    let digest = hex(&Sha256::digest(body));
    let half = digest.get(..32).unwrap_or(&digest);
    format!("\"{half}\"")
}

/// Whether the caller has what this tag names: `If-None-Match`, compared
/// weakly (RFC 9110, 13.1.2).
#[must_use]
pub fn has_it(if_none_match: &str, etag: &str) -> bool {
    fn opaque(tag: &str) -> &str {
        tag.trim().trim_start_matches("W/")
    }
    if_none_match.trim() == "*"
        || if_none_match
            .split(',')
            .any(|tag| !tag.trim().is_empty() && opaque(tag) == opaque(etag))
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| DIGITS.get(usize::from(digit)))
        .collect()
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use suoke_redis::Memory;

    use super::*;

    fn headers(list: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
        list.iter().map(owned).collect()
    }

    #[test]
    fn only_what_says_so_is_kept() {
        for (status, list, expected) in [
            (200, vec![("cache-control", "max-age=300")], true),
            (200, vec![], true),
            (200, vec![("Cache-Control", "public, No-Store")], false),
            (200, vec![("cache-control", "private=\"x\"")], false),
            (200, vec![("set-cookie", "a=b")], false),
            (200, vec![("vary", "*")], false),
            (404, vec![("cache-control", "max-age=300")], false),
        ] {
            assert_eq!(may_keep(status, &headers(&list)), expected, "{list:?}");
        }
    }

    #[test]
    fn whatever_an_answer_depends_on_tells_keys_apart() {
        let keys = [
            key("/a", "/a?x", "en", "json", None),
            key("/b", "/a?x", "en", "json", None),
            key("/a", "/a?y", "en", "json", None),
            key("/a", "/a?x", "zh", "json", None),
            key("/a", "/a?x", "en", "yaml", None),
            key("/a", "/a?x", "en", "json", Some("u1")),
            key("/a", "/a?x", "en", "json", Some("u2")),
            key("/a/", "a?x", "en", "json", None),
        ];
        let different: std::collections::BTreeSet<&String> = keys.iter().collect();
        assert_eq!(different.len(), keys.len());
    }

    #[test]
    fn an_answer_is_found_as_it_was_until_its_time_is_over() {
        let memory = Memory::new();
        let redis = Redis::memory(&memory);
        let kept = [("Content-Type", "text/plain"), ("x-request-id", "r1")];
        let answer = Stored::of(200, &headers(&kept), b"\x00\xff").unwrap();
        assert_eq!(answer.header("content-type"), Some("text/plain"));
        assert_eq!(answer.header("x-request-id"), None);
        block_on(keep(&redis, "k", &answer, 1)).unwrap();
        assert_eq!(block_on(find(&redis, "k")).unwrap(), Some(answer));
        memory.advance_ms(1000);
        assert_eq!(block_on(find(&redis, "k")).unwrap(), None);
        block_on(redis.set("k", b"{}", None)).unwrap();
        assert_eq!(block_on(find(&redis, "k")).unwrap(), None);
    }

    #[test]
    fn large_answers_are_not_kept() {
        let body = vec![0; Stored::BODY_SIZE_BYTES_MAX + 1];
        assert_eq!(Stored::of(200, &[], &body), None);
    }

    #[test]
    fn tags_are_compared_weakly() {
        let tag = etag(b"body");
        assert_eq!(tag.len(), 34);
        assert_ne!(tag, etag(b"Body"));
        for (sent, expected) in [
            (tag.clone(), true),
            (format!("W/{tag}"), true),
            (format!("\"x\", {tag}"), true),
            ("*".to_owned(), true),
            ("\"x\"".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(has_it(&sent, &tag), expected, "{sent}");
        }
        assert!(has_it("\"1\"", "W/\"1\""));
    }
}
