//! Alerts are kept once, whatever comes twice, late, or not at all.

use futures::executor::block_on;
use serde_json::json;
use suoke_events::types::AlertRaised;
use suoke_readings::events::subject;
use suoke_store::{Sql, params};

use super::*;

/// Some instant.
const NOW_MS: i64 = 1_800_000_000_000;
const MINUTE_MS: i64 = 60_000;

async fn health() -> Database {
    Database::open_in_memory("health").await.unwrap()
}

/// Stores a saturation, so many minutes ago.
async fn measure(db: &Database, id: &str, value: i64, minutes_ago: i64) {
    let text = "INSERT INTO readings (user_id, id, device_id, client_id, type, value_milli, \
         original_unit, effective_ms, offset_minutes, quality, status, source, source_rank, \
         shadowed, created_ms, changed_ms) \
         VALUES ('u1', ?1, '', '', 'spo2', ?2, '%', ?3, 0, 'ok', 'final', '', 0, 0, 1, 1)";
    let at_ms = NOW_MS - minutes_ago * MINUTE_MS;
    db.execute(text, params![id, value * 1000, at_ms])
        .await
        .unwrap();
}

fn recorded(last_ms: i64) -> Event {
    recorded_between(last_ms, last_ms)
}

fn recorded_between(first_ms: i64, last_ms: i64) -> Event {
    let types = json!([{"type": "spo2", "count": 1, "first_ms": first_ms, "last_ms": last_ms}]);
    let data = json!({"user_id": "u1", "count": 1, "types": types});
    let event = Event::new(RECORDED, "health-ingest", &data).unwrap();
    event.about(subject("u1"))
}

async fn hear(db: &mut Database, event: &Event, now_ms: i64) -> Vec<AlertRaised> {
    let told = on_event_at(db, event, now_ms).await.unwrap();
    told.iter().map(|event| event.data_as().unwrap()).collect()
}

async fn states(db: &Database) -> Vec<String> {
    let text = "SELECT rule || ' ' || level || ' ' || state FROM alerts ORDER BY started_ms";
    db.query(text, params![]).await.unwrap()
}

#[test]
fn a_critical_reading_is_told_once_and_without_its_value() {
    block_on(async {
        let mut db = health().await;
        measure(&db, "r1", 84, 0).await;
        let event = recorded(NOW_MS);
        let told = on_event_at(&mut db, &event, NOW_MS).await.unwrap();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].causationid.as_deref(), Some(event.id.as_str()));
        let data: AlertRaised = told[0].data_as().unwrap();
        assert_eq!(
            (data.rule.as_str(), data.level.as_str()),
            ("spo2_low", "critical")
        );
        let told = told[0].data.as_object().unwrap();
        let fields: Vec<&str> = told.keys().map(String::as_str).collect();
        assert_eq!(fields, ["alert_id", "code", "level", "rule", "user_id"]);
        assert!(hear(&mut db, &event, NOW_MS).await.is_empty());
        assert!(hear(&mut db, &recorded(NOW_MS), NOW_MS).await.is_empty());
        assert_eq!(states(&db).await, ["spo2_low critical active"]);
    });
}

#[test]
fn late_readings_change_an_alert_instead_of_making_another() {
    block_on(async {
        let mut db = health().await;
        measure(&db, "r3", 92, 10).await;
        measure(&db, "r4", 92, 9).await;
        assert_eq!(hear(&mut db, &recorded(NOW_MS), NOW_MS).await.len(), 1);
        measure(&db, "r2", 80, 11).await;
        let told = hear(&mut db, &recorded(NOW_MS), NOW_MS).await;
        assert_eq!(told.len(), 1, "it is worse than what was told");
        let started: i64 = db
            .query_one("SELECT started_ms FROM alerts", params![])
            .await
            .unwrap();
        assert_eq!(started, NOW_MS - 11 * MINUTE_MS);
    });
}

#[test]
fn three_normal_readings_end_an_alert() {
    block_on(async {
        let mut db = health().await;
        measure(&db, "r1", 84, 9).await;
        hear(&mut db, &recorded(NOW_MS), NOW_MS).await;
        for (id, ago) in [("r2", 8), ("r3", 7), ("r4", 6)] {
            measure(&db, id, 98, ago).await;
        }
        assert!(hear(&mut db, &recorded(NOW_MS), NOW_MS).await.is_empty());
        assert_eq!(states(&db).await, ["spo2_low critical cleared"]);
    });
}

