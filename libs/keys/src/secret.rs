//! Keys as their owners see them, and what is stored of them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use suoke_guest::{ApiError, secret};

/// How every key begins.
pub const KEY_PREFIX: &str = "sk-lyss-";

/// How many random bytes follow.
const RANDOM_BYTES: usize = 32;

/// A new key; it displays nothing.
pub(crate) struct Secret(String);

impl Secret {
    /// A key that nobody can guess.
    ///
    /// # Errors
    /// When the host gives no random bytes.
    pub(crate) fn new() -> Result<Self, ApiError> {
        let random = URL_SAFE_NO_PAD.encode(secret::random::<RANDOM_BYTES>()?);
        Ok(Self(format!("{KEY_PREFIX}{random}")))
    }

    pub(crate) fn digest(&self) -> String {
        digest(&self.0)
    }

    /// What tells keys apart in lists.
    pub(crate) fn last4(&self) -> String {
        let start = self.0.len().saturating_sub(4);
        self.0.get(start..).unwrap_or_default().to_owned()
    }

    /// The text, to be shown once.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// What is stored of a key: its SHA-256 in hexadecimal digits.
#[must_use]
pub fn digest(key: &str) -> String {
    secret::hex(&Sha256::digest(key.as_bytes()))
}

/// Whether a text can be what [`digest`] gives.
#[must_use]
pub fn is_digest(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_are_long_different_and_known_by_their_hash() {
        let mut seen = BTreeSet::new();
        for _ in 0..100 {
            let secret = Secret::new().unwrap();
            let (hash, last4) = (secret.digest(), secret.last4());
            let text = secret.into_text();
            assert!(
                text.starts_with(KEY_PREFIX) && text.len() == KEY_PREFIX.len() + 43,
                "{text}"
            );
            assert!(text.ends_with(&last4) && last4.len() == 4);
            assert!(is_digest(&hash) && hash == digest(&text));
            assert!(seen.insert(text));
        }
        for bad in ["", "x", &"A".repeat(64), &"a".repeat(63)] {
            assert!(!is_digest(bad), "{bad}");
        }
    }

    #[test]
    fn a_digest_is_the_sha256_of_the_key() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest("abc"), expected);
    }
}
