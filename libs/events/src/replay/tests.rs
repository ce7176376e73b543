//! Beginning anew with databases in which relays and consumers have been at work.

use futures::executor::block_on;
use suoke_store::{Sql, params};

use super::*;
use crate::outbox_all;

const NOW: i64 = 1_900_000_000_000;

async fn open() -> Vec<Database> {
    let mut dbs = Vec::new();
    for label in ["care", "health"] {
        dbs.push(Database::open_in_memory(label).await.unwrap());
    }
    dbs
}

/// Stores events, created one after another from `first_ms` on, `step_ms` apart.
async fn store(db: &mut Database, count: usize, first_ms: i64, step_ms: i64) -> Vec<Event> {
    let event = |_| Event::new("t", "producer", &1).unwrap().about("thing/1");
    let events = (0..count).map(event).collect();
    let events = db
        .transaction(async |tx| outbox_all(tx, events).await)
        .await
        .unwrap();
    let text = "UPDATE event_outbox SET created_at = ?1 + (sequence - 1) * ?2";
    db.execute(text, params![first_ms, step_ms]).await.unwrap();
    events
}

/// The dead letter of a consumer; without a payload the outbox has the event.
async fn bury(db: &Database, event_id: &str, payload: &str) {
    db.execute(
        "INSERT INTO event_failures (event_id, consumer, type, payload, reason, attempts, \
         first_failed_at, last_failed_at, dead_at) VALUES (?1, 'a', 't', ?2, 'r', 1, 1, 1, 1)",
        params![event_id, payload],
    )
    .await
    .unwrap();
}

async fn give_up_all(db: &Database) {
    let text = "UPDATE event_outbox SET dead_at = 1";
    db.execute(text, params![]).await.unwrap();
}

async fn count(db: &Database, what: &str) -> i64 {
    let text = format!("SELECT count(*) FROM {what}");
    db.query_one(&text, params![]).await.unwrap()
}

#[test]
fn a_relay_that_still_sees_the_letter_does_not_make_it_vanish() {
    block_on(async {
        let mut dbs = open().await;
        let event = store(&mut dbs[0], 1, NOW, 1).await.remove(0);
        bury(&dbs[0], &event.id, "").await;
        give_up_all(&dbs[0]).await;
        // What the relay does between the event's new round and the letter's end.
        let relay = "CREATE TRIGGER relay BEFORE UPDATE OF dead_at ON event_failures \
             BEGIN UPDATE event_outbox SET dead_at = 2; END";
        dbs[0].execute(relay, params![]).await.unwrap();
        let redriven = redrive(&mut dbs, None, Some(&event.id), NOW).await.unwrap();
        assert_eq!((redriven.letters, redriven.restarted), (1, 0));
        assert_eq!(
            count(&dbs[0], "event_outbox WHERE dead_at IS NULL").await,
            1
        );
    });
}

#[test]
fn what_was_acknowledged_after_it_was_given_up_is_looked_at_again() {
    block_on(async {
        let mut dbs = open().await;
        let events = store(&mut dbs[0], 3, NOW, 1).await;
        give_up_all(&dbs[0]).await;
        // The letter of this one lies elsewhere; it is not of the one consumer.
        bury(&dbs[1], &events[2].id, "").await;
        let none = redrive(&mut dbs, Some("b"), None, NOW).await.unwrap();
        assert_eq!(none, Redriven::default());
        for (event_id, letters, restarted) in [
            (Some(events[0].id.as_str()), 0, 1),
            (None, 1, 1),
            (None, 0, 0),
        ] {
            let redriven = redrive(&mut dbs, None, event_id, NOW).await.unwrap();
            assert_eq!((redriven.letters, redriven.restarted), (letters, restarted));
        }
        assert_eq!(
            count(&dbs[0], "event_outbox WHERE dead_at IS NULL").await,
            3
        );
    });
}

#[test]
fn a_letter_whose_event_is_nowhere_stays() {
    block_on(async {
        let mut dbs = open().await;
        bury(&dbs[1], "gone", "").await;
        let redriven = redrive(&mut dbs, None, None, NOW).await.unwrap();
        assert_eq!((redriven.letters, redriven.unreadable), (0, 1));
        assert_eq!(dead_letters(&dbs, None, None, 9).await.unwrap().len(), 1);
    });
}

#[test]
fn unreadable_letters_hide_no_others_and_the_rest_is_told() {
    block_on(async {
        let mut dbs = open().await;
        for number in 0..120 {
            bury(&dbs[1], &format!("z{number:03}"), "poison").await;
        }
        for event in store(&mut dbs[0], LETTERS_MAX + 60, NOW, 1).await {
            bury(&dbs[1], &event.id, "").await;
        }
        give_up_all(&dbs[0]).await;
        let first = redrive(&mut dbs, None, None, NOW).await.unwrap();
        assert!(first.is_more && first.unreadable == 120, "{first:?}");
        let second = redrive(&mut dbs, None, None, NOW).await.unwrap();
        assert!(!second.is_more && second.restarted == 0, "{second:?}");
        assert_eq!(first.letters + second.letters, LETTERS_MAX + 60);
        assert_eq!(
            count(&dbs[0], "event_outbox WHERE dead_at IS NULL").await,
            1_060
        );
    });
}

#[test]
fn a_replay_at_its_limit_goes_on_without_a_gap_in_any_database() {
    block_on(async {
        let mut dbs = open().await;
        // Every third instant is in both; the second database begins later.
        store(&mut dbs[0], 30, NOW, 2).await;
        store(&mut dbs[1], 30, NOW + 21, 3).await;
        let subscriptions = [Subscription {
            channel: "t".to_owned(),
            component: "a".to_owned(),
            acknowledges: true,
        }];
        let due = "event_outbox WHERE next_attempt_at = 7";
        let mut filter = Filter::default();
        let (mut events, mut calls) = (0, 0);
        loop {
            let replayed = replay(&mut dbs, &subscriptions, "a", &filter, 7, 7).await;
            let replayed = replayed.unwrap();
            assert!((1..=7).contains(&replayed.events), "{replayed:?}");
            (events, calls) = (events + replayed.events, calls + 1);
            let Some(from_ms) = replayed.more_from_ms else {
                break;
            };
            assert!(filter.from_ms < Some(from_ms));
            filter.from_ms = Some(from_ms);
        }
        assert_eq!((events, calls >= 9), (60, true));
        for db in &dbs {
            assert_eq!(count(db, due).await, 30);
        }
    });
}

#[test]
fn what_was_stored_at_one_instant_is_replayed_together() {
    block_on(async {
        let mut dbs = open().await;
        store(&mut dbs[0], 12, NOW, 0).await;
        store(&mut dbs[1], 1, NOW + 1, 0).await;
        let subscriptions = [Subscription {
            channel: "t".to_owned(),
            component: "a".to_owned(),
            acknowledges: true,
        }];
        let filter = Filter::default();
        let replayed = replay(&mut dbs, &subscriptions, "a", &filter, 7, 7).await;
        let replayed = replayed.unwrap();
        assert_eq!(
            (replayed.events, replayed.more_from_ms),
            (12, Some(NOW + 1))
        );
    });
}
