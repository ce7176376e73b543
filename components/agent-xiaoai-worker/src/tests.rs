//! One request for a diagnosis, however often the event comes.

use futures::executor::block_on;
use suoke_events::types::HEALTH_CONSULTATION;
use suoke_store::{Sql, params};

use super::*;

async fn store(status: &str) -> Database {
    let db = Database::open_in_memory("care").await.unwrap();
    db.execute(
        "INSERT INTO consultations VALUES ('c1', 'u1', ?1, '失眠', 'xiaoai', 1, 1)",
        params![status],
    )
    .await
    .unwrap();
    db
}

fn event(consultation_id: &str) -> Event {
    let told = ConsultationCreated {
        consultation_id: consultation_id.to_owned(),
        user_id: "u1".to_owned(),
        agent: "xiaoai".to_owned(),
        chief_complaint: "失眠".to_owned(),
    };
    let mut event = Event::new(HEALTH_CONSULTATION, "consultation-create", &told).unwrap();
    event.correlationid = Some("r1".to_owned());
    event
}

async fn status(db: &Database) -> String {
    db.query_one("SELECT status FROM consultations", params![])
        .await
        .unwrap()
}

#[test]
fn a_consultation_is_taken_in_once() {
    block_on(async {
        let mut db = store("created").await;
        let event = event("c1");
        let next = take_in(&mut db, &event).await.unwrap().unwrap();
        assert_eq!(status(&db).await, "diagnosing");
        assert_eq!(next.kind, "diagnosis.request");
        assert_eq!(next.correlationid.as_deref(), Some("r1"));
        assert_eq!(next.causationid.as_ref(), Some(&event.id));
        assert_eq!(next.subject.as_deref(), Some("consultation/c1"));
        let asked: DiagnosisRequested = next.data_as().unwrap();
        assert_eq!(
            (asked.step.as_str(), asked.text.as_str()),
            ("inquiry", "失眠")
        );
        assert!(take_in(&mut db, &event).await.unwrap().is_none());
    });
}

#[test]
fn what_is_further_on_or_gone_is_left_alone() {
    block_on(async {
        let mut db = store("diagnosed").await;
        assert!(take_in(&mut db, &event("c1")).await.unwrap().is_none());
        assert!(take_in(&mut db, &event("c2")).await.unwrap().is_none());
        assert_eq!(status(&db).await, "diagnosed");
    });
}

#[test]
fn other_data_is_an_error_that_says_so() {
    block_on(async {
        let mut db = store("created").await;
        let odd = Event::new(HEALTH_CONSULTATION, "x", &7).unwrap();
        let error = take_in(&mut db, &odd).await.unwrap_err();
        assert!(error.is_permanent(), "{error}");
        assert_eq!(status(&db).await, "created");
    });
}
