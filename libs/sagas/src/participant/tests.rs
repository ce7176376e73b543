//! The barrier, through a participant whose work would show being done twice.

use futures::executor::block_on;
use proptest::prelude::*;
use serde_json::json;
use suoke_store::{Sql, StoreError, params};

use super::*;
use crate::messages::SAGA_REPLY;

const CONSUMER: &str = "tester";
const PARTICIPANT: &str = "p";

async fn care() -> Database {
    Database::open_in_memory("care").await.unwrap()
}

fn command(action: Action, attempt: u32) -> Event {
    command_for(action, attempt, &[PARTICIPANT])
}

fn command_for(action: Action, attempt: u32, participants: &[&str]) -> Event {
    let command = Command {
        saga_id: "s1".to_owned(),
        saga: "test".to_owned(),
        step: "one".to_owned(),
        action,
        attempt,
        participants: participants.iter().map(|&name| name.to_owned()).collect(),
        reply_to: SAGA_REPLY.to_owned(),
        reason: None,
        context: json!({"user_id": "u1"}).as_object().unwrap().clone(),
    };
    Event::new("test.command", "orchestrator", &command).unwrap()
}

/// Writes a row that can exist once: twice would be an error.
async fn work(tx: &Transaction<'_>, _: &Command) -> Result<Work, EventError> {
    add(tx, "effect").await?;
    Work::done(&json!({"id": "e1"}))
}

async fn undo(tx: &Transaction<'_>, _: &Command, before: Before) -> Result<Work, EventError> {
    if before == Before::Done(json!({"id": "e1"})) {
        let text = "DELETE FROM event_sequences WHERE aggregate = 'effect'";
        assert_eq!(tx.execute_counted(text, params![]).await?, 1);
    }
    add(tx, "undone").await?;
    Ok(Work::undone())
}

async fn add(tx: &Transaction<'_>, name: &str) -> Result<(), StoreError> {
    let text = "INSERT INTO event_sequences (aggregate, last) VALUES (?1, 1)";
    tx.execute(text, params![name]).await
}

async fn exists(db: &Database, name: &str) -> bool {
    let text = "SELECT 1 FROM event_sequences WHERE aggregate = ?1";
    let found: Option<i64> = db.query_optional(text, params![name]).await.unwrap();
    found.is_some()
}

async fn deliver(db: &mut Database, event: &Event) -> Option<Reply> {
    let told = take_part(db, CONSUMER, PARTICIPANT, event, work, undo).await;
    reply_in(&told.unwrap())
}

fn reply_in(told: &[Event]) -> Option<Reply> {
    let mut replies = told.iter().filter(|event| event.kind == SAGA_REPLY);
    let reply = replies.next().map(|event| event.data_as().unwrap());
    assert!(replies.next().is_none());
    reply
}

#[test]
fn a_step_is_done_once_and_answered_each_time() {
    block_on(async {
        let mut db = care().await;
        let first = command(Action::Do, 1);
        let reply = deliver(&mut db, &first).await.unwrap();
        assert_eq!((reply.outcome, reply.attempt), (Outcome::Ok, 1));
        assert!(deliver(&mut db, &first).await.is_none());
        let again = deliver(&mut db, &command(Action::Do, 2)).await.unwrap();
        assert_eq!((again.outcome, again.attempt), (Outcome::Ok, 2));
        assert_eq!(again.output, json!({"id": "e1"}));
    });
}

#[test]
fn an_answer_keeps_the_correlation_and_the_subject() {
    block_on(async {
        let mut db = care().await;
        let mut event = command(Action::Do, 1);
        event.correlationid = Some("r1".to_owned());
        let told = take_part(&mut db, CONSUMER, PARTICIPANT, &event, work, undo).await;
        let reply = told.unwrap().pop().unwrap();
        assert_eq!(reply.correlationid.as_deref(), Some("r1"));
        assert_eq!(reply.causationid, Some(event.id));
        assert_eq!(reply.subject.as_deref(), Some("saga/s1"));
    });
}

#[test]
fn an_undo_takes_the_work_back_once() {
    block_on(async {
        let mut db = care().await;
        deliver(&mut db, &command(Action::Do, 1)).await.unwrap();
        for attempt in 1..3 {
            let reply = deliver(&mut db, &command(Action::Undo, attempt))
                .await
                .unwrap();
            assert_eq!((reply.action, reply.outcome), (Action::Undo, Outcome::Ok));
        }
        assert!(!exists(&db, "effect").await && exists(&db, "undone").await);
    });
}

#[test]
fn a_do_after_its_undo_does_nothing() {
    block_on(async {
        let mut db = care().await;
        let undone = deliver(&mut db, &command(Action::Undo, 1)).await.unwrap();
        assert_eq!(undone.outcome, Outcome::Ok);
        let late = deliver(&mut db, &command(Action::Do, 1)).await.unwrap();
        assert_eq!((late.outcome, late.retry), (Outcome::Failed, false));
        assert!(!exists(&db, "effect").await);
    });
}

