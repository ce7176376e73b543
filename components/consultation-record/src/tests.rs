//! In once, out with a reason, and cancelled stays cancelled.

use futures::executor::block_on;
use suoke_care::saga_id;
use suoke_care::testing::{
    CONSULTATION, bare_undo, care, command, count, dead_letters_of_bad_data, reply, status,
};
use suoke_sagas::messages::{Action, Outcome};
use suoke_store::{Sql, params};

use super::*;

fn order(action: Action) -> Event {
    command(CONSULTATION_RECORD, CONSUMER, action, "失眠")
}

#[test]
fn a_consultation_is_taken_in_once_and_answered_each_time() {
    block_on(async {
        let mut db = care("created", "失眠").await;
        let first = order(Action::Do);
        let told = on_event(&mut db, &first).await.unwrap();
        assert_eq!(reply(&told).unwrap().outcome, Outcome::Ok);
        assert_eq!(status(&db).await, "running");
        assert!(on_event(&mut db, &first).await.unwrap().is_empty());
        let told = on_event(&mut db, &order(Action::Do)).await.unwrap();
        assert_eq!(reply(&told).unwrap().outcome, Outcome::Ok);
    });
}

#[test]
fn undone_it_has_failed_with_a_reason_and_keeps_what_was_said() {
    block_on(async {
        let mut db = care("created", "失眠").await;
        on_event(&mut db, &order(Action::Do)).await.unwrap();
        on_event(&mut db, &order(Action::Undo)).await.unwrap();
        assert_eq!(status(&db).await, "failed");
        let kept = "SELECT count(*) FROM consultations \
             WHERE chief_complaint = '失眠' AND reason = 'a step failed'";
        assert_eq!(count(&db, kept).await, 1);
    });
}

const FOUND: &str = "SELECT count(*) FROM diagnoses";

/// Stores what the inquiry found in the consultation.
async fn diagnose(db: &Database) {
    let text = "INSERT INTO diagnoses (id, consultation_id, step, result, engine, created_at) \
         VALUES ('d1', ?1, 'inquiry', '{}', 'e', 1)";
    db.execute(text, params![CONSULTATION]).await.unwrap();
}

#[test]
fn undone_or_cancelled_nothing_is_left_of_what_was_found() {
    block_on(async {
        for cancelled in [false, true] {
            let mut db = care("created", "失眠").await;
            on_event(&mut db, &order(Action::Do)).await.unwrap();
            diagnose(&db).await;
            if cancelled {
                let text = "UPDATE consultations SET status = 'cancelled'";
                db.execute(text, params![]).await.unwrap();
            }
            assert_eq!(count(&db, FOUND).await, 1);
            on_event(&mut db, &order(Action::Undo)).await.unwrap();
            assert_eq!(count(&db, FOUND).await, 0);
        }
    });
}

/// What the orchestrator tells when an operator has abandoned a saga.
fn abandoned(saga: &str, saga_id: &str) -> Event {
    let data = json!({
        "saga_id": saga_id,
        "saga": saga,
        "status": "failed",
        "reason": "step agent_task_assign: xiaoke: no answer",
    });
    Event::new("saga.failed", "saga-orchestrator", &data).unwrap()
}

#[test]
fn an_abandoned_saga_ends_its_consultation_once() {
    block_on(async {
        let mut db = care("created", "失眠").await;
        on_event(&mut db, &order(Action::Do)).await.unwrap();
        let event = abandoned("health_consultation", &saga_id(CONSULTATION));
        assert!(on_event(&mut db, &event).await.unwrap().is_empty());
        let ended = "SELECT count(*) FROM consultations WHERE status = 'failed' \
             AND reason = 'step agent_task_assign: xiaoke: no answer'";
        assert_eq!(count(&db, ended).await, 1);
        // Once: what happens to it later stays.
        let text = "UPDATE consultations SET reason = 'later'";
        db.execute(text, params![]).await.unwrap();
        on_event(&mut db, &event).await.unwrap();
        assert_eq!(count(&db, ended).await, 0);
        let noted = "SELECT count(*) FROM event_inbox WHERE consumer = 'consultation-record'";
        assert_eq!(count(&db, noted).await, 2);
    });
}

#[test]
fn an_abandoned_saga_leaves_what_was_cancelled_cancelled() {
    block_on(async {
        let mut db = care("cancelled", "失眠").await;
        let event = abandoned("health_consultation", &saga_id(CONSULTATION));
        on_event(&mut db, &event).await.unwrap();
        assert_eq!(status(&db).await, "cancelled");
    });
}

#[test]
fn other_abandoned_sagas_are_noted_and_passed_over() {
    block_on(async {
        let mut db = care("running", "失眠").await;
        let event = abandoned("user_registration", &saga_id(CONSULTATION));
        assert!(on_event(&mut db, &event).await.unwrap().is_empty());
        assert_eq!(status(&db).await, "running");
        assert_eq!(count(&db, "SELECT count(*) FROM event_inbox").await, 1);
    });
}

#[test]
fn a_saga_that_names_no_consultation_is_a_dead_letter() {
    block_on(async {
        let mut db = care("running", "失眠").await;
        let event = abandoned("health_consultation", "x");
        let error = on_event(&mut db, &event).await.unwrap_err();
        assert!(error.is_permanent(), "{error}");
    });
}

#[test]
fn an_undo_that_comes_first_keeps_it_out() {
    block_on(async {
        let mut db = care("created", "失眠").await;
        on_event(&mut db, &order(Action::Undo)).await.unwrap();
        let late = on_event(&mut db, &order(Action::Do)).await.unwrap();
        assert_eq!(reply(&late).unwrap().outcome, Outcome::Failed);
        assert_eq!(status(&db).await, "failed");
    });
}

#[test]
fn what_is_cancelled_is_refused_and_stays_cancelled() {
    block_on(async {
        let mut db = care("cancelled", "失眠").await;
        let told = on_event(&mut db, &order(Action::Do)).await.unwrap();
        let answer = reply(&told).unwrap();
        assert_eq!((answer.outcome, answer.retry), (Outcome::Failed, false));
        on_event(&mut db, &order(Action::Undo)).await.unwrap();
        assert_eq!(status(&db).await, "cancelled");
    });
}

#[test]
fn an_undo_needs_nothing_but_the_consultation() {
    block_on(async {
        let mut db = care("created", "失眠").await;
        on_event(&mut db, &order(Action::Do)).await.unwrap();
        let undo = bare_undo(CONSULTATION_RECORD, CONSUMER);
        let told = on_event(&mut db, &undo).await.unwrap();
        assert_eq!(reply(&told).unwrap().outcome, Outcome::Ok);
        assert_eq!(status(&db).await, "failed");
    });
}

#[test]
fn bad_data_is_a_dead_letter() {
    block_on(async {
        let mut db = care("created", "失眠").await;
        let dead =
            dead_letters_of_bad_data(&mut db, CONSUMER, CONSULTATION_RECORD, CONSUMER, on_event);
        assert_eq!(dead.await, 2);
    });
}
