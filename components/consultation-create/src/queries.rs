//! Consultations in SQL.

use suoke_events::types::ConsultationCreated;
use suoke_store::{Sql, StoreError, params};

/// Adds a consultation with status `created`.
pub(crate) async fn insert(
    sql: &impl Sql,
    told: &ConsultationCreated,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO consultations \
         (id, user_id, status, chief_complaint, agent, created_at, updated_at) \
         VALUES (?1, ?2, 'created', ?3, ?4, ?5, ?5)",
        params![
            &told.consultation_id,
            &told.user_id,
            &told.chief_complaint,
            &told.agent,
            now_ms
        ],
    )
    .await
}
