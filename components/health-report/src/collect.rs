//! What a report is made of, from the store.

use std::collections::BTreeSet;

use suoke_health::aggregate::Day;
use suoke_health::alerts::text;
use suoke_health::calendar::{Calendar, Span};
use suoke_health::catalogue::{self, ReadingType};
use suoke_health::classes::{Level, Person};
use suoke_health::profile::Profile;
use suoke_readings::days::days;
use suoke_readings::{Filter, select, series};
use suoke_report::{AlertLine, Counted, Input, KindInput, Period, Text};
use suoke_store::{Sql, StoreError};

use crate::{count, queries};

/// Of more readings of a kind classes are counted from the figures of days, without the
/// circumstances of each.
const SINGLE_READINGS_MAX: u64 = 5_000;
/// So many names of devices are shown.
const DEVICES_MAX: usize = 20;

pub(crate) async fn input(
    sql: &impl Sql,
    user_id: &str,
    profile: &Profile,
    period: Period,
    span: Span,
    now_ms: i64,
) -> Result<Input, StoreError> {
    let calendar = Calendar::new(profile.tz());
    let person = Person::of(profile, now_ms);
    let mut kinds = Vec::new();
    for kind in catalogue::all() {
        let with_series = period == Period::Day;
        let mut metrics: Vec<Vec<Day>> = Vec::new();
        for metric in kind.metrics {
            metrics.push(
                days(sql, user_id, metric.key, span, with_series)
                    .await?
                    .days,
            );
        }
        if metrics.iter().any(|days| !days.is_empty()) {
            kinds.push(of_kind(sql, user_id, kind, metrics, span, &person).await?);
        }
    }
    Ok(Input {
        period,
        calendar,
        span,
        now_ms,
        devices: devices(sql, user_id, span).await?,
        kinds,
        alerts: alerts(sql, user_id, span, calendar).await?,
    })
}

async fn of_kind(
    sql: &impl Sql,
    user_id: &str,
    kind: &'static ReadingType,
    metrics: Vec<Vec<Day>>,
    span: Span,
    person: &Person,
) -> Result<KindInput, StoreError> {
    let first = metrics.first().map_or(&[][..], Vec::as_slice);
    let readings: u64 = first
        .iter()
        .map(|day| day.figures.distribution.count())
        .sum();
    let (classes, counted) = if let Some(classes) = count::of_days(kind, first, person) {
        (classes, Counted::Days)
    } else if readings <= SINGLE_READINGS_MAX {
        let points = series(sql, user_id, kind.key, span.start_ms, span.end_ms).await?;
        (count::of_points(kind, &points, person), Counted::Readings)
    } else {
        (count::of_values(kind, first, person), Counted::Readings)
    };
    Ok(KindInput {
        kind,
        days: metrics,
        classes,
        counted,
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
