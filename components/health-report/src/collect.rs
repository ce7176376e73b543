//! What a report is made of, from the store.

use std::collections::BTreeSet;

use suoke_health::aggregate::Day;
use suoke_health::alerts::text;
use suoke_health::calendar::{Calendar, Span};
use suoke_health::catalogue::{self, ReadingType};
use suoke_health::classes::{Level, Person};
use suoke_health::night;
use suoke_health::profile::Profile;
use suoke_readings::days::{are_any_pending, days};
use suoke_readings::{Filter, counted_series, nights, select};
use suoke_report::{AlertLine, Counted, Input, KindInput, Period, Text};
use suoke_store::{Sql, StoreError};

use crate::{count, queries};

/// Of more readings of a kind classes are counted from the figures of days, without the
/// circumstances of each.
const SINGLE_READINGS_MAX: u64 = 5_000;
/// So many names of devices are shown.
const DEVICES_MAX: usize = 20;

/// Of whom and when a report is.
struct Asked {
    period: Period,
    calendar: Calendar,
    span: Span,
    now_ms: i64,
    person: Person,
}

pub(crate) async fn input(
    sql: &impl Sql,
    user_id: &str,
    profile: &Profile,
    period: Period,
    span: Span,
    now_ms: i64,
) -> Result<Input, StoreError> {
    let calendar = Calendar::new(profile.tz());
    let asked = Asked {
        period,
        calendar,
        span,
        now_ms,
        person: Person::of(profile, now_ms),
    };
    // Before the days: what a run takes away between the two reads is in them.
    let pending = are_any_pending(sql, user_id, span).await?;
    let mut kinds = Vec::new();
    for kind in catalogue::all() {
        let metrics = days_of(sql, user_id, kind, &asked).await?;
        if metrics.iter().any(|days| !days.is_empty()) {
            kinds.push(of_kind(sql, user_id, kind, metrics, &asked).await?);
        }
    }
    Ok(Input {
        period,
        calendar,
        span,
        now_ms,
        pending,
        devices: devices(sql, user_id, span).await?,
        kinds,
        alerts: alerts(sql, user_id, span, calendar).await?,
    })
}

/// The days of each metric of a kind: nights of sleep, as stored of all others.
async fn days_of(
    sql: &impl Sql,
    user_id: &str,
    kind: &'static ReadingType,
    asked: &Asked,
) -> Result<Vec<Vec<Day>>, StoreError> {
    if night::is_sleep(kind.key) {
        let nights = nights(sql, user_id, kind, asked.calendar, asked.span).await?;
        return Ok(vec![nights]);
    }
    let with_series = asked.period == Period::Day;
    let mut metrics = Vec::new();
    for metric in kind.metrics {
        let found = days(sql, user_id, metric.key, asked.span, with_series).await?;
        metrics.push(found.days);
    }
    Ok(metrics)
}

async fn of_kind(
    sql: &impl Sql,
    user_id: &str,
    kind: &'static ReadingType,
    metrics: Vec<Vec<Day>>,
    asked: &Asked,
) -> Result<KindInput, StoreError> {
    let first = metrics.first().map_or(&[][..], Vec::as_slice);
    let readings: u64 = first
        .iter()
        .map(|day| day.figures.distribution.count())
        .sum();
    let Span { start_ms, end_ms } = asked.span;
    let points = if readings <= SINGLE_READINGS_MAX {
        Some(counted_series(sql, user_id, kind.key, start_ms, end_ms).await?)
    } else {
        None
    };
    let is_over = |day: &Day| night::counts(kind.key, day.span, asked.calendar, asked.now_ms);
    let whole: Vec<&Day> = first.iter().filter(|day| is_over(day)).collect();
    let week = (asked.period == Period::Week && end_ms <= asked.now_ms).then_some(&whole);
    let (classes, counted) = if let Some(classes) = count::of_days(kind, &whole, &asked.person) {
        (classes, Counted::Days)
    } else if let Some(classes) = count::of_week(kind, week.map(Vec::as_slice), &asked.person) {
        (classes, Counted::Weeks)
    } else if let Some(points) = &points {
        let classes = count::of_points(kind, points, &asked.person);
        (classes, Counted::Readings)
    } else {
        (
            count::of_values(kind, first, &asked.person),
            Counted::Readings,
        )
    };
    let implausible = points.map(|points| {
        let odd = points.iter().filter(|point| !point.is_plausible);
        u64::try_from(odd.count()).unwrap_or(u64::MAX)
    });
    Ok(KindInput {
        kind,
        days: metrics,
        classes,
        counted,
        implausible,
    })
}

/// What the newest readings of the span say that they come from.
async fn devices(sql: &impl Sql, user_id: &str, span: Span) -> Result<Vec<String>, StoreError> {
    let newest = Filter {
        from_ms: Some(span.start_ms),
        to_ms: Some(span.end_ms),
        ..Filter::default()
    };
    let readings = select(sql, user_id, &newest).await?;
    let names: BTreeSet<String> = readings
        .into_iter()
        .map(|reading| match reading.device_id.is_empty() {
            true => reading.source,
            false => reading.device_id,
        })
        .filter(|name| !name.is_empty())
        .collect();
    Ok(names.into_iter().take(DEVICES_MAX).collect())
}

async fn alerts(
    sql: &impl Sql,
    user_id: &str,
    span: Span,
    calendar: Calendar,
) -> Result<Vec<AlertLine>, StoreError> {
    let rows = queries::alerts(sql, user_id, span.start_ms, span.end_ms).await?;
    let each = rows.into_iter().map(|row| {
        let level = Level::parse(&row.level).unwrap_or_default();
        let title = |is_chinese| text(&row.rule, level, is_chinese).title;
        AlertLine {
            title: Text::new(title(true), title(false)),
            level: row.level.clone(),
            state: row.state,
            started_at: calendar.rfc3339(row.started_ms),
        }
    });
    Ok(each.collect())
}
