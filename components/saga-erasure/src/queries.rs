//! Sagas, and the events about them, in SQL.

use suoke_store::{Sql, StoreError, params};

/// Why a saga ended that had not.
pub(crate) const REASON: &str = "the consultation is erased";

/// A saga as far as forgetting needs it.
pub(crate) struct Stored {
    pub(crate) status: String,
    /// JSON.
    pub(crate) state: String,
}

suoke_store::from_row!(Stored { status, state });

pub(crate) async fn saga(sql: &impl Sql, saga_id: &str) -> Result<Option<Stored>, StoreError> {
    let text = "SELECT status, state FROM sagas WHERE id = ?1";
    sql.query_optional(text, params![saga_id]).await
}

/// Gives a saga another state. It counts as changed: whoever works on it reads it again.
pub(crate) async fn set_state(
    sql: &impl Sql,
    saga_id: &str,
    state: &str,
) -> Result<(), StoreError> {
    let text = "UPDATE sagas SET revision = revision + 1, state = ?2 WHERE id = ?1";
    sql.execute(text, params![saga_id, state]).await
}

/// Ends a saga.
pub(crate) async fn end(sql: &impl Sql, saga_id: &str, now_ms: i64) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE sagas SET status = 'compensated', reason = ?2, due_at = NULL, \
         lease_owner = NULL, lease_until = NULL, ended_at = ?3, updated_at = ?3 WHERE id = ?1",
        params![saga_id, REASON, now_ms],
    )
    .await
}

/// Deletes the events of a saga, and the letters about it or its consultation.
pub(crate) async fn forget_events(
    sql: &impl Sql,
    saga_id: &str,
    consultation_id: &str,
) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM event_failures WHERE CASE WHEN json_valid(payload) THEN \
         json_extract(payload, '$.subject') IN ('saga/' || ?1, 'consultation/' || ?2) END",
        params![saga_id, consultation_id],
    )
    .await?;
    sql.execute(
        "DELETE FROM event_outbox WHERE aggregate = 'saga/' || ?1",
        params![saga_id],
    )
    .await
}

/// A saga that is erased before it starts.
pub(crate) struct Tombstone<'a> {
    pub(crate) saga_id: &'a str,
    pub(crate) saga: &'a str,
    pub(crate) definition: String,
    pub(crate) step: &'a str,
    pub(crate) state: String,
    pub(crate) event_id: &'a str,
}

/// Takes the place of a saga that is not there, so that it does not start; one that is
/// there stays.
pub(crate) async fn bury(
    sql: &impl Sql,
    tombstone: Tombstone<'_>,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO sagas (id, saga, definition, status, step, state, reason, revision, \
         correlation_id, started_by, created_at, updated_at, ended_at) \
         VALUES (?1, ?2, ?3, 'compensated', ?4, ?5, ?6, 1, ?7, ?7, ?8, ?8, ?8) \
         ON CONFLICT (id) DO NOTHING",
        params![
            tombstone.saga_id,
            tombstone.saga,
            tombstone.definition,
            tombstone.step,
            tombstone.state,
            REASON,
            tombstone.event_id,
            now_ms
        ],
    )
    .await
}

/// Deletes what consumers could not handle about a user, such as their registration with
/// address and name; that they are erased stays to be handled.
pub(crate) async fn forget_letters(sql: &impl Sql, user_id: &str) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM event_failures WHERE type <> 'user.deleted' \
         AND CASE WHEN json_valid(payload) THEN \
         coalesce(json_extract(payload, '$.subject'), '') = 'user/' || ?1 \
         OR ?1 IN (coalesce(json_extract(payload, '$.data.user_id'), ''), \
         coalesce(json_extract(payload, '$.data.context.user_id'), '')) END",
        params![user_id],
    )
    .await
}
