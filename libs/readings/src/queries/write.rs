//! The SQL that stores readings.

use suoke_health::Milli;
use suoke_health::batch::Candidate;
use suoke_health::source;
use suoke_health::view::Status;
use suoke_store::{Sql, StoreError, Value, params};

/// Rows of one statement. The host keeps statements that it has prepared by their text:
/// with few sizes, every batch is made of texts that are there already, and preparing
/// one of a hundred rows costs as much as inserting them.
const ROWS: [usize; 4] = [100, 20, 5, 1];

/// Columns that differ between the rows of one statement, in their order.
const COLUMNS: &str = "id, device_id, client_id, type, value_milli, value2_milli, \
     original_value, original_value2, original_unit, effective_ms, end_ms, offset_minutes, \
     context, data, quality, supersedes, source, source_rank";
const COLUMN_COUNT: usize = 18;

/// Inserts what is new; how many rows that were.
pub(crate) async fn insert(
    sql: &impl Sql,
    user_id: &str,
    candidates: &[&Candidate],
    now_ms: i64,
) -> Result<u64, StoreError> {
    let mut inserted = 0;
    let mut rest = candidates;
    while !rest.is_empty() {
        let fits = ROWS.iter().find(|rows| **rows <= rest.len());
        let (piece, after) = rest.split_at(fits.copied().unwrap_or(rest.len()));
        let mut values = Vec::with_capacity(piece.len() * COLUMN_COUNT + 2);
        values.extend(params![user_id, now_ms]);
        for candidate in piece {
            push_row(&mut values, candidate);
        }
        inserted += sql.execute_counted(&text(piece.len()), values).await?;
        rest = after;
    }
    Ok(inserted)
}

/// The statement for so many rows: `?1` is the person, `?2` the present.
fn text(rows: usize) -> String {
    let mut text =
        format!("INSERT INTO readings (user_id, {COLUMNS}, created_ms, changed_ms) VALUES ");
    for row in 0..rows {
        text.push_str(if row == 0 { "(?1" } else { ",(?1" });
        for column in 0..COLUMN_COUNT {
            text.push_str(",?");
            text.push_str(&(3 + row * COLUMN_COUNT + column).to_string());
        }
        text.push_str(",?2,?2)");
    }
    text.push_str(" ON CONFLICT DO NOTHING");
    text
}

fn push_row(values: &mut Vec<Value>, candidate: &Candidate) {
    let reading = &candidate.reading;
    let milli = |at: usize| reading.values.get(at).map(|value: &Milli| value.0);
    let original = |at: usize| reading.original_values.get(at).copied();
    values.extend(params![
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
        reading.data.as_ref(),
        reading.quality.as_str(),
        reading.supersedes.as_ref(),
        &reading.source,
        source::rank(&reading.source)
    ]);
}

/// Amends a reading of this type, if it counts.
pub(crate) async fn amend(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
    effective_ms: i64,
    kind: &str,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let changed = sql
        .execute_counted(
            "UPDATE readings SET status = 'amended', changed_ms = ?5 WHERE user_id = ?1 \
             AND id = ?2 AND effective_ms = ?3 AND type = ?4 AND status = 'final'",
            params![user_id, id, effective_ms, kind, now_ms],
        )
        .await?;
    Ok(changed == 1)
}

/// Gives a reading another status.
pub(crate) async fn set_status(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
    effective_ms: i64,
    status: Status,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE readings SET status = ?4, changed_ms = ?5 \
         WHERE user_id = ?1 AND id = ?2 AND effective_ms = ?3",
        params![user_id, id, effective_ms, status.as_str(), now_ms],
    )
    .await
}
