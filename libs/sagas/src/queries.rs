//! Sagas in SQL: label `platform`.

use suoke_store::{Sql, StoreError, params};

use crate::machine::Note;

/// A saga as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct SagaRow {
    pub(crate) definition: String,
    pub(crate) state: String,
    pub(crate) revision: i64,
    pub(crate) correlation_id: String,
    pub(crate) traceparent: Option<String>,
    pub(crate) started_by: String,
    pub(crate) lease_owner: Option<String>,
}

suoke_store::from_row!(SagaRow {
    definition,
    state,
    revision,
    correlation_id,
    traceparent,
    started_by,
    lease_owner
});

/// A saga as operators see it: nothing of the data it works with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its id.
    pub id: String,
    /// The name of its definition.
    pub saga: String,
    /// How far it is.
    pub status: String,
    /// The step that is done or undone.
    pub step: String,
    /// Why it is undone.
    pub reason: Option<String>,
    /// What ties it to the request that set it off.
    pub correlation_id: String,
    /// When time changes something, in milliseconds since the Unix epoch.
    pub due_at: Option<i64>,
    /// When it started.
    pub created_at: i64,
    /// When it changed last.
    pub updated_at: i64,
    /// When it ended.
    pub ended_at: Option<i64>,
}

suoke_store::from_row!(Summary {
    id,
    saga,
    status,
    step,
    reason,
    correlation_id,
    due_at,
    created_at,
    updated_at,
    ended_at
});

const SUMMARY: &str = "id, saga, status, step, reason, correlation_id, due_at, created_at, \
     updated_at, ended_at";

/// A line of a saga's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
    /// What happened.
    pub kind: String,
    /// The step, where it is about one.
    pub step: Option<String>,
    /// Who answered, where somebody did.
    pub participant: Option<String>,
    /// The attempt, where it is about one.
    pub attempt: Option<i64>,
    /// Why, where something failed.
    pub reason: Option<String>,
}

suoke_store::from_row!(LogLine {
    at,
    kind,
    step,
    participant,
    attempt,
    reason
});

/// What is written of a saga.
pub(crate) struct Written<'a> {
    pub(crate) id: &'a str,
    pub(crate) status: &'a str,
    pub(crate) step: &'a str,
    pub(crate) state: String,
    pub(crate) reason: Option<&'a str>,
    pub(crate) due_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
}

/// What stays as it was when the saga started.
pub(crate) struct Origin<'a> {
    pub(crate) saga: &'a str,
    pub(crate) definition: String,
    pub(crate) correlation_id: &'a str,
    pub(crate) traceparent: Option<&'a str>,
    pub(crate) started_by: &'a str,
}

/// Stores a saga that starts; false when there is one of this id.
pub(crate) async fn insert(
    sql: &impl Sql,
    origin: Origin<'_>,
    saga: Written<'_>,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let fresh: Option<i64> = sql
        .query_optional(
            "INSERT INTO sagas (id, saga, definition, status, step, state, reason, revision, \
             correlation_id, traceparent, started_by, due_at, created_at, updated_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?9, ?10, ?11, ?12, ?12) \
             ON CONFLICT (id) DO NOTHING RETURNING 1",
            params![
                saga.id,
                origin.saga,
                origin.definition,
                saga.status,
                saga.step,
                saga.state,
                saga.reason,
                origin.correlation_id,
                origin.traceparent,
                origin.started_by,
                saga.due_at,
                now_ms
            ],
        )
        .await?;
    Ok(fresh.is_some())
}

/// Stores how far a saga is and ends its lease; false when it is another one
/// than was read.
pub(crate) async fn update(
    sql: &impl Sql,
    saga: Written<'_>,
    revision: i64,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let updated: Option<i64> = sql
        .query_optional(
            "UPDATE sagas SET status = ?3, step = ?4, state = ?5, reason = ?6, due_at = ?7, \
             ended_at = ?8, updated_at = ?9, revision = revision + 1, \
             lease_owner = NULL, lease_until = NULL \
             WHERE id = ?1 AND revision = ?2 RETURNING 1",
            params![
                saga.id,
                revision,
                saga.status,
                saga.step,
                saga.state,
                saga.reason,
                saga.due_at,
                saga.ended_at,
                now_ms
            ],
        )
        .await?;
    Ok(updated.is_some())
}

pub(crate) async fn find(sql: &impl Sql, id: &str) -> Result<Option<SagaRow>, StoreError> {
    sql.query_optional(
        "SELECT definition, state, revision, correlation_id, traceparent, started_by, \
         lease_owner FROM sagas WHERE id = ?1",
        params![id],
    )
    .await
}

