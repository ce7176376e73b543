//! The status of a consultation in SQL.

use suoke_store::{Sql, StoreError, params};

/// Moves a consultation from `created` to `diagnosing`; false when it is not `created`.
pub(crate) async fn start_diagnosing(
    sql: &impl Sql,
    id: &str,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let moved: Option<i64> = sql
        .query_optional(
            "UPDATE consultations SET status = 'diagnosing', updated_at = ?2 \
             WHERE id = ?1 AND status = 'created' RETURNING 1",
            params![id, now_ms],
        )
        .await?;
    Ok(moved.is_some())
}
