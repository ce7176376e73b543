//! Consultations and diagnoses in SQL; every question names the owner.

use suoke_guest::page::Cursor;
use suoke_store::{Sql, StoreError, params};

/// A row of `consultations`.
#[derive(Clone, Debug)]
pub(crate) struct ConsultationRow {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) agent: String,
    pub(crate) chief_complaint: String,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

suoke_store::from_row!(ConsultationRow {
    id,
    status,
    reason,
    agent,
    chief_complaint,
    created_at,
    updated_at
});

/// A row of `diagnoses`.
#[derive(Clone, Debug)]
pub(crate) struct DiagnosisRow {
    pub(crate) id: String,
    pub(crate) step: String,
    pub(crate) engine: String,
    pub(crate) result: String,
    pub(crate) created_at: i64,
}

suoke_store::from_row!(DiagnosisRow {
    id,
    step,
    engine,
    result,
    created_at
});

/// One consultation of its owner.
pub(crate) async fn one(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
) -> Result<Option<ConsultationRow>, StoreError> {
    sql.query_optional(
        "SELECT id, status, reason, agent, chief_complaint, created_at, updated_at \
         FROM consultations WHERE id = ?1 AND user_id = ?2",
        params![id, user_id],
    )
    .await
}

/// What follows the cursor, newest first.
pub(crate) async fn page(
    sql: &impl Sql,
    user_id: &str,
    after: &Cursor,
    limit: u32,
) -> Result<Vec<ConsultationRow>, StoreError> {
    sql.query(
        "SELECT id, status, reason, agent, chief_complaint, created_at, updated_at \
         FROM consultations WHERE user_id = ?1 AND (created_at, id) < (?2, ?3) \
         ORDER BY created_at DESC, id DESC LIMIT ?4",
        params![user_id, after.created_at, &after.id, limit],
    )
    .await
}

/// The consultation is cancelled.
pub(crate) async fn set_cancelled(sql: &impl Sql, id: &str, now_ms: i64) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE consultations SET status = 'cancelled', updated_at = ?2 WHERE id = ?1",
        params![id, now_ms],
    )
    .await
}

/// The diagnoses of a consultation, oldest first.
pub(crate) async fn diagnoses(
    sql: &impl Sql,
    consultation_id: &str,
) -> Result<Vec<DiagnosisRow>, StoreError> {
    sql.query(
        "SELECT id, step, engine, result, created_at FROM diagnoses \
         WHERE consultation_id = ?1 ORDER BY created_at, id",
        params![consultation_id],
    )
    .await
}
