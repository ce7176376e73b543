//! The SQL of aggregates.

use suoke_health::Milli;
use suoke_health::bucket::Figures;
use suoke_store::{Sql, StoreError, params};

struct Stored {
    bucket_ms: i64,
    count: u64,
    min_milli: i64,
    max_milli: i64,
    sum_milli: i64,
}

suoke_store::from_row!(Stored {
    bucket_ms,
    count,
    min_milli,
    max_milli,
    sum_milli
});

/// The five-minute figures of a person's metric in `[from_ms, to_ms)`, in order.
pub async fn figures(
    sql: &impl Sql,
    user_id: &str,
    metric: &str,
    from_ms: i64,
    to_ms: i64,
) -> Result<Vec<(i64, Figures)>, StoreError> {
    let found: Vec<Stored> = sql
        .query(
            "SELECT bucket_ms, count, min_milli, max_milli, sum_milli FROM aggregates \
             WHERE user_id = ?1 AND metric = ?2 AND bucket_ms >= ?3 AND bucket_ms < ?4 \
             ORDER BY bucket_ms",
            params![user_id, metric, from_ms, to_ms],
        )
        .await?;
    let each = found.into_iter().map(|row| {
        let figures = Figures {
            count: row.count,
            min: Milli(row.min_milli),
            max: Milli(row.max_milli),
            sum: Milli(row.sum_milli),
        };
        (row.bucket_ms, figures)
    });
    Ok(each.collect())
}
