//! A quota once, kept where somebody set one, and taken back.

use futures::executor::block_on;
use serde_json::Value;
use suoke_sagas::messages::{Action, Outcome, Reply, SAGA_REPLY};
use suoke_store::{Sql, params};

use super::*;

fn order(action: Action, context: &Value) -> Event {
    let command = Command {
        saga_id: "registration_u1".to_owned(),
        saga: "user_registration".to_owned(),
        step: "setup_quota".to_owned(),
        action,
        attempt: 1,
        participants: vec![CONSUMER.to_owned()],
        reply_to: SAGA_REPLY.to_owned(),
        reason: None,
        context: context.as_object().unwrap().clone(),
    };
    Event::new(QUOTA_SETUP, "saga-orchestrator", &command).unwrap()
}

async fn ask(db: &mut Database, action: Action) -> Vec<Event> {
    let event = order(action, &json!({"user_id": "u1"}));
    on_event(db, &event).await.unwrap()
}

fn reply(told: &[Event]) -> Reply {
    told.last().unwrap().data_as().unwrap()
}

async fn ai() -> Database {
    Database::open_in_memory("ai").await.unwrap()
}

async fn tokens(db: &Database) -> Option<i64> {
    let text = "SELECT tokens_max FROM quotas WHERE user_id = 'u1'";
    db.query_optional(text, params![]).await.unwrap()
}

#[test]
fn a_user_begins_with_a_quota_and_others_hear_of_it() {
    block_on(async {
        let mut db = ai().await;
        let told = ask(&mut db, Action::Do).await;
        assert_eq!(tokens(&db).await, Some(1_000_000));
        assert_eq!(told[0].kind, QUOTA_CHANGED);
        assert_eq!(told[0].data["requests_per_minute_max"], 60);
        assert_eq!(told[0].subject.as_deref(), Some("user/u1"));
        assert_eq!(reply(&told).output, json!({"is_new": true}));
        let again = ask(&mut db, Action::Do).await;
        assert_eq!((again.len(), reply(&again).outcome), (1, Outcome::Ok));
    });
}

#[test]
fn a_quota_that_was_set_stays() {
    block_on(async {
        let mut db = ai().await;
        let text = "INSERT INTO quotas (user_id, period, tokens_max, soft_limit_percent, set_by, \
             created_at, updated_at) VALUES ('u1', 'day', 7, 80, 'operator', 1, 1)";
        db.execute(text, params![]).await.unwrap();
        let told = ask(&mut db, Action::Do).await;
        assert_eq!(reply(&told).output, json!({"is_new": false}));
        assert_eq!((told.len(), tokens(&db).await), (1, Some(7)));
    });
}

#[test]
fn undone_there_is_none_and_a_late_order_makes_none() {
    block_on(async {
        let mut db = ai().await;
        ask(&mut db, Action::Do).await;
        let undone = ask(&mut db, Action::Undo).await;
        assert_eq!(reply(&undone).outcome, Outcome::Ok);
        assert_eq!(tokens(&db).await, None);
        let late = ask(&mut db, Action::Do).await;
        assert_eq!(reply(&late).outcome, Outcome::Failed);
        assert_eq!(tokens(&db).await, None);
    });
}

#[test]
fn a_saga_without_a_user_is_refused_and_other_events_are_dead_letters() {
    block_on(async {
        let mut db = ai().await;
        let told = on_event(&mut db, &order(Action::Do, &json!({})))
            .await
            .unwrap();
        let answer = reply(&told);
        assert_eq!((answer.outcome, answer.retry), (Outcome::Failed, false));
        let other = Event::new("user.created", "x", &json!({})).unwrap();
        let error = on_event(&mut db, &other).await.unwrap_err();
        assert!(error.is_permanent(), "{error}");
    });
}

#[test]
fn who_is_erased_gets_no_quota_however_late_the_command_comes() {
    block_on(async {
        let mut db = Database::open_in_memory("ai").await.unwrap();
        erased::note(&db, "u1", 1).await.unwrap();
        let told = ask(&mut db, Action::Do).await;
        let refused: Reply = told[0].data_as().unwrap();
        assert_eq!((refused.outcome, refused.retry), (Outcome::Failed, false));
        let quotas: i64 = db
            .query_one("SELECT count(*) FROM quotas", params![])
            .await
            .unwrap();
        assert_eq!(quotas, 0);
    });
}
