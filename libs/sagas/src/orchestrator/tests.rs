//! The consultation saga from its first event to its end, among participants
//! that keep the real barrier, with faults.

mod cast;

use futures::executor::block_on;
use proptest::prelude::*;
use serde_json::json;
use suoke_store::{Sql, params};

use super::*;
use crate::messages::Outcome;
use cast::{Cast, Mood};

const CONSUMER: &str = "saga-orchestrator";

async fn platform() -> Database {
    Database::open_in_memory(LABEL).await.unwrap()
}

fn consultation(id: &str) -> Event {
    let data = json!({"consultation_id": id, "user_id": "u1", "chief_complaint": "失眠"});
    let mut event = Event::new("health.consultation", "consultation-create", &data).unwrap();
    event.correlationid = Some("r1".to_owned());
    event
}

fn reply_to(command: &Event, participant: &str, outcome: Outcome, retry: bool) -> Event {
    let command: crate::messages::Command = command.data_as().unwrap();
    let reply = Reply {
        saga_id: command.saga_id,
        step: command.step,
        action: command.action,
        participant: participant.to_owned(),
        attempt: command.attempt,
        outcome,
        retry,
        output: json!({"ok": true}),
        reason: None,
    };
    Event::new(&command.reply_to, participant, &reply).unwrap()
}

async fn status(db: &Database, id: &str) -> String {
    queries::summary(db, id).await.unwrap().unwrap().status
}

async fn log_of(db: &Database, id: &str) -> Vec<String> {
    let lines = queries::log(db, id, 100).await.unwrap();
    lines.into_iter().map(|line| line.kind).collect()
}

async fn needs_attention(db: &mut Database) -> String {
    let told = on_event(db, CONSUMER, &consultation("c1")).await.unwrap();
    let reply = reply_to(&told[0], "consultation-record", Outcome::Failed, false);
    let told = on_event(db, CONSUMER, &reply).await.unwrap();
    let reply = reply_to(&told[0], "consultation-record", Outcome::Failed, false);
    on_event(db, CONSUMER, &reply).await.unwrap();
    assert_eq!(status(db, "consultation_c1").await, "needs_attention");
    "consultation_c1".to_owned()
}

#[test]
fn a_start_that_comes_twice_starts_one_saga() {
    block_on(async {
        let mut db = platform().await;
        let event = consultation("c1");
        let told = on_event(&mut db, CONSUMER, &event).await.unwrap();
        let kinds: Vec<&str> = told.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["consultation.record", "saga.started"]);
        assert!(
            on_event(&mut db, CONSUMER, &event)
                .await
                .unwrap()
                .is_empty()
        );
        let again = consultation("c1");
        assert!(
            on_event(&mut db, CONSUMER, &again)
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(log_of(&db, "consultation_c1").await, ["started", "asked"]);
    });
}

#[test]
fn a_command_carries_correlation_cause_and_context() {
    block_on(async {
        let mut db = platform().await;
        let event = consultation("c1");
        let told = on_event(&mut db, CONSUMER, &event).await.unwrap();
        let command = &told[0];
        assert_eq!(command.subject.as_deref(), Some("saga/consultation_c1"));
        assert_eq!(command.correlationid.as_deref(), Some("r1"));
        assert_eq!(command.causationid.as_ref(), Some(&event.id));
        let data: crate::messages::Command = command.data_as().unwrap();
        assert_eq!(data.context["chief_complaint"], "失眠");
        assert_eq!(data.participants, ["consultation-record"]);
    });
}

