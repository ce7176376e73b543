//! Buckets: half-open spans of time, aligned to the Unix epoch, and the exact
//! figures of the values inside. A span without values has no figures.

use crate::reading::Reading;
use crate::value::Milli;
use std::collections::BTreeMap;

/// Length of the finest bucket.
pub const FIVE_MINUTES_MS: i64 = 5 * 60 * 1000;
/// Length of an hourly bucket.
pub const HOUR_MS: i64 = 60 * 60 * 1000;
/// Length of a daily bucket (days of UTC).
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// Start of the bucket of `length_ms` that holds `instant_ms`.
pub fn start_of(instant_ms: i64, length_ms: i64) -> i64 {
    instant_ms - instant_ms.rem_euclid(length_ms.max(1))
}

/// Exact figures of one or more values. Sums are exact, so that neither the order
/// of values nor that of merges matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// How many values; never 0.
    pub count: u64,
    /// Smallest value.
    pub min: Milli,
    /// Largest value.
    pub max: Milli,
    /// Sum of the values.
    pub sum: Milli,
}

impl Figures {
    /// The figures of one value.
    pub fn of(value: Milli) -> Self {
        Self {
            count: 1,
            min: value,
            max: value,
            sum: value,
        }
    }

    /// The figures of the values of both.
    pub fn merge(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            sum: Milli(self.sum.0.saturating_add(other.sum.0)),
        }
    }

    /// The arithmetic mean, in canonical units.
    pub fn mean(self) -> f64 {
        self.sum.0 as f64 / (self.count.max(1) as f64) / 1000.0
    }
}

/// Whose figures, of what, from when on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BucketKey {
    /// The person.
    pub user_id: String,
    /// The key of the metric, such as `heart_rate` or `systolic`.
    pub metric: &'static str,
    /// First millisecond of the bucket.
    pub start_ms: i64,
}

/// Figures by bucket. Adding an identity twice changes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buckets {
    figures: BTreeMap<BucketKey, Figures>,
    seen: std::collections::BTreeSet<(String, String, String)>,
}

impl Buckets {
    /// Adds one reading of a person, unless its identity was added before.
    pub fn add(&mut self, user_id: &str, identity: &str, reading: &Reading) {
        let key = (
            user_id.to_owned(),
            reading.device_id.clone(),
            identity.to_owned(),
        );
        if !self.seen.insert(key) {
            return;
        }
        let start_ms = start_of(reading.effective_ms, FIVE_MINUTES_MS);
        for (metric, value) in reading.kind.metrics.iter().zip(&reading.values) {
            let key = BucketKey {
                user_id: user_id.to_owned(),
                metric: metric.key,
                start_ms,
            };
            let figures = Figures::of(*value);
            self.figures
                .entry(key)
                .and_modify(|old| *old = old.merge(figures))
                .or_insert(figures);
        }
    }

    /// The figures of every bucket that holds a value.
    pub fn figures(&self) -> &BTreeMap<BucketKey, Figures> {
        &self.figures
    }
}

