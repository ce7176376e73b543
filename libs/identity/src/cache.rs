//! The public keys that an instance knows, by their names, and the tokens whose
//! signature it has checked, by their hashes. Both outlive a request: what is
//! kept for a token is found with that very token alone.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::keys::PublicKey;
use crate::settings::Verification;
use crate::token::Claims;

/// How long fetched keys are used without asking again.
const FRESH_MS: i64 = 300 * 1000;

/// How long known keys are still used when nobody answers.
const STALE_MS: i64 = 60 * 60 * 1000;

/// How long to wait between two fetches for a name nobody knows.
const PAUSE_MS: i64 = 10 * 1000;

/// How many checked tokens are kept; then all are forgotten.
const TOKENS_MAX: usize = 1024;

/// Known keys and when they were asked for.
#[derive(Default)]
pub(crate) struct KeyCache {
    /// The settings of this component, read once.
    pub(crate) verification: Option<Verification>,
    keys: Vec<PublicKey>,
    fetched_at_ms: Option<i64>,
    tried_at_ms: Option<i64>,
    is_failing: bool,
    tokens: BTreeMap<[u8; 32], Claims>,
}

/// What to do for a key.
#[derive(Debug, PartialEq)]
pub(crate) enum Lookup {
    /// Use this one.
    Use(Box<PublicKey>),
    /// Ask for the keys.
    Fetch,
    /// There is no such key.
    Unknown,
    /// Nobody answered a moment ago.
    Unavailable,
}

impl KeyCache {
    pub(crate) const fn new() -> Self {
        Self {
            verification: None,
            keys: Vec::new(),
            fetched_at_ms: None,
            tried_at_ms: None,
            is_failing: false,
            tokens: BTreeMap::new(),
        }
    }

    /// What to do for the key of this name. A fetch is noted as tried, so that
    /// concurrent requests do not all fetch.
    pub(crate) fn lookup(&mut self, kid: &str, now_ms: i64) -> Lookup {
        let age_ms = self.fetched_at_ms.map_or(i64::MAX, |at| now_ms - at);
        let may_fetch = self.tried_at_ms.is_none_or(|at| now_ms - at >= PAUSE_MS);
        let known = self.keys.iter().find(|key| key.kid() == kid);
        match known {
            Some(key) if age_ms < FRESH_MS => Lookup::Use(Box::new(key.clone())),
            _ if may_fetch => {
                self.tried_at_ms = Some(now_ms);
                Lookup::Fetch
            }
            Some(key) if age_ms < STALE_MS => Lookup::Use(Box::new(key.clone())),
            _ if self.is_failing || self.fetched_at_ms.is_none() => Lookup::Unavailable,
            _ => Lookup::Unknown,
        }
    }

    /// What a token says whose signature was checked before.
    pub(crate) fn checked(&self, token: &str) -> Option<Claims> {
        self.tokens.get(&fingerprint(token)).cloned()
    }

    /// Keeps what a token says whose signature was checked.
    pub(crate) fn keep(&mut self, token: &str, claims: Claims) {
        if self.tokens.len() >= TOKENS_MAX {
            self.tokens.clear();
        }
        self.tokens.insert(fingerprint(token), claims);
    }

    /// The outcome of a fetch.
    pub(crate) fn store(&mut self, fetched: Option<Vec<PublicKey>>, now_ms: i64) {
        self.is_failing = fetched.is_none();
        if let Some(keys) = fetched {
            if keys != self.keys {
                // A key may have been withdrawn, and with it what it signed.
                self.tokens.clear();
            }
            self.keys = keys;
            self.fetched_at_ms = Some(now_ms);
        }
    }
}

fn fingerprint(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SigningKey;
    use crate::keys::tests::RFC8037_SEED;

    fn key() -> PublicKey {
        SigningKey::from_seed(RFC8037_SEED)
            .unwrap()
            .public()
            .clone()
    }

    #[test]
    fn keys_are_fetched_once_in_five_minutes() {
        let mut cache = KeyCache::new();
        let kid = key().kid().to_owned();
        assert_eq!(cache.lookup(&kid, 0), Lookup::Fetch);
        cache.store(Some(vec![key()]), 0);
        assert_eq!(
            cache.lookup(&kid, FRESH_MS - 1),
            Lookup::Use(Box::new(key()))
        );
        assert_eq!(cache.lookup(&kid, FRESH_MS), Lookup::Fetch);
    }

    #[test]
    fn an_unknown_name_is_asked_for_once_in_ten_seconds() {
        let mut cache = KeyCache::new();
        assert_eq!(cache.lookup("x", 0), Lookup::Fetch);
        cache.store(Some(vec![key()]), 0);
        assert_eq!(cache.lookup("x", PAUSE_MS - 1), Lookup::Unknown);
        assert_eq!(cache.lookup("x", PAUSE_MS), Lookup::Fetch);
        assert_eq!(cache.lookup("y", PAUSE_MS + 1), Lookup::Unknown);
    }

    #[test]
    fn known_keys_outlive_an_outage_for_an_hour() {
        let mut cache = KeyCache::new();
        let kid = key().kid().to_owned();
        assert_eq!(cache.lookup(&kid, 0), Lookup::Fetch);
        cache.store(None, 0);
        assert_eq!(cache.lookup(&kid, 1), Lookup::Unavailable);
        assert_eq!(cache.lookup(&kid, PAUSE_MS), Lookup::Fetch);
        cache.store(Some(vec![key()]), PAUSE_MS);
        let later = PAUSE_MS + FRESH_MS;
        assert_eq!(cache.lookup(&kid, later), Lookup::Fetch);
        cache.store(None, later);
        assert_eq!(cache.lookup(&kid, later + 1), Lookup::Use(Box::new(key())));
        assert_eq!(cache.lookup("x", later + 1), Lookup::Unavailable);
        let much_later = PAUSE_MS + STALE_MS;
        assert_eq!(cache.lookup(&kid, much_later), Lookup::Fetch);
        cache.store(None, much_later);
        assert_eq!(cache.lookup(&kid, much_later + 1), Lookup::Unavailable);
    }

    fn claims(user: &str) -> Claims {
        Claims {
            sub: user.to_owned(),
            ..Claims::default()
        }
    }

    #[test]
    fn a_checked_token_is_found_by_itself_alone() {
        let mut cache = KeyCache::new();
        cache.keep("a", claims("u1"));
        assert_eq!(cache.checked("a"), Some(claims("u1")));
        assert_eq!(cache.checked("b"), None);
        for number in 0..TOKENS_MAX * 2 {
            cache.keep(&number.to_string(), claims("u2"));
        }
        assert!(cache.tokens.len() <= TOKENS_MAX);
    }

    #[test]
    fn other_keys_forget_what_was_checked() {
        let mut cache = KeyCache::new();
        cache.store(Some(vec![key()]), 0);
        cache.keep("a", claims("u1"));
        cache.store(Some(vec![key()]), 1);
        assert!(cache.checked("a").is_some());
        cache.store(None, 2);
        assert!(cache.checked("a").is_some());
        cache.store(Some(Vec::new()), 3);
        assert!(cache.checked("a").is_none());
    }
}
