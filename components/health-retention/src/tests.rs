//! What is over goes, in any number of pieces, and nothing else.

use futures::executor::block_on;
use serde_json::{Value, json};
use suoke_guest::Request;
use suoke_readings::blobs::Bytes;
use suoke_readings::{Cause, record, remove};
use suoke_store::{Sql, params};

use super::*;

/// 2026-01-01T12:00:00Z.
const NOW_MS: i64 = 1_767_268_800_000;
const KEPT: Kept = Kept {
    readings_days: 5_475,
    deleted_days: 30,
};

async fn send(db: &mut Database, user_id: &str, readings: Vec<Value>, now_ms: i64) -> Vec<String> {
    use suoke_health::batch::Batch;
    use suoke_health::submission::submission;

    let draft = serde_json::from_value(json!({"readings": readings})).unwrap();
    let batch = Batch::prepare(submission(draft).unwrap(), user_id, NOW_MS);
    let request = Request::new("POST", "/");
    let cause = Cause::request("test", &request);
    let outcome = record(db, &batch, user_id, now_ms, cause).await.unwrap();
    assert_eq!(outcome.rejected, 0);
    outcome
        .results
        .into_iter()
        .filter_map(|result| result.id)
        .collect()
}

fn pulse(at: &str) -> Value {
    json!({"type": "heart_rate", "value": 70, "unit": "bpm", "effective_at": at})
}

async fn run(db: &mut Database, now_ms: i64, rows_max: u32) -> Swept {
    sweep(db, KEPT, now_ms, rows_max, async || {})
        .await
        .unwrap()
}

async fn count(db: &Database, text: &str) -> i64 {
    db.query_one(&format!("SELECT count(*) FROM {text}"), params![])
        .await
        .unwrap()
}

#[test]
fn readings_go_after_fifteen_years_and_their_days_with_them() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        // 5,475 days before 2026-01-01 is 2011-01-05.
        let old: Vec<Value> = (0..25)
            .map(|second| pulse(&format!("2011-01-04T23:59:{second:02}Z")))
            .collect();
        for user_id in ["u1", "u2"] {
            send(&mut db, user_id, old.clone(), NOW_MS).await;
            send(
                &mut db,
                user_id,
                vec![pulse("1950-01-01T00:00:00Z")],
                NOW_MS,
            )
            .await;
            send(
                &mut db,
                user_id,
                vec![pulse("2011-01-05T00:00:00Z"), pulse("2025-12-31T00:00:00Z")],
                NOW_MS,
            )
            .await;
            let days = "INSERT INTO days (user_id, metric, day_ms, end_ms, count, min_milli, \
                 max_milli, sum_milli, p50_milli, p95_milli, first_milli, last_milli, in_range_ms, \
                 below_ms, above_ms, covered_ms, computed_ms, distribution, series) \
                 VALUES (?1, 'heart_rate', ?2, ?3, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, '', '')";
            let start_ms = 1_294_099_200_000_i64; // 2011-01-04
            for day in 0..2 {
                let day_ms = start_ms + day * DAY_MS;
                db.execute(days, params![user_id, day_ms, day_ms + DAY_MS])
                    .await
                    .unwrap();
            }
        }
        let swept = run(&mut db, NOW_MS, 10).await;
        assert_eq!((swept.old, swept.days), (52, 2));
        assert_eq!(count(&db, "readings").await, 4);
        assert_eq!(count(&db, "days").await, 2);
        assert_eq!(run(&mut db, NOW_MS, 10).await, Swept::default());
    });
}

