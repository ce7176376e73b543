//! Told once, and taken back.

use futures::executor::block_on;
use suoke_care::testing::{bare_undo, care, command, count, dead_letters_of_bad_data, reply};
use suoke_sagas::messages::{Action, Outcome};
use suoke_store::{Database, Sql, params};

use super::*;

fn order(action: Action) -> Event {
    command(NOTIFICATION_SEND, CONSUMER, action, "失眠")
}

/// How the database goes about a statement.
#[derive(Debug)]
struct Plan {
    detail: String,
}

suoke_store::from_row!(Plan { detail });

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
fn what_is_taken_back_is_found_without_reading_every_notification() {
    block_on(async {
        if Database::tests_use_postgres() {
            // The plans are SQLite's.
            return;
        }
        let db = care("diagnosed", "失眠").await;
        // Like this an undo looks for them, and like this the foreign key.
        for also in [" AND cancelled_at IS NULL", ""] {
            let text = format!(
                "EXPLAIN QUERY PLAN UPDATE notifications SET cancelled_at = 1 \
                 WHERE consultation_id = 'c'{also}"
            );
            let plan: Vec<Plan> = db.query(&text, params![]).await.unwrap();
            let found = plan.iter().any(|step| step.detail.starts_with("SEARCH"));
            assert!(found, "{plan:?}");
        }
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
fn an_undo_needs_nothing_but_the_consultation() {
    block_on(async {
        let mut db = care("diagnosed", "失眠").await;
        on_event(&mut db, &order(Action::Do)).await.unwrap();
        let undo = bare_undo(NOTIFICATION_SEND, CONSUMER);
        let told = on_event(&mut db, &undo).await.unwrap();
        assert_eq!(reply(&told).unwrap().outcome, Outcome::Ok);
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

/// A consultation that is erased takes what the person said with it, letters too.
#[test]
fn of_a_consultation_that_is_erased_nothing_is_kept() {
    block_on(async {
        let mut db = Database::open_in_memory("care").await.unwrap();
        let message = order(Action::Do).to_message().unwrap();
        let done = suoke_events::subscriber::deliver(&mut db, CONSUMER, &message, on_event).await;
        assert!(done.failure.is_none());
        let refused = reply(&done.next).unwrap();
        assert_eq!((refused.outcome, refused.retry), (Outcome::Failed, false));
        let letters = "SELECT count(*) FROM event_failures";
        assert_eq!(count(&db, letters).await, 0);
    });
}

fn raised(level: &str) -> Event {
    let alert = AlertRaised {
        user_id: "u1".to_owned(),
        alert_id: "a1".to_owned(),
        rule: "spo2_low".to_owned(),
        level: level.to_owned(),
        code: "low".to_owned(),
    };
    Event::new(HEALTH_ALERT_RAISED, "health-alerts", &alert).unwrap()
}

#[test]
fn each_alert_that_is_raised_is_told_once() {
    block_on(async {
        let mut db = Database::open_in_memory("care").await.unwrap();
        let (warning, critical) = (raised("warning"), raised("critical"));
        for event in [&warning, &warning, &critical] {
            assert!(on_event(&mut db, event).await.unwrap().is_empty());
        }
        let text = "SELECT kind || ' ' || alert_id FROM notifications ORDER BY id";
        let told: Vec<String> = db.query(text, params![]).await.unwrap();
        assert_eq!(told, ["health_warning a1", "health_critical a1"]);
    });
}

#[test]
fn nobody_who_is_erased_is_told_of_an_alert() {
    block_on(async {
        let mut db = Database::open_in_memory("care").await.unwrap();
        erased::note(&db, "u1", 1).await.unwrap();
        on_event(&mut db, &raised("critical")).await.unwrap();
        assert_eq!(count(&db, TOLD).await, 0);
    });
}
