//! The readings that figures are of: those that are valid and in no shadow.
//!
//! Valid is every reading that was accepted and neither corrected nor deleted: an
//! implausible one counts too, and is marked where it is shown. In the shadow is one
//! beside which a better source measured the same.

use std::collections::HashSet;

use suoke_health::Milli;
use suoke_health::aggregate::Day;
use suoke_health::calendar::{Calendar, Span};
use suoke_health::catalogue::ReadingType;
use suoke_health::day::{Sample, counted, shadow_ms};
use suoke_health::night;
use suoke_store::{Sql, StoreError};

use crate::read::{Point, series};

/// The points of a type that no better source puts in the shadow, in the order of time.
/// Computed from the points and not read from the rows: these are marked only when the
/// figures of their day are.
#[must_use]
pub fn unshadowed(kind: &str, mut points: Vec<Point>) -> Vec<Point> {
    let mut samples: Vec<Sample> = points
        .iter()
        .map(|point| Sample {
            at_ms: point.at_ms,
            value: point.value.0,
            value2: point.value2.map(|value| value.0),
            rank: point.rank,
        })
        .collect();
    samples.sort_unstable();
    let kept: HashSet<(i64, u8)> = counted(&samples, shadow_ms(kind))
        .into_iter()
        .map(|sample| (sample.at_ms, sample.rank))
        .collect();
    points.retain(|point| kept.contains(&(point.at_ms, point.rank)));
    points
}

/// The readings of one type in `[from_ms, to_ms)` that figures are of, in the order of
/// time: a [`series`] without what is in the shadow, also of readings just outside.
///
/// # Errors
/// When the database fails.
pub async fn counted_series(
    sql: &impl Sql,
    user_id: &str,
    kind: &str,
    from_ms: i64,
    to_ms: i64,
) -> Result<Vec<Point>, StoreError> {
    let around_ms = shadow_ms(kind).saturating_add(1);
    let (before_ms, after_ms) = (
        from_ms.saturating_sub(around_ms),
        to_ms.saturating_add(around_ms),
    );
    let points = series(sql, user_id, kind, before_ms, after_ms).await?;
    let mut points = unshadowed(kind, points);
    points.retain(|point| (from_ms..to_ms).contains(&point.at_ms));
    Ok(points)
}

/// The nights of a kind of sleep whose dates are inside of a span of days, in order,
/// as days ([`night`]). They come from the readings themselves: stored days begin at
/// midnight.
///
/// # Errors
/// When the database fails.
pub async fn nights(
    sql: &impl Sql,
    user_id: &str,
    kind: &ReadingType,
    calendar: Calendar,
    days: Span,
) -> Result<Vec<Day>, StoreError> {
    let Span { start_ms, end_ms } = night::read_span(days);
    let points = counted_series(sql, user_id, kind.key, start_ms, end_ms).await?;
    let sleeps: Vec<(i64, Milli)> = points
        .iter()
        .map(|point| (point.at_ms, point.value))
        .collect();
    Ok(night::nights(&sleeps, calendar, days))
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{health, pulse, send, with};

    fn of(source: &str, rate: u32, second: u32) -> Value {
        let reading = pulse(rate, &format!("2025-12-31T23:00:{second:02}Z"));
        with(
            with(reading, "source", source),
            "device_id",
            format!("{source}{second}"),
        )
    }

    #[test]
    fn what_is_in_the_shadow_does_not_count_and_what_is_implausible_does() {
        block_on(async {
            let mut db = health().await;
            let readings = [
                of("manual", 60, 0),
                of("clinic", 70, 4),
                of("manual", 80, 30),
                of("manual", 250, 50),
            ];
            send(&mut db, "u1", &readings).await;
            let all = counted_series(&db, "u1", "heart_rate", 0, i64::MAX)
                .await
                .unwrap();
            let rates: Vec<i64> = all.iter().map(|point| point.value.0 / 1_000).collect();
            assert_eq!(rates, [70, 80, 250]);
            assert!(!all[2].is_plausible);
            // What casts the shadow may lie outside of the span.
            let (first_ms, last_ms) = (all[0].at_ms - 4_000, all[0].at_ms);
            let none = counted_series(&db, "u1", "heart_rate", first_ms, last_ms)
                .await
                .unwrap();
            assert!(none.is_empty());
        });
    }

    #[test]
    fn nights_come_from_readings() {
        block_on(async {
            let mut db = health().await;
            let sleep = |at: &str| json!({"type": "sleep_duration", "value": 420, "unit": "min", "effective_at": at});
            let sent = [
                sleep("2025-12-30T00:30:00+08:00"),
                sleep("2025-12-30T23:30:00+08:00"),
            ];
            send(&mut db, "u1", &sent).await;
            let calendar = Calendar::new("Asia/Shanghai".parse().unwrap());
            let kind = suoke_health::catalogue::find("sleep_duration").unwrap();
            let start = |date: &str| calendar.start_of(date.parse().unwrap());
            let days = Span {
                start_ms: start("2025-12-29"),
                end_ms: start("2026-01-02"),
            };
            let found = nights(&db, "u1", kind, calendar, days).await.unwrap();
            let sums: Vec<i64> = found
                .iter()
                .map(|night| night.figures.distribution.sum())
                .collect();
            assert_eq!(sums, [420_000, 420_000]);
            let dates = found
                .iter()
                .map(|night| calendar.date_of(night.span.start_ms).to_string());
            assert!(dates.eq(["2025-12-30", "2025-12-31"]));
        });
    }
}
