//! Figures of one type each: what clinicians ask about glucose, pressure, pulse and sleep.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;
use serde_json::Value;
use suoke_health::aggregate::{TimeInRange, rounded, time_in_range};
use suoke_health::calendar::{Calendar, Span};
use suoke_health::catalogue::ReadingType;
use suoke_health::classes::{
    Activity, CgmFigures, CgmTarget, Circumstances, Setting, cgm_targets, sleep_efficiency,
};
use suoke_health::figures::Figures;
use suoke_health::night;
use suoke_health::statistics::{
    PressureReading, RestingSample, dip, gmi, home_mean, mean, resting_heart_rate,
    sleep_regularity_minutes,
};
use suoke_readings::days::days;
use suoke_readings::{Point, counted_series};
use suoke_store::{Sql, StoreError};

/// Days of glucose that its indicator comes from, and the share of them that has to be
/// covered (international consensus on time in range, 2019).
const GLUCOSE_DAYS: u32 = 14;
const COVERAGE_PERCENT_MIN: f64 = 70.0;
/// Glucose below the one or above the other, in thousandths of a mmol/L, is very low or
/// very high (same consensus).
const VERY_LOW_BELOW_MILLI: i64 = 3_000;
const VERY_HIGH_ABOVE_MILLI: i64 = 13_900;
/// Days of the protocol of pressure at home, and of the regularity of sleep.
const WEEK_DAYS: u64 = 7;
/// Hours of the day of a dip; the others are night (中国动态血压监测指南).
const DAY_HOURS: std::ops::Range<u32> = 6..22;
/// Readings that a dip needs by day and by night (same guideline).
const DAY_READINGS_MIN: usize = 20;
const NIGHT_READINGS_MIN: usize = 7;
/// Until when it is night for a resting heart rate.
const NIGHT_HOURS: std::ops::Range<u32> = 0..6;

/// What applies to the type; empty for most.
#[derive(Debug, Default, Serialize)]
pub struct Special {
    #[serde(skip_serializing_if = "Option::is_none")]
    glucose: Option<GlucoseView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nocturnal_dip: Option<DipView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    home_mean: Option<HomeView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resting_heart_rate: Option<RestingView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sleep_regularity_minutes: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sleep_efficiency: Option<EfficiencyView>,
}

/// Continuous glucose of two weeks.
#[derive(Debug, Serialize)]
struct GlucoseView {
    mean: f64,
    gmi_percent: f64,
    time_in_range: Option<TimeInRange>,
    is_sufficient: bool,
    /// None where there is too little for the consensus to speak of it.
    targets: Option<[CgmTarget; 6]>,
}

/// How systolic pressure falls at night.
#[derive(Debug, Serialize)]
struct DipView {
    percent: f64,
    class: &'static str,
    day_readings: usize,
    night_readings: usize,
}

/// Pressure at home.
#[derive(Debug, Serialize)]
struct HomeView {
    systolic: f64,
    diastolic: f64,
    readings: usize,
    days: usize,
}

/// The resting heart rate of the newest day with readings.
#[derive(Debug, Serialize)]
struct RestingView {
    day: String,
    value: f64,
}

/// How much of the time in bed of some nights was slept.
#[derive(Debug, Serialize)]
struct EfficiencyView {
    percent: f64,
    class: &'static str,
    nights: usize,
}

