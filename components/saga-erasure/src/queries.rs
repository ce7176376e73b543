//! Sagas, and the events about them, in SQL.

use suoke_store::{Sql, StoreError, params};

/// Takes the words of the person and what came of them out of a saga, and deletes its
/// events and the letters about it or its consultation. The saga counts as changed:
/// whoever works on it reads it again.
pub(crate) async fn forget(
    sql: &impl Sql,
    saga_id: &str,
    consultation_id: &str,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE sagas SET revision = revision + 1, state = json_remove(\
         json_set(state, '$.context.chief_complaint', ''), '$.context.outputs') WHERE id = ?1",
        params![saga_id],
    )
    .await?;
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
