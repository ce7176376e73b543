//! From a person's words to syndromes with their evidence.

use futures::executor::block_on;
use suoke_care::testing::{
    CONSULTATION, bare_undo, care, command, count, dead_letters_of_bad_data, reply,
};
use suoke_diagnosis::Outcome as Kind;
use suoke_sagas::messages::{Action, Outcome};

use super::*;

const SLEEPLESS: &str = "失眠多梦，心烦，腰酸，手足心热，盗汗，口干，没有怕冷";

fn assign(action: Action, complaint: &str) -> Event {
    command(AGENT_TASK_ASSIGN, AGENT, action, complaint)
}

async fn said(db: &Database) -> Answer {
    let rows = answers::all(db, CONSULTATION).await.unwrap();
    serde_json::from_str(&rows[0].answer).unwrap()
}

#[test]
fn a_complaint_becomes_syndromes_with_evidence_and_without_formulas() {
    block_on(async {
        let mut db = care("running", SLEEPLESS).await;
        let told = on_event(&mut db, &assign(Action::Do, SLEEPLESS))
            .await
            .unwrap();
        let output = reply(&told).unwrap().output;
        assert_eq!(output["syndromes"][0], "heart_kidney");
        let said = said(&db).await;
        let Content::Laoke { differentiation } = &said.content else {
            panic!("{said:?}");
        };
        let primary = &differentiation.syndromes[0];
        assert_eq!(
            (primary.name.as_str(), primary.formula.as_str()),
            ("心肾不交证", "")
        );
        assert_eq!(primary.supporting[0].name, "失眠");
        assert!(said.text.zh.contains("心肾不交证") && said.text.zh.contains("依据：失眠"));
        assert!(said.text.en.contains("Heart-kidney disharmony"));
    });
}

#[test]
fn an_emergency_is_not_differentiated() {
    block_on(async {
        let complaint = format!("{SLEEPLESS}。胸痛二十分钟，出冷汗");
        let mut db = care("running", &complaint).await;
        let told = on_event(&mut db, &assign(Action::Do, &complaint))
            .await
            .unwrap();
        let output = reply(&told).unwrap().output;
        assert_eq!(
            (&output["outcome"], &output["red_flags"][0]),
            (&json!("emergency"), &json!("rf_acs"))
        );
        assert!(said(&db).await.text.zh.contains("120"));
    });
}

#[test]
fn too_little_is_said_to_be_too_little() {
    block_on(async {
        let mut db = care("running", "你好").await;
        on_event(&mut db, &assign(Action::Do, "你好"))
            .await
            .unwrap();
        let said = said(&db).await;
        let Content::Laoke { differentiation } = said.content else {
            panic!("{said:?}");
        };
        assert_eq!(differentiation.outcome, Kind::Insufficient);
        assert!(said.text.zh.contains("信息不足"));
    });
}

const ANSWERED: &str = "SELECT count(*) FROM agent_answers WHERE state = 'answered'";

#[test]
fn it_answers_once_and_again_when_asked_and_withdraws() {
    block_on(async {
        let mut db = care("running", SLEEPLESS).await;
        let first = assign(Action::Do, SLEEPLESS);
        assert_eq!(on_event(&mut db, &first).await.unwrap().len(), 1);
        assert!(on_event(&mut db, &first).await.unwrap().is_empty());
        let again = on_event(&mut db, &assign(Action::Do, SLEEPLESS))
            .await
            .unwrap();
        assert_eq!(reply(&again).unwrap().outcome, Outcome::Ok);
        assert_eq!(count(&db, ANSWERED).await, 1);
        on_event(&mut db, &assign(Action::Undo, SLEEPLESS))
            .await
            .unwrap();
        assert_eq!(count(&db, ANSWERED).await, 0);
    });
}

#[test]
fn an_undo_that_comes_first_keeps_it_silent() {
    block_on(async {
        let mut db = care("running", SLEEPLESS).await;
        on_event(&mut db, &assign(Action::Undo, SLEEPLESS))
            .await
            .unwrap();
        let late = on_event(&mut db, &assign(Action::Do, SLEEPLESS))
            .await
            .unwrap();
        assert_eq!(reply(&late).unwrap().outcome, Outcome::Failed);
        assert_eq!(count(&db, ANSWERED).await, 0);
    });
}

#[test]
fn an_undo_needs_nothing_but_the_consultation() {
    block_on(async {
        let mut db = care("running", SLEEPLESS).await;
        on_event(&mut db, &assign(Action::Do, SLEEPLESS))
            .await
            .unwrap();
        let undo = bare_undo(AGENT_TASK_ASSIGN, AGENT);
        let told = on_event(&mut db, &undo).await.unwrap();
        assert_eq!(reply(&told).unwrap().outcome, Outcome::Ok);
        assert_eq!(count(&db, ANSWERED).await, 0);
    });
}

#[test]
fn bad_data_is_a_dead_letter() {
    block_on(async {
        let mut db = care("running", SLEEPLESS).await;
        let dead = dead_letters_of_bad_data(&mut db, CONSUMER, AGENT_TASK_ASSIGN, AGENT, on_event);
        assert_eq!(dead.await, 2);
    });
}

/// A consultation that is erased takes what the person said with it, letters too.
#[test]
fn of_a_consultation_that_is_erased_nothing_is_kept() {
    block_on(async {
        let mut db = Database::open_in_memory("care").await.unwrap();
        let message = assign(Action::Do, SLEEPLESS).to_message().unwrap();
        let done = suoke_events::subscriber::deliver(&mut db, CONSUMER, &message, on_event).await;
        assert!(done.failure.is_none());
        let refused = reply(&done.next).unwrap();
        assert_eq!((refused.outcome, refused.retry), (Outcome::Failed, false));
        let letters = "SELECT count(*) FROM event_failures";
        assert_eq!(count(&db, letters).await, 0);
    });
}
