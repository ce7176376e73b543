//! Which web pages may read answers (CORS, Fetch standard 3.2).

use std::convert::Infallible;
use std::str::FromStr;

/// What pages may send.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";

/// What pages may send along.
const REQUEST_HEADERS: &str = "accept-language, authorization, content-type, idempotency-key, \
                               if-match, if-none-match, last-event-id, traceparent, x-request-id";

/// What pages may read beside the usual.
const RESPONSE_HEADERS: &str = "etag, idempotency-replayed, location, ratelimit-limit, \
                                ratelimit-remaining, ratelimit-reset, retry-after, \
                                x-config-index, x-request-id";

/// How long browsers remember a preflight, in seconds.
const MAX_AGE_SECONDS: &str = "600";

/// Origins whose pages may read answers. Nothing is ever sent along by the
/// browser itself: callers are recognised by what the page's own code sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// No page.
    #[default]
    None,
    /// Every page.
    Any,
    /// Pages of these.
    Listed(Vec<String>),
}

impl FromStr for Origins {
    type Err = Infallible;

    /// Origins such as `https://app.example.com` with spaces or commas between
    /// them, `*` for all, an empty text for none.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let listed: Vec<String> = text
            .split([' ', ','])
            .filter(|word| !word.is_empty())
            .map(|word| word.trim_end_matches('/').to_ascii_lowercase())
            .collect();
        Ok(match listed.as_slice() {
            [] => Self::None,
            _ if listed.iter().any(|origin| origin == "*") => Self::Any,
            _ => Self::Listed(listed),
        })
    }
}

impl Origins {
    /// Whether answers do not depend on who asks.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The value of `access-control-allow-origin`, if the page may read.
    fn allowed<'a>(&self, origin: &'a str) -> Option<&'a str> {
        match self {
            Self::None => None,
            Self::Any => Some("*"),
            Self::Listed(listed) => {
                let known = listed
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(origin));
                known.then_some(origin)
            }
        }
    }

    /// What an answer carries; `origin` is the page that asks, if one does. An
    /// answer to nobody's page must say that others get another one, too.
    #[must_use]
    pub fn headers(&self, origin: Option<&str>) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if let Self::Listed(_) = self {
            headers.push(("vary", "origin".to_owned()));
        }
        if let Some(allowed) = origin.and_then(|origin| self.allowed(origin)) {
            headers.push(("access-control-allow-origin", allowed.to_owned()));
            headers.push(("access-control-expose-headers", RESPONSE_HEADERS.to_owned()));
        }
        headers
    }

    /// What the answer to a preflight carries; a page that may not read gets
    /// none that allow anything.
    #[must_use]
    pub fn preflight(&self, origin: &str) -> Vec<(&'static str, String)> {
        let vary = "origin, access-control-request-method, access-control-request-headers";
        let mut headers = vec![("vary", vary.to_owned())];
        if let Some(allowed) = self.allowed(origin) {
            headers.push(("access-control-allow-origin", allowed.to_owned()));
            headers.push(("access-control-allow-methods", METHODS.to_owned()));
            headers.push(("access-control-allow-headers", REQUEST_HEADERS.to_owned()));
            headers.push(("access-control-max-age", MAX_AGE_SECONDS.to_owned()));
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origins: &str, origin: &str) -> Option<String> {
        let Ok(origins) = origins.parse::<Origins>();
        let find = |headers: Vec<(&'static str, String)>| {
            let found = headers
                .into_iter()
                .find(|(name, _)| *name == "access-control-allow-origin");
            found.map(|(_, value)| value)
        };
        let simple = find(origins.headers(Some(origin)));
        assert_eq!(simple, find(origins.preflight(origin)));
        simple
    }

    #[test]
    fn only_listed_pages_may_read() {
        let listed = "https://a.example https://b.example:8443/,http://localhost:3000";
        for origin in [
            "https://a.example",
            "https://b.example:8443",
            "http://localhost:3000",
        ] {
            assert_eq!(allowed(listed, origin).as_deref(), Some(origin));
        }
        for origin in [
            "https://c.example",
            "http://a.example",
            "https://a.example:444",
            "https://a.example.evil.example",
            "https://evila.example",
            "null",
            "",
        ] {
            assert_eq!(allowed(listed, origin), None, "{origin}");
        }
        assert_eq!(allowed("", "https://a.example"), None);
        assert_eq!(allowed("*", "https://a.example").as_deref(), Some("*"));
    }

    #[test]
    fn caches_are_told_when_answers_differ_by_origin() {
        let varies = |origins: &str, origin| {
            let Ok(origins) = origins.parse::<Origins>();
            let headers = origins.headers(origin);
            headers.iter().any(|(name, _)| *name == "vary")
        };
        for origin in [
            None,
            Some("https://evil.example"),
            Some("https://a.example"),
        ] {
            assert!(varies("https://a.example", origin), "{origin:?}");
            assert!(!varies("*", origin) && !varies("", origin));
        }
    }
}
