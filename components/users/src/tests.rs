//! Requests and what they come to.

use std::sync::atomic::{AtomicU32, Ordering};

use futures::executor::block_on;
use serde_json::{Value, json};
use suoke_groups::groups::{self, NewGroup};
use suoke_identity::caller::headers;
use suoke_store::{Sql, params};

use super::*;

/// An id of this test's own: whoever is being read is known to all threads.
fn user(number: u32) -> String {
    static TESTS: AtomicU32 = AtomicU32::new(0);
    thread_local! {
        static TEST: u32 = TESTS.fetch_add(1, Ordering::Relaxed);
    }
    let test = TEST.with(|test| *test);
    format!("018f0000-0000-7000-8000-{test:08}000{number}")
}

async fn identity() -> Database {
    let db = Database::open_in_memory(LABEL).await.unwrap();
    for (number, name) in [(1, "王芳"), (2, "李雷")] {
        let text = "INSERT INTO users (id, email, name, password_hash, created_at, updated_at) \
             VALUES (?1, ?2, ?3, 'x', 1, 1)";
        let email = format!("person{number}@example.com");
        db.execute(text, params![user(number), email, name])
            .await
            .unwrap();
    }
    db
}

/// `user` with a number, or `operator` with 0.
fn signed(request: Request, number: u32) -> Request {
    let (id, role) = match number {
        0 => ("operator".to_owned(), "operator"),
        number => (user(number), "user"),
    };
    request
        .with_header(headers::USER_ID, &id)
        .with_header(headers::USER_ROLES, role)
        .with_header(headers::TOKEN_EXPIRES_AT, "1700000000")
        .with_header(headers::AUTH_METHOD, "jwt")
}

async fn ask(
    db: &mut Database,
    by: u32,
    method: &str,
    target: &str,
    place: Place,
    about: u32,
    body: &Value,
) -> Result<Reply, ApiError> {
    let request = signed(
        Request::new(method, target).with_json(&body.to_string()),
        by,
    );
    let who = caller(&request).unwrap();
    handle(db, request, &who, place, &user(about)).await
}

async fn change(db: &mut Database, by: u32, about: u32, body: &Value) -> Result<Value, ApiError> {
    let reply = ask(db, by, "PUT", "/", Place::User, about, body).await?;
    Ok(serde_json::from_slice(reply.body_bytes()).unwrap())
}

async fn get(db: &mut Database, about: u32) -> (Value, String) {
    let reply = ask(db, 0, "GET", "/", Place::User, about, &json!({}))
        .await
        .unwrap();
    let etag = reply.header_value("etag").unwrap().to_owned();
    (serde_json::from_slice(reply.body_bytes()).unwrap(), etag)
}

async fn count(db: &Database, text: &str) -> i64 {
    db.query_one(text, params![]).await.unwrap()
}

#[test]
fn a_user_changes_what_is_theirs_and_sees_it() {
    block_on(async {
        let mut db = identity().await;
        let wanted = json!({
            "name": " 芳芳 ", "profile": {"born": 1990}, "settings": {"language": "zh-CN"},
        });
        let changed = change(&mut db, 1, 1, &wanted).await.unwrap();
        assert_eq!(changed["name"], "芳芳");
        let (shown, etag) = get(&mut db, 1).await;
        assert_eq!(shown, changed);
        assert_eq!(
            (&shown["profile"]["born"], etag.as_str()),
            (&json!(1990), "\"2\"")
        );
        let again = change(&mut db, 1, 1, &wanted).await.unwrap();
        assert_eq!(again["version"], 2);
        assert_eq!(count(&db, "SELECT count(*) FROM event_outbox").await, 1);
    });
}

#[test]
fn status_and_roles_are_for_administrators() {
    block_on(async {
        let mut db = identity().await;
        for wanted in [
            json!({"status": "suspended"}),
            json!({"roles": ["user", "admin"]}),
        ] {
            let error = change(&mut db, 1, 1, &wanted).await.unwrap_err();
            assert_eq!(error.status(), 403);
            change(&mut db, 0, 1, &wanted).await.unwrap();
        }
        let (shown, _) = get(&mut db, 1).await;
        assert_eq!(
            (&shown["status"], &shown["roles"]),
            (&json!("suspended"), &json!(["admin", "user"]))
        );
        let raised = "SELECT token_version FROM users WHERE name = '王芳'";
        assert_eq!(count(&db, raised).await, 3);
    });
}

#[test]
fn wrong_fields_are_named() {
    block_on(async {
        let mut db = identity().await;
        for (wanted, field) in [
            (json!({"name": "  "}), "name"),
            (json!({"email": "a@b.cn"}), "email"),
            (json!({"status": "deleted"}), "status"),
            (json!({"roles": []}), "roles"),
            (json!({"roles": ["user", "user"]}), "roles"),
            (json!({"roles": ["operator"]}), "roles"),
            (json!({"profile": {"x": "y".repeat(16 * 1024)}}), "profile"),
            (json!({"settings": 7}), "settings"),
        ] {
            let error = change(&mut db, 0, 1, &wanted).await.unwrap_err();
            assert_eq!(
                (error.status(), error.errors()[0].field.as_str()),
                (400, field)
            );
        }
    });
}

