//! What days, nights and weeks count as: figures of many readings.

use serde::Serialize;

use super::bands::{Band, REST, bands, below, of, up_to};
use super::rule_set::{CN_DIETARY, SLEEP, WHO_ACTIVITY};
use super::{Class, Person};
use crate::Milli;

/// Above this age less sleep is enough.
const SLEEP_AGE_YEARS: u32 = 65;

static NIGHT: &[Band] = bands! { SLEEP:
    below(420.0) => "short" "睡眠不足" "Short sleep" Watch Low None;
    up_to(540.0) => "normal" "睡眠时长适宜" "Enough sleep" None Within None;
    REST => "long" "睡眠过长" "Long sleep" Watch High None;
};
static NIGHT_OLD: &[Band] = bands! { SLEEP:
    below(420.0) => "short" "睡眠不足" "Short sleep" Watch Low None;
    up_to(480.0) => "normal" "睡眠时长适宜" "Enough sleep" None Within None;
    REST => "long" "睡眠过长" "Long sleep" Watch High None;
};
static EFFICIENCY: &[Band] = bands! { SLEEP:
    below(85.0) => "inefficient" "睡眠效率偏低" "Restless sleep" Watch Low None;
    REST => "normal" "睡眠效率正常" "Restful sleep" None Within None;
};
static STEPS: &[Band] = bands! { CN_DIETARY:
    below(6000.0) => "low" "步数不足" "Few steps" Watch Low None;
    REST => "normal" "步数达标" "Enough steps" None Within None;
};
static ACTIVITY: &[Band] = bands! { WHO_ACTIVITY:
    below(150.0) => "low" "运动不足" "Little activity" Watch Low None;
    REST => "normal" "运动达标" "Enough activity" None Within None;
};

/// A night's sleep, in minutes.
#[must_use]
pub fn sleep_of_night(minutes: Milli, person: &Person) -> Option<Class> {
    let is_old = person.age_years.is_some_and(|age| age > SLEEP_AGE_YEARS);
    let bands = if is_old { NIGHT_OLD } else { NIGHT };
    (!person.is_minor()).then(|| of(bands, minutes))
}

/// How much of the time in bed was slept, in percent: the figure and its class. None
/// without time in bed.
#[must_use]
pub fn sleep_efficiency(asleep_minutes: f64, in_bed_minutes: f64) -> Option<(f64, Class)> {
    if in_bed_minutes <= 0.0 || asleep_minutes < 0.0 {
        return None;
    }
    let percent = asleep_minutes / in_bed_minutes * 100.0;
    Some((percent, of(EFFICIENCY, Milli::rounded(percent, 3))))
}

/// The steps of a whole day.
#[must_use]
pub fn steps_of_day(steps: Milli, person: &Person) -> Option<Class> {
    (!person.is_minor()).then(|| of(STEPS, steps))
}

/// The minutes of moderate activity of a week.
#[must_use]
pub fn activity_of_week(minutes: Milli, person: &Person) -> Option<Class> {
    (!person.is_minor()).then(|| of(ACTIVITY, minutes))
}

/// Figures of continuous glucose over days, in percent of the covered time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CgmFigures {
    /// How many days.
    pub days: u32,
    /// How much of them is covered.
    pub coverage: f64,
    /// 3.9 to 10.0 mmol/L.
    pub in_range: f64,
    /// Below 3.9 mmol/L.
    pub below_3_9: f64,
    /// Below 3.0 mmol/L.
    pub below_3_0: f64,
    /// Above 10.0 mmol/L.
    pub above_10_0: f64,
    /// Above 13.9 mmol/L.
    pub above_13_9: f64,
    /// Standard deviation by mean.
    pub cv: f64,
}

/// One target of the consensus.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CgmTarget {
    /// `tir`, `tbr_3_9`, `tbr_3_0`, `tar_10_0`, `tar_13_9` or `cv`.
    pub code: &'static str,
    /// The figure, percent.
    pub value: f64,
    /// The limit, percent.
    pub limit: f64,
    /// Whether it is met.
    pub is_met: bool,
}

/// The consensus asks for so many days.
const CGM_DAYS_MIN: u32 = 14;
/// And for so much of them.
const CGM_COVERAGE_PERCENT_MIN: f64 = 70.0;

/// Whether continuous glucose meets the targets of the consensus; none where there is
/// less than 70 % of 14 days.
#[must_use]
pub fn cgm_targets(figures: &CgmFigures) -> Option<[CgmTarget; 6]> {
    if figures.days < CGM_DAYS_MIN || figures.coverage < CGM_COVERAGE_PERCENT_MIN {
        return None;
    }
    let target = |code, value: f64, limit: f64, is_met| CgmTarget {
        code,
        value,
        limit,
        is_met,
    };
    let under = |code, value: f64, limit: f64| target(code, value, limit, value < limit);
    Some([
        target("tir", figures.in_range, 70.0, figures.in_range > 70.0),
        under("tbr_3_9", figures.below_3_9, 4.0),
        under("tbr_3_0", figures.below_3_0, 1.0),
        under("tar_10_0", figures.above_10_0, 25.0),
        under("tar_13_9", figures.above_13_9, 5.0),
        target("cv", figures.cv, 36.0, figures.cv <= 36.0),
    ])
}
