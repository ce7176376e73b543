//! Time: milliseconds inside, RFC 3339 in UTC outside.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};

/// Milliseconds since the Unix epoch.
#[must_use]
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// `2026-01-02T03:04:05.678Z`. Instants that RFC 3339 cannot name become the epoch.
#[must_use]
pub fn rfc3339(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The instant that an RFC 3339 text names, in milliseconds since the Unix epoch.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|instant| instant.timestamp_millis())
}

/// Lets so many milliseconds pass; other work of the host goes on meanwhile.
#[cfg(target_family = "wasm")]
pub async fn wait_ms(ms: u64) {
    use spin_sdk::wasip3::clocks::monotonic_clock;

    monotonic_clock::wait_for(ms.saturating_mul(1_000_000)).await;
}

/// Lets time pass; natively nobody waits.
#[cfg(not(target_family = "wasm"))]
#[expect(clippy::unused_async, reason = "the same shape as in a component")]
pub async fn wait_ms(_ms: u64) {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn offsets_become_utc() {
        assert_eq!(
            parse_rfc3339("2026-01-02T08:00:00.5+08:00"),
            Some(1_767_312_000_500)
        );
        assert_eq!(rfc3339(1_767_312_000_500), "2026-01-02T00:00:00.500Z");
        assert_eq!(parse_rfc3339("2026-01-02"), None);
        assert!(now_ms() > 1_700_000_000_000);
    }

    proptest! {
        #[test]
        fn every_instant_survives(ms in 0..253_402_300_799_999i64) {
            prop_assert_eq!(parse_rfc3339(&rfc3339(ms)), Some(ms));
        }
    }
}
