//! How much later than its instant a tick is run: the same on every host.

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::schedule::Schedule;

/// A delay in milliseconds that looks random, is at most `ms_max`, and ends
/// before the next instant, so that ticks keep their order.
pub(crate) fn jitter_ms(trigger: &str, schedule: &Schedule, at_ms: i64, ms_max: u64) -> i64 {
    let ms_max = i64::try_from(ms_max).unwrap_or(i64::MAX);
    if ms_max == 0 {
        return 0;
    }
    let next_ms = schedule.next_after(at_ms).unwrap_or(i64::MAX);
    let below_ms = next_ms.saturating_sub(at_ms).min(ms_max.saturating_add(1));
    let below_ms = u64::try_from(below_ms).unwrap_or(1).max(1);
    i64::try_from(spread(trigger, at_ms) % below_ms).unwrap_or(0)
}

/// A number that differs from call to call and from process to process.
pub(crate) fn token() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// FNV-1a, then the mixing steps of `SplitMix64`: neighbouring instants must
/// not get neighbouring numbers.
fn spread(trigger: &str, at_ms: i64) -> u64 {
    let bytes = trigger.bytes().chain(at_ms.to_le_bytes());
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_spread_over_their_range_and_the_same_everywhere() {
        let hourly = Schedule::parse("@hourly").unwrap();
        let delay = |trigger: &str, hour: i64| jitter_ms(trigger, &hourly, hour * 3_600_000, 999);
        assert_eq!(delay("a", 7), delay("a", 7));
        let delays: Vec<i64> = (0..1000).map(|hour| delay("a", hour)).collect();
        assert!(delays.iter().all(|ms| (0..=999).contains(ms)));
        for tenth in 0..10 {
            let within = delays.iter().filter(|ms| **ms / 100 == tenth).count();
            assert!((60..150).contains(&within), "{within} in {tenth}");
        }
        assert!((0..100).any(|hour| delay("a", hour) != delay("b", hour)));
    }

    #[test]
    fn a_tick_is_run_before_the_next_one_is_due() {
        let second = Schedule::parse("* * * * * *").unwrap();
        for at in 0..1000 {
            assert!(jitter_ms("t", &second, at * 1000, 86_400_000) < 1000);
        }
        assert_eq!(jitter_ms("t", &second, 1000, 0), 0);
    }
}
