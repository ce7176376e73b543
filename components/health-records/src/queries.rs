//! Health records in SQL; every question names the owner.

use suoke_store::{Sql, StoreError, params};

/// A row of `health_records`.
pub(crate) struct RecordRow {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) consultation_id: String,
    pub(crate) report_id: String,
    pub(crate) summary: String,
    pub(crate) created_at: i64,
}

suoke_store::from_row!(RecordRow {
    id,
    kind,
    consultation_id,
    report_id,
    summary,
    created_at
});

/// What is older than `before`, newest first.
pub(crate) async fn page(
    sql: &impl Sql,
    user_id: &str,
    before: Option<&str>,
    limit: u32,
) -> Result<Vec<RecordRow>, StoreError> {
    sql.query(
        "SELECT id, kind, consultation_id, report_id, summary, created_at FROM health_records \
         WHERE user_id = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3",
        params![user_id, before, limit],
    )
    .await
}
