//! Guessing is stopped: after 5 failures an address is locked for 15 minutes.
//!
//! The count lies in the database and not in Redis: it must be the same for all
//! hosts that share the users, a Redis that forgets must not open the door again,
//! and beside a password hash one more row costs nothing.

use suoke_guest::ApiError;
use suoke_store::Database;

use crate::queries;

/// So many failures lock.
const FAILURES_MAX: i64 = 5;

/// So long is locked, and so long are failures remembered.
pub(crate) const LOCK_MS: i64 = 15 * 60 * 1000;

/// What is known about an address, by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempts {
    /// Attempts that did not succeed, or not yet.
    pub(crate) failures: i64,
    /// Until when it is locked.
    pub(crate) locked_until: Option<i64>,
    /// When the last one began.
    pub(crate) updated_at: i64,
}

suoke_store::from_row!(Attempts {
    failures,
    locked_until,
    updated_at
});

/// Whether an attempt may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// It may, and counts as failed until it succeeds: that way attempts made
    /// at the same time cannot outrun the count.
    Allowed(Attempts),
    /// It may not for so many seconds.
    Locked(i64),
}

/// Decides about an attempt.
pub(crate) fn begin(known: Option<Attempts>, now_ms: i64) -> Attempt {
    let known = known.filter(|known| now_ms - known.updated_at < LOCK_MS);
    let failures = known.map_or(0, |known| known.failures);
    let locked_until = known.and_then(|known| known.locked_until);
    if let Some(until) = locked_until
        && until > now_ms
    {
        return Attempt::Locked((until - now_ms + 999) / 1000);
    }
    // A lock that has run out starts anew.
    let failures = if locked_until.is_some() {
        1
    } else {
        failures + 1
    };
    Attempt::Allowed(Attempts {
        failures,
        locked_until: (failures >= FAILURES_MAX).then_some(now_ms + LOCK_MS),
        updated_at: now_ms,
    })
}

/// Counts an attempt before anything is checked. `key` is the hash of what is
/// guessed at.
///
/// # Errors
/// 423 `locked` with `Retry-After`.
pub(crate) async fn count(db: &mut Database, key: &[u8], now_ms: i64) -> Result<(), ApiError> {
    let attempt: Result<Attempt, ApiError> = db
        .transaction(async |tx| {
            let known = queries::attempts(tx, key).await?;
            let attempt = begin(known, now_ms);
            if let Attempt::Allowed(attempts) = attempt {
                queries::save_attempts(tx, key, attempts).await?;
                queries::prune_attempts(tx, now_ms - LOCK_MS).await?;
            }
            Ok(attempt)
        })
        .await;
    match attempt? {
        Attempt::Allowed(_) => Ok(()),
        Attempt::Locked(seconds) => {
            let detail = "Too many failures; try again later.";
            Err(ApiError::locked(detail, seconds).zh("失败次数过多，请稍后再试。"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(known: Option<Attempts>, now: i64) -> Attempts {
        match begin(known, now) {
            Attempt::Allowed(attempts) => attempts,
            Attempt::Locked(seconds) => panic!("locked for {seconds} s"),
        }
    }

    #[test]
    fn the_sixth_attempt_is_locked_for_a_quarter_of_an_hour() {
        let mut known = None;
        for now in 0..5 {
            known = Some(allowed(known, now));
        }
        assert_eq!(begin(known, 4), Attempt::Locked(900));
        assert_eq!(begin(known, 4 + LOCK_MS - 1), Attempt::Locked(1));
        assert_eq!(allowed(known, 4 + LOCK_MS).failures, 1);
    }

    #[test]
    fn old_failures_are_forgotten() {
        let mut known = None;
        for now in 0..4 {
            known = Some(allowed(known, now));
        }
        assert_eq!(allowed(known, 3 + LOCK_MS).failures, 1);
        assert_eq!(allowed(known, 2 + LOCK_MS).failures, 5);
    }
}
