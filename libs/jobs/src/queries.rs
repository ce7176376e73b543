//! Jobs in SQL: label `platform`.

use suoke_store::{Sql, StoreError, params};

/// A job as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// The type of its event.
    pub kind: String,
    /// The data of its event, as JSON.
    pub data: String,
    /// `pending`, `dispatched`, `done`, `dead` or `cancelled`.
    pub status: String,
    /// When it is due next, or was last, in milliseconds since the Unix epoch.
    pub run_at: i64,
    /// When it runs again.
    pub schedule: Option<String>,
    /// The zone of the schedule.
    pub time_zone: Option<String>,
    /// No two live jobs share it.
    pub unique_key: Option<String>,
    /// How often an event that nobody acknowledges is delivered again.
    pub retries_max: u32,
    /// What ties it to the request that set it off.
    pub correlation_id: String,
    /// How often it has run.
    pub runs: i64,
    /// When it ran last.
    pub last_run_at: Option<i64>,
    /// The event of the last run.
    pub event_id: Option<String>,
    /// What became of the latest run whose end is known: `done` or `dead`.
    pub last_outcome: Option<String>,
    /// Why it is dead, where the event does not say it.
    pub reason: Option<String>,
    /// When it was made.
    pub created_at: i64,
    /// When it changed last.
    pub updated_at: i64,
}

suoke_store::from_row!(Job {
    id,
    kind,
    data,
    status,
    run_at,
    schedule,
    time_zone,
    unique_key,
    retries_max,
    correlation_id,
    runs,
    last_run_at,
    event_id,
    last_outcome,
    reason,
    created_at,
    updated_at
});

const COLUMNS: &str = "id, type AS kind, data, status, run_at, schedule, time_zone, unique_key, \
     retries_max, correlation_id, runs, last_run_at, event_id, last_outcome, reason, \
     created_at, updated_at";

pub(crate) async fn insert(sql: &impl Sql, job: &Job) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO jobs (id, type, data, status, run_at, schedule, time_zone, unique_key, \
         retries_max, correlation_id, created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)",
        params![
            &job.id,
            &job.kind,
            &job.data,
            &job.status,
            job.run_at,
            job.schedule.as_deref(),
            job.time_zone.as_deref(),
            job.unique_key.as_deref(),
            job.retries_max,
            &job.correlation_id,
            job.created_at
        ],
    )
    .await
}

/// The live job of a key.
pub(crate) async fn live(sql: &impl Sql, unique_key: &str) -> Result<Option<Job>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM jobs WHERE unique_key = ?1 AND status IN ('pending', 'dispatched')"
    );
    sql.query_optional(&text, params![unique_key]).await
}

/// One job.
///
/// # Errors
/// When the database fails.
pub async fn one(sql: &impl Sql, id: &str) -> Result<Option<Job>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1");
    sql.query_optional(&text, params![id]).await
}

/// Jobs before a place in the list, newest first.
///
/// # Errors
/// When the database fails.
pub async fn page(
    sql: &impl Sql,
    status: Option<&str>,
    kind: Option<&str>,
    before: (i64, &str),
    limit: u32,
) -> Result<Vec<Job>, StoreError> {
    // Only what is asked for stands in the text, so that its index is used.
    let mut text = format!("SELECT {COLUMNS} FROM jobs WHERE (created_at, id) < (?1, ?2)");
    if status.is_some() {
        text.push_str(" AND status = ?3");
    }
    if kind.is_some() {
        text.push_str(" AND type = ?4");
    }
    text.push_str(" ORDER BY created_at DESC, id DESC LIMIT ?5");
    sql.query(&text, params![before.0, before.1, status, kind, limit])
        .await
}

/// Cancels a job that is pending; false when it is not.
pub(crate) async fn cancel(sql: &impl Sql, id: &str, now_ms: i64) -> Result<bool, StoreError> {
    let done: Option<i64> = sql
        .query_optional(
            "UPDATE jobs SET status = 'cancelled', updated_at = ?2 \
             WHERE id = ?1 AND status = 'pending' RETURNING 1",
            params![id, now_ms],
        )
        .await?;
    Ok(done.is_some())
}

