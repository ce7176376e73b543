//! In once, out with a reason, and cancelled stays cancelled.

use futures::executor::block_on;
use suoke_care::testing::{care, command, count, dead_letters_of_bad_data, reply, status};
use suoke_sagas::messages::{Action, Outcome};

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
fn bad_data_is_a_dead_letter() {
    block_on(async {
        let mut db = care("created", "失眠").await;
        let dead =
            dead_letters_of_bad_data(&mut db, CONSUMER, CONSULTATION_RECORD, CONSUMER, on_event);
        assert_eq!(dead.await, 2);
    });
}
