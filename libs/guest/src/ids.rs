//! Identifiers: UUIDs of version 7, which sort by time.

use uuid::Uuid;

/// A new identifier.
#[must_use]
pub fn new_id() -> String {
    Uuid::now_v7().hyphenated().to_string()
}

/// Whether `text` is a UUID in its usual form: 36 characters with hyphens.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_7_and_ascend() {
        let ids: Vec<String> = (0..1000).map(|_| new_id()).collect();
        assert!(ids.iter().all(|id| is_id(id) && id.as_bytes()[14] == b'7'));
        assert!(ids.is_sorted());
        assert!(!is_id("urn:uuid:x") && !is_id(""));
    }
}
