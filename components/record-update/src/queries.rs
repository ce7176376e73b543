//! Health records in SQL.

use suoke_store::{Sql, StoreError, params};

/// What is noted of a consultation.
pub(crate) struct Record<'a> {
    pub(crate) id: &'a str,
    pub(crate) user_id: &'a str,
    pub(crate) consultation_id: &'a str,
    pub(crate) report_id: &'a str,
    pub(crate) summary: &'a str,
}

pub(crate) async fn insert(
    sql: &impl Sql,
    record: &Record<'_>,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO health_records \
         (id, user_id, kind, consultation_id, report_id, summary, created_at) \
         VALUES (?1, ?2, 'consultation', ?3, ?4, ?5, ?6)",
        params![
            record.id,
            record.user_id,
            record.consultation_id,
            record.report_id,
            record.summary,
            now_ms
        ],
    )
    .await
}

pub(crate) async fn delete(sql: &impl Sql, consultation_id: &str) -> Result<(), StoreError> {
    let text = "DELETE FROM health_records WHERE consultation_id = ?1";
    sql.execute(text, params![consultation_id]).await
}
