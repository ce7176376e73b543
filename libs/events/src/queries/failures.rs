//! `event_failures`.

use suoke_store::{Sql, StoreError, params};

use crate::message::Letter;

/// Counts a failure of a consumer; a dead letter stays one.
pub(crate) async fn record(
    sql: &impl Sql,
    consumer: &str,
    letter: &Letter,
    reason: &str,
    dead_at: Option<i64>,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO event_failures (event_id, consumer, type, payload, reason, attempts, \
         first_failed_at, last_failed_at, dead_at) VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?6, ?7) \
         ON CONFLICT (event_id, consumer) DO UPDATE SET attempts = event_failures.attempts + 1, \
         reason = excluded.reason, last_failed_at = excluded.last_failed_at, \
         dead_at = COALESCE(event_failures.dead_at, excluded.dead_at)",
        params![
            &letter.id,
            consumer,
            &letter.kind,
            &letter.payload,
            reason,
            now_ms,
            dead_at
        ],
    )
    .await
}
