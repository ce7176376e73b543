//! What is found is stored while the consultation runs, and never after.

use futures::executor::block_on;
use suoke_events::types::DIAGNOSIS_COMPLETED;
use suoke_store::{Sql, params};

use super::*;

/// A database with one consultation of `u` that stands there.
async fn care(status: &str) -> Database {
    let db = Database::open_in_memory("care").await.unwrap();
    let text = "INSERT INTO consultations (id, user_id, status, chief_complaint, agent, \
         created_at, updated_at) VALUES ('c', 'u', ?1, '失眠', 'xiaoai', 1, 1)";
    db.execute(text, params![status]).await.unwrap();
    db
}

fn request() -> Event {
    let request = DiagnosisRequested {
        consultation_id: "c".to_owned(),
        user_id: "u".to_owned(),
        step: "inquiry".to_owned(),
        text: "失眠多梦".to_owned(),
    };
    Event::new(DIAGNOSIS_REQUEST, "agent-xiaoai-worker", &request).unwrap()
}

async fn count(db: &Database, sql: &str) -> i64 {
    db.query_one(sql, params![]).await.unwrap()
}

const FOUND: &str = "SELECT count(*) FROM diagnoses";

#[test]
fn what_is_found_in_a_running_consultation_is_stored_and_told_once() {
    block_on(async {
        let mut db = care("running").await;
        let request = request();
        let told = on_event(&mut db, &request).await.unwrap();
        assert_eq!(told[0].kind, DIAGNOSIS_COMPLETED);
        assert!(on_event(&mut db, &request).await.unwrap().is_empty());
        assert_eq!(count(&db, FOUND).await, 1);
    });
}

#[test]
fn a_late_request_stores_nothing() {
    block_on(async {
        for status in ["created", "diagnosed", "cancelled", "failed"] {
            let mut db = care(status).await;
            let told = on_event(&mut db, &request()).await.unwrap();
            assert!(told.is_empty(), "{status}: {told:?}");
            assert_eq!(count(&db, FOUND).await, 0, "{status}");
            assert_eq!(count(&db, "SELECT count(*) FROM event_inbox").await, 1);
        }
    });
}

#[test]
fn the_words_of_a_person_who_is_erased_are_kept_nowhere() {
    block_on(async {
        let mut db = Database::open_in_memory("care").await.unwrap();
        suoke_store::erased::note(&db, "u", 1).await.unwrap();
        let message = request().to_message().unwrap();
        let done = suoke_events::subscriber::deliver(&mut db, COMPONENT, &message, on_event).await;
        assert!(done.failure.is_none() && done.next.is_empty());
        assert_eq!(count(&db, FOUND).await, 0);
        assert_eq!(count(&db, "SELECT count(*) FROM event_failures").await, 0);
    });
}