#[test]
fn figures_alerts_and_imports_go_also_of_people_without_readings() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let old_ms = 1_294_099_200_000_i64; // 2011-01-04
        for (user_id, at_ms) in [("u1", old_ms), ("u2", NOW_MS - DAY_MS)] {
            let days = "INSERT INTO days (user_id, metric, day_ms, end_ms, count, min_milli, \
                 max_milli, sum_milli, p50_milli, p95_milli, first_milli, last_milli, in_range_ms, \
                 below_ms, above_ms, covered_ms, computed_ms, distribution, series) \
                 VALUES (?1, 'heart_rate', ?2, ?3, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, '', '')";
            db.execute(days, params![user_id, at_ms, at_ms + DAY_MS])
                .await
                .unwrap();
            let alert = "INSERT INTO alerts (user_id, id, rule, metric, level, code, rule_set, \
                 reading_id, started_ms, last_ms, state, notified_level, created_ms) VALUES \
                 (?1, 'a', 'r', 'spo2', 'warning', 'low', 'common', 'r', ?2, ?2, 'active', 'none', \
                 ?2)";
            db.execute(alert, params![user_id, at_ms]).await.unwrap();
            let import = "INSERT INTO imports VALUES (?1, 'i', 3, 1, 0, 1, ?2, ?2)";
            db.execute(import, params![user_id, at_ms]).await.unwrap();
            for line in 0..3 {
                let reject = "INSERT INTO import_rejects VALUES (?1, 'i', ?2, 'c', 'm')";
                db.execute(reject, params![user_id, line]).await.unwrap();
            }
        }
        let swept = run(&mut db, NOW_MS, 2).await;
        let expected = Swept {
            days: 1,
            alerts: 1,
            imports: 4,
            ..Swept::default()
        };
        assert_eq!(swept, expected);
        for table in ["days", "alerts", "imports"] {
            assert_eq!(count(&db, table).await, 1, "{table}");
        }
        assert_eq!(count(&db, "import_rejects WHERE user_id = 'u2'").await, 3);
        assert_eq!(run(&mut db, NOW_MS, 2).await, Swept::default());
    });
}

#[test]
fn deleted_readings_are_purged_after_thirty_days() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let readings = (0..5)
            .map(|hour| pulse(&format!("2025-12-31T0{hour}:00:00Z")))
            .collect();
        let ids = send(&mut db, "u1", readings, NOW_MS).await;
        let request = Request::new("DELETE", "/");
        for id in &ids[..4] {
            let cause = Cause::request("test", &request);
            remove(&mut db, "u1", id, NOW_MS, cause).await.unwrap();
        }
        let thirty_days_ms = 30 * DAY_MS;
        assert_eq!(
            run(&mut db, NOW_MS + thirty_days_ms, 2).await,
            Swept::default()
        );
        assert_eq!(
            run(&mut db, NOW_MS + thirty_days_ms + 1, 2).await.deleted,
            4
        );
        assert_eq!(count(&db, "readings").await, 1);
    });
}

#[test]
fn samples_go_with_their_reading_and_bytes_without_a_row_too() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let wave = json!({"type": "ecg_waveform", "effective_at": "2025-12-31T00:00:00Z",
            "data": {"frequency_hz": 250, "unit": "mV", "samples": [1, 2, 3]}});
        let ids = send(&mut db, "u1", vec![wave], NOW_MS).await;
        let (image, _) = blobs::put(&mut db, "u1", "image/png", b"x", NOW_MS)
            .await
            .unwrap();
        Bytes::open()
            .await
            .unwrap()
            .set("u1/left", b"x")
            .await
            .unwrap();
        let swept = run(&mut db, NOW_MS, 10).await;
        assert_eq!(
            swept,
            Swept {
                bytes: 1,
                ..Swept::default()
            }
        );
        let request = Request::new("DELETE", "/");
        let cause = Cause::request("test", &request);
        remove(&mut db, "u1", &ids[0], NOW_MS, cause).await.unwrap();
        let swept = run(&mut db, NOW_MS + 31 * DAY_MS, 10).await;
        assert_eq!(
            swept,
            Swept {
                deleted: 1,
                blobs: 1,
                ..Swept::default()
            }
        );
        let keys = Bytes::open().await.unwrap().keys(9).await.unwrap();
        assert_eq!(keys, [blobs::key("u1", &image.id)]);
        // Pictures are kept as long as readings.
        let swept = run(&mut db, NOW_MS + 5_476 * DAY_MS, 10).await;
        assert_eq!(
            swept,
            Swept {
                blobs: 1,
                ..Swept::default()
            }
        );
    });
}

#[test]
fn the_partition_of_a_month_is_there_before_its_readings() {
    block_on(async {
        let db = Database::open_in_memory(LABEL).await.unwrap();
        for days in [0, 27, 58] {
            make_room_ahead(&db, NOW_MS + days * DAY_MS).await.unwrap();
        }
        if Database::tests_use_postgres() {
            for part in ["readings_2026_01", "readings_2026_02", "readings_2026_03"] {
                assert_eq!(count(&db, part).await, 0);
            }
        }
    });
}