/// The figures of a type at `now_ms`.
pub async fn figures(
    sql: &impl Sql,
    user_id: &str,
    kind: &ReadingType,
    calendar: Calendar,
    now_ms: i64,
) -> Result<Special, StoreError> {
    let mut special = Special::default();
    let week = Span {
        start_ms: calendar.days_before(now_ms, WEEK_DAYS - 1),
        end_ms: calendar.day_of(now_ms).end_ms,
    };
    match kind.key {
        "glucose_cgm" => special.glucose = glucose(sql, user_id, calendar, now_ms).await?,
        "blood_pressure" => {
            let points = points(sql, user_id, kind.key, week).await?;
            special.nocturnal_dip = nocturnal_dip(&points, calendar);
            special.home_mean = home(&points, calendar);
        }
        "heart_rate" => {
            let found = days(sql, user_id, kind.key, week, false).await?;
            if let Some(day) = found.days.last() {
                let points = points(sql, user_id, kind.key, day.span).await?;
                let rate = resting_heart_rate(&resting(&points, calendar));
                special.resting_heart_rate = rate.map(|value| RestingView {
                    day: calendar.date_of(day.span.start_ms).to_string(),
                    value: rounded(value),
                });
            }
        }
        "sleep_duration" => {
            let points = points(sql, user_id, kind.key, week).await?;
            let minutes = sleep_regularity_minutes(&midpoints(&points, calendar));
            special.sleep_regularity_minutes = minutes.map(rounded);
            special.sleep_efficiency = efficiency(&points, calendar);
        }
        _ => {}
    }
    Ok(special)
}

/// The readings of a span that figures are of, in order.
async fn points(
    sql: &impl Sql,
    user_id: &str,
    kind: &str,
    span: Span,
) -> Result<Vec<Point>, StoreError> {
    counted_series(sql, user_id, kind, span.start_ms, span.end_ms).await
}

async fn glucose(
    sql: &impl Sql,
    user_id: &str,
    calendar: Calendar,
    now_ms: i64,
) -> Result<Option<GlucoseView>, StoreError> {
    let span = Span {
        start_ms: calendar.days_before(now_ms, u64::from(GLUCOSE_DAYS - 1)),
        end_ms: now_ms,
    };
    let metric = "glucose_cgm";
    let found = days(sql, user_id, metric, span, false).await?;
    let merged = Figures::merged(found.days.iter().map(|day| &day.figures));
    let Some(mean_milli) = merged.distribution.mean() else {
        return Ok(None);
    };
    let time_in_range = time_in_range(metric, span, &merged);
    Ok(Some(GlucoseView {
        mean: rounded(mean_milli / 1000.0),
        gmi_percent: rounded(gmi(mean_milli / 1000.0)),
        is_sufficient: time_in_range.is_some_and(|time| time.coverage >= COVERAGE_PERCENT_MIN),
        targets: time_in_range.and_then(|time| targets(time, &merged)),
        time_in_range,
    }))
}

/// The targets of the consensus. Days keep how long values held inside of one range
/// alone: how much was very low or very high is the share of the readings, which a
/// device takes at even intervals.
fn targets(time: TimeInRange, figures: &Figures) -> Option<[CgmTarget; 6]> {
    let distribution = &figures.distribution;
    let mean = distribution.mean().filter(|mean| *mean > 0.0)?;
    let share = |is_inside: fn(i64) -> bool| {
        let values = distribution.counts().iter();
        let inside: u64 = values
            .filter(|(value, _)| is_inside(*value))
            .map(|(_, count)| *count)
            .sum();
        rounded(inside as f64 / distribution.count() as f64 * 100.0)
    };
    cgm_targets(&CgmFigures {
        days: GLUCOSE_DAYS,
        coverage: time.coverage,
        in_range: time.inside,
        below_3_9: time.below,
        below_3_0: share(|milli| milli < VERY_LOW_BELOW_MILLI),
        above_10_0: time.above,
        above_13_9: share(|milli| milli > VERY_HIGH_ABOVE_MILLI),
        cv: rounded(distribution.sample_sd().unwrap_or_default() / mean * 100.0),
    })
}

/// Of an ambulatory recording alone: readings that people take themselves at night are
/// of nights in which they do not sleep.
fn nocturnal_dip(points: &[Point], calendar: Calendar) -> Option<DipView> {
    let (day, night): (Vec<&Point>, Vec<&Point>) = points
        .iter()
        .filter(|point| is_ambulatory(point))
        .partition(|point| DAY_HOURS.contains(&calendar.hour_of(point.at_ms)));
    if day.len() < DAY_READINGS_MIN || night.len() < NIGHT_READINGS_MIN {
        return None;
    }
    let mean_of = |points: &[&Point]| {
        let values: Vec<f64> = points.iter().map(|point| point.value.to_f64()).collect();
        mean(&values)
    };
    let found = dip(mean_of(&day)?, mean_of(&night)?)?;
    Some(DipView {
        percent: rounded(found.percent),
        class: found.class.as_str(),
        day_readings: day.len(),
        night_readings: night.len(),
    })
}

