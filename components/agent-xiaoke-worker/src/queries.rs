//! The SQL of readings, read only.

use suoke_health::Milli;
use suoke_health::catalogue::ReadingType;
use suoke_health::vitals::Readings;
use suoke_store::{Sql, StoreError, params};

/// Figures over the days.
struct Span {
    count: u64,
    min: Option<i64>,
    max: Option<i64>,
    sum: Option<i64>,
    min2: Option<i64>,
    max2: Option<i64>,
    sum2: Option<i64>,
}

suoke_store::from_row!(Span {
    count,
    min,
    max,
    sum,
    min2,
    max2,
    sum2
});

/// The newest reading.
struct Latest {
    value_milli: i64,
    value2_milli: Option<i64>,
    effective_ms: i64,
    context: Option<String>,
    source_rank: u8,
}

suoke_store::from_row!(Latest {
    value_milli,
    value2_milli,
    effective_ms,
    context,
    source_rank
});

/// A person's readings of a kind since then; none where there are none. What is
/// implausible, corrected or deleted does not count.
pub(crate) async fn readings(
    sql: &impl Sql,
    user_id: &str,
    kind: &ReadingType,
    since_ms: i64,
) -> Result<Option<Readings>, StoreError> {
    let latest: Option<Latest> = sql
        .query_optional(
            "SELECT value_milli, value2_milli, effective_ms, context, source_rank \
             FROM readings \
             WHERE user_id = ?1 AND type = ?2 AND status = 'final' AND effective_ms >= ?3 \
             AND quality = 'ok' \
             ORDER BY effective_ms DESC, id DESC LIMIT 1",
            params![user_id, kind.key, since_ms],
        )
        .await?;
    let Some(latest) = latest else {
        return Ok(None);
    };
    let span: Span = sql
        .query_one(
            "SELECT count(*) AS count, min(value_milli) AS min, max(value_milli) AS max, \
             sum(value_milli) AS sum, min(value2_milli) AS min2, max(value2_milli) AS max2, \
             sum(value2_milli) AS sum2 FROM readings \
             WHERE user_id = ?1 AND type = ?2 AND status = 'final' AND effective_ms >= ?3 \
             AND quality = 'ok'",
            params![user_id, kind.key, since_ms],
        )
        .await?;
    let figures = |min: Option<i64>, max: Option<i64>, sum: Option<i64>| {
        Some((Milli(min?), Milli(max?), Milli(sum?)))
    };
    let first = figures(span.min, span.max, span.sum);
    let second = figures(span.min2, span.max2, span.sum2);
    let values = [Some(latest.value_milli), latest.value2_milli];
    Ok(Some(Readings {
        count: span.count,
        spans: first.into_iter().chain(second).collect(),
        latest: values.into_iter().flatten().map(Milli).collect(),
        latest_ms: latest.effective_ms,
        context: latest.context,
        source_rank: latest.source_rank,
    }))
}
