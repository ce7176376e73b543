//! The SQL of alerts, read only.

use suoke_store::{Sql, StoreError, params};

/// So many alerts are in a report, the newest.
const ALERTS_MAX: u32 = 100;

/// An alert of a report.
pub(crate) struct AlertRow {
    pub(crate) rule: String,
    pub(crate) level: String,
    pub(crate) state: String,
    pub(crate) started_ms: i64,
}

suoke_store::from_row!(AlertRow {
    rule,
    level,
    state,
    started_ms
});

/// The alerts of a person that lasted in `[from_ms, to_ms)`, newest first.
pub(crate) async fn alerts(
    sql: &impl Sql,
    user_id: &str,
    from_ms: i64,
    to_ms: i64,
) -> Result<Vec<AlertRow>, StoreError> {
    sql.query(
        "SELECT rule, level, state, started_ms FROM alerts \
         WHERE user_id = ?1 AND started_ms < ?3 AND last_ms >= ?2 AND state <> 'withdrawn' \
         ORDER BY started_ms DESC, id DESC LIMIT ?4",
        params![user_id, from_ms, to_ms, ALERTS_MAX],
    )
    .await
}