#[test]
fn a_registration_hands_on_the_id_and_nothing_else_of_a_person() {
    block_on(async {
        let mut db = platform().await;
        let data = json!({
            "user_id": "u1", "email": "fang@example.com", "name": "王芳", "created_at": "now",
        });
        let event = Event::new("user.created", "user-register", &data).unwrap();
        let told = on_event(&mut db, CONSUMER, &event).await.unwrap();
        assert_eq!(told[0].kind, "user.create");
        assert_eq!(told[0].data["context"], json!({"user_id": "u1"}));
        for table in ["sagas", "event_outbox", "saga_log"] {
            let rows: Vec<suoke_store::Row> = db
                .query(&format!("SELECT * FROM {table}"), params![])
                .await
                .unwrap();
            let text = format!("{rows:?}");
            assert!(!text.contains("fang@") && !text.contains("王芳"), "{text}");
        }
    });
}

#[test]
fn events_that_start_or_answer_nothing_are_refused_for_good() {
    block_on(async {
        let mut db = platform().await;
        let start = |saga: &str, data| {
            Event::new(SAGA_START, "x", &json!({"saga": saga, "data": data})).unwrap()
        };
        for (event, told) in [
            (
                start("nonsense", json!({})),
                "no saga \"nonsense\" that starts",
            ),
            (
                start("user_registration", json!({"user": "u1"})),
                "field \"user_id\"",
            ),
            (
                start("health_consultation", json!({})),
                "field \"consultation_id\"",
            ),
            (
                Event::new("health.consultation", "x", &7).unwrap(),
                "no object",
            ),
            (
                Event::new("other", "x", &json!({})).unwrap(),
                "no saga starts on \"other\"",
            ),
            (
                Event::new(SAGA_REPLY, "x", &json!({})).unwrap(),
                "\"saga_id\" is required",
            ),
        ] {
            let error = on_event(&mut db, CONSUMER, &event).await.unwrap_err();
            assert!(
                error.is_permanent() && error.to_string().contains(told),
                "{error}"
            );
        }
        let told = on_event(&mut db, CONSUMER, &consultation("c1"))
            .await
            .unwrap();
        let mut stray = reply_to(&told[0], "x", Outcome::Ok, false);
        stray.data["saga_id"] = json!("consultation_c2");
        let error = on_event(&mut db, CONSUMER, &stray).await.unwrap_err();
        assert!(error.is_permanent(), "{error}");
    });
}

#[test]
fn a_saga_can_be_started_by_name() {
    block_on(async {
        let mut db = platform().await;
        let data = json!({"saga": "health_consultation", "data": {"consultation_id": "c1"}});
        let event = Event::new(SAGA_START, "x", &data).unwrap();
        on_event(&mut db, CONSUMER, &event).await.unwrap();
        assert_eq!(status(&db, "consultation_c1").await, "running");
    });
}

#[test]
fn results_of_agents_outside_of_sagas_are_passed_over() {
    block_on(async {
        let mut db = platform().await;
        let event = Event::new(AGENT_TASK_RESULT, "xiaoai", &json!({"task": 1})).unwrap();
        assert!(
            on_event(&mut db, CONSUMER, &event)
                .await
                .unwrap()
                .is_empty()
        );
    });
}

#[test]
fn a_cancellation_that_overtakes_the_start_comes_again() {
    block_on(async {
        let mut db = platform().await;
        let data = json!({"saga_id": "consultation_c1"});
        let cancel = Event::new(SAGA_CANCEL, "x", &data).unwrap();
        let error = on_event(&mut db, CONSUMER, &cancel).await.unwrap_err();
        assert!(!error.is_permanent(), "{error}");
        on_event(&mut db, CONSUMER, &consultation("c1"))
            .await
            .unwrap();
        let told = on_event(&mut db, CONSUMER, &cancel).await.unwrap();
        assert_eq!(told[0].data["action"], "undo");
        assert_eq!(told[0].data["reason"], "cancelled");
        assert_eq!(told[1].kind, "saga.compensating");
        let reply = reply_to(&told[0], "consultation-record", Outcome::Ok, false);
        let told = on_event(&mut db, CONSUMER, &reply).await.unwrap();
        assert_eq!(told[0].kind, "saga.compensated");
        assert_eq!(status(&db, "consultation_c1").await, "compensated");
    });
}

