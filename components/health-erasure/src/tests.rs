//! Everything of one person goes, in any number of pieces, and nothing of another.

use futures::executor::block_on;
use serde_json::json;
use suoke_readings::blobs::Bytes;
use suoke_store::{Sql, params};

use super::*;

const TABLES: [&str; 8] = [
    "blobs",
    "alerts",
    "dirty_days",
    "readings",
    "days",
    "health_records",
    "event_outbox",
    "event_failures",
];

/// So many rows of a user in every table.
async fn fill(db: &Database, user_id: &str, rows: u32) {
    for (table, values) in [
        ("blobs", "?1, i, 'sha', 'image/png', 1, 1"),
        (
            "alerts (user_id, id, rule, metric, level, code, rule_set, reading_id, started_ms, \
             last_ms, state, notified_level, created_ms)",
            "?1, i, 'r', 'spo2', 'warning', 'low', 'common', 'r', 1, 1, 'active', 'none', 1",
        ),
        ("dirty_days", "?1, 'heart_rate', i, 1, 1, 1"),
        (
            "readings (user_id, id, device_id, client_id, type, value_milli, original_value, \
             original_unit, effective_ms, offset_minutes, quality, source, created_ms, \
             changed_ms)",
            "?1, i, 'd', '', 'heart_rate', 1, 1.0, '/min', i, 0, 'ok', 's', 1, 1",
        ),
        (
            "days",
            "?1, 'heart_rate', i, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, '1*1', '1;0=1'",
        ),
        (
            "health_records",
            "?1 || i, ?1, 'consultation', ?1 || i, 'r', '{}', 1",
        ),
        (
            "event_outbox (id, type, aggregate, sequence, payload, created_at, started_at, \
             attempts_max, next_attempt_at)",
            "?1 || i, 't', 'readings/' || ?1, i, '{}', 1, 1, 1, 1",
        ),
        (
            "event_failures",
            "?1 || i, 'c', 't', '{}', 'r', 1, 1, 1, NULL",
        ),
    ] {
        let text = format!(
            "INSERT INTO {table} WITH RECURSIVE n(i) AS \
             (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2) SELECT {values} FROM n"
        );
        db.execute(&text, params![user_id, rows]).await.unwrap();
    }
}

async fn left(db: &Database) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in TABLES {
        let text = format!("SELECT count(*) FROM {table}");
        counts.push(db.query_one(&text, params![]).await.unwrap());
    }
    counts
}

fn deleted(user_id: &str) -> Event {
    Event::new(
        "user.deleted",
        "users",
        &json!({"user_id": user_id, "by": "x", "at": "y"}),
    )
    .unwrap()
}

#[test]
fn everything_of_one_person_goes_and_nothing_of_another() {
    block_on(async {
        let mut db = Database::open_in_memory("health").await.unwrap();
        fill(&db, "u1", 2_001).await;
        fill(&db, "u2", 3).await;
        for user_id in ["u1", "u2"] {
            let text = "INSERT INTO profiles (user_id, rules, version, changed_ms) \
                 VALUES (?1, '{}', 1, 1)";
            db.execute(text, params![user_id]).await.unwrap();
            let text =
                "INSERT INTO event_sequences (aggregate, last) VALUES ('readings/' || ?1, 1)";
            db.execute(text, params![user_id]).await.unwrap();
        }
        let bytes = Bytes::open().await.unwrap();
        for key in ["u1/7", "u1/without-a-row", "u2/2"] {
            bytes.set(key, b"x").await.unwrap();
        }
        let event = deleted("u1");
        for _ in 0..2 {
            assert!(on_event(&mut db, &event).await.unwrap().is_empty());
            assert_eq!(left(&db).await, [3; 8]);
        }
        let profiles: Vec<String> = db
            .query("SELECT user_id FROM profiles", params![])
            .await
            .unwrap();
        assert_eq!(profiles, ["u2"]);
        let sequences: Vec<String> = db
            .query("SELECT aggregate FROM event_sequences", params![])
            .await
            .unwrap();
        assert_eq!(sequences, ["readings/u2"]);
        assert_eq!(bytes.keys(9).await.unwrap(), ["u2/2"]);
        let noted: i64 = db
            .query_one("SELECT count(*) FROM event_inbox", params![])
            .await
            .unwrap();
        assert_eq!(noted, 1);
        assert!(erased::is_erased(&db, "u1").await.unwrap());
        assert!(!erased::is_erased(&db, "u2").await.unwrap());
    });
}

#[test]
fn other_events_and_events_about_nobody_are_dead_letters() {
    block_on(async {
        let mut db = Database::open_in_memory("health").await.unwrap();
        for (kind, data) in [
            ("user.created", json!({"user_id": "u1"})),
            ("user.deleted", json!({})),
        ] {
            let event = Event::new(kind, "users", &data).unwrap();
            let error = on_event(&mut db, &event).await.unwrap_err();
            assert!(error.is_permanent(), "{error}");
        }
    });
}
