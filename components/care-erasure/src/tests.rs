//! Everything of one person goes, in any number of pieces, and nothing of another.

use futures::executor::block_on;
use serde_json::json;
use suoke_store::{Sql, params};

use super::*;

const COMPLAINT: &str = "失眠多梦";

/// So many consultations of a user, with everything that comes of one.
async fn fill(db: &Database, user_id: &str, count: u32) {
    for number in 0..count {
        let id = format!("{user_id}-{number}");
        for text in [
            "INSERT INTO consultations VALUES (?1, ?2, 'diagnosed', NULL, ?3, 'xiaoai', 1, 1)",
            "INSERT INTO diagnoses VALUES (?1, ?1, 'inquiry', ?3, 'e', 1)",
            "INSERT INTO agent_answers VALUES (?1, 'laoke', 'answered', ?3, 1)",
            "INSERT INTO reports VALUES (?1, ?1, ?3, 1)",
            "INSERT INTO notifications (id, user_id, kind, consultation_id, report_id, created_at) \
             VALUES (?1, ?2, 'report_ready', ?1, 'r', 1)",
            "INSERT INTO notifications (id, user_id, kind, alert_id, created_at) \
             VALUES ('alert' || ?1, ?2, 'health_warning', 'a', 1)",
            "INSERT INTO event_outbox (id, type, aggregate, sequence, payload, created_at, \
             started_at, attempts_max, next_attempt_at) \
             VALUES (?1 || ?2, 't', 'consultation/' || ?1, 1, ?3, 1, 1, 1, 1)",
            "INSERT INTO event_outbox (id, type, aggregate, sequence, payload, created_at, \
             started_at, attempts_max, next_attempt_at) \
             VALUES (?1, 't', 'saga/consultation_' || ?1, 1, ?3, 1, 1, 1, 1)",
            "INSERT INTO event_failures VALUES (?1, 'c', 't', ?3, 'r', 1, 1, 1, NULL)",
            "INSERT INTO saga_participations VALUES \
             ('consultation_' || ?1, 's', 'p', 'done', ?3, 1, 'x', NULL, 1)",
        ] {
            // Every number stands in every statement, used or not.
            let text = format!("{text} RETURNING ?1, ?2, ?3");
            db.execute(&text, params![&id, user_id, COMPLAINT])
                .await
                .unwrap();
        }
    }
}

/// In how many rows somebody's words still stand.
async fn words(db: &Database) -> i64 {
    let mut found = 0;
    for (table, column) in [
        ("consultations", "chief_complaint"),
        ("diagnoses", "result"),
        ("agent_answers", "answer"),
        ("reports", "content"),
        ("event_outbox", "payload"),
        ("event_failures", "payload"),
        ("saga_participations", "output"),
    ] {
        let text = format!("SELECT count(*) FROM {table} WHERE {column} = ?1");
        let count: i64 = db.query_one(&text, params![COMPLAINT]).await.unwrap();
        found += count;
    }
    found
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
        let mut db = Database::open_in_memory("care").await.unwrap();
        fill(&db, "u2", 1).await;
        let others = words(&db).await;
        fill(&db, "u1", CONSULTATIONS_MAX + 1).await;
        let letter = json!({"data": {"context": {"user_id": "u1"}}}).to_string();
        let text = "INSERT INTO event_failures VALUES ('l', 'c', 't', ?1, 'r', 1, 1, 1, NULL)";
        db.execute(text, params![letter]).await.unwrap();
        let event = deleted("u1");
        let told = on_event(&mut db, &event).await.unwrap();
        assert_eq!(told.len(), 51);
        assert_eq!(told[0].kind, CONSULTATION_ERASED);
        assert!(
            told[0].data["consultation_id"]
                .as_str()
                .unwrap()
                .starts_with("u1-")
        );
        assert_eq!(words(&db).await, others);
        let letters: i64 = db
            .query_one("SELECT count(*) FROM event_failures", params![])
            .await
            .unwrap();
        assert_eq!(letters, 1);
        let notified: i64 = db
            .query_one("SELECT count(*) FROM notifications", params![])
            .await
            .unwrap();
        assert_eq!(notified, 2);
        assert!(on_event(&mut db, &event).await.unwrap().is_empty());
        assert!(erased::is_erased(&db, "u1").await.unwrap());
        assert!(!erased::is_erased(&db, "u2").await.unwrap());
    });
}

#[test]
fn other_events_and_events_about_nobody_are_dead_letters() {
    block_on(async {
        let mut db = Database::open_in_memory("care").await.unwrap();
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
