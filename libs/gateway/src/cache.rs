//! Answers that are kept for a while, and `ETag`s.

use sha2::{Digest, Sha256};
use suoke_guest::{Lang, secret};
use suoke_redis::{Redis, RedisError};

use crate::stored::Stored;

/// What answers that are kept may depend on: it is part of the [`key`].
const VARY: [&str; 3] = ["accept", "accept-language", ""];

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
        let value = String::from_utf8_lossy(value).to_ascii_lowercase();
        match name.as_str() {
            "set-cookie" => true,
            // Somebody else may not be able to read it.
            "content-encoding" => value.trim() != "identity",
            "vary" => !value.split(',').all(|name| VARY.contains(&name.trim())),
            _ => false,
        }
    });
    status == 200 && !varies && !directives.into_iter().any(is_forbidden)
}

/// A GET whose answer may be kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Read<'a> {
    /// The function's route.
    pub route: &'a str,
    /// The path with its query.
    pub target: &'a str,
    /// `Accept-Language`.
    pub language: &'a str,
    /// `Accept`.
    pub accept: &'a str,
    /// Whether `Authorization` was sent.
    pub is_authorized: bool,
    /// Who was recognised, and what they may do, as
    /// [`headers::rights`](crate::headers::rights) writes it.
    pub caller: Option<(&'a str, &'a str)>,
}

/// Where the answer to a GET is kept, if it may be. Everything that it may
/// depend on is part of it: the function, the path with its query, the language
/// of ours and the kind of media type that are asked for, and the caller with
/// its rights unless the function serves everybody alike.
///
/// What everybody may ask must not fill Redis with what nobody asks again: it
/// is kept without a query only. It is not kept either when the function, which
/// sees `Authorization` itself, may have answered to that.
#[must_use]
pub fn key(read: Read<'_>) -> Option<String> {
    let has_query = read.target.contains('?');
    if read.caller.is_none() && (has_query || read.is_authorized) {
        return None;
    }
    let (kind, user_id, rights) = match read.caller {
        None => ("public", "", ""),
        Some((user_id, rights)) => ("user", user_id, rights),
    };
    let language = Lang::choose(read.language).tag();
    let media = media_kind(read.accept);
    let mut hasher = Sha256::new();
    for part in [
        read.route,
        read.target,
        language,
        media,
        kind,
        user_id,
        rights,
    ] {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part.as_bytes());
    }
    Some(format!("cache:{}", secret::hex(&hasher.finalize())))
}

/// What functions tell apart in `Accept`: whichever is named first.
fn media_kind(accept: &str) -> &'static str {
    let mut kinds = accept.split(',').map(|part| {
        let name = part.split(';').next().unwrap_or_default();
        name.trim().to_ascii_lowercase()
    });
    let kind = kinds.find_map(|name| match name.as_str() {
        "application/json" => Some("json"),
        "text/html" => Some("html"),
        _ => None,
    });
    kind.unwrap_or("other")
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
    let digest = secret::hex(&Sha256::digest(body));
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
            (200, vec![("vary", "Accept, accept-language")], true),
            (200, vec![("vary", "accept, cookie")], false),
            (200, vec![("content-encoding", "gzip")], false),
            (404, vec![("cache-control", "max-age=300")], false),
        ] {
            assert_eq!(may_keep(status, &headers(&list)), expected, "{list:?}");
        }
    }

    fn read() -> Read<'static> {
        Read {
            route: "/a",
            target: "/a",
            language: "en",
            accept: "application/json",
            ..Read::default()
        }
    }

    #[test]
    fn whatever_an_answer_depends_on_tells_keys_apart() {
        let as_user = |user_id, rights| Read {
            caller: Some((user_id, rights)),
            ..read()
        };
        let keys = [
            read(),
            Read {
                route: "/b",
                ..read()
            },
            Read {
                target: "/a/b",
                ..read()
            },
            Read {
                language: "zh",
                ..read()
            },
            Read {
                accept: "text/html",
                ..read()
            },
            Read {
                accept: "",
                ..read()
            },
            as_user("u1", "jwt user "),
            as_user("u2", "jwt user "),
            as_user("u1", "jwt admin "),
            as_user("u1", "jwt user records:read"),
            Read {
                target: "/a?x",
                ..as_user("u1", "jwt user ")
            },
        ];
        let different: std::collections::BTreeSet<String> =
            keys.iter().map(|read| key(*read).unwrap()).collect();
        assert_eq!(different.len(), keys.len());
    }

    #[test]
    fn nobody_fills_redis_with_what_everybody_may_ask() {
        let public = key(read()).unwrap();
        for same in [
            Read {
                language: "en-GB;q=0.123, fr, xx-1",
                ..read()
            },
            Read {
                accept: "x/y1, Application/JSON;q=0.5",
                ..read()
            },
        ] {
            assert_eq!(key(same).as_deref(), Some(public.as_str()), "{same:?}");
        }
        let with_query = Read {
            target: "/a?1",
            ..read()
        };
        let authorized = Read {
            is_authorized: true,
            ..read()
        };
        assert_eq!((key(with_query), key(authorized)), (None, None));
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
