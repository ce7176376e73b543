//! The public keys that an instance knows, by their names. It holds nothing
//! about users, so it may live as long as the instance.

use crate::keys::PublicKey;
use crate::settings::Verification;

/// How long fetched keys are used without asking again.
const FRESH_MS: i64 = 300 * 1000;

/// How long known keys are still used when nobody answers.
const STALE_MS: i64 = 60 * 60 * 1000;

/// How long to wait between two fetches for a name nobody knows.
const PAUSE_MS: i64 = 10 * 1000;

/// Known keys and when they were asked for.
#[derive(Default)]
pub(crate) struct KeyCache {
    /// The settings of this component, read once.
    pub(crate) verification: Option<Verification>,
    keys: Vec<PublicKey>,
    fetched_at_ms: Option<i64>,
    tried_at_ms: Option<i64>,
    is_failing: bool,
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

    /// The outcome of a fetch.
    pub(crate) fn store(&mut self, fetched: Option<Vec<PublicKey>>, now_ms: i64) {
        self.is_failing = fetched.is_none();
        if let Some(keys) = fetched {
            self.keys = keys;
            self.fetched_at_ms = Some(now_ms);
        }
    }
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
}