#[test]
fn an_operator_lets_a_saga_go_on_or_leaves_it() {
    block_on(async {
        for (input, end) in [(Input::Retry, "compensating"), (Input::Abandon, "failed")] {
            let mut db = platform().await;
            let id = needs_attention(&mut db).await;
            let done = operate(&mut db, &id, input.clone(), 0).await.unwrap();
            assert!(matches!(done, Operated::Done(_)));
            assert_eq!(status(&db, &id).await, end);
            let again = operate(&mut db, &id, input, 0).await.unwrap();
            assert!(matches!(again, Operated::Refused(_)), "{again:?}");
        }
        let mut db = platform().await;
        let missing = operate(&mut db, "x", Input::Retry, 0).await.unwrap();
        assert!(matches!(missing, Operated::Missing));
    });
}

#[test]
fn the_log_tells_why_without_data_of_people() {
    block_on(async {
        let mut db = platform().await;
        let id = needs_attention(&mut db).await;
        assert_eq!(
            log_of(&db, &id).await,
            [
                "started",
                "asked",
                "attempt_failed",
                "compensating",
                "asked_to_undo",
                "attempt_failed",
                "needs_attention"
            ]
        );
        let lines = format!("{:?}", queries::log(&db, &id, 100).await.unwrap());
        assert!(!lines.contains("失眠"), "{lines}");
    });
}

#[test]
fn lists_are_filtered_and_newest_first() {
    block_on(async {
        let mut db = platform().await;
        for (at, id) in [(1, "c1"), (2, "c2"), (3, "c3")] {
            let event = consultation(id);
            on_event_at(&mut db, CONSUMER, &event, at).await.unwrap();
        }
        operate(&mut db, "consultation_c2", Input::Cancel, 4)
            .await
            .unwrap();
        let page = async |status, saga, before: (i64, &str)| {
            let page = queries::page(&db, status, saga, before, 10).await.unwrap();
            let ids = page.into_iter().map(|one| one.id);
            ids.collect::<Vec<_>>()
        };
        let start = (i64::MAX, "");
        assert_eq!(page(Some("running"), None, start).await.len(), 2);
        assert_eq!(
            page(Some("compensating"), Some("health_consultation"), start)
                .await
                .len(),
            1
        );
        assert!(page(None, Some("other"), start).await.is_empty());
        assert_eq!(
            page(None, None, (3, "consultation_c3")).await,
            ["consultation_c2", "consultation_c1"]
        );
    });
}

#[test]
fn what_a_crash_left_behind_goes_on() {
    block_on(async {
        let mut db = platform().await;
        let event = consultation("c1");
        on_event_at(&mut db, CONSUMER, &event, 0).await.unwrap();
        // Nothing of it was announced, and the relay is gone, too.
        let swept = sweep(&mut db, "s1", 29_999).await.unwrap();
        assert_eq!(swept.advanced, 0);
        sweep(&mut db, "s1", 30_000).await.unwrap();
        let swept = sweep(&mut db, "s1", 32_000).await.unwrap();
        assert_eq!((swept.advanced, swept.events.len()), (1, 1));
        assert_eq!(swept.events[0].data["attempt"], 2);
        assert_eq!(swept.events[0].correlationid.as_deref(), Some("r1"));
    });
}

#[test]
fn two_sweepers_never_work_on_one_saga() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("platform.db");
        let mut first = Database::open_file(LABEL, &path).await.unwrap();
        let mut second = Database::open_file(LABEL, &path).await.unwrap();
        for number in 0..80 {
            let event = consultation(&format!("c{number}"));
            on_event_at(&mut first, CONSUMER, &event, 0).await.unwrap();
        }
        // One has leased and died: the other one leaves these alone.
        let leased = queries::lease(&first, "s1", 60_000, 50, 30_000)
            .await
            .unwrap();
        assert_eq!(leased.len(), 50);
        let swept = sweep(&mut second, "s2", 30_000).await.unwrap();
        assert_eq!(swept.advanced, 30);
        // It comes back late, when others own them: it does nothing.
        let taken = queries::lease(&second, "s2", 90_000, 50, 60_000)
            .await
            .unwrap();
        assert_eq!(taken.len(), 50);
        for id in &taken {
            let told = first
                .transaction(async |tx| sweep::tick(tx, "s1", id, 60_000).await)
                .await;
            assert!(told.unwrap().is_empty());
        }
        let text = "SELECT count(*) FROM saga_log WHERE kind = 'timed_out'";
        let ticks: i64 = first.query_one(text, params![]).await.unwrap();
        assert_eq!(ticks, 30);
    });
}

