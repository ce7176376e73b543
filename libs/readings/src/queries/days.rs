//! The SQL of stored days.

use suoke_health::aggregate::Day;
use suoke_health::calendar::{DAY_MS_MAX, Span};
use suoke_health::coverage::Held;
use suoke_health::distribution::Distribution;
use suoke_health::figures::{Figures, unpack};
use suoke_store::{Row, Sql, StoreError, params};

use crate::days::Days;

const COLUMNS: &str = "day_ms, end_ms, first_milli, last_milli, in_range_ms, below_ms, \
     above_ms, computed_ms, distribution";

/// The days of a metric that overlap a span, in order. No day is longer than
/// [`DAY_MS_MAX`]: the key alone bounds what is read.
pub(crate) async fn days(
    sql: &impl Sql,
    user_id: &str,
    metric: &str,
    span: Span,
    with_series: bool,
) -> Result<Days, StoreError> {
    let series = if with_series { ", series" } else { "" };
    let text = format!(
        "SELECT {COLUMNS}{series} FROM days WHERE user_id = ?1 AND metric = ?2 \
         AND day_ms > ?3 AND day_ms < ?4 AND end_ms > ?5 ORDER BY day_ms"
    );
    let first_ms = span.start_ms.saturating_sub(DAY_MS_MAX);
    let values = params![user_id, metric, first_ms, span.end_ms, span.start_ms];
    let rows: Vec<Row> = sql.query(&text, values).await?;
    let mut found = Days::default();
    for row in rows {
        let computed_ms: i64 = row.get("computed_ms")?;
        found.computed_ms = found.computed_ms.max(Some(computed_ms));
        found.days.push(day(&row, with_series)?);
    }
    Ok(found)
}

fn day(row: &Row, with_series: bool) -> Result<Day, StoreError> {
    let distribution: String = row.get("distribution")?;
    let series: Option<String> = if with_series {
        row.get("series")?
    } else {
        None
    };
    let series = series.map(|text| unpack(&text).ok_or_else(|| no_text("series")));
    Ok(Day {
        span: Span {
            start_ms: row.get("day_ms")?,
            end_ms: row.get("end_ms")?,
        },
        figures: Figures {
            ends: Some((row.get("first_milli")?, row.get("last_milli")?)),
            held: Held {
                in_ms: row.get("in_range_ms")?,
                below_ms: row.get("below_ms")?,
                above_ms: row.get("above_ms")?,
            },
            distribution: Distribution::unpack(&distribution)
                .ok_or_else(|| no_text("distribution"))?,
        },
        series: series.transpose()?.unwrap_or_default(),
    })
}

fn no_text(column: &str) -> StoreError {
    StoreError::WrongType {
        column: column.to_owned(),
        expected: "packed figures",
        found: "another text",
    }
}

/// Whether there is a mark that touches a span.
pub(crate) async fn are_pending(
    sql: &impl Sql,
    user_id: &str,
    kind: &str,
    span: Span,
) -> Result<bool, StoreError> {
    sql.query_one(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM dirty_days WHERE user_id = ?1 AND type = ?2 \
         AND from_ms < ?3 AND to_ms >= ?4) THEN 1 ELSE 0 END AS pending",
        params![user_id, kind, span.end_ms, span.start_ms],
    )
    .await
}

/// The same for marks of any type.
pub(crate) async fn are_any_pending(
    sql: &impl Sql,
    user_id: &str,
    span: Span,
) -> Result<bool, StoreError> {
    sql.query_one(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM dirty_days WHERE user_id = ?1 \
         AND from_ms < ?2 AND to_ms >= ?3) THEN 1 ELSE 0 END AS pending",
        params![user_id, span.end_ms, span.start_ms],
    )
    .await
}
