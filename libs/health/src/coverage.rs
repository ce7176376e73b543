//! Time in range: how long values lay inside of a target range, below and above it.
//!
//! A value holds until the next one of the same metric, at most for the largest gap
//! (sample and hold), and never beyond its local day, so that a day's figures come from
//! its own readings alone. What nothing holds is not covered.

use crate::calendar::Span;

/// The target range of a metric, in thousandths of the canonical unit, both ends
/// inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Lowest value inside.
    pub low_milli: i64,
    /// Highest value inside.
    pub high_milli: i64,
    /// How long a value holds at most.
    pub gap_ms: i64,
    /// Where the range comes from.
    pub citation: &'static str,
}

const MINUTE_MS: i64 = 60_000;

/// The default target of a metric; none for what is measured now and then or adds up.
///
/// The gaps of glucose and pulse are those of the consensus and of common devices; the
/// others are engineering defaults: twice the usual interval of devices that measure
/// by themselves (oxygen and respiration every 5 minutes, pressure every 15 to 30,
/// temperature every 30).
pub fn target(metric: &str) -> Option<Target> {
    let (low_milli, high_milli, minutes, citation) = match metric {
        "glucose_cgm" => (
            // 3.9 as it is written, or 70 mg/dL: values have two decimals.
            3_885,
            10_000,
            15,
            "International Consensus on Time in Range, Diabetes Care 42, 2019",
        ),
        "heart_rate" => (60_000, 100_000, 10, "adult heart rate at rest"),
        "spo2" => (95_000, 100_000, 10, "adult oxygen saturation at sea level"),
        "respiratory_rate" => (
            12_000,
            20_000,
            10,
            "NEWS2, Royal College of Physicians, 2017",
        ),
        "body_temperature" => (36_000, 37_200, 60, "axillary temperature, 诊断学"),
        "systolic" => (90_000, 139_000, 60, "中国高血压防治指南（2024年修订版）"),
        "diastolic" => (60_000, 89_000, 60, "中国高血压防治指南（2024年修订版）"),
        _ => return None,
    };
    Some(Target {
        low_milli,
        high_milli,
        gap_ms: minutes * MINUTE_MS,
        citation,
    })
}

/// How long values held, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Inside of the range.
    pub in_ms: i64,
    /// Below it.
    pub below_ms: i64,
    /// Above it.
    pub above_ms: i64,
}

impl Held {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            in_ms: self.in_ms.saturating_add(other.in_ms),
            below_ms: self.below_ms.saturating_add(other.below_ms),
            above_ms: self.above_ms.saturating_add(other.above_ms),
        }
    }

    /// All the time that anything held.
    pub fn covered_ms(self) -> i64 {
        self.in_ms
            .saturating_add(self.below_ms)
            .saturating_add(self.above_ms)
    }

    /// The time that `value` holds for.
    fn of(target: &Target, value_milli: i64, held_ms: i64) -> Self {
        let mut held = Self::default();
        let side = if value_milli < target.low_milli {
            &mut held.below_ms
        } else if value_milli > target.high_milli {
            &mut held.above_ms
        } else {
            &mut held.in_ms
        };
        *side = held_ms;
        held
    }
}

/// Gives `each` the pieces that the values of one day hold for: the place of the piece
/// of `length_ms` from the day's start on, and the time inside of it. `values` are
/// (instant, thousandths) in order of time, inside of the day.
pub fn hold(
    target: &Target,
    day: Span,
    length_ms: i64,
    values: &[(i64, i64)],
    mut each: impl FnMut(usize, Held),
) {
    let length_ms = length_ms.max(1);
    let ends = values.iter().skip(1).map(|(at_ms, _)| *at_ms);
    for ((at_ms, value), next_ms) in values.iter().zip(ends.chain([day.end_ms])) {
        let until_ms = next_ms
            .min(at_ms.saturating_add(target.gap_ms))
            .min(day.end_ms);
        let mut from_ms = *at_ms;
        while from_ms < until_ms {
            let place = (from_ms - day.start_ms) / length_ms;
            let piece_end_ms = day.start_ms + (place + 1) * length_ms;
            let to_ms = until_ms.min(piece_end_ms);
            let held = Held::of(target, *value, to_ms - from_ms);
            each(usize::try_from(place).unwrap_or_default(), held);
            from_ms = to_ms;
        }
    }
}

#[cfg(test)]
mod tests;
