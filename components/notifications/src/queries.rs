//! Notifications in SQL; every question names the owner.

use suoke_store::{Sql, StoreError, params};

/// A row of `notifications`.
#[derive(Clone, Debug)]
pub(crate) struct NotificationRow {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) consultation_id: Option<String>,
    pub(crate) report_id: Option<String>,
    pub(crate) alert_id: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) read_at: Option<i64>,
}

suoke_store::from_row!(NotificationRow {
    id,
    kind,
    consultation_id,
    report_id,
    alert_id,
    created_at,
    read_at
});

/// What is older than `before`, newest first; without the cancelled.
pub(crate) async fn page(
    sql: &impl Sql,
    user_id: &str,
    before: Option<&str>,
    unread_only: bool,
    limit: u32,
) -> Result<Vec<NotificationRow>, StoreError> {
    sql.query(
        "SELECT id, kind, consultation_id, report_id, alert_id, created_at, read_at \
         FROM notifications WHERE user_id = ?1 AND cancelled_at IS NULL AND (?2 IS NULL OR id < ?2) \
         AND (?3 = 0 OR read_at IS NULL) ORDER BY id DESC LIMIT ?4",
        params![user_id, before, i64::from(unread_only), limit],
    )
    .await
}

/// Notes that it was read; false where there is none.
pub(crate) async fn read(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let read: Option<i64> = sql
        .query_optional(
            "UPDATE notifications SET read_at = coalesce(read_at, ?3) \
             WHERE id = ?1 AND user_id = ?2 AND cancelled_at IS NULL RETURNING 1",
            params![id, user_id, now_ms],
        )
        .await?;
    Ok(read.is_some())
}