/// Appends to the log of a saga, in one statement.
pub(crate) async fn append_log(
    sql: &impl Sql,
    id: &str,
    notes: &[Note],
    now_ms: i64,
) -> Result<(), StoreError> {
    let lines: Vec<serde_json::Value> = notes
        .iter()
        .map(|note| {
            serde_json::json!([
                note.kind.as_str(),
                note.step,
                note.participant,
                note.attempt,
                note.reason
            ])
        })
        .collect();
    let lines = serde_json::Value::Array(lines).to_string();
    sql.execute(
        "INSERT INTO saga_log (saga_id, position, at, kind, step, participant, attempt, reason) \
         SELECT ?1, key + 1 + coalesce((SELECT max(position) FROM saga_log WHERE saga_id = ?1), 0), \
         ?2, value ->> 0, value ->> 1, value ->> 2, CAST(value ->> 3 AS INTEGER), value ->> 4 \
         FROM json_each(?3)",
        params![id, now_ms, lines],
    )
    .await
}

/// Whether a sweeper has anything to do; takes no lock.
pub(crate) async fn is_any_due(sql: &impl Sql, now_ms: i64) -> Result<bool, StoreError> {
    let found: Option<i64> = sql
        .query_optional(
            "SELECT 1 FROM sagas WHERE due_at <= ?1 \
             AND (lease_until IS NULL OR lease_until <= ?1) LIMIT 1",
            params![now_ms],
        )
        .await?;
    Ok(found.is_some())
}

/// Leases due sagas that nobody works on to `owner`; gives their ids.
pub(crate) async fn lease(
    sql: &impl Sql,
    owner: &str,
    until_ms: i64,
    limit: u32,
    now_ms: i64,
) -> Result<Vec<String>, StoreError> {
    sql.query(
        // The outer condition again: on PostgreSQL others may have leased one of these
        // between the search and the update, which looks at it anew.
        "UPDATE sagas SET lease_owner = ?1, lease_until = ?2 \
         WHERE (lease_until IS NULL OR lease_until <= ?4) AND id IN ( \
             SELECT id FROM sagas WHERE due_at <= ?4 \
             AND (lease_until IS NULL OR lease_until <= ?4) ORDER BY due_at LIMIT ?3 \
         ) RETURNING id",
        params![owner, until_ms, limit, now_ms],
    )
    .await
}

/// Sagas that ended before an instant, oldest first.
pub(crate) async fn ended_before(
    sql: &impl Sql,
    before_ms: i64,
    limit: u32,
) -> Result<Vec<String>, StoreError> {
    sql.query(
        "SELECT id FROM sagas WHERE ended_at < ?1 ORDER BY ended_at LIMIT ?2",
        params![before_ms, limit],
    )
    .await
}

/// Deletes sagas with their logs; `ids` is a JSON array.
pub(crate) async fn delete(sql: &impl Sql, ids: &str) -> Result<(), StoreError> {
    for text in [
        "DELETE FROM saga_log WHERE saga_id IN (SELECT value FROM json_each(?1))",
        "DELETE FROM sagas WHERE id IN (SELECT value FROM json_each(?1))",
    ] {
        sql.execute(text, params![ids]).await?;
    }
    Ok(())
}

/// One saga, as operators see it.
///
/// # Errors
/// When the database fails.
pub async fn summary(sql: &impl Sql, id: &str) -> Result<Option<Summary>, StoreError> {
    let text = format!("SELECT {SUMMARY} FROM sagas WHERE id = ?1");
    sql.query_optional(&text, params![id]).await
}

/// Sagas before a place in the list, newest first.
///
/// # Errors
/// When the database fails.
pub async fn page(
    sql: &impl Sql,
    status: Option<&str>,
    saga: Option<&str>,
    before: (i64, &str),
    limit: u32,
) -> Result<Vec<Summary>, StoreError> {
    // Only what is asked for stands in the text, so that its index is used.
    let mut text = format!("SELECT {SUMMARY} FROM sagas WHERE (created_at, id) < (?1, ?2)");
    if status.is_some() {
        text.push_str(" AND status = ?3");
    }
    if saga.is_some() {
        text.push_str(" AND saga = ?4");
    }
    text.push_str(" ORDER BY created_at DESC, id DESC LIMIT ?5");
    sql.query(&text, params![before.0, before.1, status, saga, limit])
        .await
}

/// The log of a saga from its beginning.
///
/// # Errors
/// When the database fails.
pub async fn log(sql: &impl Sql, id: &str, limit: u32) -> Result<Vec<LogLine>, StoreError> {
    sql.query(
        "SELECT at, kind, step, participant, attempt, reason FROM saga_log \
         WHERE saga_id = ?1 ORDER BY position LIMIT ?2",
        params![id, limit],
    )
    .await
}
