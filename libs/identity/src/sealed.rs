//! What is stored so that only who has the secret variable `identity_encryption_key`
//! can read it: AES-256-GCM, bound to the place where it lies.
//!
//! A sealed value is a version byte (1), a nonce of 12 random bytes, the ciphertext
//! and its tag of 16 bytes. The place (such as `mail|ID`) is authenticated, so that
//! a value that is moved to another row or used for another purpose does not open.
//!
//! While the secret is being replaced, `identity_encryption_key_previous` opens what
//! was sealed with the old one; nothing is sealed with it.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use suoke_guest::{ApiError, secret, variables};

use crate::keyring::expand;
use crate::keys::{KeyError, secret_bytes};

/// The first byte of what is sealed this way.
const VERSION: u8 = 1;

/// How long a nonce is.
const NONCE_SIZE_BYTES: usize = 12;

/// What seals, opens and hashes; made from one secret.
pub struct SealingKey {
    cipher: Aes256Gcm,
    /// Opens what it sealed before it was replaced.
    previous: Option<Aes256Gcm>,
    hash_key: [u8; 32],
}

impl SealingKey {
    /// Reads the secret variables `identity_encryption_key` and
    /// `identity_encryption_key_previous` (a secret that is being replaced, or
    /// empty).
    ///
    /// # Errors
    /// 500 when one is missing or is no key.
    pub async fn load() -> Result<Self, ApiError> {
        let secret = variables::get("identity_encryption_key").await?;
        let previous = variables::get("identity_encryption_key_previous").await?;
        Ok(Self::new(&secret)?.replacing(&previous)?)
    }

    /// Reads a secret: 32 bytes in base64url without padding.
    ///
    /// # Errors
    /// When it is something else; the message does not repeat it.
    pub fn new(secret: &str) -> Result<Self, KeyError> {
        let secret = secret_bytes(secret)?;
        Ok(Self {
            cipher: cipher(&secret),
            previous: None,
            hash_key: expand(&secret, "suoke identity hash"),
        })
    }

    /// The same key, which also opens what was sealed with the one before; none
    /// where `previous` is empty.
    ///
    /// # Errors
    /// When it is something else than a secret; the message does not repeat it.
    pub fn replacing(self, previous: &str) -> Result<Self, KeyError> {
        let previous = previous.trim();
        if previous.is_empty() {
            return Ok(self);
        }
        let previous = Some(cipher(&secret_bytes(previous)?));
        Ok(Self { previous, ..self })
    }

    /// Whether something may still be sealed with the key before.
    pub(crate) fn is_replacing(&self) -> bool {
        self.previous.is_some()
    }

    /// Seals bytes for a place.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, ApiError> {
        let nonce = secret::random::<NONCE_SIZE_BYTES>()?;
        let payload = Payload {
            msg: plain,
            aad: place.as_bytes(),
        };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| ApiError::internal("what is to be sealed is too long"))?;
        Ok([[VERSION].as_slice(), &nonce, &sealed].concat())
    }

    /// Opens what was sealed for this very place, with this key or the one before;
    /// `None` for anything else.
    #[must_use]
    pub fn open(&self, place: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (version, rest) = sealed.split_first()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_SIZE_BYTES>()?;
        if *version != VERSION {
            return None;
        }
        let nonce = Nonce::from(*nonce);
        let mut ciphers = std::iter::once(&self.cipher).chain(&self.previous);
        ciphers.find_map(|cipher| {
            let payload = Payload {
                msg: sealed,
                aad: place.as_bytes(),
            };
            cipher.decrypt(&nonce, payload).ok()
        })
    }

    /// A hash that only who has the key can make: to find something again
    /// without storing it.
    #[must_use]
    pub fn hash(&self, purpose: &str, text: &str) -> Vec<u8> {
        // A key of any length fits.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.hash_key) else {
            return Vec::new();
        };
        mac.update(purpose.as_bytes());
        mac.update(b"\0");
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }
}

/// What a secret seals with.
fn cipher(secret: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(&expand(secret, "suoke identity seal").into())
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    /// A key for tests.
    pub(crate) fn key() -> SealingKey {
        SealingKey::new(KEY).unwrap()
    }

    #[test]
    fn the_cipher_is_aes_256_gcm() {
        // Test case 14 of the GCM specification.
        let cipher = Aes256Gcm::new(&[0; 32].into());
        let sealed = cipher.encrypt(&Nonce::from([0; 12]), [0u8; 16].as_slice());
        let hex: String = sealed
            .unwrap()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            hex,
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
        );
    }

    #[test]
    fn only_the_same_place_and_key_open() {
        let sealed = key().seal("mail|1", b"text").unwrap();
        assert_eq!(
            key().open("mail|1", &sealed).as_deref(),
            Some(b"text".as_slice())
        );
        assert_eq!(key().open("mail|2", &sealed), None);
        let other = SealingKey::new("BQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
        assert_eq!(other.open("mail|1", &sealed), None);
        assert_ne!(sealed, key().seal("mail|1", b"text").unwrap());
    }

    #[test]
    fn the_key_before_opens_and_does_not_seal() {
        let secret = "BQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
        let new = || SealingKey::new(secret).unwrap();
        let old = key().seal("mail|1", b"text").unwrap();
        let both = new().replacing(KEY).unwrap();
        assert_eq!(
            both.open("mail|1", &old).as_deref(),
            Some(b"text".as_slice())
        );
        assert_eq!(both.open("mail|2", &old), None);
        let sealed = both.seal("mail|1", b"text").unwrap();
        assert_eq!(key().open("mail|1", &sealed), None);
        assert!(new().open("mail|1", &sealed).is_some());
        assert_eq!(new().replacing(" ").unwrap().open("mail|1", &old), None);
        assert!(new().replacing("short").is_err());
    }

    #[test]
    fn hashes_depend_on_key_purpose_and_text() {
        assert_eq!(key().hash("a", "b"), key().hash("a", "b"));
        assert_ne!(key().hash("a", "b"), key().hash("b", "a"));
        assert_eq!(key().hash("a", "b").len(), 32);
    }

    proptest! {
        #[test]
        fn what_was_changed_or_cut_does_not_open(
            at in any::<prop::sample::Index>(), flip in 1u8.., cut in any::<prop::sample::Index>(),
        ) {
            let sealed = key().seal("p", b"some text").unwrap();
            let mut changed = sealed.clone();
            changed[at.index(sealed.len())] ^= flip;
            prop_assert_eq!(key().open("p", &changed), None);
            prop_assert_eq!(key().open("p", &sealed[..cut.index(sealed.len())]), None);
        }
    }
}
