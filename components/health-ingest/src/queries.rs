//! The SQL of readings.

use std::collections::{BTreeSet, HashMap, HashSet};

use suoke_health::Milli;
use suoke_health::batch::{Candidate, DirtyBucket};
use suoke_health::catalogue;
use suoke_health::view::StoredReading;
use suoke_store::{Row, Sql, StoreError, Value, params};

/// Rows of one statement: large enough that statements are few, small enough that
/// full ones share one text.
const ROWS_MAX: usize = 100;

const INSERT: &str = "INSERT INTO readings (user_id, id, device_id, identity, type, value_milli, \
     value2_milli, unit, original_value, original_value2, original_unit, effective_ms, end_ms, \
     offset_minutes, context, quality, source, created_ms) VALUES ";

/// Inserts what is new and gives the ids of it.
pub async fn insert_readings(
    sql: &impl Sql,
    user_id: &str,
    candidates: &[Candidate],
    now_ms: i64,
) -> Result<HashSet<String>, StoreError> {
    let mut created = HashSet::with_capacity(candidates.len());
    for chunk in candidates.chunks(ROWS_MAX) {
        let mut values = Vec::with_capacity(chunk.len() * 18);
        for candidate in chunk {
            push_row(&mut values, user_id, candidate, now_ms);
        }
        let rows = rows(chunk.len(), 18);
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
        &candidate.identity,
        reading.kind.key,
        milli(0),
        milli(1),
        reading.kind.unit,
        original(0),
        original(1),
        reading.original_unit,
        reading.effective_ms,
        reading.end_ms,
        reading.offset_minutes,
        reading.context.as_ref(),
        reading.quality.as_str(),
        &reading.source,
        now_ms
    ]);
}

/// The ids of stored readings by (device, identity).
pub async fn stored_ids(
    sql: &impl Sql,
    user_id: &str,
    repeated: &[&Candidate],
) -> Result<HashMap<(String, String), String>, StoreError> {
    let mut found = HashMap::with_capacity(repeated.len());
    for chunk in repeated.chunks(ROWS_MAX) {
        let mut values = Vec::with_capacity(chunk.len() * 2 + 1);
        for candidate in chunk {
            values.extend(params![&candidate.reading.device_id, &candidate.identity]);
        }
        let text = format!(
            "SELECT device_id, identity, id FROM readings \
             WHERE user_id = ?{} AND (device_id, identity) IN (VALUES {})",
            values.len() + 1,
            rows(chunk.len(), 2)
        );
        values.push(user_id.into());
        for row in sql.query::<Row>(&text, values).await? {
            found.insert(
                (row.get("device_id")?, row.get("identity")?),
                row.get("id")?,
            );
        }
    }
    Ok(found)
}

/// Marks buckets as out of date; a run that has claimed one loses the claim.
pub async fn mark_dirty(
    sql: &impl Sql,
    user_id: &str,
    buckets: &BTreeSet<DirtyBucket>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let buckets: Vec<_> = buckets.iter().collect();
    for chunk in buckets.chunks(ROWS_MAX) {
        let mut values = Vec::with_capacity(chunk.len() * 4);
        for bucket in chunk {
            values.extend(params![user_id, bucket.kind, bucket.start_ms, now_ms]);
        }
        let text = format!(
            "INSERT INTO dirty_buckets (user_id, type, bucket_ms, marked_ms) VALUES {} \
             ON CONFLICT (user_id, type, bucket_ms) DO UPDATE SET claim = NULL \
             WHERE dirty_buckets.claim IS NOT NULL",
            rows(chunk.len(), 4)
        );
        sql.execute(&text, values).await?;
    }
    Ok(())
}

/// `(?1,?2),(?3,?4)` for two rows of two columns.
fn rows(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let places = (1..=columns).map(|column| format!("?{}", row * columns + column));
        format!("({})", places.collect::<Vec<_>>().join(","))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(",")
}

