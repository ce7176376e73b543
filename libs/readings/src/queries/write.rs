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

/// Columns of a row beside its owner and the present.
const COLUMNS: [&str; 19] = [
    "id",
    "type",
    "value_milli",
    "value2_milli",
    "original_value",
    "original_value2",
    "original_unit",
    "effective_ms",
    "context",
    "device_id",
    "client_id",
    "end_ms",
    "offset_minutes",
    "data",
    "blob",
    "quality",
    "supersedes",
    "source",
    "source_rank",
];
/// So many of them differ from row to row, whatever a device sends.
const OWN: usize = 9;

/// Inserts what is new; how many rows that were. Where all readings say the same of where
/// they come from, as those of one device do, that is handed over once: each value that
/// crosses into the host costs as much as the column it fills.
pub(crate) async fn insert(
    sql: &impl Sql,
    user_id: &str,
    candidates: &[&Candidate],
    now_ms: i64,
) -> Result<u64, StoreError> {
    let shared = candidates
        .first()
        .filter(|first| candidates.len() > 1 && candidates.iter().all(|one| shares(first, one)))
        .map(|first| self::shared(first));
    let mut inserted = 0;
    let mut rest = candidates;
    while !rest.is_empty() {
        let fits = ROWS.iter().find(|rows| **rows <= rest.len());
        let (piece, after) = rest.split_at(fits.copied().unwrap_or(rest.len()));
        let mut values = Vec::with_capacity((piece.len() + 1) * COLUMNS.len());
        values.extend(params![user_id, now_ms]);
        values.extend(shared.iter().flatten().cloned());
        for candidate in piece {
            values.extend(own(candidate));
            if shared.is_none() {
                values.extend(self::shared(candidate));
            }
        }
        let text = text(piece.len(), shared.is_some());
        inserted += sql.execute_counted(&text, values).await?;
        rest = after;
    }
    Ok(inserted)
}

/// The statement for so many rows: `?1` is the person, `?2` the present, then what rows
/// share, then each row.
fn text(rows: usize, is_uniform: bool) -> String {
    let each = if is_uniform { OWN } else { COLUMNS.len() };
    let first = 3 + COLUMNS.len() - each;
    let mut text = format!(
        "INSERT INTO readings (user_id, {}, created_ms, changed_ms) VALUES ",
        COLUMNS.join(", ")
    );
    for row in 0..rows {
        text.push_str(if row == 0 { "(?1" } else { ",(?1" });
        let own = (0..each).map(|column| first + row * each + column);
        let shared = (0..COLUMNS.len() - each).map(|column| 3 + column);
        for place in own.chain(shared) {
            text.push_str(",?");
            text.push_str(&place.to_string());
        }
        text.push_str(",?2,?2)");
    }
    text.push_str(" ON CONFLICT DO NOTHING");
    text
}

/// What differs from row to row.
fn own(candidate: &Candidate) -> [Value; OWN] {
    let reading = &candidate.reading;
    let milli = |at: usize| reading.values.get(at).map(|value: &Milli| value.0);
    let original = |at: usize| reading.original_values.get(at).copied();
    [
        (&candidate.id).into(),
        reading.kind.key.into(),
        milli(0).into(),
        milli(1).into(),
        original(0).into(),
        original(1).into(),
        reading.original_unit.into(),
        reading.effective_ms.into(),
        reading.context.as_ref().into(),
    ]
}

/// Whether two rows share all that rows often share.
fn shares(one: &Candidate, other: &Candidate) -> bool {
    let (one, other) = (&one.reading, &other.reading);
    one.device_id == other.device_id
        && one.client_id == other.client_id
        && one.end_ms == other.end_ms
        && one.offset_minutes == other.offset_minutes
        // Whoever refers to another blob says other data.
        && one.data == other.data
        && one.quality == other.quality
        && one.supersedes == other.supersedes
        && one.source == other.source
}

/// What rows often share.
fn shared(candidate: &Candidate) -> [Value; COLUMNS.len() - OWN] {
    let reading = &candidate.reading;
    let blob = candidate.samples.as_ref().map(|samples| &samples.blob);
    [
        (&reading.device_id).into(),
        reading.client_id.as_deref().unwrap_or_default().into(),
        reading.end_ms.into(),
        reading.offset_minutes.into(),
        reading.data.as_ref().into(),
        blob.into(),
        reading.quality.as_str().into(),
        reading.supersedes.as_ref().into(),
        (&reading.source).into(),
        source::rank(&reading.source).into(),
    ]
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
