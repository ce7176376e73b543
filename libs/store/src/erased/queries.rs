//! Tombstones in SQL.

use crate::database::Sql;
use crate::error::StoreError;
use crate::params;

pub(super) async fn insert(sql: &impl Sql, user_id: &str, now_ms: i64) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO erased_users (user_id, erased_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        params![user_id, now_ms],
    )
    .await
}

pub(super) async fn exists(sql: &impl Sql, user_id: &str) -> Result<bool, StoreError> {
    let found: Option<i64> = sql
        .query_optional(
            "SELECT 1 FROM erased_users WHERE user_id = ?1",
            params![user_id],
        )
        .await?;
    Ok(found.is_some())
}
