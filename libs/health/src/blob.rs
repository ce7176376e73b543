//! Bytes that belong to a person: what is accepted, and how they are named.

use crate::identity::{absorb, hex};
use sha2::{Digest, Sha256};

/// Most bytes of one blob.
pub const BLOB_BYTES_MAX: usize = 5 * 1024 * 1024;
/// The media types that clients may store.
pub const MEDIA_TYPES: [&str; 5] = [
    "image/jpeg",
    "image/png",
    "image/webp",
    "audio/wav",
    "application/octet-stream",
];
/// The media type of samples that came with a reading: a JSON list of numbers.
pub const SAMPLES_MEDIA_TYPE: &str = "application/json";
/// Digits of an id: 128 bits of a SHA-256.
const ID_BYTES: usize = 16;

/// The id of a person's bytes: the same bytes of the same person have the same one,
/// and nobody learns from it that somebody else has them, too.
pub fn blob_id(user_id: &str, bytes: &[u8]) -> String {
    let mut hash = Sha256::new();
    absorb(&mut hash, user_id);
    hash.update(bytes);
    let digest = hash.finalize();
    hex(digest.get(..ID_BYTES).unwrap_or(&digest))
}

/// The SHA-256 of bytes, in hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Whether a text can be the id of a blob.
pub fn is_blob_id(text: &str) -> bool {
    text.len() == ID_BYTES * 2
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether bytes begin as their media type says. What has no mark of its own is
/// believed.
pub fn fits(media_type: &str, bytes: &[u8]) -> bool {
    match media_type {
        "image/jpeg" => bytes.starts_with(&[0xff, 0xd8, 0xff]),
        "image/png" => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
        "image/webp" => riff(bytes, b"WEBP"),
        "audio/wav" => riff(bytes, b"WAVE"),
        _ => true,
    }
}

fn riff(bytes: &[u8], form: &[u8]) -> bool {
    bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_name_owner_and_content() {
        let id = blob_id("u1", b"abc");
        assert!(is_blob_id(&id), "{id}");
        assert_eq!(id, blob_id("u1", b"abc"));
        assert_ne!(id, blob_id("u2", b"abc"));
        assert_ne!(id, blob_id("u1", b"abd"));
        assert_ne!(blob_id("u", b"1abc"), blob_id("u1", b"abc"));
        assert!(!is_blob_id("") && !is_blob_id(&id.to_uppercase().replace('0', "G")));
        assert!(!is_blob_id(&format!("{id}0")) && !is_blob_id("../../../../../../../etc/passwd0"));
        // FIPS 180-4, "abc".
        assert!(sha256(b"abc").starts_with("ba7816bf8f01cfea"));
    }

    #[test]
    fn bytes_are_what_they_are_called() {
        for (media_type, bytes) in [
            ("image/jpeg", b"\xff\xd8\xff\xe0".as_slice()),
            ("image/png", b"\x89PNG\r\n\x1a\n"),
            ("image/webp", b"RIFF\0\0\0\0WEBP"),
            ("audio/wav", b"RIFF\0\0\0\0WAVE"),
        ] {
            assert!(fits(media_type, bytes), "{media_type}");
            assert!(!fits(media_type, b""), "{media_type}");
            assert!(!fits(media_type, b"GIF89a------"), "{media_type}");
            assert!(fits("application/octet-stream", bytes));
        }
        assert!(!fits("image/webp", b"RIFF\0\0\0\0WAVE"));
    }
}
