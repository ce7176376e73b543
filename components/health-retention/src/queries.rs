//! The SQL that deletes what is over.

use suoke_store::{Sql, StoreError, params};

/// Deletes readings for good that were deleted before then; at most `limit`.
pub(crate) async fn purge_deleted(
    sql: &impl Sql,
    before_ms: i64,
    limit: u32,
) -> Result<u64, StoreError> {
    sql.execute_counted(
        "DELETE FROM readings WHERE (user_id, id) IN (SELECT user_id, id FROM readings \
         WHERE status = 'entered_in_error' AND changed_ms < ?1 ORDER BY changed_ms LIMIT ?2)",
        params![before_ms, limit],
    )
    .await
}

/// The next person after this one who has readings.
pub(crate) async fn next_user(sql: &impl Sql, after: &str) -> Result<Option<String>, StoreError> {
    sql.query_optional(
        "SELECT user_id FROM readings WHERE user_id > ?1 ORDER BY user_id LIMIT 1",
        params![after],
    )
    .await
}

/// Deletes readings of a person that were measured before then; at most `limit`. Ids
/// begin with the instant, so that the oldest are the first of the primary key and the
/// first one that stays ends the search.
pub(crate) async fn delete_old(
    sql: &impl Sql,
    user_id: &str,
    before_ms: i64,
    limit: u32,
) -> Result<u64, StoreError> {
    sql.execute_counted(
        "DELETE FROM readings WHERE user_id = ?1 AND id IN (SELECT id FROM readings \
         WHERE user_id = ?1 AND id < ?2 AND effective_ms < ?3 ORDER BY id LIMIT ?4)",
        params![user_id, first_id(before_ms), before_ms, limit],
    )
    .await
}

/// Deletes the figures of a person's days that ended before then.
pub(crate) async fn delete_old_days(
    sql: &impl Sql,
    user_id: &str,
    before_ms: i64,
) -> Result<u64, StoreError> {
    sql.execute_counted(
        "DELETE FROM days WHERE user_id = ?1 AND end_ms <= ?2",
        params![user_id, before_ms],
    )
    .await
}

/// Sorts after every id of an instant before this one.
fn first_id(ms: i64) -> String {
    let digits = format!("{:012x}", ms.max(1));
    let (high, low) = digits.split_at_checked(8).unwrap_or((&digits, ""));
    format!("{high}-{low}")
}
