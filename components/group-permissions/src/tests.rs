//! Requests and what they come to.

use futures::executor::block_on;
use serde_json::{Value, json};
use suoke_groups::groups::NewGroup;
use suoke_identity::caller::headers;
use suoke_store::{Sql, params};

use super::*;

const USER: &str = "018f0000-0000-7000-8000-000000000001";

fn signed(request: Request) -> Request {
    request
        .with_header(headers::USER_ID, USER)
        .with_header(headers::USER_ROLES, "user")
        .with_header(headers::TOKEN_EXPIRES_AT, "1700000000")
        .with_header(headers::AUTH_METHOD, "jwt")
}

/// A database with a group.
async fn family() -> (Database, String) {
    let mut db = Database::open_in_memory(LABEL).await.unwrap();
    let text = "INSERT INTO users (id, email, name, password_hash, created_at, updated_at) \
         VALUES (?1, 'a@b.cn', 'x', '', 1, 1)";
    db.execute(text, params![USER]).await.unwrap();
    let request = signed(Request::new("POST", "/"));
    let who = caller(&request).unwrap();
    let wanted: NewGroup = serde_json::from_value(json!({"name": "家"})).unwrap();
    let (group, _) = groups::create(&mut db, &actor(&who, &request), wanted)
        .await
        .unwrap();
    (db, group.group_id)
}

async fn ask(
    (db, group_id): &mut (Database, String),
    method: &str,
    target: &str,
    body: &Value,
) -> Result<Value, ApiError> {
    let request = signed(Request::new(method, target).with_json(&body.to_string()));
    let who = caller(&request).unwrap();
    let is_question = target.contains("check");
    let reply = handle(db, request, &who, group_id, is_question).await?;
    assert_eq!(reply.header_value("etag").is_none(), is_question);
    Ok(serde_json::from_slice(reply.body_bytes()).unwrap())
}

#[test]
fn rules_are_replaced_shown_and_decide() {
    block_on(async {
        let mut family = family().await;
        let rules = json!([
            {"subject": "*", "action": "read", "resource": "report/*", "effect": "allow"},
            {"subject": "role:owner", "action": "*", "resource": "report/7", "effect": "deny"},
        ]);
        let put = ask(&mut family, "PUT", "/", &rules).await.unwrap();
        assert_eq!(put, json!({ "permissions": rules }));
        let shown = ask(&mut family, "GET", "/", &json!({})).await.unwrap();
        assert_eq!(shown, put);
        for (resource, allowed, by) in [
            ("report/1", true, &rules[0]),
            ("report/7", false, &rules[1]),
            ("else", false, &Value::Null),
        ] {
            let target = format!("/check?action=read&resource={resource}");
            let decision = ask(&mut family, "GET", &target, &json!({})).await.unwrap();
            assert_eq!(
                decision,
                json!({"allowed": allowed, "by": by}),
                "{resource}"
            );
        }
    });
}

#[test]
fn odd_rules_and_questions_are_refused() {
    block_on(async {
        let mut family = family().await;
        let rule = |subject: &str, resource: &str, effect: &str| json!([{"subject": subject, "action": "a", "resource": resource, "effect": effect}]);
        for (rules, field) in [
            (rule("u1", "*", "allow"), "[0].subject"),
            (rule("role:root", "*", "allow"), "[0].subject"),
            (rule("*", "a*b", "allow"), "[0].resource"),
            (rule("*", "*", "maybe"), "[0].effect"),
            (json!([{"subject": "*"}]), "[0].action"),
            (
                Value::Array(vec![rule("*", "*", "deny")[0].clone(); 201]),
                "permissions",
            ),
        ] {
            let error = ask(&mut family, "PUT", "/", &rules).await.unwrap_err();
            assert_eq!(
                (error.status(), error.errors()[0].field.as_str()),
                (400, field)
            );
        }
        for (query, status) in [
            ("action=read", 400),
            ("action=read&resource=*", 400),
            ("action=&resource=x", 400),
            ("action=a&resource=b&user_id=x", 404),
        ] {
            let target = format!("/check?{query}");
            let error = ask(&mut family, "GET", &target, &json!({}))
                .await
                .unwrap_err();
            assert_eq!(error.status(), status, "{query}");
        }
    });
}

#[test]
fn nobody_and_odd_ids_and_other_methods_come_to_nothing() {
    let ask = |request| block_on(suoke_guest::answer(request, route)).status();
    let path = |method: &str, path: &str, id: &str| {
        Request::new(method, path).with_header("spin-path-match-id", id)
    };
    assert_eq!(ask(path("GET", "/x/permissions", USER)), 401);
    assert_eq!(ask(signed(path("PUT", "/x/permissions/check", USER))), 405);
    assert_eq!(ask(signed(path("GET", "/x/permissions", "x"))), 404);
}

#[test]
fn who_has_seen_other_rules_replaces_none() {
    block_on(async {
        let (mut db, group_id) = family().await;
        for (tag, expected) in [("\"1\"", Ok("\"2\"")), ("\"1\"", Err(409))] {
            let request = signed(Request::new("PUT", "/").with_json("[]"));
            let request = request.with_header("if-match", tag);
            let who = caller(&request).unwrap();
            let reply = handle(&mut db, request, &who, &group_id, false).await;
            let told = reply
                .as_ref()
                .map(|reply| reply.header_value("etag").unwrap());
            assert_eq!(told.map_err(ApiError::status), expected);
        }
    });
}
