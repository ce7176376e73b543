//! Answers that are kept in Redis.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How large a body that is kept may be.
pub(crate) const BODY_SIZE_BYTES_MAX: usize = 256 * 1024;

/// The headers that are kept.
const HEADERS: [&str; 6] = [
    "cache-control",
    "content-language",
    "content-type",
    "etag",
    "link",
    "location",
];

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
        let headers = headers.iter().filter_map(|(name, value)| {
            let name = name.to_ascii_lowercase();
            let value = String::from_utf8(value.clone()).ok()?;
            HEADERS.contains(&name.as_str()).then_some((name, value))
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

fn text<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(body))
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(serde::de::Error::custom)
}
