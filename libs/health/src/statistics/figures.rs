//! Figures that clinicians use, of one kind of reading each.

use super::{mean, median, quantile, sample_sd};
use std::collections::BTreeSet;

/// Glucose in mg/dL for each mmol/L: the molar mass of glucose, 180.16 g/mol.
pub const MMOL_TO_MG_PER_DL: f64 = 18.016;
/// Readings that a resting heart rate needs from the night.
const RESTING_READINGS_MIN: usize = 30;
/// Length of the calmest stretch of the day.
const CALM_MS: i64 = 30 * 60 * 1000;
/// Readings that a calm stretch needs (engineering default).
const CALM_READINGS_MIN: usize = 3;
/// Readings and days that a mean of blood pressure at home needs after the first day.
const HOME_READINGS_MIN: usize = 4;
const HOME_DAYS_MIN: usize = 3;
/// Nights that a regularity needs (engineering default).
const NIGHTS_MIN: usize = 3;

/// Glucose management indicator in percent: 3.31 + 0.02392 × mean glucose in mg/dL
/// (Bergenstal et al., Diabetes Care 41, 2018). Takes mmol/L.
pub fn gmi(mean_mmol_per_l: f64) -> f64 {
    3.31 + 0.02392 * mean_mmol_per_l * MMOL_TO_MG_PER_DL
}

/// How blood pressure falls at night.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dipping {
    /// By 20 % or more.
    Extreme,
    /// By 10 % to 20 %.
    Dipper,
    /// By less than 10 %.
    NonDipper,
    /// It rises.
    Riser,
}

impl Dipping {
    /// The code in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Extreme => "extreme_dipper",
            Self::Dipper => "dipper",
            Self::NonDipper => "non_dipper",
            Self::Riser => "riser",
        }
    }
}

/// The nocturnal dip and its class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dip {
    /// (mean by day − mean by night) ÷ mean by day, in percent.
    pub percent: f64,
    /// What it counts as.
    pub class: Dipping,
}

/// The nocturnal dip of systolic pressure, classified as in the Chinese and European
/// guidelines for ambulatory blood pressure; none where the day's mean is not positive.
pub fn dip(day_mean: f64, night_mean: f64) -> Option<Dip> {
    if day_mean <= 0.0 {
        return None;
    }
    let percent = (day_mean - night_mean) / day_mean * 100.0;
    let class = if percent >= 20.0 {
        Dipping::Extreme
    } else if percent >= 10.0 {
        Dipping::Dipper
    } else if percent >= 0.0 {
        Dipping::NonDipper
    } else {
        Dipping::Riser
    };
    Some(Dip { percent, class })
}

/// One measurement at home.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PressureReading {
    /// The local day, by any number that grows by one a day.
    pub day: i64,
    /// Systolic pressure.
    pub systolic: f64,
    /// Diastolic pressure.
    pub diastolic: f64,
}

/// Mean blood pressure at home.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HomeMean {
    /// Systolic pressure.
    pub systolic: f64,
    /// Diastolic pressure.
    pub diastolic: f64,
    /// Readings behind it.
    pub readings: usize,
    /// Days behind it.
    pub days: usize,
}

/// The mean at home: the first day does not count, and at least four readings of at
/// least three days are needed (7-day protocol of the 中国家庭血压监测指南).
pub fn home_mean(readings: &[PressureReading]) -> Option<HomeMean> {
    let first = readings.iter().map(|reading| reading.day).min()?;
    let counted: Vec<_> = readings.iter().filter(|one| one.day != first).collect();
    let days: BTreeSet<i64> = counted.iter().map(|reading| reading.day).collect();
    if counted.len() < HOME_READINGS_MIN || days.len() < HOME_DAYS_MIN {
        return None;
    }
    let systolic: Vec<f64> = counted.iter().map(|reading| reading.systolic).collect();
    let diastolic: Vec<f64> = counted.iter().map(|reading| reading.diastolic).collect();
    Some(HomeMean {
        systolic: mean(&systolic)?,
        diastolic: mean(&diastolic)?,
        readings: counted.len(),
        days: days.len(),
    })
}

/// One reading of the heart rate on a local day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RestingSample {
    /// When, in ms.
    pub at_ms: i64,
    /// Beats a minute.
    pub value: f64,
    /// Whether it was taken at rest between midnight and six in the morning.
    pub is_resting_night: bool,
}

/// The resting heart rate of a day, from its readings in order of time: the 5th
/// percentile of at least 30 readings at rest between midnight and six, otherwise the
/// lowest mean of 30 minutes of the day.
pub fn resting_heart_rate(samples: &[RestingSample]) -> Option<f64> {
    let night: Vec<f64> = samples
        .iter()
        .filter(|sample| sample.is_resting_night)
        .map(|sample| sample.value)
        .collect();
    if night.len() >= RESTING_READINGS_MIN {
        return quantile(&night, 0.05);
    }
    calmest(samples)
}

/// The lowest mean of the stretches of 30 minutes that begin at a reading and end
/// before the last one, with at least three readings each.
fn calmest(samples: &[RestingSample]) -> Option<f64> {
    let last_ms = samples.last()?.at_ms;
    let (mut end, mut sum) = (0_usize, 0.0);
    let mut lowest: Option<f64> = None;
    for (begin, sample) in samples.iter().enumerate() {
        let until_ms = sample.at_ms.saturating_add(CALM_MS);
        while let Some(next) = samples.get(end).filter(|next| next.at_ms < until_ms) {
            sum += next.value;
            end += 1;
        }
        let count = end - begin;
        if until_ms <= last_ms && count >= CALM_READINGS_MIN {
            let mean = sum / count as f64;
            lowest = Some(lowest.map_or(mean, |lowest| lowest.min(mean)));
        }
        sum -= sample.value;
    }
    lowest
}

/// How regular sleep is: the sample standard deviation of its midpoints over seven
/// days, in minutes; each is given in minutes from the noon before. None for fewer
/// than three nights.
pub fn sleep_regularity_minutes(midpoints: &[f64]) -> Option<f64> {
    (midpoints.len() >= NIGHTS_MIN && median(midpoints).is_some())
        .then(|| sample_sd(midpoints))
        .flatten()
}
