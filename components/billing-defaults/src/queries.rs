//! Quotas in SQL.

use suoke_store::{Sql, StoreError, params};

use crate::Quota;

/// Gives somebody a quota; false when they have one.
pub(crate) async fn insert(
    sql: &impl Sql,
    user_id: &str,
    quota: &Quota,
    set_by: &str,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let added: Option<i64> = sql
        .query_optional(
            "INSERT INTO quotas (user_id, period, tokens_max, requests_per_minute_max, \
             tokens_per_minute_max, soft_limit_percent, set_by, created_at, updated_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8) ON CONFLICT DO NOTHING RETURNING 1",
            params![
                user_id,
                quota.period,
                quota.tokens_max,
                quota.requests_per_minute_max,
                quota.tokens_per_minute_max,
                quota.soft_limit_percent,
                set_by,
                now_ms
            ],
        )
        .await?;
    Ok(added.is_some())
}

pub(crate) async fn delete(sql: &impl Sql, user_id: &str) -> Result<(), StoreError> {
    sql.execute("DELETE FROM quotas WHERE user_id = ?1", params![user_id])
        .await
}
