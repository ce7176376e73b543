//! Consultations and records in SQL.

use suoke_store::{Sql, StoreError, params};

/// A row of `consultations`.
pub(crate) struct ConsultationRow {
    pub(crate) user_id: String,
    pub(crate) chief_complaint: String,
    pub(crate) created_at: i64,
}

suoke_store::from_row!(ConsultationRow {
    user_id,
    chief_complaint,
    created_at
});

/// A row of `health_records`.
pub(crate) struct RecordRow {
    pub(crate) id: String,
    pub(crate) user_id: String,
    pub(crate) summary: String,
    pub(crate) created_at: i64,
}

suoke_store::from_row!(RecordRow {
    id,
    user_id,
    summary,
    created_at
});

/// The consultation with this id, of the database `care`.
pub(crate) async fn consultation(
    sql: &impl Sql,
    id: &str,
) -> Result<Option<ConsultationRow>, StoreError> {
    let text = "SELECT user_id, chief_complaint, created_at FROM consultations WHERE id = ?1";
    sql.query_optional(text, params![id]).await
}

/// What is noted of a consultation, of the database `health`.
pub(crate) async fn records(
    sql: &impl Sql,
    consultation_id: &str,
) -> Result<Vec<RecordRow>, StoreError> {
    let text = "SELECT id, user_id, summary, created_at FROM health_records \
         WHERE consultation_id = ?1";
    sql.query(text, params![consultation_id]).await
}
