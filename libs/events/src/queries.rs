//! The outbox and the inbox in SQL; every label has the same tables.

use suoke_store::{Sql, StoreError, params};

use crate::envelope::Event;

/// An event that waits for its publication.
pub(crate) struct Pending {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) payload: String,
    pub(crate) attempts: i64,
    pub(crate) created_at: i64,
}

suoke_store::from_row!(Pending {
    id,
    kind,
    payload,
    attempts,
    created_at
});

/// The next number of the aggregate.
pub(crate) async fn next_sequence(sql: &impl Sql, aggregate: &str) -> Result<u64, StoreError> {
    let next: i64 = sql
        .query_one(
            "INSERT INTO event_sequences (aggregate, last) VALUES (?1, 1) \
             ON CONFLICT (aggregate) DO UPDATE SET last = last + 1 RETURNING last",
            params![aggregate],
        )
        .await?;
    Ok(next.unsigned_abs())
}

pub(crate) async fn insert_outbox(
    sql: &impl Sql,
    event: &Event,
    payload: String,
    sequence: i64,
    now_ms: i64,
    next_attempt_at: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO event_outbox \
         (id, type, aggregate, sequence, payload, created_at, next_attempt_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            &event.id,
            &event.kind,
            event.aggregate(),
            sequence,
            payload,
            now_ms,
            next_attempt_at
        ],
    )
    .await
}

/// Marks events as published; `ids` is a JSON array.
pub(crate) async fn mark_published(
    sql: &impl Sql,
    ids: String,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE event_outbox SET published_at = ?2, attempts = attempts + 1, last_error = NULL \
         WHERE published_at IS NULL AND id IN (SELECT value FROM json_each(?1))",
        params![ids, now_ms],
    )
    .await
}

pub(crate) async fn mark_failed(
    sql: &impl Sql,
    id: &str,
    next_attempt_at: i64,
    dead_at: Option<i64>,
    reason: &str,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE event_outbox \
         SET attempts = attempts + 1, next_attempt_at = ?2, dead_at = ?3, last_error = ?4 \
         WHERE id = ?1",
        params![id, next_attempt_at, dead_at, reason],
    )
    .await
}

/// The events whose turn has come, oldest first.
pub(crate) async fn pending(
    sql: &impl Sql,
    now_ms: i64,
    limit: u32,
) -> Result<Vec<Pending>, StoreError> {
    sql.query(
        "SELECT id, type AS kind, payload, attempts, created_at FROM event_outbox \
         WHERE published_at IS NULL AND dead_at IS NULL AND next_attempt_at <= ?1 \
         ORDER BY next_attempt_at, position LIMIT ?2",
        params![now_ms, limit],
    )
    .await
}

/// Notes that a consumer takes an event; false when it has done so before.
pub(crate) async fn insert_inbox(
    sql: &impl Sql,
    consumer: &str,
    event_id: &str,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let fresh: Option<i64> = sql
        .query_optional(
            "INSERT INTO event_inbox (consumer, event_id, processed_at) VALUES (?1, ?2, ?3) \
             ON CONFLICT DO NOTHING RETURNING 1",
            params![consumer, event_id, now_ms],
        )
        .await?;
    Ok(fresh.is_some())
}
