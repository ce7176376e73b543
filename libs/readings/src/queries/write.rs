//! The SQL that stores readings.

use std::collections::HashSet;

use suoke_health::Milli;
use suoke_health::batch::Candidate;
use suoke_health::source;
use suoke_health::view::{Status, StoredReading};
use suoke_store::{Sql, StoreError, Value, params};

/// Rows of one statement: large enough that statements are few, small enough that
/// full ones share one text.
const ROWS_MAX: usize = 100;

const INSERT: &str = "INSERT INTO readings (user_id, id, device_id, client_id, type, value_milli, \
     value2_milli, original_value, original_value2, original_unit, effective_ms, end_ms, \
     offset_minutes, context, quality, source, source_rank, created_ms, changed_ms) VALUES ";

/// Inserts what is new and gives the ids of it.
pub(crate) async fn insert_readings(
    sql: &impl Sql,
    user_id: &str,
    candidates: &[Candidate],
    now_ms: i64,
) -> Result<HashSet<String>, StoreError> {
    let mut created = HashSet::with_capacity(candidates.len());
    for chunk in candidates.chunks(ROWS_MAX) {
        let mut values = Vec::with_capacity(chunk.len() * 19);
        for candidate in chunk {
            push_row(&mut values, user_id, candidate, now_ms);
        }
        let rows = rows(chunk.len(), 19);
        let text = format!("{INSERT}{rows} ON CONFLICT DO NOTHING RETURNING id");
        created.extend(sql.query::<String>(&text, values).await?);
    }
    Ok(created)
}

fn push_row(values: &mut Vec<Value>, user_id: &str, candidate: &Candidate, now_ms: i64) {
    let reading = &candidate.reading;
    let milli = |at: usize| reading.values.get(at).map(|value: &Milli| value.0);
    let original = |at: usize| reading.original_values.get(at).copied();
    values.extend(params![
        user_id,
        &candidate.id,
        &reading.device_id,
        reading.client_id.as_deref().unwrap_or_default(),
        reading.kind.key,
        milli(0),
        milli(1),
        original(0),
        original(1),
        reading.original_unit,
        reading.effective_ms,
        reading.end_ms,
        reading.offset_minutes,
        reading.context.as_ref(),
        reading.quality.as_str(),
        &reading.source,
        source::rank(&reading.source),
        now_ms,
        now_ms
    ]);
}

/// Gives a reading another status.
pub(crate) async fn set_status(
    sql: &impl Sql,
    user_id: &str,
    reading: &StoredReading,
    status: Status,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE readings SET status = ?4, changed_ms = ?5 \
         WHERE user_id = ?1 AND id = ?2 AND effective_ms = ?3",
        params![
            user_id,
            &reading.id,
            reading.effective_ms,
            status.as_str(),
            now_ms
        ],
    )
    .await
}

/// `(?1,?2),(?3,?4)` for two rows of two columns.
fn rows(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let places = (1..=columns).map(|column| format!("?{}", row * columns + column));
        format!("({})", places.collect::<Vec<_>>().join(","))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(",")
}
