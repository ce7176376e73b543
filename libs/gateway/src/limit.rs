//! Limits: how often somebody may ask. The algorithm is GCRA, a leaky bucket
//! that remembers one instant: the *theoretical arrival time*, when everything
//! that was let through would have been due at an even pace.

use std::str::FromStr;

/// How many limits one text may hold.
const RATES_MAX: usize = 4;

/// The longest period, in milliseconds: a day.
const PERIOD_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// So many requests in so much time; as many may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    period_ms: u64,
}

impl Rate {
    /// `count` requests in `period_ms` milliseconds, if that is a limit: at
    /// least one, and at most one in a microsecond.
    #[must_use]
    pub fn new(count: u32, period_ms: u64) -> Option<Self> {
        let rate = Self { count, period_ms };
        let is_fine = count > 0
            && (1..=PERIOD_MS_MAX).contains(&period_ms)
            && u64::from(count) <= period_ms.saturating_mul(1000);
        is_fine.then_some(rate)
    }

    /// How many requests may come at once.
    #[must_use]
    pub fn count(self) -> u32 {
        self.count
    }

    /// The period.
    #[must_use]
    pub fn period_ms(self) -> u64 {
        self.period_ms
    }

    /// How far apart requests are at an even pace.
    #[must_use]
    pub fn interval_us(self) -> u64 {
        (self.period_ms.saturating_mul(1000))
            .checked_div(u64::from(self.count))
            .unwrap_or(u64::MAX)
    }

    /// How far ahead of an even pace somebody may be.
    #[must_use]
    pub fn capacity_us(self) -> u64 {
        self.interval_us().saturating_mul(u64::from(self.count))
    }
}

/// Why a text names no limits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no limit: write for example \"100/min 1000/h\" (units s, min, h, d), or \"off\""
)]
pub struct LimitError(String);

/// Several rates, all of which hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates(Vec<Rate>);

impl Rates {
    /// Each of them; none lets everything through.
    #[must_use]
    pub fn as_slice(&self) -> &[Rate] {
        &self.0
    }
}

impl FromStr for Rates {
    type Err = LimitError;

    /// `100/min 1000/h`; `off` for none.
    fn from_str(text: &str) -> Result<Self, LimitError> {
        if text.trim() == "off" {
            return Ok(Self::default());
        }
        let wrong = || LimitError(text.to_owned());
        let rates: Option<Vec<Rate>> = text.split_whitespace().map(rate).collect();
        let rates = rates.ok_or_else(wrong)?;
        if rates.is_empty() || rates.len() > RATES_MAX {
            return Err(wrong());
        }
        Ok(Self(rates))
    }
}

fn rate(word: &str) -> Option<Rate> {
    let (count, unit) = word.split_once('/')?;
    let period_ms = match unit {
        "s" => 1000,
        "min" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => PERIOD_MS_MAX,
        _ => return None,
    };
    let count = count
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(count)?;
    Rate::new(count.parse().ok()?, period_ms)
}

/// What comes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The theoretical arrival time afterwards, in microseconds.
    pub tat_us: u64,
    /// How many more may come at once now.
    pub remaining: u64,
    /// When as many as ever may come at once again, in microseconds from now.
    pub reset_us: u64,
    /// When the next one passes, in microseconds from now; none if this passed.
    pub retry_us: Option<u64>,
}

/// Lets one request pass, or not: the same as `gate.lua` does in Redis.
#[must_use]
pub fn gcra(tat_us: Option<u64>, now_us: u64, rate: Rate) -> Outcome {
    let (interval, capacity) = (rate.interval_us(), rate.capacity_us());
    // A clock that was set back must not lock anybody out for longer than the
    // limit says.
    let latest = now_us.saturating_add(capacity);
    let tat_us = tat_us.unwrap_or(now_us).clamp(now_us, latest);
    let ahead = (tat_us - now_us).saturating_add(interval);
    if ahead > capacity {
        return Outcome {
            tat_us,
            remaining: 0,
            reset_us: tat_us - now_us,
            retry_us: Some(ahead - capacity),
        };
    }
    Outcome {
        tat_us: now_us.saturating_add(ahead),
        remaining: (capacity - ahead).checked_div(interval).unwrap_or(0),
        reset_us: ahead,
        retry_us: None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_name_rates() {
        let rates: Rates = " 100/min  1000/h ".parse().unwrap();
        let expected = [Rate::new(100, 60_000), Rate::new(1000, 3_600_000)];
        assert_eq!(rates.as_slice(), expected.map(Option::unwrap));
        assert_eq!("off".parse::<Rates>().unwrap(), Rates::default());
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        for text in [
            "",
            " ",
            "100",
            "100/",
            "/min",
            "0/min",
            "-1/min",
            "+1/min",
            "1.5/s",
            "100/week",
            "100/min,1000/h",
            "5000000000/min",
            "2000000/s",
            "1/s 1/s 1/s 1/s 1/s",
            "off 1/s",
        ] {
            assert!(text.parse::<Rates>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn as_many_as_the_limit_says_pass_at_once_and_one_more_does_not() {
        let rate = Rate::new(3, 60_000).unwrap();
        let mut tat = None;
        for remaining in [2, 1, 0] {
            let outcome = gcra(tat, 5_000_000, rate);
            assert_eq!((outcome.remaining, outcome.retry_us), (remaining, None));
            tat = Some(outcome.tat_us);
        }
        let refused = gcra(tat, 5_000_000, rate);
        assert_eq!(refused.retry_us, Some(20_000_000));
        assert_eq!(refused.reset_us, 60_000_000);
        assert_eq!(refused.tat_us, tat.unwrap());
        let later = gcra(tat, 25_000_000, rate);
        assert_eq!(later.retry_us, None);
    }

    #[test]
    fn a_clock_that_was_set_back_locks_nobody_out() {
        let rate = Rate::new(3, 60_000).unwrap();
        let outcome = gcra(Some(u64::MAX), 1, rate);
        assert_eq!(outcome.retry_us, Some(20_000_000));
    }

    proptest! {
        #[test]
        fn at_most_a_burst_and_the_rate_pass(
            count in 1..50u32,
            period_ms in 1..100_000u64,
            pauses_us in proptest::collection::vec(0..2_000_000u64, 1..400),
        ) {
            prop_assume!(Rate::new(count, period_ms).is_some());
            let rate = Rate::new(count, period_ms).unwrap();
            let (start, mut now, mut tat, mut passed) = (1_000_000u64, 1_000_000u64, None, 0u64);
            for pause in pauses_us {
                now += pause;
                let outcome = gcra(tat, now, rate);
                if outcome.retry_us.is_none() {
                    passed += 1;
                }
                tat = Some(outcome.tat_us);
                let even = (now - start) / rate.interval_us();
                prop_assert!(passed <= u64::from(count) + even);
            }
        }

        #[test]
        fn whoever_waits_as_told_passes(
            count in 1..50u32,
            period_ms in 1..100_000u64,
            asked in 1..200usize,
        ) {
            prop_assume!(Rate::new(count, period_ms).is_some());
            let rate = Rate::new(count, period_ms).unwrap();
            let mut tat = None;
            let mut now = 1u64;
            for _ in 0..asked {
                let outcome = gcra(tat, now, rate);
                tat = Some(outcome.tat_us);
                if let Some(retry) = outcome.retry_us {
                    prop_assert!(gcra(tat, now + retry - 1, rate).retry_us.is_some());
                    now += retry;
                    let outcome = gcra(tat, now, rate);
                    prop_assert!(outcome.retry_us.is_none());
                    tat = Some(outcome.tat_us);
                }
            }
        }
    }
}