/// One reading a day: three of them never fit into 24 hours.
#[test]
fn an_alert_of_somebody_who_measures_once_a_day_ends_and_the_next_is_told() {
    block_on(async {
        const DAY_MINUTES: i64 = 24 * 60;
        let mut db = health().await;
        let mut told = Vec::new();
        for (day, value) in [84, 97, 98, 97, 84].into_iter().enumerate() {
            let ago = (4 - i64::try_from(day).unwrap()) * DAY_MINUTES;
            let at_ms = NOW_MS - ago * MINUTE_MS;
            measure(&db, &format!("r{day}"), value, ago).await;
            told.push(hear(&mut db, &recorded(at_ms), at_ms).await.len());
            let text = "UPDATE alerts SET acknowledged_ms = ?1 WHERE acknowledged_ms IS NULL";
            db.execute(text, params![at_ms]).await.unwrap();
        }
        assert_eq!(told, [1, 0, 0, 0, 1]);
        let expected = ["spo2_low critical cleared", "spo2_low critical active"];
        assert_eq!(states(&db).await, expected);
    });
}

/// Readings of every 15 seconds of 20 hours come at once: the newest page knows 12.
#[test]
fn a_danger_at_the_beginning_of_a_long_backlog_is_told() {
    block_on(async {
        let mut db = health().await;
        let text = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
             WHERE i < 4800) \
             INSERT INTO readings (user_id, id, device_id, client_id, type, value_milli, \
             original_unit, effective_ms, offset_minutes, quality, status, source, source_rank, \
             shadowed, created_ms, changed_ms) \
             SELECT 'u1', 'b' || i, '', '', 'spo2', 97000, '%', ?1 - i * 15000, 0, 'ok', \
             'final', '', 0, 0, 1, 1 FROM n";
        db.execute(text, params![NOW_MS]).await.unwrap();
        measure(&db, "low", 84, 19 * 60).await;
        let late = hear(&mut db, &recorded(NOW_MS), NOW_MS).await;
        assert!(late.is_empty(), "the event says nothing of it");
        let first_ms = NOW_MS - 20 * 60 * MINUTE_MS;
        let told = hear(&mut db, &recorded_between(first_ms, NOW_MS), NOW_MS).await;
        assert_eq!(told.len(), 1);
        assert_eq!(states(&db).await, ["spo2_low critical cleared"]);
    });
}

#[test]
fn a_reading_that_is_deleted_takes_its_alert_back() {
    block_on(async {
        let mut db = health().await;
        measure(&db, "r1", 84, 9).await;
        hear(&mut db, &recorded(NOW_MS), NOW_MS).await;
        let text = "UPDATE readings SET status = 'entered_in_error'";
        db.execute(text, params![]).await.unwrap();
        let data = json!({"user_id": "u1", "id": "r1", "type": "spo2"});
        let deleted = Event::new(DELETED, "health-readings", &data).unwrap();
        assert!(hear(&mut db, &deleted, NOW_MS).await.is_empty());
        assert_eq!(states(&db).await, ["spo2_low critical withdrawn"]);
    });
}

#[test]
fn old_readings_and_people_who_are_erased_have_no_alerts() {
    block_on(async {
        let mut db = health().await;
        measure(&db, "r1", 84, 24 * 60 + 1).await;
        let old = recorded(NOW_MS - 24 * 61 * MINUTE_MS);
        assert!(hear(&mut db, &old, NOW_MS).await.is_empty());
        assert!(hear(&mut db, &recorded(NOW_MS), NOW_MS).await.is_empty());
        measure(&db, "r2", 84, 1).await;
        suoke_store::erased::note(&db, "u1", 1).await.unwrap();
        assert!(hear(&mut db, &recorded(NOW_MS), NOW_MS).await.is_empty());
        assert!(states(&db).await.is_empty());
    });
}

#[test]
fn other_events_and_events_about_nobody_are_dead_letters() {
    block_on(async {
        let mut db = health().await;
        for (kind, data) in [
            ("user.created", json!({"user_id": "u1"})),
            (RECORDED, json!({"types": []})),
        ] {
            let event = Event::new(kind, "users", &data).unwrap();
            let error = on_event(&mut db, &event).await.unwrap_err();
            assert!(error.is_permanent(), "{error}");
        }
    });
}
