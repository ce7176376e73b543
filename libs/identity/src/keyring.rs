//! The keys that sign access tokens, one after the other, from one secret.
//!
//! The key of epoch N is `HKDF-SHA256(secret, info = "suoke access token key N")`
//! and the epoch is the time divided by the rotation. Nothing is stored, every host
//! agrees, and the rotation needs nobody. Verifiers meet a key an hour before the
//! first token that it signs, and keep it an hour after the last, which is longer
//! than a token lives and than a key set is cached.

use hkdf::Hkdf;
use sha2::Sha256;

use crate::keys::{KeyError, PublicKey, SigningKey, secret_bytes};

/// How long before its epoch a key is published, and how long after it.
const OVERLAP_SECONDS: i64 = 60 * 60;

/// Seconds of a day.
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The longest rotation.
const ROTATION_DAYS_MAX: i64 = 3650;

/// The secret of the keys, and the one that it replaces.
pub struct KeyRing {
    secret: [u8; 32],
    previous: Option<[u8; 32]>,
    rotation_seconds: i64,
}

impl KeyRing {
    /// Reads the variables `identity_signing_key`, `identity_signing_key_previous`
    /// (empty: none) and `identity_key_rotation_days`.
    ///
    /// # Errors
    /// When a secret is not 32 bytes in base64url without padding, or the rotation
    /// not 1 to 3650 days. The message repeats no secret.
    pub fn new(secret: &str, previous: &str, rotation_days: &str) -> Result<Self, KeyError> {
        let days = rotation_days.trim().parse::<i64>().ok();
        let days = days.filter(|days| (1..=ROTATION_DAYS_MAX).contains(days));
        let days = days.ok_or(KeyError(
            "identity_key_rotation_days must be a whole number of days from 1 to 3650",
        ))?;
        let previous = match previous.trim() {
            "" => None,
            text => Some(secret_bytes(text)?),
        };
        Ok(Self {
            secret: secret_bytes(secret)?,
            previous,
            rotation_seconds: days * DAY_SECONDS,
        })
    }

    /// The key that signs at this time.
    #[must_use]
    pub fn current(&self, now_seconds: i64) -> SigningKey {
        derive(&self.secret, self.epoch(now_seconds))
    }

    /// The keys that verify what is in use at this time, the current one first.
    #[must_use]
    pub fn published(&self, now_seconds: i64) -> Vec<PublicKey> {
        let mut keys = Vec::new();
        for secret in std::iter::once(&self.secret).chain(&self.previous) {
            for epoch in self.epochs(now_seconds) {
                keys.push(derive(secret, epoch).public().clone());
            }
        }
        keys
    }

    fn epoch(&self, now_seconds: i64) -> i64 {
        now_seconds.div_euclid(self.rotation_seconds)
    }

    /// The epoch of this time, and its neighbour where one is near.
    fn epochs(&self, now_seconds: i64) -> Vec<i64> {
        let current = self.epoch(now_seconds);
        let mut epochs = vec![current];
        for near in [now_seconds + OVERLAP_SECONDS, now_seconds - OVERLAP_SECONDS] {
            if self.epoch(near) != current {
                epochs.push(self.epoch(near));
            }
        }
        epochs
    }
}

fn derive(secret: &[u8; 32], epoch: i64) -> SigningKey {
    SigningKey::from_bytes(&expand(secret, &format!("suoke access token key {epoch}")))
}

/// 32 bytes that only who knows the secret can make, for one use.
pub(crate) fn expand(secret: &[u8; 32], info: &str) -> [u8; 32] {
    let mut key = [0; 32];
    // HKDF gives up to 8160 bytes: 32 cannot fail.
    let _ = Hkdf::<Sha256>::new(None, secret).expand(info.as_bytes(), &mut key);
    key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::tests::RFC8037_SEED;

    const OTHER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const ROTATION: i64 = 30 * DAY_SECONDS;
    /// The first second of an epoch.
    const BOUNDARY: i64 = 700 * ROTATION;

    fn ring(previous: &str) -> KeyRing {
        KeyRing::new(RFC8037_SEED, previous, "30").unwrap()
    }

    fn kids(ring: &KeyRing, now: i64) -> Vec<String> {
        let keys = ring.published(now);
        keys.iter().map(|key| key.kid().to_owned()).collect()
    }

    fn kid(ring: &KeyRing, now: i64) -> String {
        ring.current(now).public().kid().to_owned()
    }

    #[test]
    fn the_expansion_is_hkdf_without_a_salt() {
        // RFC 5869 has no case of 32 bytes; this one was made with Python's
        // `cryptography`: HKDF(SHA256, 32, None, b"suoke access token key 700").
        let secret = secret_bytes(OTHER).unwrap();
        let key = expand(&secret, "suoke access token key 700");
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "3273613e9f12c05539c783989d8dd9a639894c738d205b40c1ac60ff7069f23d"
        );
    }

    #[test]
    fn a_key_signs_for_its_epoch_and_every_host_agrees() {
        let (ring, twin) = (ring(""), ring(""));
        assert_eq!(kid(&ring, BOUNDARY), kid(&twin, BOUNDARY + ROTATION - 1));
        assert_ne!(kid(&ring, BOUNDARY - 1), kid(&ring, BOUNDARY));
        assert_ne!(kid(&ring, BOUNDARY), kid(&ring, BOUNDARY + ROTATION));
    }

    #[test]
    fn neighbours_are_published_within_an_hour_of_the_boundary() {
        let ring = ring("");
        let (before, after) = (kid(&ring, BOUNDARY - 1), kid(&ring, BOUNDARY));
        for (offset, expected) in [
            (-3601, vec![&before]),
            (-3600, vec![&before, &after]),
            (-1, vec![&before, &after]),
            (0, vec![&after, &before]),
            (3599, vec![&after, &before]),
            (3600, vec![&after]),
        ] {
            let found = kids(&ring, BOUNDARY + offset);
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{offset}");
        }
    }

    #[test]
    fn a_secret_that_is_replaced_still_verifies_and_signs_nothing() {
        let (old, new) = (ring(""), KeyRing::new(OTHER, RFC8037_SEED, "30").unwrap());
        let now = BOUNDARY + ROTATION / 2;
        assert_ne!(kid(&new, now), kid(&old, now));
        assert_eq!(kids(&new, now), [kid(&new, now), kid(&old, now)]);
        assert_eq!(kids(&new, BOUNDARY).len(), 4);
    }

    #[test]
    fn what_is_no_setting_is_refused_without_repeating_it() {
        for (secret, previous, days) in [
            ("short", "", "30"),
            (OTHER, "short", "30"),
            (OTHER, "", "0"),
            (OTHER, "", "3651"),
            (OTHER, "", "monthly"),
        ] {
            let error = KeyRing::new(secret, previous, days).err().unwrap();
            assert!(!error.to_string().contains("short"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_token_is_verifiable_for_its_whole_life(now in 0i64..4_000_000_000, later in 0i64..=1860) {
            let ring = ring("");
            prop_assert!(kids(&ring, now + later).contains(&kid(&ring, now)));
        }

        #[test]
        fn clocks_may_differ_by_minutes(now in 0i64..4_000_000_000, early in 0i64..=300) {
            let ring = ring("");
            prop_assert!(kids(&ring, now).contains(&kid(&ring, now + early)));
        }
    }
}
