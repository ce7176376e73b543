//! Answers of agents in SQL.

use suoke_store::{Sql, StoreError, params};

/// A row of `agent_answers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerRow {
    /// The agent.
    pub agent: String,
    /// `answered` or `cancelled`.
    pub state: String,
    /// The answer as JSON.
    pub answer: String,
    /// When it was given, in milliseconds since the Unix epoch.
    pub updated_at: i64,
}

suoke_store::from_row!(AnswerRow {
    agent,
    state,
    answer,
    updated_at
});

pub(super) async fn store(
    sql: &impl Sql,
    consultation_id: &str,
    agent: &str,
    answer: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO agent_answers (consultation_id, agent, state, answer, updated_at) \
         VALUES (?1, ?2, 'answered', ?3, ?4) ON CONFLICT (consultation_id, agent) DO UPDATE \
         SET state = 'answered', answer = excluded.answer, updated_at = excluded.updated_at",
        params![consultation_id, agent, answer, now_ms],
    )
    .await
}

pub(super) async fn cancel(
    sql: &impl Sql,
    consultation_id: &str,
    agent: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE agent_answers SET state = 'cancelled', updated_at = ?3 \
         WHERE consultation_id = ?1 AND agent = ?2",
        params![consultation_id, agent, now_ms],
    )
    .await
}

pub(super) async fn all(
    sql: &impl Sql,
    consultation_id: &str,
) -> Result<Vec<AnswerRow>, StoreError> {
    sql.query(
        "SELECT agent, state, answer, updated_at FROM agent_answers \
         WHERE consultation_id = ?1 ORDER BY agent",
        params![consultation_id],
    )
    .await
}
