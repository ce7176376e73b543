//! `event_inbox` and `event_positions`.

use suoke_store::{Sql, StoreError, params};

/// Notes that a consumer takes an event; false when it has done so before.
pub(crate) async fn insert(
    sql: &impl Sql,
    consumer: &str,
    event_id: &str,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let fresh: Option<i64> = sql
        .query_optional(
            "INSERT INTO event_inbox (event_id, consumer, processed_at) VALUES (?1, ?2, ?3) \
             ON CONFLICT DO NOTHING RETURNING 1",
            params![event_id, consumer, now_ms],
        )
        .await?;
    Ok(fresh.is_some())
}

/// The same for many; `ids` is a JSON array. Gives those that are new.
pub(crate) async fn insert_all(
    sql: &impl Sql,
    consumer: &str,
    ids: String,
    now_ms: i64,
) -> Result<Vec<String>, StoreError> {
    // The condition tells ON CONFLICT from the ON of a join.
    sql.query(
        "INSERT INTO event_inbox (event_id, consumer, processed_at) \
         SELECT value, ?2, ?3 FROM json_each(?1) WHERE true \
         ON CONFLICT DO NOTHING RETURNING event_id",
        params![ids, consumer, now_ms],
    )
    .await
}

/// How far a consumer has come with an aggregate: 0 at first.
pub(crate) async fn position(
    sql: &impl Sql,
    consumer: &str,
    aggregate: &str,
) -> Result<u64, StoreError> {
    let last: Option<i64> = sql
        .query_optional(
            "SELECT last_sequence FROM event_positions WHERE consumer = ?1 AND aggregate = ?2",
            params![consumer, aggregate],
        )
        .await?;
    Ok(last.unwrap_or(0).unsigned_abs())
}

pub(crate) async fn set_position(
    sql: &impl Sql,
    consumer: &str,
    aggregate: &str,
    sequence: u64,
) -> Result<(), StoreError> {
    let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
    sql.execute(
        "INSERT INTO event_positions (consumer, aggregate, last_sequence) VALUES (?1, ?2, ?3) \
         ON CONFLICT (consumer, aggregate) DO UPDATE SET last_sequence = excluded.last_sequence",
        params![consumer, aggregate, sequence],
    )
    .await
}
