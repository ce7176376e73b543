//! One saga forgets, others remember.

use futures::executor::block_on;
use serde_json::json;
use suoke_events::types::{ConsultationCreated, HEALTH_CONSULTATION};
use suoke_sagas::messages::{AGENT_TASK_RESULT, Action, Command, Outcome, Reply};
use suoke_sagas::orchestrator;
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

/// The consumer whose work is done with sagas.
const ORCHESTRATOR: &str = "saga-orchestrator";

fn opened() -> Event {
    let told = ConsultationCreated {
        consultation_id: "c1".to_owned(),
        user_id: "u1".to_owned(),
        agent: "xiaoai".to_owned(),
        chief_complaint: COMPLAINT.to_owned(),
    };
    Event::new(HEALTH_CONSULTATION, "consultation-create", &told).unwrap()
}

fn erased() -> Event {
    let data = json!({"consultation_id": "c1"});
    Event::new(CONSULTATION_ERASED, "care-erasure", &data).unwrap()
}

fn answer(kind: &str, command: &Command, participant: &str) -> Event {
    let reply = Reply {
        saga_id: command.saga_id.clone(),
        step: command.step.clone(),
        action: Action::Do,
        participant: participant.to_owned(),
        attempt: command.attempt,
        outcome: Outcome::Ok,
        retry: false,
        output: json!({"syndromes": ["heart_kidney"]}),
        reason: None,
    };
    Event::new(kind, participant, &reply).unwrap()
}

async fn stored(db: &Database) -> (String, String) {
    let state: String = db
        .query_one("SELECT state FROM sagas", params![])
        .await
        .unwrap();
    let status: String = db
        .query_one("SELECT status FROM sagas", params![])
        .await
        .unwrap();
    (state, status)
}

#[test]
fn a_saga_that_runs_ends_and_a_late_answer_brings_nothing_back() {
    block_on(async {
        let mut db = Database::open_in_memory("platform").await.unwrap();
        let told = orchestrator::on_event(&mut db, ORCHESTRATOR, &opened())
            .await
            .unwrap();
        let command: Command = told[0].data_as().unwrap();
        let recorded = answer(&command.reply_to, &command, "consultation-record");
        let told = orchestrator::on_event(&mut db, ORCHESTRATOR, &recorded)
            .await
            .unwrap();
        let command: Command = told[0].data_as().unwrap();
        on_event(&mut db, &erased()).await.unwrap();
        let late = answer(AGENT_TASK_RESULT, &command, "laoke");
        let told = orchestrator::on_event(&mut db, ORCHESTRATOR, &late).await;
        assert!(told.unwrap().is_empty());
        let (state, _) = stored(&db).await;
        assert!(
            !state.contains(COMPLAINT) && !state.contains("heart_kidney"),
            "{state}"
        );
        let swept = orchestrator::sweep(&mut db, "s", i64::MAX / 2).await;
        assert!(swept.unwrap().events.is_empty());
    });
}

#[test]
fn an_ended_saga_can_be_read_and_knows_nothing() {
    block_on(async {
        let mut db = Database::open_in_memory("platform").await.unwrap();
        let told = orchestrator::on_event(&mut db, ORCHESTRATOR, &opened())
            .await
            .unwrap();
        let command: Command = told[0].data_as().unwrap();
        on_event(&mut db, &erased()).await.unwrap();
        let late = answer(&command.reply_to, &command, "consultation-record");
        let told = orchestrator::on_event(&mut db, ORCHESTRATOR, &late).await;
        assert!(told.unwrap().is_empty());
        let (state, status) = stored(&db).await;
        let saga: Saga = serde_json::from_str(&state).unwrap();
        assert_eq!(
            (saga.status, status.as_str()),
            (Status::Compensated, "compensated")
        );
        assert!(!state.contains(COMPLAINT) && !state.contains("outputs"));
        assert_eq!((saga.due_at_ms, saga.pending.len()), (None, 0));
    });
}

#[test]
fn a_consultation_that_is_erased_first_starts_no_saga() {
    block_on(async {
        let mut db = Database::open_in_memory("platform").await.unwrap();
        on_event(&mut db, &erased()).await.unwrap();
        let told = orchestrator::on_event(&mut db, ORCHESTRATOR, &opened()).await;
        assert!(told.unwrap().is_empty());
        let (state, status) = stored(&db).await;
        let saga: Saga = serde_json::from_str(&state).unwrap();
        assert_eq!(
            (saga.status, status.as_str()),
            (Status::Compensated, "compensated")
        );
        assert!(!state.contains(COMPLAINT));
    });
}

#[test]
fn letters_about_a_person_who_is_erased_go_and_no_others() {
    block_on(async {
        let mut db = Database::open_in_memory("platform").await.unwrap();
        for (id, kind, payload) in [
            (
                "e1",
                "user.created",
                json!({"subject": "user/u1", "data": {"email": "a@b.cn"}}),
            ),
            ("e2", "x", json!({"data": {"user_id": "u1"}})),
            ("e3", "y", json!({"data": {"context": {"user_id": "u1"}}})),
            (
                "e4",
                "user.created",
                json!({"subject": "user/u2", "data": {"user_id": "u2"}}),
            ),
            (
                "e5",
                "user.deleted",
                json!({"subject": "user/u1", "data": {"user_id": "u1"}}),
            ),
            ("e6", "z", json!("poison")),
        ] {
            let text = "INSERT INTO event_failures VALUES (?1, 'c', ?2, ?3, 'r', 1, 1, 1, NULL)";
            db.execute(text, params![id, kind, payload.to_string()])
                .await
                .unwrap();
        }
        let text = "INSERT INTO event_failures VALUES ('e7', 'c', 't', '{', 'r', 1, 1, 1, NULL)";
        db.execute(text, params![]).await.unwrap();
        let deleted = Event::new(USER_DELETED, "users", &json!({"user_id": "u1"})).unwrap();
        for _ in 0..2 {
            on_event(&mut db, &deleted).await.unwrap();
            let left: Vec<String> = db
                .query(
                    "SELECT event_id FROM event_failures ORDER BY event_id",
                    params![],
                )
                .await
                .unwrap();
            assert_eq!(left, ["e4", "e5", "e6", "e7"]);
        }
        let nobody = Event::new(USER_DELETED, "users", &json!({})).unwrap();
        assert!(on_event(&mut db, &nobody).await.unwrap_err().is_permanent());
    });
}