fn is_ambulatory(point: &Point) -> bool {
    matches!(
        Circumstances::read(point.context.as_deref()).setting,
        Setting::AmbulatoryDayAndNight | Setting::AmbulatoryDay | Setting::AmbulatoryNight
    )
}

fn home(points: &[Point], calendar: Calendar) -> Option<HomeView> {
    let at_home = points
        .iter()
        .filter(|point| Circumstances::read(point.context.as_deref()).setting == Setting::Home);
    let readings: Vec<PressureReading> = at_home
        .filter_map(|point| {
            Some(PressureReading {
                day: calendar.day_number(point.at_ms),
                systolic: point.value.to_f64(),
                diastolic: point.value2?.to_f64(),
            })
        })
        .collect();
    let found = home_mean(&readings)?;
    Some(HomeView {
        systolic: rounded(found.systolic),
        diastolic: rounded(found.diastolic),
        readings: found.readings,
        days: found.days,
    })
}

fn resting(points: &[Point], calendar: Calendar) -> Vec<RestingSample> {
    let each = points.iter().map(|point| RestingSample {
        at_ms: point.at_ms,
        value: point.value.to_f64(),
        is_resting_night: NIGHT_HOURS.contains(&calendar.hour_of(point.at_ms))
            && point.context.as_deref().is_some_and(says_rest),
    });
    each.collect()
}

/// Whether a context is a word of rest, or names one as the activity.
fn says_rest(context: &str) -> bool {
    let word = match serde_json::from_str::<Value>(context) {
        Ok(Value::Object(object)) => object.get("activity").cloned(),
        Ok(word) => Some(word),
        Err(_) => None,
    };
    word.as_ref()
        .and_then(Value::as_str)
        .is_some_and(|word| Activity::of_word(word) == Activity::Rest)
}

/// Of the sleeps whose end was sent. One that ends when its minutes are over, to the
/// minute, says nothing of the time in bed: its end was computed of them.
fn efficiency(points: &[Point], calendar: Calendar) -> Option<EfficiencyView> {
    const MINUTE_MS: i64 = 60_000;
    let (mut asleep_ms, mut in_bed_ms) = (0, 0);
    let mut nights = HashSet::new();
    for point in points {
        // Thousandths of a minute are 60 ms.
        let slept_ms = point.value.0.saturating_mul(60);
        let Some(lasted_ms) = point.end_ms.map(|end_ms| end_ms - point.at_ms) else {
            continue;
        };
        if lasted_ms - slept_ms >= MINUTE_MS {
            asleep_ms += slept_ms;
            in_bed_ms += lasted_ms;
            let middle_ms = night::middle_ms(point.at_ms, point.value);
            nights.insert(night::date_of(calendar, middle_ms));
        }
    }
    let (percent, class) = sleep_efficiency(asleep_ms as f64, in_bed_ms as f64)?;
    Some(EfficiencyView {
        percent: rounded(percent),
        class: class.code,
        nights: nights.len(),
    })
}

/// The middle of the longest sleep of each night, in minutes from the noon before it.
fn midpoints(points: &[Point], calendar: Calendar) -> Vec<f64> {
    const HALF_DAY_MINUTES: u32 = 12 * 60;
    let mut longest = BTreeMap::<_, (i64, f64)>::new();
    for point in points {
        let middle_ms = night::middle_ms(point.at_ms, point.value);
        let minutes = (calendar.minute_of(middle_ms) + HALF_DAY_MINUTES) % (2 * HALF_DAY_MINUTES);
        let sleep = (point.value.0, f64::from(minutes));
        let known = longest
            .entry(night::date_of(calendar, middle_ms))
            .or_insert(sleep);
        if sleep.0 > known.0 {
            *known = sleep;
        }
    }
    longest.into_values().map(|(_, minutes)| minutes).collect()
}
