//! Where the daily figures of a type go, and how far the newest is from what is usual.

use serde::Serialize;
use suoke_guest::clock;
use suoke_health::aggregate::{Day, rounded};
use suoke_health::baseline::{BASELINE_DAYS, Baseline, Deviation};
use suoke_health::calendar::{Calendar, Span};
use suoke_health::catalogue::ReadingType;
use suoke_health::night;
use suoke_health::trend::{Trend, adds_up, daily_figure, trend};
use suoke_readings::days::{Days, are_pending, days};
use suoke_readings::{nights, profile};
use suoke_store::{Sql, StoreError};

use crate::special::{self, Special};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The answer.
#[derive(Debug, Serialize)]
pub struct Shown {
    #[serde(rename = "type")]
    kind: &'static str,
    unit: &'static str,
    timezone: &'static str,
    from: String,
    to: String,
    days: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    computed_at: Option<String>,
    pending: bool,
    metrics: Vec<MetricView>,
    figures: Special,
}

/// One metric.
#[derive(Debug, Serialize)]
struct MetricView {
    metric: &'static str,
    points: Vec<Point>,
    trend: Option<Trend>,
    baseline: Option<Baseline>,
    deviation: Option<Deviation>,
}

/// The figure of a day: the mean, or the sum of what adds up.
#[derive(Debug, Serialize)]
struct Point {
    day: String,
    value: f64,
}

/// The trend of the last `days` local days, today included.
pub async fn shown(
    sql: &impl Sql,
    user_id: &str,
    kind: &'static ReadingType,
    asked_days: u32,
    now_ms: i64,
) -> Result<Shown, StoreError> {
    let calendar = Calendar::new(profile(sql, user_id).await?.profile.tz());
    let window = Span {
        start_ms: calendar.days_before(now_ms, u64::from(asked_days.saturating_sub(1))),
        end_ms: calendar.day_of(now_ms).end_ms,
    };
    // Whole days that ended a day ago.
    let usual = Span {
        start_ms: calendar.days_before(now_ms - DAY_MS, BASELINE_DAYS),
        end_ms: calendar.day_of(now_ms - DAY_MS).start_ms,
    };
    let all = Span {
        start_ms: window.start_ms.min(usual.start_ms),
        end_ms: window.end_ms,
    };
    // Nights are made from the readings themselves.
    let is_sleep = night::is_sleep(kind.key);
    let pending = !is_sleep && are_pending(sql, user_id, kind.key, all).await?;
    let mut metrics = Vec::new();
    let mut computed_ms = None;
    for metric in kind.metrics {
        let found = match is_sleep {
            true => Days {
                days: nights(sql, user_id, kind, calendar, all).await?,
                computed_ms: Some(now_ms),
            },
            false => days(sql, user_id, metric.key, all, false).await?,
        };
        computed_ms = computed_ms.max(found.computed_ms);
        let mut counted: Vec<Day> = found.days;
        counted.retain(|day| night::counts(kind.key, day.span, calendar, now_ms));
        metrics.push(view(kind, metric.key, &counted, calendar, (window, usual)));
    }
    Ok(Shown {
        kind: kind.key,
        unit: kind.unit,
        timezone: calendar.name(),
        from: calendar.rfc3339(window.start_ms),
        to: calendar.rfc3339(window.end_ms),
        days: asked_days,
        computed_at: computed_ms.map(clock::rfc3339),
        pending,
        metrics,
        figures: special::figures(sql, user_id, kind, calendar, now_ms).await?,
    })
}

fn view(
    kind: &ReadingType,
    metric: &'static str,
    days: &[Day],
    calendar: Calendar,
    (window, usual): (Span, Span),
) -> MetricView {
    let inside = || days.iter().filter(|day| window.contains(day.span.start_ms));
    let figure = |day: &Day| daily_figure(kind.key, &day.figures);
    let points: Vec<(i64, f64)> = inside()
        .filter_map(|day| Some((calendar.day_number(day.span.start_ms), figure(day)?)))
        .collect();
    let before = days.iter().filter(|day| usual.contains(day.span.start_ms));
    let baseline = Baseline::of(kind.key, before.map(|day| &day.figures));
    let newest = inside().next_back().and_then(|day| {
        let last = day.figures.ends.map(|(_, last)| last as f64 / 1000.0);
        if adds_up(kind.key) { figure(day) } else { last }
    });
    MetricView {
        metric,
        trend: trend(metric, &points),
        deviation: baseline
            .zip(newest)
            .map(|(usual, newest)| usual.deviation(metric, newest)),
        baseline,
        points: inside()
            .filter_map(|day| {
                let day_of = calendar.date_of(day.span.start_ms).to_string();
                Some(Point {
                    day: day_of,
                    value: rounded(figure(day)?),
                })
            })
            .collect(),
    }
}
