//! What can be found: a document with its fields.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Most characters of a field that are looked up; what follows is left out.
pub const FIELD_CHARS_MAX: usize = 8_000;

/// How many fields a document has.
pub const FIELDS: usize = 4;

/// The length of a document's key: bytes of a hash.
const KEY_BYTES: usize = 9;

/// A part of a document, in the order in which they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// What it is called.
    Name,
    /// What else it is called.
    Synonym,
    /// The findings it speaks of.
    Symptom,
    /// Everything else.
    Text,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; FIELDS] = [Self::Name, Self::Synonym, Self::Symptom, Self::Text];

    /// How callers and servers name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Synonym => "synonym",
            Self::Symptom => "symptom",
            Self::Text => "text",
        }
    }

    /// What a word there counts for, beside one in the text.
    #[must_use]
    pub fn boost(self) -> f64 {
        match self {
            Self::Name => 4.0,
            Self::Synonym => 3.0,
            Self::Symptom => 2.0,
            Self::Text => 1.0,
        }
    }
}

/// A document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// What it is: `consultation`, `syndrome`, …
    pub kind: String,
    /// Which one of its kind.
    pub id: String,
    /// When it was; none for what is true at any time.
    pub at_ms: Option<i64>,
    /// The texts of its fields, by [`Field::ALL`].
    pub fields: [String; FIELDS],
    /// What else a server stores with it; it is not looked up.
    pub values: Value,
}

impl Document {
    /// A document without texts.
    #[must_use]
    pub fn new(kind: &str, id: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            id: id.to_owned(),
            ..Self::default()
        }
    }

    /// The same with the text of a field, cut at [`FIELD_CHARS_MAX`].
    #[must_use]
    pub fn with(mut self, field: Field, text: &str) -> Self {
        if let Some(slot) = self.fields.get_mut(field as usize) {
            *slot = text.chars().take(FIELD_CHARS_MAX).collect();
        }
        self
    }

    /// The same at an instant.
    #[must_use]
    pub fn at(mut self, at_ms: i64) -> Self {
        self.at_ms = Some(at_ms);
        self
    }

    /// The text of a field.
    #[must_use]
    pub fn text(&self, field: Field) -> &str {
        self.fields.get(field as usize).map_or("", String::as_str)
    }

    /// Its key among the documents of an owner.
    #[must_use]
    pub fn key(&self) -> String {
        key(&self.kind, &self.id)
    }

    /// Differs when anything that is looked up or shown differs.
    #[must_use]
    pub fn checksum(&self) -> String {
        let at = self.at_ms.map_or(String::new(), |at| at.to_string());
        let parts = [&self.kind, &self.id, &at].into_iter().chain(&self.fields);
        digest(parts.map(String::as_str), 16)
    }
}

/// The key of a document of this kind and id.
#[must_use]
pub fn key(kind: &str, id: &str) -> String {
    digest([kind, id], KEY_BYTES)
}

/// The first bytes of the hash of texts.
pub(crate) fn digest<'a>(parts: impl IntoIterator<Item = &'a str>, bytes: usize) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        // Two texts are not one: no text holds this byte.
        hash.update([0xff]);
    }
    let hash = hash.finalize();
    URL_SAFE_NO_PAD.encode(hash.get(..bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_checksums_tell_documents_apart() {
        assert_eq!(key("a", "b").len(), 12);
        assert_ne!(key("ab", "c"), key("a", "bc"));
        let one = Document::new("a", "b").with(Field::Name, "x");
        assert_eq!(one.checksum(), one.clone().checksum());
        assert_ne!(one.checksum(), one.clone().at(1).checksum());
        assert_ne!(one.checksum(), one.with(Field::Text, "y").checksum());
    }

    #[test]
    fn long_texts_are_cut() {
        let long = "长".repeat(FIELD_CHARS_MAX + 1);
        let document = Document::new("a", "b").with(Field::Text, &long);
        assert_eq!(document.text(Field::Text).chars().count(), FIELD_CHARS_MAX);
    }
}
