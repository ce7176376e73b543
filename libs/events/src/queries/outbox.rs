//! `event_outbox` and `event_sequences`.

use suoke_store::{Sql, StoreError, Value, params};

use crate::outbox::Outcome;

/// Rows of one statement.
const ROWS_MAX: usize = 50;

/// A row that is new.
pub(crate) struct NewRow<'a> {
    pub(crate) id: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) aggregate: &'a str,
    pub(crate) sequence: u64,
    pub(crate) correlation_id: Option<&'a str>,
    pub(crate) payload: String,
}

suoke_store::from_row!(Outcome {
    id,
    attempts,
    done_at,
    dead_at
});

/// Gives out the next `count` numbers of an aggregate: the last of them.
pub(crate) async fn reserve_sequences(
    sql: &impl Sql,
    aggregate: &str,
    count: u32,
) -> Result<u64, StoreError> {
    let last: i64 = sql
        .query_one(
            "INSERT INTO event_sequences (aggregate, last) VALUES (?1, ?2) \
             ON CONFLICT (aggregate) DO UPDATE SET last = event_sequences.last + ?2 RETURNING last",
            params![aggregate, count],
        )
        .await?;
    Ok(last.unsigned_abs())
}

/// Adds rows that share their times and the number of attempts.
pub(crate) async fn insert(
    sql: &impl Sql,
    rows: Vec<NewRow<'_>>,
    attempts_max: u32,
    now_ms: i64,
    next_attempt_at: i64,
) -> Result<(), StoreError> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let mut values: Vec<Value> = params![attempts_max, now_ms, next_attempt_at];
        let mut places = Vec::new();
        for row in rows.by_ref().take(ROWS_MAX) {
            let at = values.len();
            places.push(format!(
                "(?{}, ?{}, ?{}, ?{}, ?{}, ?{}, ?1, ?2, ?2, ?3)",
                at + 1,
                at + 2,
                at + 3,
                at + 4,
                at + 5,
                at + 6
            ));
            values.extend(params![
                row.id,
                row.kind,
                row.aggregate,
                i64::try_from(row.sequence).unwrap_or(i64::MAX),
                row.correlation_id,
                row.payload
            ]);
        }
        let text = format!(
            "INSERT INTO event_outbox (id, type, aggregate, sequence, correlation_id, payload, \
             attempts_max, created_at, started_at, next_attempt_at) VALUES {}",
            places.join(", ")
        );
        sql.execute(&text, values).await?;
    }
    Ok(())
}

/// What became of events; `ids` is a JSON array.
pub(crate) async fn outcomes(sql: &impl Sql, ids: String) -> Result<Vec<Outcome>, StoreError> {
    sql.query(
        "SELECT id, attempts, done_at, dead_at FROM event_outbox \
         WHERE id IN (SELECT value FROM json_each(?1))",
        params![ids],
    )
    .await
}