#[test]
fn who_is_not_asked_does_nothing_and_says_nothing() {
    block_on(async {
        let mut db = care().await;
        let event = command_for(Action::Do, 1, &["somebody else"]);
        assert!(deliver(&mut db, &event).await.is_none());
        assert!(!exists(&db, "effect").await);
    });
}

#[test]
fn work_that_fails_leaves_no_trace_and_can_be_tried_again() {
    block_on(async {
        let mut db = care().await;
        for (work_result, retry) in [(Work::failed("busy"), true), (Work::refused("no"), false)] {
            let failing = async |tx: &Transaction<'_>, _: &Command| {
                add(tx, "effect").await?;
                Ok(work_result.telling(Event::new("told", CONSUMER, &1)?))
            };
            let event = command(Action::Do, 1);
            let told = take_part(&mut db, CONSUMER, PARTICIPANT, &event, failing, undo).await;
            let told = told.unwrap();
            assert_eq!(told.len(), 1);
            let reply = reply_in(&told).unwrap();
            assert_eq!((reply.outcome, reply.retry), (Outcome::Failed, retry));
            assert!(!exists(&db, "effect").await);
        }
        let reply = deliver(&mut db, &command(Action::Do, 2)).await.unwrap();
        assert_eq!(reply.outcome, Outcome::Ok);
        assert!(exists(&db, "effect").await);
    });
}

#[test]
fn an_error_leaves_the_event_to_be_delivered_again() {
    block_on(async {
        let mut db = care().await;
        let event = command(Action::Do, 1);
        let broken = async |_: &Transaction<'_>, _: &Command| Err(EventError::work("broken"));
        let failed = take_part(&mut db, CONSUMER, PARTICIPANT, &event, broken, undo).await;
        assert!(failed.is_err());
        assert_eq!(deliver(&mut db, &event).await.unwrap().outcome, Outcome::Ok);
    });
}

/// What a context is that a work cannot read: the error names a value of it.
fn unfit() -> EventError {
    EventError::Data {
        id: "e".to_owned(),
        reason: "invalid type: string \"headache\"".to_owned(),
    }
}

#[test]
fn work_that_can_never_succeed_leaves_no_trace_and_is_answered_without_its_data() {
    block_on(async {
        let mut db = care().await;
        let unfit = async |tx: &Transaction<'_>, _: &Command| {
            add(tx, "effect").await?;
            Err(unfit())
        };
        let event = command(Action::Do, 1);
        let told = take_part(&mut db, CONSUMER, PARTICIPANT, &event, unfit, undo).await;
        let reply = reply_in(&told.unwrap()).unwrap();
        assert_eq!((reply.outcome, reply.retry), (Outcome::Failed, false));
        assert!(!reply.reason.unwrap().contains("headache"));
        assert!(!exists(&db, "effect").await);
        assert!(deliver(&mut db, &event).await.is_none());
    });
}

#[test]
fn an_undo_that_can_never_succeed_leaves_no_trace_and_is_answered_without_its_data() {
    block_on(async {
        let mut db = care().await;
        deliver(&mut db, &command(Action::Do, 1)).await.unwrap();
        let unfit = async |tx: &Transaction<'_>, _: &Command, _: Before| {
            add(tx, "undone").await?;
            Err(unfit())
        };
        let event = command(Action::Undo, 1);
        let told = take_part(&mut db, CONSUMER, PARTICIPANT, &event, work, unfit).await;
        let reply = reply_in(&told.unwrap()).unwrap();
        assert_eq!((reply.action, reply.retry), (Action::Undo, false));
        assert_eq!(reply.outcome, Outcome::Failed);
        assert!(!reply.reason.unwrap().contains("headache"));
        assert!(!exists(&db, "undone").await && exists(&db, "effect").await);
    });
}

#[test]
fn work_can_tell_of_itself() {
    block_on(async {
        let mut db = care().await;
        let telling = async |_: &Transaction<'_>, _: &Command| {
            Ok(Work::done(&1)?.telling(Event::new("told", CONSUMER, &1)?))
        };
        let event = command(Action::Do, 1);
        let told = take_part(&mut db, CONSUMER, PARTICIPANT, &event, telling, undo).await;
        let told = told.unwrap();
        assert_eq!(told[0].kind, "told");
        assert_eq!(told[0].causationid.as_ref(), Some(&event.id));
        assert_eq!(told[1].kind, SAGA_REPLY);
    });
}

#[test]
fn an_output_that_is_too_large_is_refused() {
    let work = Work::done(&"x".repeat(OUTPUT_SIZE_BYTES_MAX)).unwrap();
    assert!(matches!(work.result, WorkResult::Refused(reason) if reason.contains("at most 16384")));
}

#[test]
fn another_event_is_no_command() {
    block_on(async {
        let mut db = care().await;
        let odd = Event::new("test.command", "x", &json!({"saga_id": "s1"})).unwrap();
        let failed = take_part(&mut db, CONSUMER, PARTICIPANT, &odd, work, undo).await;
        assert!(failed.unwrap_err().is_permanent());
    });
}

