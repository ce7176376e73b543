//! Who may do what, and what is answered.

use futures::executor::block_on;
use serde_json::{Value, json};
use suoke_identity::caller::headers;
use suoke_store::params;

use super::*;

const GROUP: &str = "018f0000-0000-7000-8000-000000000001";

fn from(request: Request, roles: &str) -> Request {
    request
        .with_header(headers::USER_ID, "u1")
        .with_header(headers::USER_ROLES, roles)
        .with_header(headers::TOKEN_EXPIRES_AT, "1700000000")
        .with_header(headers::AUTH_METHOD, "jwt")
}

async fn ask(db: &mut Database, request: Request, name: Option<&str>) -> Reply {
    suoke_guest::answer(request, async |request| {
        keep(db, request, "operator", name).await
    })
    .await
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(reply.body_bytes()).unwrap()
}

#[test]
fn a_flag_is_made_shown_listed_and_taken_away() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        for name in ["a", "b"] {
            let put = Request::new("PUT", "/x").with_json(r#"{"enabled":true,"percentage":50}"#);
            let reply = ask(&mut db, put, Some(name)).await;
            assert_eq!(
                (reply.status(), reply.header_value("etag")),
                (200, Some("\"1\""))
            );
        }
        let one = body(&ask(&mut db, Request::new("GET", "/x"), Some("a")).await);
        assert_eq!(
            (&one["percentage"], &one["enabled"]),
            (&json!(50.0), &json!(true))
        );
        assert_eq!(one["changed_by"], "operator");
        let first = body(&ask(&mut db, Request::new("GET", "/x?limit=1"), None).await);
        assert_eq!(
            (&first["flags"][0], &first["next_cursor"]),
            (&one, &json!("a"))
        );
        let second = body(&ask(&mut db, Request::new("GET", "/x?cursor=a"), None).await);
        assert_eq!(
            (&second["flags"][0]["name"], &second["next_cursor"]),
            (&json!("b"), &Value::Null)
        );
        let gone = ask(&mut db, Request::new("DELETE", "/x"), Some("a")).await;
        assert_eq!(gone.status(), 204);
        assert_eq!(
            ask(&mut db, Request::new("GET", "/x"), Some("a"))
                .await
                .status(),
            404
        );
    });
}

#[test]
fn members_of_a_group_are_found() {
    block_on(async {
        let identity = Database::open_in_memory(groups::LABEL).await.unwrap();
        for (text, values) in [
            (
                "INSERT INTO users (id, email, name, password_hash, created_at, updated_at) \
              VALUES ('u1', 'a@example.com', 'a', 'x', 1, 1)",
                params![],
            ),
            (
                "INSERT INTO groups (id, name, description, settings, owner_id, created_at, updated_at) \
              VALUES (?1, 'g', '', '{}', 'u1', 1, 1)",
                params![GROUP],
            ),
            (
                "INSERT INTO group_members (group_id, user_id, role, added_by, added_at) \
              VALUES (?1, 'u1', 'viewer', 'u1', 1)",
                params![GROUP],
            ),
        ] {
            identity.execute(text, values).await.unwrap();
        }
        let request = Request::new("GET", "/x");
        let other = "018f0000-0000-7000-8000-000000000002".to_owned();
        let named = [other.clone(), GROUP.to_owned()];
        assert!(is_member(&identity, &request, "u1", &named).await.unwrap());
        assert!(!is_member(&identity, &request, "u2", &named).await.unwrap());
        assert!(
            !is_member(&identity, &request, "u1", &[other])
                .await
                .unwrap()
        );
    });
}

#[test]
fn callers_ask_for_themselves_and_operators_for_everybody() {
    let asked = |query: &str, roles: &str| {
        let request = from(Request::new("GET", &format!("/x{query}")), roles);
        let who = caller(&request).unwrap();
        whom(&request, who).map_err(|error| error.status())
    };
    assert_eq!(asked("", "user"), Ok("u1".to_owned()));
    assert_eq!(asked("?user_id=u1", "user"), Ok("u1".to_owned()));
    assert_eq!(asked("?user_id=u2", "user"), Err(403));
    assert_eq!(asked("?user_id=u2", "admin"), Ok("u2".to_owned()));
    assert_eq!(asked("?user_id=", "admin"), Err(400));
    assert_eq!(asked("?x=1", "admin"), Err(400));
}

#[test]
fn operators_keep_flags_and_others_do_not_see_them() {
    let status = |method: &str, route: &str, roles: Option<&str>| {
        let request = Request::new(method, route.replace(":name", "a").as_str())
            .with_header("spin-raw-component-route", route)
            .with_header("spin-path-match-name", "a");
        let request = match roles {
            Some(roles) => from(request, roles),
            None => request,
        };
        block_on(suoke_guest::answer(request, super::route)).status()
    };
    let (one, evaluate) = ("/api/v1/flags/:name", "/api/v1/flags/:name/evaluate");
    // Without a host there is no database: whoever passes gets 500.
    for (method, route, roles, expected) in [
        ("PUT", one, Some("operator"), 500),
        ("PUT", one, Some("user"), 403),
        ("GET", one, Some("user"), 403),
        ("GET", one, None, 401),
        ("GET", evaluate, Some("user"), 500),
        ("GET", evaluate, None, 401),
        ("PUT", evaluate, Some("admin"), 405),
        ("POST", one, Some("admin"), 405),
    ] {
        assert_eq!(
            status(method, route, roles),
            expected,
            "{method} {route} {roles:?}"
        );
    }
}
