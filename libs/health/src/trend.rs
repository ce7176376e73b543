//! Where the daily figures of a metric go.

use crate::figures::Figures;
use crate::statistics::{change_rate_percent, cv, ewma, line, mean, median, sample_sd, theil_sen};
use serde::Serialize;

/// Share of the variance that a line has to explain before it has a direction.
const R_SQUARED_MIN: f64 = 0.3;

/// Where a metric goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Up.
    Rising,
    /// Down.
    Falling,
    /// Neither by enough nor clearly.
    Stable,
}

/// The slope over days, in canonical units a day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Slope {
    /// By ordinary least squares.
    pub per_day: f64,
    /// Lower end of its 95 % confidence interval; none for two days.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Share of the variance that it explains; none where nothing varies.
    pub r_squared: Option<f64>,
    /// The robust one by Theil and Sen.
    pub theil_sen: f64,
}

/// What the daily figures of some days say, in canonical units.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trend {
    /// Days with readings.
    pub days: usize,
    /// Mean of the daily figures.
    pub mean: f64,
    /// Median of them.
    pub median: f64,
    /// Sample standard deviation.
    pub sd: Option<f64>,
    /// Coefficient of variation.
    pub cv: Option<f64>,
    /// None for a single day.
    pub slope: Option<Slope>,
    /// Where it goes.
    pub direction: Direction,
    /// The later half against the earlier one, in percent.
    pub change_rate_percent: Option<f64>,
    /// Exponentially weighted mean up to the newest day.
    pub ewma: f64,
}

/// Whether readings of a kind add up over a day: then its daily figure is their sum,
/// otherwise their mean.
pub fn adds_up(kind: &str) -> bool {
    matches!(
        kind,
        "steps"
            | "active_minutes"
            | "energy"
            | "water_intake"
            | "sleep_duration"
            | "sleep_deep"
            | "sleep_light"
            | "sleep_rem"
    )
}

/// The figure of a day of a kind, in canonical units; none without values.
pub fn daily_figure(kind: &str, figures: &Figures) -> Option<f64> {
    let distribution = &figures.distribution;
    let milli = if adds_up(kind) {
        (!distribution.is_empty()).then(|| distribution.sum() as f64)
    } else {
        distribution.mean()
    };
    Some(milli? / 1000.0)
}

/// The smallest change of a metric that means something, in canonical units. Weight,
/// blood pressure, heart rate and fasting glucose are those of the specification of
/// this platform; the others are engineering defaults of the same order.
pub fn minimal_change(metric: &str) -> f64 {
    match metric {
        "body_weight" | "mood" | "pain" => 1.0,
        "systolic" | "diastolic" | "heart_rate" | "resting_heart_rate" | "hrv_sdnn"
        | "hrv_rmssd" => 5.0,
        "glucose_fasting" | "glucose_postprandial" | "glucose_random" | "glucose_cgm" => 0.5,
        "spo2" | "respiratory_rate" | "waist" => 2.0,
        "body_temperature" => 0.5,
        "hba1c" | "bmi" => 0.4,
        "body_height" | "body_fat" => 1.0,
        "steps" => 1_000.0,
        "energy" => 200.0,
        "water_intake" => 300.0,
        "sleep_duration" => 30.0,
        "active_minutes" | "sleep_deep" | "sleep_light" | "sleep_rem" => 15.0,
        _ => 0.0,
    }
}

