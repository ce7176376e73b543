//! What the relay reads and marks. Ids come as JSON arrays; marks name the round
//! that they belong to, because a redrive may have begun another one meanwhile.

use suoke_store::{Sql, StoreError, params};

use crate::relay::decide::Due;

suoke_store::from_row!(Due {
    id,
    kind,
    attempts,
    attempts_max,
    started_at
});

/// What a consumer said to an event.
pub(crate) struct Answered {
    pub(crate) event_id: String,
    pub(crate) consumer: String,
    pub(crate) handled: bool,
}

suoke_store::from_row!(Answered {
    event_id,
    consumer,
    handled
});

/// The last failure of a consumer.
pub(crate) struct Failed {
    pub(crate) event_id: String,
    pub(crate) consumer: String,
    pub(crate) reason: String,
}

suoke_store::from_row!(Failed {
    event_id,
    consumer,
    reason
});

/// An event as it goes over its channel.
pub(crate) struct Payload {
    pub(crate) id: String,
    pub(crate) payload: String,
}

suoke_store::from_row!(Payload { id, payload });

/// The events whose turn has come, in the order in which they arose: a consumer
/// that needs order catches up at once.
pub(crate) async fn due(sql: &impl Sql, now_ms: i64, limit: u32) -> Result<Vec<Due>, StoreError> {
    sql.query(
        "SELECT id, type AS kind, attempts, attempts_max, started_at FROM event_outbox \
         WHERE position IN (SELECT position FROM event_outbox \
         WHERE done_at IS NULL AND dead_at IS NULL AND next_attempt_at <= ?1 \
         ORDER BY next_attempt_at, position LIMIT ?2) ORDER BY position",
        params![now_ms, limit],
    )
    .await
}

/// Who has handled these events, or will never.
pub(crate) async fn answers(sql: &impl Sql, ids: &str) -> Result<Vec<Answered>, StoreError> {
    sql.query(
        "SELECT event_id, consumer, 0 AS handled FROM event_failures \
         WHERE dead_at IS NOT NULL AND event_id IN (SELECT value FROM json_each(?1)) \
         UNION ALL SELECT event_id, consumer, 1 FROM event_inbox \
         WHERE event_id IN (SELECT value FROM json_each(?1))",
        params![ids],
    )
    .await
}

/// Why consumers failed so far.
pub(crate) async fn failed(sql: &impl Sql, ids: &str) -> Result<Vec<Failed>, StoreError> {
    sql.query(
        "SELECT event_id, consumer, reason FROM event_failures \
         WHERE event_id IN (SELECT value FROM json_each(?1))",
        params![ids],
    )
    .await
}

/// What is published.
pub(crate) async fn payloads(sql: &impl Sql, ids: &str) -> Result<Vec<Payload>, StoreError> {
    sql.query(
        "SELECT id, payload FROM event_outbox \
         WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY position",
        params![ids],
    )
    .await
}

/// Everybody has handled these; `rounds` is a JSON array of `[id, started_at]`.
pub(crate) async fn mark_done(sql: &impl Sql, rounds: &str, now_ms: i64) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE event_outbox SET done_at = ?2, last_error = NULL \
         FROM (SELECT value ->> 0 AS id, CAST(value ->> 1 AS INTEGER) AS started_at \
         FROM json_each(?1)) AS round \
         WHERE event_outbox.id = round.id AND event_outbox.started_at = round.started_at",
        params![rounds, now_ms],
    )
    .await
}

/// These were published; `rounds` is a JSON array of `[id, started_at, next_attempt_at]`.
pub(crate) async fn mark_published(sql: &impl Sql, rounds: &str) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE event_outbox SET attempts = attempts + 1, next_attempt_at = round.next, \
         last_error = NULL FROM (SELECT value ->> 0 AS id, \
         CAST(value ->> 1 AS INTEGER) AS started_at, CAST(value ->> 2 AS INTEGER) AS next FROM json_each(?1)) AS round \
         WHERE event_outbox.id = round.id AND event_outbox.started_at = round.started_at",
        params![rounds],
    )
    .await
}

/// The bus took none of these; that is no attempt.
pub(crate) async fn mark_held(
    sql: &impl Sql,
    ids: &str,
    next_attempt_at: i64,
    reason: &str,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE event_outbox SET next_attempt_at = ?2, last_error = ?3 \
         WHERE id IN (SELECT value FROM json_each(?1))",
        params![ids, next_attempt_at, reason],
    )
    .await
}

