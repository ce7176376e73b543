//! Permissions once, for who is there, and taken back.

use futures::executor::block_on;
use suoke_sagas::messages::{Action, Outcome, Reply, SAGA_REPLY};
use suoke_store::{Sql, params};

use super::*;

async fn identity() -> Database {
    let db = Database::open_in_memory("identity").await.unwrap();
    let text = "INSERT INTO users (id, email, name, password_hash, created_at, updated_at) \
         VALUES ('u1', 'a@b.cn', 'x', '', 1, 1)";
    db.execute(text, params![]).await.unwrap();
    db
}

async fn ask(db: &mut Database, action: Action, user_id: &str) -> Reply {
    let context = json!({ "user_id": user_id });
    let command = Command {
        saga_id: format!("registration_{user_id}"),
        saga: "user_registration".to_owned(),
        step: "initialize_permissions".to_owned(),
        action,
        attempt: 1,
        participants: vec![CONSUMER.to_owned()],
        reply_to: SAGA_REPLY.to_owned(),
        reason: None,
        context: context.as_object().unwrap().clone(),
    };
    let event = Event::new(PERMISSIONS_INITIALIZE, "saga-orchestrator", &command).unwrap();
    let told = on_event(db, &event).await.unwrap();
    told[0].data_as().unwrap()
}

#[test]
fn a_user_begins_with_permissions_and_loses_them_with_an_undo() {
    block_on(async {
        let mut db = identity().await;
        for _ in 0..2 {
            let done = ask(&mut db, Action::Do, "u1").await;
            assert_eq!(done.output, json!({ "permissions": 2 }));
        }
        assert_eq!(rules::of_user(&db, "u1").await.unwrap().len(), 2);
        let undone = ask(&mut db, Action::Undo, "u1").await;
        assert_eq!(undone.outcome, Outcome::Ok);
        assert!(rules::of_user(&db, "u1").await.unwrap().is_empty());
        let late = ask(&mut db, Action::Do, "u1").await;
        assert_eq!(late.outcome, Outcome::Failed);
    });
}

#[test]
fn who_is_suspended_meanwhile_gets_them_all_the_same() {
    block_on(async {
        let mut db = identity().await;
        for (status, outcome) in [("suspended", Outcome::Ok), ("deleted", Outcome::Failed)] {
            let text = "UPDATE users SET status = ?1";
            db.execute(text, params![status]).await.unwrap();
            db.execute("DELETE FROM saga_participations", params![])
                .await
                .unwrap();
            let answer = ask(&mut db, Action::Do, "u1").await;
            assert_eq!(answer.outcome, outcome, "{status}");
        }
    });
}

#[test]
fn who_is_not_there_gets_none_and_is_undone_all_the_same() {
    block_on(async {
        let mut db = identity().await;
        let refused = ask(&mut db, Action::Do, "u2").await;
        assert_eq!((refused.outcome, refused.retry), (Outcome::Failed, false));
        let undone = ask(&mut db, Action::Undo, "u2").await;
        assert_eq!(undone.outcome, Outcome::Ok);
    });
}

#[test]
fn other_events_are_dead_letters() {
    block_on(async {
        let mut db = identity().await;
        let other = Event::new("user.created", "x", &json!({})).unwrap();
        let error = on_event(&mut db, &other).await.unwrap_err();
        assert!(error.is_permanent(), "{error}");
    });
}
