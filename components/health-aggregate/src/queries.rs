//! The SQL of aggregates: readings are counted where they lie, and no value
//! crosses into the component.

use suoke_store::{Sql, StoreError, params};

/// Claims the next marks for a run and says how many.
pub async fn claim(sql: &impl Sql, run: &str, limit: u32) -> Result<u64, StoreError> {
    sql.execute_counted(
        "UPDATE dirty_buckets SET claim = ?1 WHERE (user_id, type, bucket_ms) IN \
         (SELECT user_id, type, bucket_ms FROM dirty_buckets \
          ORDER BY user_id, type, bucket_ms LIMIT ?2)",
        params![run, limit],
    )
    .await
}

/// Deletes the figures of the claimed buckets: one may have become empty. Two
/// statements, because SQLite looks only plain subqueries up in the key.
pub async fn delete_claimed_figures(sql: &impl Sql, run: &str) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM aggregates WHERE (user_id, metric, bucket_ms) IN \
         (SELECT user_id, type, bucket_ms FROM dirty_buckets WHERE claim = ?1)",
        params![run],
    )
    .await?;
    sql.execute(
        "DELETE FROM aggregates WHERE metric IN ('systolic', 'diastolic') \
         AND (user_id, bucket_ms) IN (SELECT user_id, bucket_ms FROM dirty_buckets \
          WHERE claim = ?1 AND type = 'blood_pressure')",
        params![run],
    )
    .await
}

/// Computes the figures of each claimed bucket: of its values or systolic
/// pressures, then of its diastolic pressures.
pub async fn insert_figures(
    sql: &impl Sql,
    run: &str,
    length_ms: i64,
    now_ms: i64,
) -> Result<(), StoreError> {
    let values = figures(
        "CASE d.type WHEN 'blood_pressure' THEN 'systolic' ELSE d.type END",
        "r.value_milli",
        "",
    );
    let second_values = figures(
        "'diastolic'",
        "r.value2_milli",
        "AND d.type = 'blood_pressure' AND r.value2_milli IS NOT NULL",
    );
    for statement in [values, second_values] {
        sql.execute(&statement, params![run, length_ms, now_ms])
            .await?;
    }
    Ok(())
}

/// The statement that computes the figures of one metric.
fn figures(metric: &str, value: &str, only: &str) -> String {
    format!(
        "INSERT INTO aggregates (user_id, metric, bucket_ms, count, min_milli, max_milli, \
         sum_milli, computed_ms) \
         SELECT d.user_id, {metric}, d.bucket_ms, \
         COUNT(*), MIN({value}), MAX({value}), SUM({value}), ?3 \
         FROM dirty_buckets d JOIN readings r ON r.user_id = d.user_id AND r.type = d.type \
         AND r.effective_ms >= d.bucket_ms AND r.effective_ms < d.bucket_ms + ?2 \
         WHERE d.claim = ?1 {only} GROUP BY d.user_id, d.type, d.bucket_ms"
    )
}

/// Deletes the marks that the run still claims.
pub async fn release(sql: &impl Sql, run: &str) -> Result<(), StoreError> {
    sql.execute("DELETE FROM dirty_buckets WHERE claim = ?1", params![run])
        .await
}