/// Whether a job is due; takes no lock.
pub(crate) async fn is_any_due(sql: &impl Sql, now_ms: i64) -> Result<bool, StoreError> {
    let found: Option<i64> = sql
        .query_optional(
            "SELECT 1 FROM jobs WHERE status = 'pending' AND run_at <= ?1 LIMIT 1",
            params![now_ms],
        )
        .await?;
    Ok(found.is_some())
}

/// Jobs that are due, the most overdue first.
pub(crate) async fn due(sql: &impl Sql, now_ms: i64, limit: u32) -> Result<Vec<Job>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM jobs WHERE status = 'pending' AND run_at <= ?1 \
         ORDER BY run_at, id LIMIT ?2"
    );
    sql.query(&text, params![now_ms, limit]).await
}

/// A job has run: its event is in the outbox. It is the run to watch, unless one that
/// began after `watched_before_ms` has not ended.
pub(crate) async fn set_run(
    sql: &impl Sql,
    id: &str,
    status: &str,
    event_id: &str,
    run_at: i64,
    now_ms: i64,
    watched_before_ms: i64,
) -> Result<(), StoreError> {
    let is_next = "watched_event_id IS NULL OR watched_at < ?6";
    let text = format!(
        "UPDATE jobs SET status = ?2, event_id = ?3, run_at = ?4, runs = runs + 1, \
         last_run_at = ?5, updated_at = ?5, \
         watched_event_id = CASE WHEN {is_next} THEN ?3 ELSE watched_event_id END, \
         watched_at = CASE WHEN {is_next} THEN ?5 ELSE watched_at END WHERE id = ?1"
    );
    sql.execute(
        &text,
        params![id, status, event_id, run_at, now_ms, watched_before_ms],
    )
    .await
}

/// A job can never run.
pub(crate) async fn set_dead(
    sql: &impl Sql,
    id: &str,
    reason: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE jobs SET status = 'dead', reason = ?2, updated_at = ?3 WHERE id = ?1",
        params![id, reason, now_ms],
    )
    .await
}

/// A run that is watched, because its end is not known.
pub(crate) struct Open {
    pub(crate) id: String,
    pub(crate) event_id: String,
    pub(crate) watched_at: i64,
}

suoke_store::from_row!(Open {
    id,
    event_id,
    watched_at
});

/// Runs whose end is not known, oldest first, after a place in this order.
pub(crate) async fn open(
    sql: &impl Sql,
    after: (i64, &str),
    limit: u32,
) -> Result<Vec<Open>, StoreError> {
    sql.query(
        "SELECT id, watched_event_id AS event_id, watched_at FROM jobs \
         WHERE watched_event_id IS NOT NULL \
         AND (watched_at, id) > (?1, ?2) ORDER BY watched_at, id LIMIT ?3",
        params![after.0, after.1, limit],
    )
    .await
}

/// What became of a run; a job without a schedule ends with it.
pub(crate) async fn set_outcome(
    sql: &impl Sql,
    job: &Open,
    outcome: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE jobs SET last_outcome = ?3, updated_at = ?4, \
         watched_event_id = NULL, watched_at = NULL, \
         status = CASE status WHEN 'dispatched' THEN ?3 ELSE status END \
         WHERE id = ?1 AND watched_event_id = ?2",
        params![&job.id, &job.event_id, outcome, now_ms],
    )
    .await
}

/// Jobs that ended before an instant.
pub(crate) async fn ended_before(
    sql: &impl Sql,
    before_ms: i64,
    limit: u32,
) -> Result<Vec<String>, StoreError> {
    sql.query(
        "SELECT id FROM jobs WHERE status IN ('done', 'dead', 'cancelled') \
         AND updated_at < ?1 ORDER BY updated_at LIMIT ?2",
        params![before_ms, limit],
    )
    .await
}

/// Deletes jobs; `ids` is a JSON array.
pub(crate) async fn delete(sql: &impl Sql, ids: &str) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM jobs WHERE id IN (SELECT value FROM json_each(?1))",
        params![ids],
    )
    .await
}
