//! Recomputation against a database in memory.

use futures::executor::block_on;
use suoke_health::batch::Batch;
use suoke_health::bucket::Buckets;
use suoke_health::submission::parse;
use suoke_store::{Row, Sql, params};

use super::*;

/// A body of readings spread over two hours; `from` and `to` pick some of them.
fn body(from: usize, to: usize) -> Vec<u8> {
    let one = |at: usize| {
        let effective = format!("2026-01-01T{:02}:{:02}:30Z", at / 60, at % 60);
        if at.is_multiple_of(3) {
            let components = format!("{{\"systolic\":{},\"diastolic\":{}}}", 110 + at, 60 + at);
            format!(
                "{{\"type\":\"blood_pressure\",\"components\":{components},\"unit\":\"mm[Hg]\",\"effective_at\":\"{effective}\"}}"
            )
        } else {
            let value = 36 + at % 4;
            format!(
                "{{\"type\":\"body_temperature\",\"value\":{value}.{},\"unit\":\"Cel\",\"effective_at\":\"{effective}\"}}",
                at % 10
            )
        }
    };
    let items: Vec<_> = (from..to).map(one).collect();
    format!("{{\"readings\":[{}]}}", items.join(",")).into_bytes()
}

async fn add(db: &Database, body: &[u8]) -> Batch {
    let batch = Batch::prepare(parse(body).unwrap(), "u", i64::MAX);
    for candidate in batch.candidates() {
        let reading = &candidate.reading;
        let second = reading.values.get(1).map(|value| value.0);
        db.execute(
            "INSERT INTO readings VALUES (?1, ?2, '', ?3, ?4, ?5, ?6, '', 0, NULL, '', ?7, NULL, 0, NULL, 'ok', '', 0)",
            params!["u", &candidate.id, &candidate.identity, reading.kind.key, reading.values[0].0, second, reading.effective_ms],
        )
        .await
        .unwrap();
    }
    let created = batch
        .candidates()
        .iter()
        .map(|candidate| candidate.id.clone())
        .collect();
    for bucket in batch.dirty_buckets(&created) {
        let text = "INSERT INTO dirty_buckets (user_id, type, bucket_ms, marked_ms) VALUES ('u', ?1, ?2, 0) \
             ON CONFLICT DO UPDATE SET claim = NULL";
        db.execute(text, params![bucket.kind, bucket.start_ms])
            .await
            .unwrap();
    }
    batch
}

async fn stored(db: &Database) -> Vec<(String, i64, i64, i64, i64, i64)> {
    let text = "SELECT * FROM aggregates ORDER BY metric, bucket_ms";
    let rows: Vec<Row> = db.query(text, params![]).await.unwrap();
    let int = |row: &Row, name: &str| row.get::<i64>(name).unwrap();
    rows.iter()
        .map(|row| {
            let metric = row.get("metric").unwrap();
            (
                metric,
                int(row, "bucket_ms"),
                int(row, "count"),
                int(row, "min_milli"),
                int(row, "max_milli"),
                int(row, "sum_milli"),
            )
        })
        .collect()
}

fn expected(batches: &[Batch]) -> Vec<(String, i64, i64, i64, i64, i64)> {
    let mut buckets = Buckets::default();
    for candidate in batches.iter().flat_map(Batch::candidates) {
        buckets.add("u", &candidate.identity, &candidate.reading);
    }
    let each = buckets.figures().iter().map(|(key, figures)| {
        let count = i64::try_from(figures.count).unwrap();
        (
            key.metric.to_owned(),
            key.start_ms,
            count,
            figures.min.0,
            figures.max.0,
            figures.sum.0,
        )
    });
    each.collect()
}

#[test]
fn the_store_counts_as_the_library_does() {
    block_on(async {
        let mut db = Database::open_in_memory("health").await.unwrap();
        let early = add(&db, &body(20, 90)).await;
        assert!(recompute_all(&mut db, 7).await.unwrap() > 20);
        assert_eq!(stored(&db).await, expected(std::slice::from_ref(&early)));
        // Late readings fall into buckets that were computed already.
        let late = add(&db, &body(0, 20)).await;
        recompute_all(&mut db, 7).await.unwrap();
        assert_eq!(stored(&db).await, expected(&[early, late]));
        let left: i64 = db
            .query_one("SELECT COUNT(*) FROM dirty_buckets", params![])
            .await
            .unwrap();
        assert_eq!(left, 0);
        assert_eq!(recompute_all(&mut db, 7).await.unwrap(), 0);
    });
}

#[test]
fn a_bucket_that_became_empty_loses_its_row() {
    block_on(async {
        let mut db = Database::open_in_memory("health").await.unwrap();
        add(&db, &body(0, 4)).await;
        recompute_all(&mut db, 100).await.unwrap();
        assert_eq!(stored(&db).await.len(), 3);
        db.execute(
            "DELETE FROM readings WHERE type = 'blood_pressure'",
            params![],
        )
        .await
        .unwrap();
        db.execute(
            "INSERT INTO dirty_buckets VALUES ('u', 'blood_pressure', 1767225600000, 0, NULL)",
            params![],
        )
        .await
        .unwrap();
        recompute_all(&mut db, 100).await.unwrap();
        let metrics: Vec<_> = stored(&db).await.into_iter().map(|row| row.0).collect();
        assert_eq!(metrics, ["body_temperature"]);
    });
}

#[test]
fn a_mark_added_meanwhile_is_not_deleted() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        add(&db, &body(0, 1)).await;
        assert_eq!(queries::claim(&db, "r", 10).await.unwrap(), 1);
        add(&db, &body(3, 4)).await;
        queries::release(&db, "r").await.unwrap();
        let left: i64 = db
            .query_one("SELECT COUNT(*) FROM dirty_buckets", params![])
            .await
            .unwrap();
        assert_eq!(left, 1);
    });
}