/// The trend of a metric from its daily figures, (number of the day, figure) in order;
/// none without any.
///
/// It rises or falls only where the line changes by the smallest change that means
/// something over the days from the first to the last, and explains 30 % of the
/// variance.
pub fn trend(metric: &str, points: &[(i64, f64)]) -> Option<Trend> {
    let first = points.first()?.0;
    let last = points.last()?.0;
    let placed: Vec<(f64, f64)> = points
        .iter()
        .map(|(day, value)| ((day - first) as f64, *value))
        .collect();
    let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
    let line = line(&placed);
    let direction = line.map_or(Direction::Stable, |line| {
        let change = line.slope * (last - first) as f64;
        let is_clear = line.r_squared.is_some_and(|share| share >= R_SQUARED_MIN);
        match is_clear && change.abs() >= minimal_change(metric) {
            true if change > 0.0 => Direction::Rising,
            true if change < 0.0 => Direction::Falling,
            _ => Direction::Stable,
        }
    });
    let slope = line.zip(theil_sen(&placed)).map(|(line, theil_sen)| Slope {
        per_day: line.slope,
        low: line.slope_margin.map(|margin| line.slope - margin),
        high: line.slope_margin.map(|margin| line.slope + margin),
        r_squared: line.r_squared,
        theil_sen,
    });
    Some(Trend {
        days: points.len(),
        mean: mean(&values)?,
        median: median(&values)?,
        sd: sample_sd(&values),
        cv: cv(&values),
        slope,
        direction,
        change_rate_percent: change_rate_percent(&values),
        ewma: ewma(&values)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::Distribution;

    fn points(values: &[f64]) -> Vec<(i64, f64)> {
        (738_000..).zip(values.iter().copied()).collect()
    }

    #[test]
    fn golden_weights_fall_only_by_less_than_a_kilogram() {
        let weights = [70.0, 69.8, 69.9, 69.5, 69.4, 69.4, 69.0];
        let found = trend("body_weight", &points(&weights)).unwrap();
        let slope = found.slope.unwrap();
        assert!((slope.per_day + 0.153_571).abs() < 1e-6);
        assert!((slope.r_squared.unwrap() - 0.899_319).abs() < 1e-6);
        assert!((slope.theil_sen + 0.16).abs() < 1e-9);
        assert!((slope.high.unwrap() + 0.094_501).abs() < 1e-5);
        assert!((slope.low.unwrap() + 0.212_642).abs() < 1e-5);
        // 6 days × 0.1536 kg are 0.92 kg.
        assert_eq!(found.direction, Direction::Stable);
        let longer = [70.0, 69.8, 69.9, 69.5, 69.4, 69.4, 69.0, 68.8];
        let found = trend("body_weight", &points(&longer)).unwrap();
        assert_eq!(found.direction, Direction::Falling);
    }

    #[test]
    fn what_varies_more_than_it_moves_is_stable() {
        let found = trend("heart_rate", &points(&[60.0, 90.0, 55.0, 95.0, 65.0, 80.0])).unwrap();
        assert_eq!(found.direction, Direction::Stable);
        let found = trend("heart_rate", &points(&[60.0, 62.0, 64.0, 66.0])).unwrap();
        assert_eq!(found.direction, Direction::Rising);
    }

    #[test]
    fn one_day_has_no_slope_and_none_no_trend() {
        let found = trend("heart_rate", &points(&[60.0])).unwrap();
        assert_eq!(
            (found.slope, found.direction, found.ewma),
            (None, Direction::Stable, 60.0)
        );
        assert_eq!(trend("heart_rate", &[]), None);
        let flat = trend("unknown", &points(&[60.0, 60.0, 60.0])).unwrap();
        assert_eq!(flat.direction, Direction::Stable);
    }

    #[test]
    fn gaps_between_days_count() {
        let found = trend("heart_rate", &[(1, 60.0), (11, 70.0)]).unwrap();
        assert_eq!(found.slope.unwrap().per_day, 1.0);
    }

    #[test]
    fn steps_add_up_and_pulses_do_not() {
        let figures = Figures {
            distribution: Distribution::of(vec![1_000, 3_000]),
            ..Figures::default()
        };
        assert_eq!(daily_figure("steps", &figures), Some(4.0));
        assert_eq!(daily_figure("heart_rate", &figures), Some(2.0));
        assert_eq!(daily_figure("steps", &Figures::default()), None);
    }

    #[test]
    fn every_metric_has_a_smallest_change() {
        for kind in crate::catalogue::all() {
            for metric in kind.metrics {
                assert!(
                    metric.key.ends_with("_waveform")
                        || metric.key.starts_with("ecg")
                        || minimal_change(metric.key) > 0.0,
                    "{}",
                    metric.key
                );
            }
        }
    }
}