/// This one is given up; false when another round has begun.
pub(crate) async fn mark_dead(
    sql: &impl Sql,
    due: &Due,
    reason: &str,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let marked: Option<i64> = sql
        .query_optional(
            "UPDATE event_outbox SET dead_at = ?3, last_error = ?4 \
             WHERE id = ?1 AND started_at = ?2 RETURNING 1",
            params![&due.id, due.started_at, now_ms, reason],
        )
        .await?;
    Ok(marked.is_some())
}

/// The dead letter of a consumer that has not answered. The event itself is in
/// the outbox beside it.
pub(crate) async fn bury(
    sql: &impl Sql,
    due: &Due,
    consumer: &str,
    reason: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO event_failures (event_id, consumer, type, payload, reason, attempts, \
         first_failed_at, last_failed_at, dead_at) VALUES (?1, ?2, ?3, '', ?4, ?5, ?6, ?6, ?6) \
         ON CONFLICT (event_id, consumer) DO UPDATE SET dead_at = excluded.dead_at",
        params![&due.id, consumer, &due.kind, reason, due.attempts, now_ms],
    )
    .await
}

/// Events that were done, or given up, before `before_ms`, the oldest first.
pub(crate) async fn ended(
    sql: &impl Sql,
    before_ms: i64,
    limit: u32,
) -> Result<Vec<String>, StoreError> {
    sql.query(
        "SELECT id FROM event_outbox WHERE created_at < ?1 \
         AND COALESCE(done_at, dead_at) < ?1 ORDER BY created_at LIMIT ?2",
        params![before_ms, limit],
    )
    .await
}

/// Deletes all failures with these events.
pub(crate) async fn delete_failures(sql: &impl Sql, ids: &str) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM event_failures WHERE event_id IN (SELECT value FROM json_each(?1))",
        params![ids],
    )
    .await
}

/// Deletes these events, but none that a redrive or replay has begun anew meanwhile.
pub(crate) async fn delete_ended(
    sql: &impl Sql,
    ids: &str,
    before_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM event_outbox WHERE id IN (SELECT value FROM json_each(?1)) \
         AND COALESCE(done_at, dead_at) < ?2",
        params![ids, before_ms],
    )
    .await
}

/// Events from before `before_ms` that are kept, because they have not ended.
pub(crate) async fn kept(
    sql: &impl Sql,
    before_ms: i64,
    limit: u32,
) -> Result<Vec<String>, StoreError> {
    sql.query(
        "SELECT id FROM event_outbox WHERE created_at < ?1 ORDER BY created_at LIMIT ?2",
        params![before_ms, limit],
    )
    .await
}

/// Deletes acknowledgements from before `before_ms`, at most `limit`, but none of
/// the events `kept`, a JSON array: those may be delivered again.
pub(crate) async fn prune_inbox(
    sql: &impl Sql,
    before_ms: i64,
    kept: &str,
    limit: u32,
) -> Result<u64, StoreError> {
    sql.execute_counted(
        "DELETE FROM event_inbox WHERE (event_id, consumer) IN (\
         SELECT event_id, consumer FROM event_inbox WHERE processed_at < ?1 \
         AND event_id NOT IN (SELECT value FROM json_each(?2)) \
         ORDER BY processed_at LIMIT ?3)",
        params![before_ms, kept, limit],
    )
    .await
}

/// Deletes failures from before `before_ms` that are no dead letters, or those of
/// messages that never were events: nobody can deliver them again.
pub(crate) async fn prune_failures(
    sql: &impl Sql,
    before_ms: i64,
    limit: u32,
) -> Result<u64, StoreError> {
    sql.execute_counted(
        "DELETE FROM event_failures WHERE (event_id, consumer) IN (\
         SELECT event_id, consumer FROM event_failures \
         WHERE last_failed_at < ?1 AND (dead_at IS NULL OR type = 'unknown') LIMIT ?2)",
        params![before_ms, limit],
    )
    .await
}

/// Deletes dead letters from before `before_ms`, at most `limit`, but none of the
/// events `kept`, a JSON array: these are what their consumers said to them.
pub(crate) async fn prune_letters(
    sql: &impl Sql,
    before_ms: i64,
    kept: &str,
    limit: u32,
) -> Result<u64, StoreError> {
    sql.execute_counted(
        "DELETE FROM event_failures WHERE (event_id, consumer) IN (\
         SELECT event_id, consumer FROM event_failures \
         WHERE last_failed_at < ?1 AND dead_at < ?1 \
         AND event_id NOT IN (SELECT value FROM json_each(?2)) LIMIT ?3)",
        params![before_ms, kept, limit],
    )
    .await
}
