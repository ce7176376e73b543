//! Answers that are kept in Redis.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How large a body that is kept may be.
pub(crate) const BODY_SIZE_BYTES_MAX: usize = 256 * 1024;

/// The headers that are not kept: those of one connection (RFC 9110, 7.6.1), of
/// one request or caller, and those that are written anew.
const NOT_KEPT: [&str; 18] = [
    "connection",
    "content-length",
    "date",
    "idempotency-replayed",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-connection",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-gateway",
    "x-request-id",
];

/// What those headers begin with that are for one page (CORS).
const CORS: &str = "access-control-";

/// An answer that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Its status.
    #[serde(rename = "s")]
    pub status: u16,
    /// Those of its headers that belong to it and not to one request.
    #[serde(rename = "h")]
    pub headers: Vec<(String, String)>,
    /// Its body.
    #[serde(rename = "b", serialize_with = "text", deserialize_with = "bytes")]
    pub body: Vec<u8>,
}

impl Stored {
    /// How large a body that is kept may be.
    pub const BODY_SIZE_BYTES_MAX: usize = BODY_SIZE_BYTES_MAX;

    /// What is kept of an answer; nothing when it is too large.
    #[must_use]
    pub fn of(status: u16, headers: &[(String, Vec<u8>)], body: &[u8]) -> Option<Self> {
        if body.len() > BODY_SIZE_BYTES_MAX {
            return None;
        }
        let listed = of_the_connection(headers);
        let headers = headers.iter().filter_map(|(name, value)| {
            let name = name.to_ascii_lowercase();
            let is_kept = !NOT_KEPT.contains(&name.as_str())
                && !name.starts_with(CORS)
                && !listed.contains(&name);
            let value = String::from_utf8(value.clone()).ok()?;
            is_kept.then_some((name, value))
        });
        Some(Self {
            status,
            headers: headers.collect(),
            body: body.to_vec(),
        })
    }

    /// The first header of this lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The headers that `Connection` names.
fn of_the_connection(headers: &[(String, Vec<u8>)]) -> Vec<String> {
    headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("connection"))
        .filter_map(|(_, value)| std::str::from_utf8(value).ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect()
}

fn text<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(body))
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_headers_are_kept_but_those_of_one_request() {
        let kept = [
            ("content-disposition", "attachment"),
            ("content-encoding", "gzip"),
            ("content-security-policy", "default-src 'none'"),
            ("last-modified", "Sat, 01 Jan 2000 00:00:00 GMT"),
            ("location", "/orders/1"),
            ("retry-after", "3"),
            ("vary", "accept"),
            ("vary", "accept-language"),
            ("x-config-index", "7"),
        ];
        let dropped = [
            ("access-control-allow-origin", "https://a.example"),
            ("connection", "close, X-Hop"),
            ("content-length", "2"),
            ("date", "Sat, 01 Jan 2000 00:00:00 GMT"),
            ("ratelimit-remaining", "3"),
            ("set-cookie", "a=b"),
            ("transfer-encoding", "chunked"),
            ("x-hop", "1"),
            ("x-request-id", "r1"),
        ];
        let own = |(name, value): &(&str, &str)| (name.to_uppercase(), value.as_bytes().to_vec());
        let sent: Vec<_> = dropped.iter().chain(&kept).map(own).collect();
        let stored = Stored::of(200, &sent, b"{}").unwrap();
        let kept = kept.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(stored.headers, kept);
    }
}