async fn begin(tx: &Transaction<'_>, _: &Command) -> Result<Work, EventError> {
    let _ = tx;
    Ok(Work::later("c1"))
}

async fn answered(db: &mut Database, work: Work) -> Option<Reply> {
    let cause = Event::new("learnt", "x", &1).unwrap();
    let told: Result<_, EventError> = db
        .transaction(async |tx| answer(tx, CONSUMER, PARTICIPANT, "c1", work, &cause).await)
        .await;
    reply_in(&told.unwrap())
}

#[test]
fn an_answer_that_comes_later_is_given_once_to_the_newest_attempt() {
    block_on(async {
        let mut db = care().await;
        for attempt in [1, 2] {
            let event = command(Action::Do, attempt);
            let told = take_part(&mut db, CONSUMER, PARTICIPANT, &event, begin, undo).await;
            assert!(told.unwrap().is_empty());
        }
        let reply = answered(&mut db, Work::done(&7).unwrap()).await.unwrap();
        assert_eq!((reply.attempt, reply.output), (2, json!(7)));
        assert!(answered(&mut db, Work::done(&8).unwrap()).await.is_none());
        let again = deliver(&mut db, &command(Action::Do, 3)).await.unwrap();
        assert_eq!((again.attempt, again.output), (3, json!(7)));
    });
}

#[test]
fn what_was_undone_meanwhile_is_not_answered() {
    block_on(async {
        let mut db = care().await;
        let event = command(Action::Do, 1);
        let told = take_part(&mut db, CONSUMER, PARTICIPANT, &event, begin, undo).await;
        assert!(told.unwrap().is_empty());
        let seen = std::cell::Cell::new(None);
        let undo = async |_: &Transaction<'_>, _: &Command, before: Before| {
            seen.set(Some(before));
            Ok(Work::undone())
        };
        let event = command(Action::Undo, 1);
        let told = take_part(&mut db, CONSUMER, PARTICIPANT, &event, begin, undo).await;
        assert_eq!(reply_in(&told.unwrap()).unwrap().outcome, Outcome::Ok);
        assert_eq!(seen.take(), Some(Before::Begun));
        assert!(answered(&mut db, Work::done(&7).unwrap()).await.is_none());
    });
}

#[test]
fn a_later_answer_that_failed_is_begun_anew() {
    block_on(async {
        let mut db = care().await;
        let event = command(Action::Do, 1);
        take_part(&mut db, CONSUMER, PARTICIPANT, &event, begin, undo)
            .await
            .unwrap();
        let reply = answered(&mut db, Work::failed("no result")).await.unwrap();
        assert_eq!((reply.outcome, reply.retry), (Outcome::Failed, true));
        assert!(answered(&mut db, Work::undone()).await.is_none());
        let reply = deliver(&mut db, &command(Action::Do, 2)).await.unwrap();
        assert_eq!(reply.outcome, Outcome::Ok);
    });
}

#[test]
fn an_undo_that_fails_can_be_tried_again() {
    block_on(async {
        let mut db = care().await;
        deliver(&mut db, &command(Action::Do, 1)).await.unwrap();
        let failing = async |tx: &Transaction<'_>, _: &Command, _: Before| {
            add(tx, "undone").await?;
            Ok(Work::failed("busy"))
        };
        let event = command(Action::Undo, 1);
        let told = take_part(&mut db, CONSUMER, PARTICIPANT, &event, work, failing).await;
        assert!(reply_in(&told.unwrap()).unwrap().retry);
        let reply = deliver(&mut db, &command(Action::Undo, 2)).await.unwrap();
        assert_eq!(reply.outcome, Outcome::Ok);
        assert!(!exists(&db, "effect").await);
    });
}

#[test]
fn what_was_done_long_ago_is_forgotten_in_the_end() {
    block_on(async {
        let mut db = care().await;
        deliver(&mut db, &command(Action::Do, 1)).await.unwrap();
        let now = clock::now_ms();
        assert_eq!(forget_old(&db, now + MEMORY_MS - 60_000).await, Ok(0));
        assert_eq!(forget_old(&db, now + MEMORY_MS + 60_000).await, Ok(1));
        assert_eq!(forget_old(&db, now + MEMORY_MS + 60_000).await, Ok(0));
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_order_and_duplication_ends_with_one_effect_or_none(
        deliveries in proptest::collection::vec((any::<bool>(), 0usize..3), 1..30)
    ) {
        block_on(async {
            let mut db = care().await;
            let dos: Vec<Event> = (1..4).map(|attempt| command(Action::Do, attempt)).collect();
            let undos: Vec<Event> = (1..4).map(|attempt| command(Action::Undo, attempt)).collect();
            let mut is_undone = false;
            for (is_undo, index) in deliveries {
                let event = if is_undo { &undos[index] } else { &dos[index] };
                deliver(&mut db, event).await;
                is_undone |= is_undo;

                assert_eq!(exists(&db, "effect").await, !is_undone);
            }
            assert_eq!(exists(&db, "undone").await, is_undone);
        });
    }
}
