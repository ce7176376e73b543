//! One saga forgets, others remember.

use futures::executor::block_on;
use serde_json::json;
use suoke_store::{Sql, params};

use super::*;

const COMPLAINT: &str = "失眠多梦";

async fn saga(db: &Database, consultation_id: &str) {
    let id = suoke_care::saga_id(consultation_id);
    let state = json!({"status": "completed", "context": {
        "consultation_id": consultation_id, "chief_complaint": COMPLAINT,
        "outputs": {"one": {"laoke": {"syndromes": ["heart_kidney"]}}},
    }});
    db.execute(
        "INSERT INTO sagas (id, saga, definition, status, step, state, revision, correlation_id, \
         started_by, created_at, updated_at) \
         VALUES (?1, 'health_consultation', '{}', 'completed', 's', ?2, 3, 'c', 'e', 1, 1)",
        params![&id, state.to_string()],
    )
    .await
    .unwrap();
    for (table, aggregate) in [("saga", &id), ("consultation", &consultation_id.to_owned())] {
        let event = json!({"subject": format!("{table}/{aggregate}"), "data": COMPLAINT});
        db.execute(
            "INSERT INTO event_failures VALUES (?1, 'c', 't', ?2, 'r', 1, 1, 1, NULL)",
            params![aggregate, event.to_string()],
        )
        .await
        .unwrap();
    }
    db.execute(
        "INSERT INTO event_outbox (id, type, aggregate, sequence, payload, created_at, \
         started_at, attempts_max, next_attempt_at) \
         VALUES (?1, 't', 'saga/' || ?1, 1, ?2, 1, 1, 1, 1)",
        params![&id, COMPLAINT],
    )
    .await
    .unwrap();
}

async fn words(db: &Database) -> i64 {
    let text = "SELECT (SELECT count(*) FROM sagas \
         WHERE json_extract(state, '$.context.chief_complaint') <> '' \
         OR json_extract(state, '$.context.outputs') IS NOT NULL) \
         + (SELECT count(*) FROM event_outbox) + (SELECT count(*) FROM event_failures)";
    db.query_one(text, params![]).await.unwrap()
}

#[test]
fn the_saga_of_an_erased_consultation_forgets_it_and_no_other_does() {
    block_on(async {
        let mut db = Database::open_in_memory("platform").await.unwrap();
        saga(&db, "c1").await;
        let text =
            "INSERT INTO event_failures VALUES ('p', 'c', 't', 'poison', 'r', 1, 1, 1, NULL)";
        db.execute(text, params![]).await.unwrap();
        let others = words(&db).await;
        saga(&db, "c2").await;
        let erased = Event::new(
            CONSULTATION_ERASED,
            "care-erasure",
            &json!({"consultation_id": "c2"}),
        );
        for _ in 0..2 {
            on_event(&mut db, erased.as_ref().unwrap()).await.unwrap();
            assert_eq!(words(&db).await, others);
        }
        let kept: i64 = db
            .query_one(
                "SELECT revision FROM sagas WHERE id = 'consultation_c2' \
                 AND json_extract(state, '$.context.consultation_id') = 'c2'",
                params![],
            )
            .await
            .unwrap();
        assert_eq!(kept, 4);
    });
}

#[test]
fn a_consultation_without_a_saga_and_odd_events_harm_nobody() {
    block_on(async {
        let mut db = Database::open_in_memory("platform").await.unwrap();
        let none = Event::new(CONSULTATION_ERASED, "x", &json!({"consultation_id": "c9"})).unwrap();
        assert!(on_event(&mut db, &none).await.unwrap().is_empty());
        let odd = Event::new(CONSULTATION_ERASED, "x", &json!({})).unwrap();
        assert!(on_event(&mut db, &odd).await.unwrap_err().is_permanent());
    });
}
