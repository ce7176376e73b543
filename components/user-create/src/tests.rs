//! Who registered is confirmed, and erased when the registration is undone.

use futures::executor::block_on;
use suoke_groups::groups::{self, NewGroup};
use suoke_guest::Request;
use suoke_sagas::messages::{Action, Outcome, Reply, SAGA_REPLY};
use suoke_store::{Sql, params};

use super::*;

const USER: &str = "018f0000-0000-7000-8000-000000000001";

async fn identity() -> Database {
    let db = Database::open_in_memory("identity").await.unwrap();
    let text = "INSERT INTO users (id, email, name, password_hash, created_at, updated_at) \
         VALUES (?1, 'fang@example.com', '王芳', 'x', 1, 1)";
    db.execute(text, params![USER]).await.unwrap();
    db
}

async fn ask(db: &mut Database, action: Action, user_id: &str) -> Reply {
    let context = json!({ "user_id": user_id });
    let command = Command {
        saga_id: format!("registration_{user_id}"),
        saga: "user_registration".to_owned(),
        step: "create_user".to_owned(),
        action,
        attempt: 1,
        participants: vec![PARTICIPANT.to_owned()],
        reply_to: SAGA_REPLY.to_owned(),
        reason: None,
        context: context.as_object().unwrap().clone(),
    };
    let event = Event::new(USER_CREATE, "saga-orchestrator", &command).unwrap();
    let told = on_event(db, &event).await.unwrap();
    told[0].data_as().unwrap()
}

async fn count(db: &Database, text: &str) -> i64 {
    db.query_one(text, params![]).await.unwrap()
}

#[test]
fn who_registered_is_confirmed_and_nobody_else() {
    block_on(async {
        let mut db = identity().await;
        assert_eq!(ask(&mut db, Action::Do, USER).await.outcome, Outcome::Ok);
        let refused = ask(&mut db, Action::Do, "u2").await;
        assert_eq!((refused.outcome, refused.retry), (Outcome::Failed, false));
    });
}

#[test]
fn undone_the_user_is_erased_once_with_everything_they_began() {
    block_on(async {
        let mut db = identity().await;
        ask(&mut db, Action::Do, USER).await;
        let request = Request::new("POST", "/");
        let actor = Actor {
            user_id: USER,
            is_admin: false,
            cause: Cause::Request(&request),
            component: "groups",
        };
        let wanted: NewGroup = serde_json::from_value(json!({"name": "家"})).unwrap();
        groups::create(&mut db, &actor, wanted).await.unwrap();
        for _ in 0..2 {
            assert_eq!(ask(&mut db, Action::Undo, USER).await.outcome, Outcome::Ok);
        }
        let left = "SELECT count(*) FROM users WHERE status <> 'deleted' OR name <> '' \
             OR email LIKE 'fang%'";
        assert_eq!(count(&db, left).await, 0);
        assert_eq!(count(&db, "SELECT count(*) FROM groups").await, 0);
        let told = "SELECT count(*) FROM event_outbox WHERE type = 'user.deleted'";
        assert_eq!(count(&db, told).await, 1);
    });
}

#[test]
fn who_never_was_is_undone_all_the_same() {
    block_on(async {
        let mut db = identity().await;
        assert_eq!(ask(&mut db, Action::Undo, "u2").await.outcome, Outcome::Ok);
        let told = "SELECT count(*) FROM event_outbox WHERE type = 'user.deleted'";
        assert_eq!(count(&db, told).await, 0);
    });
}
