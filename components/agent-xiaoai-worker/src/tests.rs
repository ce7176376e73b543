//! One question for each attempt, one answer when it is there.

use futures::executor::block_on;
use suoke_care::testing::{
    CONSULTATION, USER, bare_undo, care, command, count, dead_letters_of_bad_data, reply,
};
use suoke_sagas::messages::{AGENT_TASK_RESULT, Action, Outcome};
use suoke_store::{Sql, params};

use super::*;

const COMPLAINT: &str = "失眠多梦，没有发烧";

fn assign(action: Action) -> Event {
    command(AGENT_TASK_ASSIGN, AGENT, action, COMPLAINT)
}

/// What diagnosis-worker tells when it has stored what the inquiry found.
async fn completed(db: &Database) -> Event {
    let result = suoke_diagnosis::analyse(COMPLAINT);
    let json = serde_json::to_string(&result).unwrap();
    let text = "INSERT INTO diagnoses (id, consultation_id, step, result, engine, created_at) \
         VALUES ('d1', ?1, 'inquiry', ?2, 'e', 1) ON CONFLICT DO NOTHING";
    db.execute(text, params![CONSULTATION, json]).await.unwrap();
    let told = DiagnosisCompleted {
        consultation_id: CONSULTATION.to_owned(),
        user_id: USER.to_owned(),
        diagnosis_id: "d1".to_owned(),
        step: "inquiry".to_owned(),
        engine: "e".to_owned(),
        red_flags: Vec::new(),
    };
    Event::new(DIAGNOSIS_COMPLETED, "diagnosis-worker", &told).unwrap()
}

const ANSWERED: &str = "SELECT count(*) FROM agent_answers WHERE state = 'answered'";

#[test]
fn the_inquiry_is_asked_for_and_its_result_answered() {
    block_on(async {
        let mut db = care("running", COMPLAINT).await;
        let told = on_event(&mut db, &assign(Action::Do)).await.unwrap();
        assert_eq!(told.len(), 1);
        let asked: DiagnosisRequested = told[0].data_as().unwrap();
        assert_eq!(
            (asked.step.as_str(), asked.text.as_str()),
            ("inquiry", COMPLAINT)
        );
        let completed = completed(&db).await;
        let told = on_event(&mut db, &completed).await.unwrap();
        assert_eq!(told[0].kind, AGENT_TASK_RESULT);
        let answer = reply(&told).unwrap();
        assert_eq!(
            (answer.outcome, &answer.output["diagnosis_id"]),
            (Outcome::Ok, &json!("d1"))
        );
        let rows = answers::all(&db, CONSULTATION).await.unwrap();
        assert!(rows[0].answer.contains("已记录您的症状：失眠"), "{rows:?}");
        // Once for each event, and nothing more for a step that runs again.
        assert!(on_event(&mut db, &completed).await.unwrap().is_empty());
    });
}

#[test]
fn asked_twice_it_asks_again_or_answers_what_it_knows() {
    block_on(async {
        let mut db = care("running", COMPLAINT).await;
        let first = assign(Action::Do);
        assert_eq!(on_event(&mut db, &first).await.unwrap().len(), 1);
        assert!(on_event(&mut db, &first).await.unwrap().is_empty());
        let told = on_event(&mut db, &assign(Action::Do)).await.unwrap();
        assert_eq!(told[0].kind, DIAGNOSIS_REQUEST);
        let completed = completed(&db).await;
        on_event(&mut db, &completed).await.unwrap();
        let told = on_event(&mut db, &assign(Action::Do)).await.unwrap();
        assert_eq!(reply(&told).unwrap().outcome, Outcome::Ok);
        assert_eq!(told.len(), 1);
    });
}

#[test]
fn a_task_that_was_cancelled_is_not_answered() {
    block_on(async {
        let mut db = care("running", COMPLAINT).await;
        on_event(&mut db, &assign(Action::Do)).await.unwrap();
        let told = on_event(&mut db, &assign(Action::Undo)).await.unwrap();
        assert_eq!(reply(&told).unwrap().outcome, Outcome::Ok);
        let completed = completed(&db).await;
        assert!(on_event(&mut db, &completed).await.unwrap().is_empty());
        assert_eq!(count(&db, ANSWERED).await, 0);
    });
}

#[test]
fn an_answer_is_withdrawn() {
    block_on(async {
        let mut db = care("running", COMPLAINT).await;
        on_event(&mut db, &assign(Action::Do)).await.unwrap();
        let completed = completed(&db).await;
        on_event(&mut db, &completed).await.unwrap();
        assert_eq!(count(&db, ANSWERED).await, 1);
        on_event(&mut db, &assign(Action::Undo)).await.unwrap();
        assert_eq!(count(&db, ANSWERED).await, 0);
    });
}

#[test]
fn an_undo_that_comes_first_keeps_the_task_from_starting() {
    block_on(async {
        let mut db = care("running", COMPLAINT).await;
        on_event(&mut db, &assign(Action::Undo)).await.unwrap();
        let told = on_event(&mut db, &assign(Action::Do)).await.unwrap();
        assert_eq!(reply(&told).unwrap().outcome, Outcome::Failed);
        assert_eq!(told.len(), 1);
    });
}

#[test]
fn a_result_that_was_taken_back_meanwhile_is_passed_over() {
    block_on(async {
        let mut db = care("running", COMPLAINT).await;
        on_event(&mut db, &assign(Action::Do)).await.unwrap();
        let completed = completed(&db).await;
        db.execute("DELETE FROM diagnoses", params![])
            .await
            .unwrap();
        assert!(on_event(&mut db, &completed).await.unwrap().is_empty());
        assert_eq!(count(&db, ANSWERED).await, 0);
    });
}

#[test]
fn what_is_not_running_is_refused() {
    block_on(async {
        let mut db = care("cancelled", COMPLAINT).await;
        let told = on_event(&mut db, &assign(Action::Do)).await.unwrap();
        let answer = reply(&told).unwrap();
        assert_eq!((answer.outcome, answer.retry), (Outcome::Failed, false));
    });
}

#[test]
fn an_undo_needs_nothing_but_the_consultation() {
    block_on(async {
        let mut db = care("running", COMPLAINT).await;
        on_event(&mut db, &assign(Action::Do)).await.unwrap();
        let completed = completed(&db).await;
        on_event(&mut db, &completed).await.unwrap();
        let undo = bare_undo(AGENT_TASK_ASSIGN, AGENT);
        let told = on_event(&mut db, &undo).await.unwrap();
        assert_eq!(reply(&told).unwrap().outcome, Outcome::Ok);
        assert_eq!(count(&db, ANSWERED).await, 0);
    });
}

#[test]
fn bad_data_is_a_dead_letter() {
    block_on(async {
        let mut db = care("running", COMPLAINT).await;
        let dead = dead_letters_of_bad_data(&mut db, CONSUMER, AGENT_TASK_ASSIGN, AGENT, on_event);
        assert_eq!(dead.await, 2);
    });
}
