//! Where a list of readings goes on.

use std::fmt;

use suoke_guest::ids;
use suoke_health::view::StoredReading;

/// The last reading of a page. Its text is what clients get as `next_cursor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When it was measured.
    pub effective_ms: i64,
    /// Its id.
    pub id: String,
}

impl Cursor {
    /// The cursor after this reading.
    #[must_use]
    pub fn after(reading: &StoredReading) -> Self {
        Self {
            effective_ms: reading.effective_ms,
            id: reading.id.clone(),
        }
    }

    /// What [`Display`](fmt::Display) wrote; none for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (ms, id) = text.split_once('_')?;
        ids::is_id(id).then_some(())?;
        Some(Self {
            effective_ms: ms.parse().ok()?,
            id: id.to_owned(),
        })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.effective_ms, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_given_out_is_read() {
        let id = "019a9ec0-6400-7000-8000-000000000000";
        let cursor = Cursor {
            effective_ms: -5,
            id: id.to_owned(),
        };
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        for text in [
            "",
            "_",
            "5",
            "5_",
            id,
            "x_019a9ec0-6400-7000-8000-000000000000",
        ] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
