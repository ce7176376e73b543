//! What is asked for and what is answered, whoever keeps the index.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use suoke_guest::clock;

/// Most letters of a cursor.
const CURSOR_LETTERS_MAX: usize = 512;

/// A search, checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    /// What the person wrote.
    pub text: String,
    /// Documents of these kinds; of all where it is empty.
    pub kinds: Vec<String>,
    /// From this instant on.
    pub from_ms: Option<i64>,
    /// Before this instant.
    pub to_ms: Option<i64>,
    /// How many are shown.
    pub limit: usize,
    /// Behind this one.
    pub after: Option<Cursor>,
}

impl Search {
    /// Whether an instant is asked for; documents without one are not, where any is
    /// named.
    #[must_use]
    pub fn has_instant(&self, at_ms: Option<i64>) -> bool {
        let Some(at_ms) = at_ms else {
            return self.from_ms.is_none() && self.to_ms.is_none();
        };
        self.from_ms.is_none_or(|from| at_ms >= from) && self.to_ms.is_none_or(|to| at_ms < to)
    }

    /// Whether a kind is asked for.
    #[must_use]
    pub fn has_kind(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|each| each == kind)
    }
}

/// Where a page ended: what its last document is sorted by.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor(pub Vec<Value>);

impl Cursor {
    /// As callers see it.
    #[must_use]
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(Value::from(self.0.clone()).to_string())
    }

    /// Reads what [`Cursor::text`] wrote: a number, an instant or nothing, a key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > CURSOR_LETTERS_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let list: Vec<Value> = serde_json::from_slice(&bytes).ok()?;
        match list.as_slice() {
            [
                Value::Number(_),
                Value::Number(_) | Value::Null,
                Value::String(_),
            ] => Some(Self(list)),
            _ => None,
        }
    }
}

/// A document that was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hit {
    /// What it is.
    pub kind: String,
    /// Which one.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// How well it answers; comparable within one answer.
    pub score: f64,
    /// When it was.
    pub at_ms: Option<i64>,
    /// Pieces of its fields as safe HTML with `<em>` around what answers.
    pub highlights: BTreeMap<String, String>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// How many documents answer.
    pub total: u64,
    /// The best of them behind the cursor.
    pub hits: Vec<Hit>,
    /// How many there are of each kind, whichever kinds are shown.
    pub kinds: BTreeMap<String, u64>,
    /// How many there are in each month (UTC).
    pub months: BTreeMap<String, u64>,
    /// Whether so much answers that not all of it was looked at.
    pub is_cut: bool,
    /// Where the next page begins.
    pub next: Option<Cursor>,
}

/// The month of an instant: `2026-11`.
#[must_use]
pub fn month_of(at_ms: i64) -> String {
    clock::rfc3339(at_ms)
        .chars()
        .take("2026-11".len())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cursors_are_read_back_and_others_are_none() {
        let cursor = Cursor(vec![json!(12), Value::Null, json!("k")]);
        assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        for list in [json!([]), json!(["a", 1, "k"]), json!([1, 1, 1]), json!({})] {
            assert_eq!(
                Cursor::parse(&URL_SAFE_NO_PAD.encode(list.to_string())),
                None
            );
        }
        for text in ["", "%", "x"] {
            assert_eq!(Cursor::parse(text), None);
        }
    }

    #[test]
    fn what_has_no_instant_is_in_no_span() {
        let mut search = Search::default();
        assert!(search.has_instant(None) && search.has_instant(Some(5)));
        search.from_ms = Some(5);
        search.to_ms = Some(6);
        assert!(search.has_instant(Some(5)));
        assert!(!search.has_instant(Some(6)) && !search.has_instant(None));
        assert_eq!(month_of(1_767_312_000_500), "2026-01");
    }
}