/// The readings of a person before the one with the id `before`, newest first.
pub async fn newest(
    sql: &impl Sql,
    user_id: &str,
    before: &str,
    limit: u32,
) -> Result<Vec<StoredReading>, StoreError> {
    let text = "SELECT id, type, value_milli, value2_milli, effective_ms, end_ms, offset_minutes, \
         context, device_id, source, quality FROM readings \
         WHERE user_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
    let rows: Vec<Row> = sql.query(text, params![user_id, before, limit]).await?;
    let mut readings = Vec::with_capacity(rows.len());
    for row in rows {
        let kind: String = row.get("type")?;
        // A kind that left the catalogue is not shown; its row stays.
        let Some(kind) = catalogue::find(&kind) else {
            continue;
        };
        let second: Option<i64> = row.get("value2_milli")?;
        readings.push(StoredReading {
            id: row.get("id")?,
            kind,
            values: [Some(row.get("value_milli")?), second]
                .into_iter()
                .flatten()
                .map(Milli)
                .collect(),
            effective_ms: row.get("effective_ms")?,
            end_ms: row.get("end_ms")?,
            offset_minutes: row.get("offset_minutes")?,
            context: row.get("context")?,
            device_id: row.get("device_id")?,
            source: row.get("source")?,
            quality: row.get("quality")?,
        });
    }
    Ok(readings)
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use suoke_health::batch::Batch;
    use suoke_health::submission::parse;
    use suoke_health::view::ReadingView;
    use suoke_store::Database;

    use super::*;

    fn batch(count: usize, client: bool) -> Batch {
        let one = |at: usize| {
            let id = if client {
                format!("\"client_id\":\"c{at}\",")
            } else {
                String::new()
            };
            format!(
                "{{{id}\"type\":\"blood_pressure\",\"components\":{{\"systolic\":120,\"diastolic\":{}}},\
                 \"unit\":\"mm[Hg]\",\"effective_at\":\"2026-01-01T00:{:02}:{:02}Z\"}}",
                40 + at / 3600,
                at / 60 % 60,
                at % 60
            )
        };
        let body = format!(
            "{{\"readings\":[{}]}}",
            (0..count).map(one).collect::<Vec<_>>().join(",")
        );
        Batch::prepare(parse(body.as_bytes()).unwrap(), "u", i64::MAX)
    }

    #[test]
    fn a_thousand_readings_are_stored_once() {
        block_on(async {
            let db = Database::open_in_memory("health").await.unwrap();
            let batch = batch(1_000, false);
            let created = insert_readings(&db, "u", batch.candidates(), 7)
                .await
                .unwrap();
            assert_eq!(created.len(), 1_000);
            assert!(
                insert_readings(&db, "u", batch.candidates(), 8)
                    .await
                    .unwrap()
                    .is_empty()
            );
            assert_eq!(
                insert_readings(&db, "v", batch.candidates(), 8)
                    .await
                    .unwrap()
                    .len(),
                1_000
            );
            mark_dirty(&db, "u", &batch.dirty_buckets(&created), 7)
                .await
                .unwrap();
            mark_dirty(&db, "u", &batch.dirty_buckets(&created), 8)
                .await
                .unwrap();
            let marks: i64 = db
                .query_one("SELECT COUNT(*) FROM dirty_buckets", params![])
                .await
                .unwrap();
            assert_eq!(marks, 4);
        });
    }

    #[test]
    fn the_original_of_a_duplicate_is_found() {
        block_on(async {
            let db = Database::open_in_memory("health").await.unwrap();
            let first = batch(150, true);
            let created = insert_readings(&db, "u", first.candidates(), 7)
                .await
                .unwrap();
            let all: Vec<_> = first.candidates().iter().collect();
            let stored = stored_ids(&db, "u", &all).await.unwrap();
            assert_eq!(stored.len(), 150);
            assert_eq!(stored.values().cloned().collect::<HashSet<_>>(), created);
            assert!(stored_ids(&db, "v", &all).await.unwrap().is_empty());
        });
    }

    #[test]
    fn pages_run_from_the_newest_to_the_oldest() {
        block_on(async {
            let db = Database::open_in_memory("health").await.unwrap();
            insert_readings(&db, "u", batch(5, false).candidates(), 7)
                .await
                .unwrap();
            let page = newest(&db, "u", "g", 3).await.unwrap();
            let times: Vec<_> = page
                .iter()
                .map(|reading| reading.effective_ms % 60_000)
                .collect();
            assert_eq!(times, [4_000, 3_000, 2_000]);
            let last = page.last().map(|reading| reading.id.clone()).unwrap();
            let rest = newest(&db, "u", &last, 3).await.unwrap();
            assert_eq!(rest.len(), 2);
            assert!(newest(&db, "v", "g", 3).await.unwrap().is_empty());
            let _: Vec<ReadingView> = rest.into_iter().map(ReadingView::from).collect();
        });
    }
}
