//! Consultations in SQL.

use suoke_store::{Sql, StoreError, params};

/// A consultation as far as its saga needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consultation {
    /// Its id.
    pub id: String,
    /// Who asked.
    pub user_id: String,
    /// Where it stands.
    pub status: String,
    /// What the person says.
    pub chief_complaint: String,
}

suoke_store::from_row!(Consultation {
    id,
    user_id,
    status,
    chief_complaint
});

/// The consultation with this id.
pub(super) async fn find(sql: &impl Sql, id: &str) -> Result<Option<Consultation>, StoreError> {
    let text = "SELECT id, user_id, status, chief_complaint FROM consultations WHERE id = ?1";
    sql.query_optional(text, params![id]).await
}

/// Sets the status, and why it is so.
pub(super) async fn set_status(
    sql: &impl Sql,
    id: &str,
    status: &str,
    reason: Option<&str>,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE consultations SET status = ?2, reason = ?3, updated_at = ?4 WHERE id = ?1",
        params![id, status, reason, now_ms],
    )
    .await
}

/// Deletes every diagnosis of a consultation.
pub(super) async fn delete_diagnoses(sql: &impl Sql, id: &str) -> Result<(), StoreError> {
    let text = "DELETE FROM diagnoses WHERE consultation_id = ?1";
    sql.execute(text, params![id]).await
}
