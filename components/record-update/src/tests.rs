//! Noted once, and reverted.

use futures::executor::block_on;
use suoke_care::testing::{USER, bare_undo, command, count, dead_letters_of_bad_data, reply};
use suoke_sagas::messages::{Action, Outcome};

use super::*;

fn order(action: Action) -> Event {
    command(RECORD_UPDATE, CONSUMER, action, "失眠")
}

async fn health() -> Database {
    Database::open_in_memory("health").await.unwrap()
}

const NOTED: &str = "SELECT count(*) FROM health_records WHERE user_id = 'u1' \
     AND summary = '{\"red_flags\":[],\"syndromes\":[\"heart_kidney\"]}'";

#[test]
fn a_consultation_is_noted_once() {
    block_on(async {
        let mut db = health().await;
        let first = order(Action::Do);
        let told = on_event(&mut db, &first).await.unwrap();
        let output = reply(&told).unwrap().output;
        assert!(output["record_id"].is_string());
        assert!(on_event(&mut db, &first).await.unwrap().is_empty());
        let again = on_event(&mut db, &order(Action::Do)).await.unwrap();
        assert_eq!(reply(&again).unwrap().output, output);
        assert_eq!(count(&db, NOTED).await, 1);
    });
}

#[test]
fn what_was_noted_is_reverted() {
    block_on(async {
        let mut db = health().await;
        on_event(&mut db, &order(Action::Do)).await.unwrap();
        on_event(&mut db, &order(Action::Undo)).await.unwrap();
        assert_eq!(count(&db, NOTED).await, 0);
    });
}

#[test]
fn an_undo_that_comes_first_keeps_it_from_being_noted() {
    block_on(async {
        let mut db = health().await;
        on_event(&mut db, &order(Action::Undo)).await.unwrap();
        let late = on_event(&mut db, &order(Action::Do)).await.unwrap();
        assert_eq!(reply(&late).unwrap().outcome, Outcome::Failed);
        assert_eq!(count(&db, NOTED).await, 0);
    });
}

#[test]
fn an_undo_needs_nothing_but_the_consultation() {
    block_on(async {
        let mut db = health().await;
        on_event(&mut db, &order(Action::Do)).await.unwrap();
        let undo = bare_undo(RECORD_UPDATE, CONSUMER);
        let told = on_event(&mut db, &undo).await.unwrap();
        assert_eq!(reply(&told).unwrap().outcome, Outcome::Ok);
        assert_eq!(count(&db, NOTED).await, 0);
    });
}

#[test]
fn bad_data_is_a_dead_letter() {
    block_on(async {
        let mut db = health().await;
        let dead = dead_letters_of_bad_data(&mut db, CONSUMER, RECORD_UPDATE, CONSUMER, on_event);
        assert_eq!(dead.await, 2);
    });
}

#[test]
fn nothing_is_noted_of_a_person_who_is_erased() {
    block_on(async {
        let mut db = health().await;
        erased::note(&db, USER, 1).await.unwrap();
        let told = on_event(&mut db, &order(Action::Do)).await.unwrap();
        let refused = reply(&told).unwrap();
        assert_eq!((refused.outcome, refused.retry), (Outcome::Failed, false));
        assert_eq!(count(&db, "SELECT count(*) FROM health_records").await, 0);
        let letters = "SELECT count(*) FROM event_failures";
        assert_eq!(count(&db, letters).await, 0);
    });
}
