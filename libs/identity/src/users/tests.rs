//! What a change tells, and that it needs the version. The requests around it are
//! tested with the component.

use futures::executor::block_on;
use suoke_store::params;

use super::*;
use crate::caller::AuthMethod;

const USER: &str = "018f0000-0000-7000-8000-000000000001";

async fn store() -> Database {
    let db = Database::open_in_memory("identity").await.unwrap();
    let text = "INSERT INTO users (id, email, name, password_hash, created_at, updated_at) \
         VALUES (?1, 'fang@example.com', '王芳', 'x', 1, 1)";
    db.execute(text, params![USER]).await.unwrap();
    db
}

fn who(id: &str, role: &str) -> Identity {
    Identity {
        user_id: id.to_owned(),
        roles: vec![role.to_owned()],
        scopes: Vec::new(),
        session_id: None,
        token_id: String::new(),
        expires_at: 0,
        method: AuthMethod::Jwt,
    }
}

async fn change(
    db: &mut Database,
    known: Option<&str>,
    change: Value,
) -> Result<(Account, Effects), ApiError> {
    let mut request = Request::new("PUT", "/").with_header("x-request-id", "r1");
    if let Some(known) = known {
        request = request.with_header("if-match", known);
    }
    let change = serde_json::from_value(change).unwrap();
    update(db, &who("operator", "operator"), &request, USER, change).await
}

#[test]
fn a_change_tells_each_field_and_no_document() {
    block_on(async {
        let mut db = store().await;
        let wanted = json!({"name": "芳芳", "settings": {"secret": 1}, "roles": ["user"]});
        let (_, effects) = change(&mut db, None, wanted).await.unwrap();
        assert!(effects.denials.is_empty());
        let event = &effects.events[0];
        assert_eq!(
            (event.kind.as_str(), event.subject.as_deref()),
            (USER_UPDATED, Some(about(USER).as_str()))
        );
        let told: UserUpdated = event.data_as().unwrap();
        assert_eq!(
            told.changes,
            [
                Change {
                    field: "name".to_owned(),
                    old_value: json!("王芳"),
                    new_value: json!("芳芳")
                },
                Change {
                    field: "settings".to_owned(),
                    old_value: Value::Null,
                    new_value: Value::Null
                },
            ]
        );
        assert_eq!(told.updated_by, "operator");
    });
}

#[test]
fn a_suspension_ends_sessions_and_denies_tokens() {
    block_on(async {
        let mut db = store().await;
        let text = "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) \
             VALUES ('s1', ?1, 1, 1, 9000000000000)";
        db.execute(text, params![USER]).await.unwrap();
        let (account, effects) = change(&mut db, None, json!({"status": "suspended"}))
            .await
            .unwrap();
        assert_eq!(account.status, "suspended");
        let kinds: Vec<&str> = effects
            .events
            .iter()
            .map(|event| event.kind.as_str())
            .collect();
        assert_eq!(kinds, ["auth.session.ended", USER_UPDATED, USER_SUSPENDED]);
        assert_eq!(effects.denials.len(), 2);
        let (account, effects) = change(&mut db, None, json!({"status": "active"}))
            .await
            .unwrap();
        assert_eq!((account.version, effects.denials.len()), (3, 1));
    });
}

#[test]
fn who_has_seen_another_version_changes_nothing() {
    block_on(async {
        let mut db = store().await;
        let late = change(&mut db, Some("\"7\""), json!({"name": "x"})).await;
        let error = late.err().unwrap();
        assert_eq!((error.status(), error.code()), (409, "version_conflict"));
        let (account, _) = change(&mut db, Some("\"1\""), json!({"name": "x"}))
            .await
            .unwrap();
        assert_eq!((account.version, account.name.as_str()), (2, "x"));
    });
}

#[test]
fn a_path_names_oneself_or_for_administrators_anybody() {
    let (fang, admin) = (who(USER, "user"), who("a1", "admin"));
    let told = |who: &Identity, text: &str| whom(who, text).map_err(|error| error.status());
    assert_eq!(told(&fang, "me").as_deref(), Ok(USER));
    assert_eq!(told(&fang, USER).as_deref(), Ok(USER));
    assert_eq!(told(&admin, USER).as_deref(), Ok(USER));
    let other = "018f0000-0000-7000-8000-000000000002";
    assert_eq!(told(&fang, other), Err(403));
    assert_eq!(told(&fang, "x"), Err(403));
    assert_eq!(told(&admin, "x"), Err(404));
}

#[test]
fn an_erased_user_frees_the_address_and_is_erased_once() {
    block_on(async {
        let mut db = store().await;
        let text =
            "INSERT INTO login_attempts (email_hash, failures, updated_at) VALUES (?1, 1, 1)";
        let hash = Sha256::digest("fang@example.com").to_vec();
        db.execute(text, params![hash]).await.unwrap();
        let request = Request::new("DELETE", "/");
        let erase_once = async |db: &mut Database| {
            let origin = Origin::request("users", &request);
            db.transaction(async |tx| erase(tx, origin, USER, USER).await)
                .await
                .unwrap()
        };
        let effects = erase_once(&mut db).await.unwrap();
        assert_eq!(effects.events.last().unwrap().kind, USER_DELETED);
        assert!(erase_once(&mut db).await.is_none());
        assert!(!is_active(&db, USER).await.unwrap());
        for table in ["login_attempts", "users WHERE email = 'fang@example.com'"] {
            let count: i64 = db
                .query_one(&format!("SELECT count(*) FROM {table}"), params![])
                .await
                .unwrap();
            assert_eq!(count, 0, "{table}");
        }
    });
}

#[test]
fn signs_of_a_pattern_stand_for_themselves() {
    assert_eq!(queries::pattern("50%_\\x"), "%50\\%\\_\\\\x%");
}
