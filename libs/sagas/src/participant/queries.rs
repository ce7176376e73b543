//! The barrier in SQL: `saga_participations`, in the label of the participant.

use suoke_store::{Sql, StoreError, params};

use crate::messages::Command;

/// What a participant has done for a step.
pub(crate) struct Row {
    pub(crate) saga_id: String,
    pub(crate) step: String,
    pub(crate) state: String,
    pub(crate) output: String,
    pub(crate) attempt: u32,
    pub(crate) reply_to: String,
}

suoke_store::from_row!(Row {
    saga_id,
    step,
    state,
    output,
    attempt,
    reply_to
});

const COLUMNS: &str = "saga_id, step, state, output, attempt, reply_to";

pub(crate) async fn find(
    sql: &impl Sql,
    participant: &str,
    saga_id: &str,
    step: &str,
) -> Result<Option<Row>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM saga_participations \
         WHERE saga_id = ?1 AND step = ?2 AND participant = ?3"
    );
    sql.query_optional(&text, params![saga_id, step, participant])
        .await
}

/// What a participant has begun and not answered, oldest first.
pub(crate) async fn begun(
    sql: &impl Sql,
    participant: &str,
    answer_key: &str,
) -> Result<Vec<Row>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM saga_participations \
         WHERE participant = ?1 AND answer_key = ?2 AND state = 'begun' ORDER BY updated_at"
    );
    sql.query(&text, params![participant, answer_key]).await
}

/// Notes where a participant stands.
pub(crate) async fn put(
    sql: &impl Sql,
    participant: &str,
    command: &Command,
    state: &str,
    output: &str,
    answer_key: Option<&str>,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO saga_participations \
         (saga_id, step, participant, state, output, attempt, reply_to, answer_key, updated_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
         ON CONFLICT (saga_id, step, participant) DO UPDATE SET state = excluded.state, \
         output = excluded.output, attempt = excluded.attempt, reply_to = excluded.reply_to, \
         answer_key = excluded.answer_key, updated_at = excluded.updated_at",
        params![
            &command.saga_id,
            &command.step,
            participant,
            state,
            output,
            command.attempt,
            &command.reply_to,
            answer_key,
            now_ms
        ],
    )
    .await
}

/// What was begun is done.
pub(crate) async fn finish(
    sql: &impl Sql,
    participant: &str,
    row: &Row,
    output: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE saga_participations SET state = 'done', output = ?4, updated_at = ?5 \
         WHERE saga_id = ?1 AND step = ?2 AND participant = ?3",
        params![&row.saga_id, &row.step, participant, output, now_ms],
    )
    .await
}

/// What was begun never was.
pub(crate) async fn forget(sql: &impl Sql, participant: &str, row: &Row) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM saga_participations WHERE saga_id = ?1 AND step = ?2 AND participant = ?3",
        params![&row.saga_id, &row.step, participant],
    )
    .await
}

/// Whether there are rows that did not change since an instant; takes no lock.
pub(crate) async fn has_old(sql: &impl Sql, before_ms: i64) -> Result<bool, StoreError> {
    let text = "SELECT 1 FROM saga_participations WHERE updated_at < ?1 LIMIT 1";
    let found: Option<i64> = sql.query_optional(text, params![before_ms]).await?;
    Ok(found.is_some())
}

/// Deletes rows that did not change since an instant, oldest first; how many.
pub(crate) async fn delete_old(
    sql: &impl Sql,
    before_ms: i64,
    limit: u32,
) -> Result<u64, StoreError> {
    sql.execute_counted(
        "DELETE FROM saga_participations WHERE (saga_id, step, participant) IN ( \
             SELECT saga_id, step, participant FROM saga_participations \
             WHERE updated_at < ?1 ORDER BY updated_at LIMIT ?2 \
         )",
        params![before_ms, limit],
    )
    .await
}

/// Marks where a refused work can be rolled back to.
pub(crate) async fn savepoint(sql: &impl Sql) -> Result<(), StoreError> {
    sql.execute("SAVEPOINT saga_work", params![]).await
}

pub(crate) async fn release(sql: &impl Sql) -> Result<(), StoreError> {
    sql.execute("RELEASE saga_work", params![]).await
}

pub(crate) async fn roll_back(sql: &impl Sql) -> Result<(), StoreError> {
    sql.execute("ROLLBACK TO saga_work", params![]).await?;
    release(sql).await
}
