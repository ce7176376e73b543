//! Readings and alerts in SQL; every statement names the owner.

use suoke_health::Milli;
use suoke_health::alerts::{Episode, NOTICE_GAP_MS_MIN, Observed, State, Stored};
use suoke_health::classes::Level;
use suoke_store::{Row, Sql, StoreError, params};

/// So many alerts of a rule are compared at most: more than a day of readings can make.
const ALERTS_MAX: u32 = 1_000;

struct ReadingRow {
    id: String,
    effective_ms: i64,
    value_milli: i64,
    value2_milli: Option<i64>,
    context: Option<String>,
    quality: String,
    source_rank: i64,
}

suoke_store::from_row!(ReadingRow {
    id,
    effective_ms,
    value_milli,
    value2_milli,
    context,
    quality,
    source_rank
});

/// The newest readings of a type that count since then, newest first; those before one
/// of them, to read on.
pub(crate) async fn readings(
    sql: &impl Sql,
    user_id: &str,
    kind: &str,
    from_ms: i64,
    before: Option<&Observed>,
    limit: u32,
) -> Result<Vec<Observed>, StoreError> {
    let rows: Vec<ReadingRow> = sql
        .query(
            "SELECT id, effective_ms, value_milli, value2_milli, context, quality, source_rank \
             FROM readings WHERE user_id = ?1 AND type = ?2 AND effective_ms >= ?3 \
             AND status = 'final' AND effective_ms <= ?4 AND (effective_ms < ?4 OR id < ?5) \
             ORDER BY effective_ms DESC, id DESC LIMIT ?6",
            params![
                user_id,
                kind,
                from_ms,
                before.map_or(i64::MAX, |reading| reading.at_ms),
                before.map_or("", |reading| reading.id.as_str()),
                limit
            ],
        )
        .await?;
    let each = rows.into_iter().map(|row| Observed {
        id: row.id,
        at_ms: row.effective_ms,
        values: [Some(row.value_milli), row.value2_milli]
            .into_iter()
            .flatten()
            .map(Milli)
            .collect(),
        context: row.context,
        rank: row.source_rank,
        is_implausible: row.quality == "implausible",
    });
    Ok(each.collect())
}

/// When the newest abnormal reading of the alert of a rule that lasts was taken; of more
/// than one the oldest.
pub(crate) async fn active_last_ms(
    sql: &impl Sql,
    user_id: &str,
    rule: &str,
) -> Result<Option<i64>, StoreError> {
    sql.query_optional(
        "SELECT last_ms FROM alerts WHERE user_id = ?1 AND rule = ?2 AND state = 'active' \
         ORDER BY last_ms LIMIT 1",
        params![user_id, rule],
    )
    .await
}

/// The alerts of a rule that last, or of which the person was told lately, or that reach
/// into the time since then.
pub(crate) async fn alerts(
    sql: &impl Sql,
    user_id: &str,
    rule: &str,
    from_ms: i64,
) -> Result<Vec<Stored>, StoreError> {
    let rows: Vec<Row> = sql
        .query(
            "SELECT id, reading_id, started_ms, last_ms, cleared_ms, level, code, rule_set, state, \
             notified_ms, notified_level, acknowledged_ms FROM alerts \
             WHERE user_id = ?1 AND rule = ?2 AND (state = 'active' OR last_ms >= ?3 \
             OR cleared_ms >= ?3 OR notified_ms >= ?4) ORDER BY last_ms DESC, id LIMIT ?5",
            params![
                user_id,
                rule,
                from_ms,
                from_ms.saturating_sub(NOTICE_GAP_MS_MIN),
                ALERTS_MAX
            ],
        )
        .await?;
    rows.iter().map(stored).collect()
}

/// Words that this never wrote count as the mildest: the table refuses them.
fn stored(row: &Row) -> Result<Stored, StoreError> {
    let level = |name| -> Result<Level, StoreError> {
        let text: String = row.get(name)?;
        Ok(Level::parse(&text).unwrap_or_default())
    };
    let state: String = row.get("state")?;
    Ok(Stored {
        id: row.get("id")?,
        reading_id: row.get("reading_id")?,
        started_ms: row.get("started_ms")?,
        last_ms: row.get("last_ms")?,
        cleared_ms: row.get("cleared_ms")?,
        level: level("level")?,
        code: row.get("code")?,
        rule_set: row.get("rule_set")?,
        state: State::parse(&state).unwrap_or(State::Active),
        notified_ms: row.get("notified_ms")?,
        notified_level: level("notified_level")?,
        acknowledged_ms: row.get("acknowledged_ms")?,
    })
}

/// What an alert has beside its episode.
pub(crate) struct NewAlert<'a> {
    pub(crate) user_id: &'a str,
    pub(crate) id: &'a str,
    pub(crate) rule: &'a str,
    pub(crate) metric: &'a str,
}

fn state(episode: &Episode) -> &'static str {
    match episode.cleared_ms {
        Some(_) => State::Cleared.as_str(),
        None => State::Active.as_str(),
    }
}

pub(crate) async fn insert(
    sql: &impl Sql,
    alert: &NewAlert<'_>,
    episode: &Episode,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO alerts (user_id, id, rule, metric, level, code, rule_set, reading_id, \
         started_ms, last_ms, cleared_ms, state, notified_level, created_ms) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'none', ?13)",
        params![
            alert.user_id,
            alert.id,
            alert.rule,
            alert.metric,
            episode.level.as_str(),
            &episode.code,
            &episode.rule_set,
            &episode.reading_id,
            episode.started_ms,
            episode.last_ms,
            episode.cleared_ms,
            state(episode),
            now_ms
        ],
    )
    .await
}

pub(crate) async fn update(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
    episode: &Episode,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE alerts SET level = ?3, code = ?4, rule_set = ?5, reading_id = ?6, \
         started_ms = ?7, last_ms = ?8, cleared_ms = ?9, state = ?10 \
         WHERE user_id = ?1 AND id = ?2",
        params![
            user_id,
            id,
            episode.level.as_str(),
            &episode.code,
            &episode.rule_set,
            &episode.reading_id,
            episode.started_ms,
            episode.last_ms,
            episode.cleared_ms,
            state(episode)
        ],
    )
    .await
}

pub(crate) async fn withdraw(sql: &impl Sql, user_id: &str, id: &str) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE alerts SET state = 'withdrawn' WHERE user_id = ?1 AND id = ?2",
        params![user_id, id],
    )
    .await
}

/// Notes when the person was told, and of which level.
pub(crate) async fn note_told(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
    level: Level,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE alerts SET notified_ms = ?3, notified_level = ?4 WHERE user_id = ?1 AND id = ?2",
        params![user_id, id, now_ms, level.as_str()],
    )
    .await
}
