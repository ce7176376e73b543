//! How long to wait before the next attempt.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Waits that double from attempt to attempt, each somewhere between nothing
/// and its bound, so that many hosts do not come back at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    first_ms: u64,
    ms_max: u64,
    attempts: u32,
}

impl Backoff {
    pub(crate) fn new(first_ms: u64, ms_max: u64) -> Self {
        Self {
            first_ms,
            ms_max,
            attempts: 0,
        }
    }

    /// Starts over: the last attempt was a success.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// The next wait, with `random` choosing its place below the bound.
    pub(crate) fn next(&mut self, random: u64) -> Duration {
        let factor = 1u64.checked_shl(self.attempts).unwrap_or(u64::MAX);
        let bound_ms = self.first_ms.saturating_mul(factor).min(self.ms_max);
        self.attempts = self.attempts.saturating_add(1);
        Duration::from_millis(random % (bound_ms + 1))
    }
}

/// A number that differs from call to call and from process to process.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_double_up_to_the_longest_wait() {
        let mut backoff = Backoff::new(100, 5000);
        for bound_ms in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            assert_eq!(backoff.next(bound_ms), Duration::from_millis(bound_ms));
        }
        backoff.reset();
        assert_eq!(backoff.next(100), Duration::from_millis(100));
    }

    #[test]
    fn waits_spread_from_nothing_to_the_bound() {
        let wait = |random| Backoff::new(100, 5000).next(random);
        assert_eq!(wait(0), Duration::ZERO);
        assert_eq!(wait(101), Duration::ZERO);
        assert!(wait(u64::MAX) <= Duration::from_millis(100));
    }

    #[test]
    fn many_attempts_do_not_overflow() {
        let mut backoff = Backoff::new(100, 5000);
        for _ in 0..200 {
            assert!(backoff.next(random()) <= Duration::from_millis(5000));
        }
    }
}
