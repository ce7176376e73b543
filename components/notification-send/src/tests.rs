//! Told once, and taken back.

use futures::executor::block_on;
use suoke_care::testing::{care, command, count, dead_letters_of_bad_data, reply};
use suoke_sagas::messages::{Action, Outcome};

use super::*;

fn order(action: Action) -> Event {
    command(NOTIFICATION_SEND, CONSUMER, action, "失眠")
}

const TOLD: &str = "SELECT count(*) FROM notifications WHERE cancelled_at IS NULL";

#[test]
fn a_person_is_told_once() {
    block_on(async {
        let mut db = care("diagnosed", "失眠").await;
        let first = order(Action::Do);
        let told = on_event(&mut db, &first).await.unwrap();
        let output = reply(&told).unwrap().output;
        assert!(output["notification_id"].is_string());
        assert!(on_event(&mut db, &first).await.unwrap().is_empty());
        let again = on_event(&mut db, &order(Action::Do)).await.unwrap();
        assert_eq!(reply(&again).unwrap().output, output);
        assert_eq!(count(&db, TOLD).await, 1);
    });
}

#[test]
fn what_was_told_is_taken_back() {
    block_on(async {
        let mut db = care("diagnosed", "失眠").await;
        on_event(&mut db, &order(Action::Do)).await.unwrap();
        on_event(&mut db, &order(Action::Undo)).await.unwrap();
        assert_eq!(count(&db, TOLD).await, 0);
    });
}

#[test]
fn an_undo_that_comes_first_keeps_it_from_being_told() {
    block_on(async {
        let mut db = care("diagnosed", "失眠").await;
        on_event(&mut db, &order(Action::Undo)).await.unwrap();
        let late = on_event(&mut db, &order(Action::Do)).await.unwrap();
        assert_eq!(reply(&late).unwrap().outcome, Outcome::Failed);
        assert_eq!(count(&db, TOLD).await, 0);
    });
}

#[test]
fn bad_data_is_a_dead_letter() {
    block_on(async {
        let mut db = care("diagnosed", "失眠").await;
        let dead =
            dead_letters_of_bad_data(&mut db, CONSUMER, NOTIFICATION_SEND, CONSUMER, on_event);
        assert_eq!(dead.await, 2);
    });
}
