//! What the database `care` knows of somebody.

use suoke_store::{Sql, StoreError, params};

/// The ids of somebody's consultations, at most `limit`.
pub(crate) async fn consultations(
    sql: &impl Sql,
    user_id: &str,
    limit: u32,
) -> Result<Vec<String>, StoreError> {
    sql.query(
        "SELECT id FROM consultations WHERE user_id = ?1 LIMIT ?2",
        params![user_id, limit],
    )
    .await
}

/// Deletes a consultation with findings, answers, report and notifications, the events
/// that told of it with their letters, and what participants of its saga gave.
pub(crate) async fn erase(sql: &impl Sql, consultation_id: &str) -> Result<(), StoreError> {
    for text in [
        "DELETE FROM notifications WHERE consultation_id = ?1",
        "DELETE FROM reports WHERE consultation_id = ?1",
        "DELETE FROM agent_answers WHERE consultation_id = ?1",
        "DELETE FROM diagnoses WHERE consultation_id = ?1",
        "DELETE FROM consultations WHERE id = ?1",
        "DELETE FROM event_failures WHERE event_id IN (SELECT id FROM event_outbox \
         WHERE aggregate IN ('consultation/' || ?1, 'saga/consultation_' || ?1))",
        "DELETE FROM event_outbox \
         WHERE aggregate IN ('consultation/' || ?1, 'saga/consultation_' || ?1)",
        "UPDATE saga_participations SET output = 'null' WHERE saga_id = 'consultation_' || ?1",
    ] {
        sql.execute(text, params![consultation_id]).await?;
    }
    Ok(())
}

/// Deletes what somebody was told that belongs to no consultation.
pub(crate) async fn erase_notifications(sql: &impl Sql, user_id: &str) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM notifications WHERE user_id = ?1",
        params![user_id],
    )
    .await
}

/// Deletes the letters about somebody, whichever consultation they name: commands and
/// events quote what the person said.
pub(crate) async fn erase_letters(sql: &impl Sql, user_id: &str) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM event_failures WHERE type <> 'user.deleted' \
         AND CASE WHEN json_valid(payload) THEN ?1 IN \
         (json_extract(payload, '$.data.user_id'), json_extract(payload, '$.data.context.user_id')) \
         END",
        params![user_id],
    )
    .await
}
