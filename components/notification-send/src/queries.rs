//! Notifications in SQL.

use suoke_store::{Sql, StoreError, params};

/// What somebody is told.
pub(crate) struct Notification<'a> {
    pub(crate) id: &'a str,
    pub(crate) user_id: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) consultation_id: Option<&'a str>,
    pub(crate) report_id: Option<&'a str>,
    pub(crate) alert_id: Option<&'a str>,
}

pub(crate) async fn insert(
    sql: &impl Sql,
    notification: &Notification<'_>,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO notifications (id, user_id, kind, consultation_id, report_id, alert_id, \
         created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            notification.id,
            notification.user_id,
            notification.kind,
            notification.consultation_id,
            notification.report_id,
            notification.alert_id,
            now_ms
        ],
    )
    .await
}

/// Takes back what was told about a consultation.
pub(crate) async fn cancel(
    sql: &impl Sql,
    consultation_id: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE notifications SET cancelled_at = ?2 \
         WHERE consultation_id = ?1 AND cancelled_at IS NULL",
        params![consultation_id, now_ms],
    )
    .await
}
