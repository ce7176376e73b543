//! Alerts in SQL; every statement names the owner.

use suoke_health::alerts::State;
use suoke_store::{Sql, StoreError, params};

/// A row of `alerts`.
#[derive(Clone, Debug)]
pub(crate) struct AlertRow {
    pub(crate) id: String,
    pub(crate) rule: String,
    pub(crate) metric: String,
    pub(crate) level: String,
    pub(crate) code: String,
    pub(crate) rule_set: String,
    pub(crate) reading_id: String,
    pub(crate) started_ms: i64,
    pub(crate) last_ms: i64,
    pub(crate) cleared_ms: Option<i64>,
    pub(crate) state: String,
    pub(crate) notified_ms: Option<i64>,
    pub(crate) acknowledged_ms: Option<i64>,
    pub(crate) created_ms: i64,
}

suoke_store::from_row!(AlertRow {
    id,
    rule,
    metric,
    level,
    code,
    rule_set,
    reading_id,
    started_ms,
    last_ms,
    cleared_ms,
    state,
    notified_ms,
    acknowledged_ms,
    created_ms
});

/// What is older than `before`, newest first; without a state all but what was
/// withdrawn.
pub(crate) async fn page(
    sql: &impl Sql,
    user_id: &str,
    state: Option<State>,
    before: Option<&str>,
    limit: u32,
) -> Result<Vec<AlertRow>, StoreError> {
    sql.query(
        "SELECT id, rule, metric, level, code, rule_set, reading_id, started_ms, last_ms, \
         cleared_ms, state, notified_ms, acknowledged_ms, created_ms FROM alerts \
         WHERE user_id = ?1 AND (?2 IS NULL OR state = ?2) \
         AND (?2 IS NOT NULL OR state <> 'withdrawn') AND (?3 IS NULL OR id < ?3) \
         ORDER BY id DESC LIMIT ?4",
        params![user_id, state.map(State::as_str), before, limit],
    )
    .await
}

pub(crate) async fn find(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
) -> Result<Option<AlertRow>, StoreError> {
    sql.query_optional(
        "SELECT id, rule, metric, level, code, rule_set, reading_id, started_ms, last_ms, \
         cleared_ms, state, notified_ms, acknowledged_ms, created_ms FROM alerts \
         WHERE user_id = ?1 AND id = ?2",
        params![user_id, id],
    )
    .await
}

/// Notes that the person knows; the first time stays.
pub(crate) async fn acknowledge(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE alerts SET acknowledged_ms = ?3 \
         WHERE user_id = ?1 AND id = ?2 AND acknowledged_ms IS NULL",
        params![user_id, id, now_ms],
    )
    .await
}
