//! Who registered is confirmed, and erased when the registration is undone.

use futures::executor::block_on;
use suoke_groups::groups::{self, NewGroup};
use suoke_groups::{Actor, Cause};
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
    session(&db, "s1").await;
    db
}

async fn session(db: &Database, id: &str) {
    let text = "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) \
         VALUES (?1, ?2, 1, 1, 9)";
    db.execute(text, params![id, USER]).await.unwrap();
    let text = "INSERT INTO refresh_tokens (token_hash, family, user_id, created_at, expires_at) \
         VALUES (?3, ?1, ?2, 1, 9)";
    let values = params![id, USER, id.as_bytes()];
    db.execute(text, values).await.unwrap();
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
fn who_is_suspended_meanwhile_is_there_and_not_erased() {
    block_on(async {
        let mut db = identity().await;
        let text = "UPDATE users SET status = 'suspended', version = 2";
        db.execute(text, params![]).await.unwrap();
        assert_eq!(ask(&mut db, Action::Do, USER).await.outcome, Outcome::Ok);
        let undone = ask(&mut db, Action::Undo, USER).await;
        assert_eq!((undone.outcome, undone.retry), (Outcome::Failed, false));
        assert_eq!(count(&db, LEFT).await, 1);
        let mut other = identity().await;
        let text = "UPDATE users SET status = 'deleted'";
        other.execute(text, params![]).await.unwrap();
        let refused = ask(&mut other, Action::Do, USER).await;
        assert_eq!((refused.outcome, refused.retry), (Outcome::Failed, false));
    });
}

/// Whether the person is still there, with address and name.
const LEFT: &str = "SELECT count(*) FROM users WHERE status <> 'deleted' OR name <> '' \
     OR email LIKE 'fang%'";

const TOLD: &str = "SELECT count(*) FROM event_outbox WHERE type = 'user.deleted'";

#[test]
fn undone_an_account_that_nobody_has_used_is_erased_once() {
    block_on(async {
        let mut db = identity().await;
        ask(&mut db, Action::Do, USER).await;
        for _ in 0..2 {
            assert_eq!(ask(&mut db, Action::Undo, USER).await.outcome, Outcome::Ok);
        }
        assert_eq!(count(&db, LEFT).await, 0);
        assert_eq!(count(&db, TOLD).await, 1);
    });
}

/// Every trace of use keeps the account, and an operator decides.
#[test]
fn an_account_that_somebody_uses_is_never_erased_by_an_undo() {
    block_on(async {
        for used in [
            "UPDATE users SET version = 2",
            "UPDATE users SET token_version = 2",
            "UPDATE refresh_tokens SET used_at = 2",
            "UPDATE sessions SET ended_at = 2",
            "DELETE FROM sessions",
            "INSERT INTO totp (user_id, sealed_secret, created_at) SELECT id, x'78', 1 FROM users",
            "login",
            "group",
        ] {
            let mut db = identity().await;
            ask(&mut db, Action::Do, USER).await;
            match used {
                "login" => session(&db, "s2").await,
                "group" => group(&mut db).await,
                text => db.execute(text, params![]).await.unwrap(),
            }
            for _ in 0..2 {
                let undone = ask(&mut db, Action::Undo, USER).await;
                let answer = (undone.outcome, undone.retry);
                assert_eq!(answer, (Outcome::Failed, false), "{used}");
            }
            assert_eq!(count(&db, LEFT).await, 1, "{used}");
            assert_eq!(count(&db, TOLD).await, 0, "{used}");
        }
    });
}

async fn group(db: &mut Database) {
    let request = Request::new("POST", "/");
    let actor = Actor {
        user_id: USER,
        is_admin: false,
        cause: Cause::Request(&request),
        component: "groups",
    };
    let wanted: NewGroup = serde_json::from_value(json!({"name": "家"})).unwrap();
    groups::create(db, &actor, wanted).await.unwrap();
}

#[test]
fn who_never_was_is_undone_all_the_same() {
    block_on(async {
        let mut db = identity().await;
        assert_eq!(ask(&mut db, Action::Undo, "u2").await.outcome, Outcome::Ok);
        assert_eq!(count(&db, TOLD).await, 0);
    });
}
