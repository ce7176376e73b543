//! What is usual for a person, and how far a value is from it.

use crate::distribution::Distribution;
use crate::figures::Figures;
use crate::statistics::robust_z;
use crate::trend::{adds_up, daily_figure, minimal_change};
use serde::Serialize;

/// Days that a baseline looks back: whole local days that ended at least one day ago,
/// so that what is new is not compared with itself.
pub const BASELINE_DAYS: u64 = 28;
/// Days with readings that a baseline needs.
const DAYS_MIN: usize = 7;
/// Robust standard deviations from which a value is worth a notice, and abnormal.
const NOTICE_Z: f64 = 2.0;
const ABNORMAL_Z: f64 = 3.0;

/// What is usual, in canonical units.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Baseline {
    /// Days with readings.
    pub days: usize,
    /// Values behind it: readings, or days of what adds up.
    pub values: u64,
    /// The median.
    pub median: f64,
    /// Median absolute deviation from it.
    pub mad: f64,
    /// Sample standard deviation.
    pub sd: Option<f64>,
}

/// How far a value is from what is usual.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Deviation {
    /// The value.
    pub value: f64,
    /// Its distance from the median, in canonical units.
    pub change: f64,
    /// The same in robust standard deviations; none where nothing ever varied.
    pub z: Option<f64>,
    /// Whether that is worth a notice.
    pub level: Level,
}

/// How unusual a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As usual, or not further from it than means something.
    Usual,
    /// |z| ≥ 2.
    Notice,
    /// |z| ≥ 3.
    Abnormal,
}

impl Baseline {
    /// The baseline of a kind from the figures of its days: of their readings, or of
    /// the daily sums of what adds up. None for fewer than seven days with readings.
    pub fn of<'a>(kind: &str, days: impl IntoIterator<Item = &'a Figures>) -> Option<Self> {
        let days: Vec<&Figures> = days
            .into_iter()
            .filter(|day| !day.distribution.is_empty())
            .collect();
        if days.len() < DAYS_MIN {
            return None;
        }
        let values = if adds_up(kind) {
            let sums = days.iter().filter_map(|day| daily_figure(kind, day));
            Distribution::of(sums.map(|sum| (sum * 1000.0).round() as i64).collect())
        } else {
            Distribution::merged(days.iter().map(|day| &day.distribution))
        };
        let median = values.quantile(0.5)?;
        Some(Self {
            days: days.len(),
            values: values.count(),
            median: median / 1000.0,
            mad: values.median_distance(median)? / 1000.0,
            sd: values.sample_sd().map(|sd| sd / 1000.0),
        })
    }

    /// How far a value of a metric is from the baseline. It is unusual only where it
    /// is also further away than the smallest change that means something.
    pub fn deviation(&self, metric: &str, value: f64) -> Deviation {
        let change = value - self.median;
        let z = robust_z(value, self.median, self.mad, self.sd);
        let level = match z.map(f64::abs) {
            _ if change.abs() <= minimal_change(metric) => Level::Usual,
            Some(z) if z >= ABNORMAL_Z => Level::Abnormal,
            Some(z) if z >= NOTICE_Z => Level::Notice,
            _ => Level::Usual,
        };
        Deviation {
            value,
            change,
            z,
            level,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(values: &[i64]) -> Vec<Figures> {
        let day = |value: &i64| Figures {
            distribution: Distribution::of(vec![*value]),
            ..Figures::default()
        };
        values.iter().map(day).collect()
    }

    const GOLDEN: [i64; 7] = [72_000, 75_000, 71_000, 78_000, 110_000, 69_000, 74_000];

    #[test]
    fn golden_deviation() {
        let baseline = Baseline::of("heart_rate", &days(&GOLDEN)).unwrap();
        assert_eq!(
            (
                baseline.median,
                baseline.mad,
                baseline.days,
                baseline.values
            ),
            (74.0, 3.0, 7, 7)
        );
        let found = baseline.deviation("heart_rate", 110.0);
        assert!((found.z.unwrap() - 8.093_889).abs() < 1e-6);
        assert_eq!(found.level, Level::Abnormal);
        assert_eq!(baseline.deviation("heart_rate", 83.0).level, Level::Notice);
        assert_eq!(baseline.deviation("heart_rate", 82.0).level, Level::Usual);
    }

    #[test]
    fn six_days_are_no_baseline() {
        assert_eq!(Baseline::of("heart_rate", &days(&GOLDEN[..6])), None);
    }

    #[test]
    fn small_changes_are_usual_however_constant_the_rest_was() {
        let baseline = Baseline::of("heart_rate", &days(&[70_000; 7])).unwrap();
        let found = baseline.deviation("heart_rate", 90.0);
        assert_eq!((found.z, found.level), (None, Level::Usual));
        let baseline = Baseline::of(
            "heart_rate",
            &days(&[70_000, 70_000, 70_000, 70_000, 70_000, 70_000, 71_000]),
        )
        .unwrap();
        assert_eq!(baseline.mad, 0.0);
        assert_eq!(baseline.deviation("heart_rate", 75.0).level, Level::Usual);
        assert_eq!(
            baseline.deviation("heart_rate", 75.1).level,
            Level::Abnormal
        );
    }

    #[test]
    fn steps_are_compared_by_the_day() {
        let day = Figures {
            distribution: Distribution::of(vec![3_000_000, 5_000_000]),
            ..Figures::default()
        };
        let baseline = Baseline::of("steps", &vec![day; 7]).unwrap();
        assert_eq!((baseline.median, baseline.values), (8_000.0, 7));
    }
}
