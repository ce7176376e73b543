//! Requests and what they come to.

use futures::executor::block_on;
use serde_json::{Value, json};
use suoke_guest::Request;
use suoke_identity::caller::headers;
use suoke_store::{Sql, params};

use super::*;

const USER: &str = "018f0000-0000-7000-8000-000000000001";

async fn identity() -> Database {
    let db = Database::open_in_memory(LABEL).await.unwrap();
    let text = "INSERT INTO users (id, email, name, password_hash, created_at, updated_at) \
         VALUES (?1, 'a@b.cn', 'x', '', 1, 1)";
    db.execute(text, params![USER]).await.unwrap();
    db
}

fn signed(request: Request) -> Request {
    request
        .with_header(headers::USER_ID, USER)
        .with_header(headers::USER_ROLES, "user")
        .with_header(headers::TOKEN_EXPIRES_AT, "1700000000")
        .with_header(headers::AUTH_METHOD, "jwt")
}

async fn ask(
    db: &mut Database,
    method: &str,
    id: Option<&str>,
    body: &Value,
) -> Result<Reply, ApiError> {
    let request = signed(Request::new(method, "/api/v1/groups").with_json(&body.to_string()));
    let who = caller(&request).unwrap();
    handle(db, request, &who, id).await
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(reply.body_bytes()).unwrap_or_default()
}

#[test]
fn a_group_is_made_shown_changed_and_ended() {
    block_on(async {
        let mut db = identity().await;
        let made = ask(&mut db, "POST", None, &json!({"name": "家"}))
            .await
            .unwrap();
        assert_eq!(
            (made.status(), made.header_value("etag")),
            (201, Some("\"1-owner\""))
        );
        let id = body(&made)["group_id"].as_str().unwrap().to_owned();
        assert_eq!(
            made.header_value("location").unwrap(),
            format!("/api/v1/groups/{id}")
        );
        let change = json!({"description": "我们", "settings": {"colour": "red"}});
        let changed = ask(&mut db, "PUT", Some(&id), &change).await.unwrap();
        assert_eq!(changed.header_value("etag"), Some("\"2-owner\""));
        let shown = ask(&mut db, "GET", Some(&id), &json!({})).await.unwrap();
        assert_eq!(body(&shown)["settings"], json!({"colour": "red"}));
        let list = ask(&mut db, "GET", None, &json!({})).await.unwrap();
        assert_eq!(body(&list)["groups"][0]["role"], "owner");
        let ended = ask(&mut db, "DELETE", Some(&id), &json!({})).await.unwrap();
        assert_eq!(ended.status(), 204);
        let gone = ask(&mut db, "GET", Some(&id), &json!({}))
            .await
            .unwrap_err();
        assert_eq!(gone.status(), 404);
    });
}

#[test]
fn unknown_fields_are_refused() {
    block_on(async {
        let mut db = identity().await;
        for (wanted, field) in [
            (json!({"name": "x", "owner": "u2"}), "owner"),
            (json!({"description": "x"}), "name"),
        ] {
            let error = ask(&mut db, "POST", None, &wanted).await.unwrap_err();
            assert_eq!(
                (error.status(), error.errors()[0].field.as_str()),
                (400, field)
            );
        }
    });
}

#[test]
fn nobody_and_odd_ids_and_other_methods_come_to_nothing() {
    let ask = |request| block_on(suoke_guest::answer(request, route)).status();
    assert_eq!(ask(Request::new("GET", "/api/v1/groups")), 401);
    assert_eq!(ask(signed(Request::new("PATCH", "/api/v1/groups"))), 405);
    let odd = Request::new("GET", "/api/v1/groups/x").with_header("spin-path-match-id", "x");
    assert_eq!(ask(signed(odd)), 404);
}