/// Merges figures by the longer buckets of `length_ms` that hold their start.
pub fn coarser(
    fine: impl IntoIterator<Item = (i64, Figures)>,
    length_ms: i64,
) -> BTreeMap<i64, Figures> {
    let mut merged = BTreeMap::<i64, Figures>::new();
    for (start_ms, figures) in fine {
        let entry = merged.entry(start_of(start_ms, length_ms));
        entry
            .and_modify(|old| *old = old.merge(figures))
            .or_insert(figures);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::identity;
    use crate::reading::check;
    use crate::submission::parse;
    use proptest::prelude::*;

    fn reading(kind: &str, value: &str, effective_ms: i64) -> Reading {
        let at = chrono::DateTime::from_timestamp_millis(effective_ms)
            .unwrap()
            .to_rfc3339();
        let unit = if kind == "blood_pressure" {
            "mm[Hg]"
        } else {
            "bpm"
        };
        let json = format!(r#"{{"type":"{kind}",{value},"unit":"{unit}","effective_at":"{at}"}}"#);
        check(parse(json.as_bytes()).unwrap().drafts.remove(0), i64::MAX).unwrap()
    }

    fn heart(value: i64, effective_ms: i64) -> Reading {
        reading("heart_rate", &format!("\"value\":{value}"), effective_ms)
    }

    fn fold<'a>(readings: impl IntoIterator<Item = &'a Reading>) -> Buckets {
        let mut buckets = Buckets::default();
        for reading in readings {
            buckets.add("u", &identity("u", reading), reading);
        }
        buckets
    }

    #[test]
    fn buckets_are_half_open() {
        assert_eq!(start_of(0, FIVE_MINUTES_MS), 0);
        assert_eq!(start_of(299_999, FIVE_MINUTES_MS), 0);
        assert_eq!(start_of(300_000, FIVE_MINUTES_MS), 300_000);
        assert_eq!(start_of(-1, FIVE_MINUTES_MS), -300_000);
    }

    #[test]
    fn golden_vector() {
        let values = [72, 75, 71, 78, 110, 69, 74];
        let readings: Vec<_> = (0..)
            .zip(values)
            .map(|(at, value)| heart(value, at * 1000))
            .collect();
        let buckets = fold(&readings);
        let figures = buckets.figures().values().next().copied().unwrap();
        assert_eq!(
            (figures.count, figures.min, figures.max, figures.sum),
            (7, Milli(69_000), Milli(110_000), Milli(549_000))
        );
        assert!((figures.mean() - 78.428571).abs() < 1e-6);
        assert_eq!(buckets.figures().len(), 1);
    }

    #[test]
    fn pressures_stay_apart_and_empty_buckets_absent() {
        let value = "\"components\":{\"systolic\":120,\"diastolic\":80}";
        let buckets = fold(&[
            reading("blood_pressure", value, 0),
            reading("blood_pressure", value, 900_000),
        ]);
        let keys: Vec<_> = buckets
            .figures()
            .keys()
            .map(|key| (key.metric, key.start_ms))
            .collect();
        assert_eq!(
            keys,
            [
                ("diastolic", 0),
                ("diastolic", 900_000),
                ("systolic", 0),
                ("systolic", 900_000)
            ]
        );
        let maxima: Vec<_> = buckets
            .figures()
            .values()
            .map(|figures| figures.max)
            .collect();
        assert_eq!(
            maxima,
            [Milli(80_000), Milli(80_000), Milli(120_000), Milli(120_000)]
        );
    }

    fn figures() -> impl Strategy<Value = Figures> {
        proptest::collection::vec(0_i64..400_000, 1..9).prop_map(|values| {
            let each = values.into_iter().map(|value| Figures::of(Milli(value)));
            each.reduce(Figures::merge).unwrap()
        })
    }

    proptest! {
        #[test]
        fn merging_is_associative_and_commutative(a in figures(), b in figures(), c in figures()) {
            prop_assert_eq!(a.merge(b), b.merge(a));
            prop_assert_eq!(a.merge(b).merge(c), a.merge(b.merge(c)));
        }

        #[test]
        fn any_order_with_repeats_equals_a_recomputation(
            (plain, shuffled) in proptest::collection::vec((20_i64..300, 0_i64..3_000_000), 1..40).prop_flat_map(|plain| {
                let doubled: Vec<_> = plain.iter().chain(&plain).copied().collect();
                (Just(plain), Just(doubled).prop_shuffle())
            })
        ) {
            let readings: Vec<_> = shuffled.iter().map(|(value, at)| heart(*value, *at)).collect();
            let buckets = fold(&readings);
            let mut expected = BTreeMap::<i64, Vec<i64>>::new();
            let distinct: std::collections::BTreeSet<_> = plain.iter().collect();
            for (value, at) in distinct {
                expected.entry(at / 300_000 * 300_000).or_default().push(*value);
            }
            prop_assert_eq!(buckets.figures().len(), expected.len());
            for (key, figures) in buckets.figures() {
                let values = &expected[&key.start_ms];
                prop_assert_eq!(figures.count, values.len() as u64);
                prop_assert_eq!(figures.min.0, values.iter().min().unwrap() * 1000);
                prop_assert_eq!(figures.max.0, values.iter().max().unwrap() * 1000);
                prop_assert_eq!(figures.sum.0, values.iter().sum::<i64>() * 1000);
            }
        }

        #[test]
        fn hours_of_buckets_equal_hours_of_values(values in proptest::collection::vec((20_i64..300, 0_i64..20_000_000), 1..60)) {
            let single = values.iter().map(|(value, at)| (*at, Figures::of(Milli(*value))));
            let direct = coarser(single.clone(), HOUR_MS);
            prop_assert_eq!(coarser(coarser(single, FIVE_MINUTES_MS), HOUR_MS), direct);
        }
    }
}