#[test]
fn sweepers_at_the_same_time_tick_each_saga_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("platform.db");
    block_on(async {
        let mut db = Database::open_file(LABEL, &path).await.unwrap();
        for number in 0..60 {
            let event = consultation(&format!("c{number}"));
            on_event_at(&mut db, CONSUMER, &event, 0).await.unwrap();
        }
    });
    let sweepers: Vec<_> = (0..3)
        .map(|number| {
            let path = path.clone();
            std::thread::spawn(move || {
                block_on(async {
                    let mut db = Database::open_file(LABEL, &path).await.unwrap();
                    let swept = sweep(&mut db, &format!("s{number}"), 30_000).await.unwrap();
                    assert_eq!(swept.failed, 0);
                    swept.advanced
                })
            })
        })
        .collect();
    let advanced: usize = sweepers.into_iter().map(|one| one.join().unwrap()).sum();
    assert_eq!(advanced, 60);
}

#[test]
fn sagas_that_ended_long_ago_are_deleted() {
    block_on(async {
        let mut db = platform().await;
        let id = needs_attention(&mut db).await;
        operate(&mut db, &id, Input::Abandon, 1_000).await.unwrap();
        let day_ms = 24 * 60 * 60 * 1000;
        assert_eq!(sweep(&mut db, "s", 89 * day_ms).await.unwrap().deleted, 0);
        assert_eq!(sweep(&mut db, "s", 91 * day_ms).await.unwrap().deleted, 1);
        assert!(queries::summary(&db, &id).await.unwrap().is_none());
        assert!(log_of(&db, &id).await.is_empty());
    });
}

#[test]
fn a_consultation_without_faults_completes() {
    block_on(async {
        let mut cast = Cast::new(Vec::new()).await;
        cast.begin(consultation("c1"));
        cast.settle().await;
        assert_eq!(cast.status("consultation_c1").await, "completed");
        assert_eq!(cast.effects().await.len(), 7);
    });
}

#[test]
fn a_consultation_whose_last_step_is_refused_leaves_nothing() {
    block_on(async {
        let mut cast = Cast::new(vec![("record-update", Mood::Refuses)]).await;
        cast.begin(consultation("c1"));
        cast.settle().await;
        assert_eq!(cast.status("consultation_c1").await, "compensated");
        assert!(cast.effects().await.is_empty());
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn faults_end_with_everything_done_or_nothing(
        moods in proptest::collection::vec((0usize..7, Mood::any()), 0..3),
        choices in proptest::collection::vec(any::<u16>(), 0..150),
    ) {
        block_on(async {
            let moods = moods
                .into_iter()
                .map(|(index, mood)| (cast::NAMES[index], mood))
                .collect();
            let mut cast = Cast::new(moods).await;
            cast.begin(consultation("c1"));
            cast.begin(consultation("c2"));
            for choice in choices {
                cast.step(choice).await;
            }
            cast.settle().await;
            let effects = cast.effects().await;
            for id in ["consultation_c1", "consultation_c2"] {
                let mine = effects.iter().filter(|effect| effect.starts_with(id)).count();
                match cast.status(id).await.as_str() {
                    "completed" => assert_eq!(mine, 7, "{effects:?}"),
                    "compensated" => assert_eq!(mine, 0, "{effects:?}"),
                    other => panic!("{other}"),
                }
            }
        });
    }
}
