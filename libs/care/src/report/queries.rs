//! Reports in SQL.

use suoke_store::{Sql, StoreError, params};

/// A row of `reports`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRow {
    /// Its id.
    pub id: String,
    /// The report as JSON.
    pub content: String,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_at: i64,
}

suoke_store::from_row!(ReportRow {
    id,
    content,
    created_at
});

pub(super) async fn store(
    sql: &impl Sql,
    id: &str,
    consultation_id: &str,
    content: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO reports (id, consultation_id, content, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![id, consultation_id, content, now_ms],
    )
    .await
}

pub(super) async fn delete(sql: &impl Sql, consultation_id: &str) -> Result<(), StoreError> {
    let text = "DELETE FROM reports WHERE consultation_id = ?1";
    sql.execute(text, params![consultation_id]).await
}

pub(super) async fn find(
    sql: &impl Sql,
    consultation_id: &str,
) -> Result<Option<ReportRow>, StoreError> {
    let text = "SELECT id, content, created_at FROM reports WHERE consultation_id = ?1";
    sql.query_optional(text, params![consultation_id]).await
}
