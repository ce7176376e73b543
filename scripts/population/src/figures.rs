//! The figures of days, computed anew from what must be stored.

use std::collections::BTreeMap;

use crate::clock::{DAY_MS, MINUTE_MS};
use crate::kind::Milli;
use crate::reading::Kept;

/// Which figures: a metric such as `systolic`, and the first millisecond of a span.
pub type Span = (&'static str, i64);

/// The figures of the values of one span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// How many; never 0.
    pub count: u64,
    /// The least.
    pub min: Milli,
    /// The most.
    pub max: Milli,
    /// The sum.
    pub sum: Milli,
    /// The median in twentieths of a thousandth, which is exact.
    pub p50_twentieths: i64,
    /// The value that 95 of 100 stay below (Hyndman and Fan, type 7), likewise.
    pub p95_twentieths: i64,
}

impl Figures {
    fn of(mut values: Vec<Milli>) -> Option<Self> {
        values.sort_unstable();
        Some(Self {
            count: values.len() as u64,
            min: *values.first()?,
            max: *values.last()?,
            sum: values.iter().sum(),
            p50_twentieths: quantile(&values, 10)?,
            p95_twentieths: quantile(&values, 19)?,
        })
    }

    /// The mean in canonical units.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum as f64 / self.count as f64 / 1_000.0
    }

    /// The median in canonical units.
    #[must_use]
    pub fn p50(&self) -> f64 {
        self.p50_twentieths as f64 / 20_000.0
    }

    /// The 95th percentile in canonical units.
    #[must_use]
    pub fn p95(&self) -> f64 {
        self.p95_twentieths as f64 / 20_000.0
    }
}

/// The value that so many twentieths of all stay below, in twentieths.
fn quantile(sorted: &[Milli], twentieths: usize) -> Option<i64> {
    let place = sorted.len().checked_sub(1)? * twentieths;
    let (below, part) = (place / 20, i64::try_from(place % 20).ok()?);
    let first = *sorted.get(below)?;
    let second = sorted.get(below + 1).copied().unwrap_or(first);
    Some(first * (20 - part) + second * part)
}

/// The figures by metric and local day of one person's readings.
#[must_use]
pub fn by_day(kept: &[Kept], offset_minutes: i32) -> BTreeMap<Span, Figures> {
    let offset_ms = i64::from(offset_minutes) * MINUTE_MS;
    by_span(kept, |at_ms| {
        (at_ms + offset_ms).div_euclid(DAY_MS) * DAY_MS - offset_ms
    })
}

/// The figures of one person's readings by metric and span; `start_of` tells the
/// first millisecond of the span of an instant.
pub fn by_span(kept: &[Kept], start_of: impl Fn(i64) -> i64) -> BTreeMap<Span, Figures> {
    let mut values: BTreeMap<Span, Vec<Milli>> = BTreeMap::new();
    for one in visible(kept) {
        let of_one = [Some(one.value), one.value2];
        for (metric, value) in one.kind.metrics().into_iter().zip(of_one) {
            if let (Some(metric), Some(value)) = (metric, value) {
                let span = (metric, start_of(one.at_ms));
                values.entry(span).or_default().push(value);
            }
        }
    }
    let figures = values
        .into_iter()
        .filter_map(|(span, values)| Some((span, Figures::of(values)?)));
    figures.collect()
}

/// The readings that count: those without another of a better device at nearly the
/// same time.
pub fn visible(kept: &[Kept]) -> Vec<&Kept> {
    let mut sorted: Vec<&Kept> = kept.iter().collect();
    sorted.sort_by_key(|one| (one.person, one.kind, one.at_ms));
    let is_shadowed = |at: usize, one: &Kept| {
        let same = |other: &&&Kept| {
            other.person == one.person
                && other.kind == one.kind
                && (other.at_ms - one.at_ms).abs() <= one.kind.near_ms()
        };
        let better = |other: &&Kept| other.device.rank() > one.device.rank();
        let (before, after) = sorted.split_at(at);
        before.iter().rev().take_while(same).any(better)
            || after.iter().take_while(same).any(better)
    };
    let visible = sorted.iter().enumerate();
    let visible = visible.filter(|(at, one)| !is_shadowed(*at, one));
    visible.map(|(_, one)| *one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::Device;
    use crate::kind::Kind;

    fn rate(device: Device, value: i64, at_s: i64) -> Kept {
        Kept {
            person: 0,
            device,
            kind: Kind::HeartRate,
            value: value * 1_000,
            value2: None,
            at_ms: at_s * 1_000,
            usual: true,
        }
    }

    #[test]
    fn quantiles_are_those_of_type_7() {
        let values = [72, 75, 71, 78, 110, 69, 74].map(|value| rate(Device::Watch, value, value));
        let days = by_day(&values, 0);
        let figures = &days[&("heart_rate", 0)];
        assert_eq!(
            (figures.count, figures.min, figures.max),
            (7, 69_000, 110_000)
        );
        assert_eq!((figures.p50(), figures.p95()), (74.0, 100.4));
        assert!((figures.mean() - 78.428_571).abs() < 1e-6);
    }

    #[test]
    fn the_better_of_two_devices_counts() {
        let kept = [
            rate(Device::Watch, 60, 100),
            rate(Device::Strap, 61, 105),
            rate(Device::Watch, 70, 111),
            rate(Device::Watch, 71, 111),
        ];
        let seen: Vec<i64> = visible(&kept).iter().map(|one| one.value / 1_000).collect();
        assert_eq!(seen, [61, 70, 71]);
    }

    #[test]
    fn days_begin_at_local_midnight() {
        let kept = [
            rate(Device::Watch, 60, 57_599),
            rate(Device::Watch, 61, 57_600),
        ];
        let days: Vec<i64> = by_day(&kept, 480).keys().map(|(_, start)| *start).collect();
        assert_eq!(days, [-28_800_000, 57_600_000]);
    }
}
