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

/// Computes the first figure of each claimed bucket: the value, or the systolic
/// pressure.
pub async fn insert_values(
    sql: &impl Sql,
    run: &str,
    length_ms: i64,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO aggregates (user_id, metric, bucket_ms, count, min_milli, max_milli, \
         sum_milli, computed_ms) \
         SELECT d.user_id, CASE d.type WHEN 'blood_pressure' THEN 'systolic' ELSE d.type END, \
         d.bucket_ms, COUNT(*), MIN(r.value_milli), MAX(r.value_milli), SUM(r.value_milli), ?3 \
         FROM dirty_buckets d JOIN readings r ON r.user_id = d.user_id AND r.type = d.type \
         AND r.effective_ms >= d.bucket_ms AND r.effective_ms < d.bucket_ms + ?2 \
         WHERE d.claim = ?1 GROUP BY d.user_id, d.type, d.bucket_ms",
        params![run, length_ms, now_ms],
    )
    .await
}

/// Computes the second figure of each claimed bucket: the diastolic pressure.
pub async fn insert_second_values(
    sql: &impl Sql,
    run: &str,
    length_ms: i64,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO aggregates (user_id, metric, bucket_ms, count, min_milli, max_milli, \
         sum_milli, computed_ms) \
         SELECT d.user_id, 'diastolic', d.bucket_ms, COUNT(*), MIN(r.value2_milli), \
         MAX(r.value2_milli), SUM(r.value2_milli), ?3 \
         FROM dirty_buckets d JOIN readings r ON r.user_id = d.user_id AND r.type = d.type \
         AND r.effective_ms >= d.bucket_ms AND r.effective_ms < d.bucket_ms + ?2 \
         WHERE d.claim = ?1 AND d.type = 'blood_pressure' AND r.value2_milli IS NOT NULL \
         GROUP BY d.user_id, d.bucket_ms",
        params![run, length_ms, now_ms],
    )
    .await
}

/// Deletes the marks that the run still claims.
pub async fn release(sql: &impl Sql, run: &str) -> Result<(), StoreError> {
    sql.execute("DELETE FROM dirty_buckets WHERE claim = ?1", params![run])
        .await
}