#[test]
fn users_are_listed_and_found() {
    block_on(async {
        let mut db = identity().await;
        for (query, total, names) in [
            ("", 2, vec!["王芳", "李雷"]),
            ("?page_size=1&page=2", 2, vec!["李雷"]),
            ("?filter=PERSON1", 1, vec!["王芳"]),
            ("?filter=%E6%9D%8E", 1, vec!["李雷"]),
            ("?filter=%25", 0, vec![]),
            ("?status=deleted", 0, vec![]),
        ] {
            let target = format!("/{query}");
            let reply = ask(&mut db, 0, "GET", &target, Place::Users, 0, &json!({})).await;
            let page: Value = serde_json::from_slice(reply.unwrap().body_bytes()).unwrap();
            let found: Vec<&str> = page["users"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["name"].as_str().unwrap())
                .collect();
            assert_eq!(
                (&page["total_count"], found),
                (&json!(total), names),
                "{query}"
            );
            assert!(
                page["users"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|one| one.get("profile").is_none())
            );
        }
        for query in [
            "?page=0",
            "?page_size=101",
            "?status=x",
            "?limit=3",
            "?page=10001",
        ] {
            let target = format!("/{query}");
            let reply = ask(&mut db, 0, "GET", &target, Place::Users, 0, &json!({})).await;
            assert_eq!(reply.unwrap_err().status(), 400, "{query}");
        }
    });
}

#[test]
fn an_erased_user_leaves_a_tombstone_and_nothing_personal() {
    block_on(async {
        let mut db = identity().await;
        let wanted = json!({"name": "芳芳", "profile": {"born": 1990}});
        change(&mut db, 1, 1, &wanted).await.unwrap();
        let text = "INSERT INTO event_failures VALUES \
             ((SELECT id FROM event_outbox), 'x', 'user.updated', (SELECT payload FROM event_outbox), \
             'r', 1, 1, 1, NULL)";
        db.execute(text, params![]).await.unwrap();
        for _ in 0..2 {
            let gone = ask(&mut db, 0, "DELETE", "/", Place::User, 1, &json!({})).await;
            assert_eq!(gone.unwrap().status(), 204);
        }
        let (shown, _) = get(&mut db, 1).await;
        assert_eq!(
            (&shown["status"], &shown["name"]),
            (&json!("deleted"), &json!(""))
        );
        assert_eq!(
            (&shown["roles"], &shown["profile"]),
            (&json!([]), &json!({}))
        );
        for table in ["users", "event_outbox", "event_failures", "user_profiles"] {
            let rows: Vec<suoke_store::Row> = db
                .query(&format!("SELECT * FROM {table}"), params![])
                .await
                .unwrap();
            let text = format!("{rows:?}");
            for personal in ["芳", "person1@", "born"] {
                assert!(!text.contains(personal), "{table}: {text}");
            }
        }
        let told = "SELECT count(*) FROM event_outbox WHERE type = 'user.deleted'";
        assert_eq!(count(&db, told).await, 1);
        let again = change(&mut db, 0, 1, &wanted).await.unwrap_err();
        assert_eq!(again.status(), 404);
    });
}

#[test]
fn a_last_owner_stays_until_somebody_comes_after() {
    block_on(async {
        let mut db = identity().await;
        let request = signed(Request::new("POST", "/"), 1);
        let actor = Actor {
            user_id: &user(1),
            is_admin: false,
            cause: Cause::Request(&request),
            component: "groups",
        };
        let wanted: NewGroup = serde_json::from_value(json!({"name": "家"})).unwrap();
        let (group, _) = groups::create(&mut db, &actor, wanted).await.unwrap();
        let text = "INSERT INTO group_members VALUES (?1, ?2, 'member', 'x', 1)";
        db.execute(text, params![&group.group_id, user(2)])
            .await
            .unwrap();
        let stuck = ask(&mut db, 1, "DELETE", "/", Place::User, 1, &json!({})).await;
        let error = stuck.unwrap_err();
        assert_eq!((error.status(), error.code()), (409, "last_owner"));
        assert_eq!(get(&mut db, 1).await.0["status"], "active");
        db.execute(
            "UPDATE group_members SET role = 'admin' WHERE role = 'member'",
            params![],
        )
        .await
        .unwrap();
        ask(&mut db, 1, "DELETE", "/", Place::User, 1, &json!({}))
            .await
            .unwrap();
        let owner = "SELECT count(*) FROM groups WHERE owner_id LIKE '%2'";
        assert_eq!(count(&db, owner).await, 1);
    });
}

#[test]
fn nobody_sees_others_and_only_operators_see_all() {
    let ask = |request| block_on(suoke_guest::answer(request, route)).status();
    let path = |method: &str, id: &str| {
        Request::new(method, "/api/v1/users/x").with_header("spin-path-match-id", id)
    };
    assert_eq!(ask(path("GET", "me")), 401);
    assert_eq!(ask(signed(path("GET", &user(2)), 1)), 403);
    assert_eq!(ask(signed(path("DELETE", "x"), 1)), 403);
    assert_eq!(ask(signed(path("GET", "x"), 0)), 404);
    assert_eq!(ask(signed(path("GET", "me"), 0)), 404);
    assert_eq!(ask(signed(path("POST", "me"), 1)), 405);
    assert_eq!(ask(signed(Request::new("GET", "/api/v1/users"), 1)), 403);
    assert_eq!(ask(signed(Request::new("POST", "/api/v1/users"), 0)), 405);
    // This far one's own account goes, as natively there is no database of that label.
    assert_eq!(ask(signed(path("GET", "me"), 1)), 500);
    assert_eq!(ask(signed(path("PUT", &user(1)), 1)), 500);
}
