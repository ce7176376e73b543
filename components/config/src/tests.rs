//! Who may do what, and what is answered.

use futures::executor::block_on;
use serde_json::{Value, json};
use suoke_identity::caller::headers;

use super::*;

fn from(request: Request, roles: &str, scopes: &str) -> Request {
    request
        .with_header(headers::USER_ID, "u1")
        .with_header(headers::USER_ROLES, roles)
        .with_header(headers::SCOPES, scopes)
        .with_header(headers::TOKEN_EXPIRES_AT, "1700000000")
        .with_header(headers::AUTH_METHOD, "jwt")
}

fn at(method: &str, query: &str, action: Option<&str>) -> Request {
    let request = Request::new(method, &format!("/x{query}"))
        .with_header("spin-path-match-service", "agents")
        .with_header("spin-path-match-key", "timeout");
    match action {
        Some(action) => request.with_header("spin-path-match-action", action),
        None => request,
    }
}

async fn ask(db: &mut Database, request: Request) -> Reply {
    suoke_guest::answer(request, async |request| {
        let asked = Asked::from(&request)?;
        handle(db, request, &asked, "operator").await
    })
    .await
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(reply.body_bytes()).unwrap()
}

#[test]
fn a_setting_is_set_read_listed_and_taken_back() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let missing = ask(&mut db, at("GET", "", None)).await;
        assert_eq!(missing.status(), 404);
        assert_eq!(missing.header_value("x-config-index"), Some("0"));
        for (json, version) in [
            (r#"{"value":{"seconds":30},"layer":"base"}"#, 1),
            (
                r#"{"yaml":"seconds: 5\n","layer":"environment","environment":"staging"}"#,
                2,
            ),
        ] {
            let reply = ask(&mut db, at("PUT", "", None).with_json(json)).await;
            assert_eq!(
                (reply.status(), &body(&reply)["version"]),
                (200, &json!(version))
            );
        }
        let base = body(&ask(&mut db, at("GET", "", None)).await);
        assert_eq!(
            (&base["value"], &base["layer"]),
            (&json!({"seconds": 30}), &json!("base"))
        );
        let reply = ask(&mut db, at("GET", "?environment=staging", None)).await;
        assert_eq!(reply.header_value("etag"), Some("\"2\""));
        let staging = body(&reply);
        assert_eq!(staging["value"], json!({"seconds": 5}));
        assert_eq!(staging["yaml"], "seconds: 5\n");
        let service = Request::new("GET", "/x").with_header("spin-path-match-service", "agents");
        assert_eq!(body(&ask(&mut db, service).await)["values"], json!([base]));
        let back = at("POST", "", Some("rollback")).with_json(r#"{"version":1}"#);
        assert_eq!(body(&ask(&mut db, back).await)["version"], 3);
        let query = "?layer=environment&environment=staging";
        assert_eq!(ask(&mut db, at("DELETE", query, None)).await.status(), 204);
        let history = body(&ask(&mut db, at("GET", "?limit=2", Some("history"))).await);
        assert_eq!(history["changes"][0]["action"], "removed");
        assert_eq!(history["changes"][0]["value"], Value::Null);
        assert_eq!(history["changes"][1]["action"], "rolled_back");
        let query = format!("?cursor={}", history["next_cursor"].as_str().unwrap());
        let rest = body(&ask(&mut db, at("GET", &query, Some("history"))).await);
        assert_eq!(rest["changes"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn null_is_a_value() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let reply = ask(&mut db, at("PUT", "", None).with_json(r#"{"value":null}"#)).await;
        assert_eq!(reply.status(), 200);
        let shown = body(&ask(&mut db, at("GET", "", None)).await);
        assert_eq!(
            (&shown["value"], &shown["layer"]),
            (&Value::Null, &json!("runtime"))
        );
    });
}

#[test]
fn what_is_wrong_is_named() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        for (json, field) in [
            ("{}", "value"),
            (r#"{"value":1,"yaml":"1"}"#, "yaml"),
            (r#"{"value":1,"layer":"other"}"#, "layer"),
            (r#"{"value":1,"layer":"environment"}"#, "environment"),
            (r#"{"value":1,"x":1}"#, "x"),
        ] {
            let reply = ask(&mut db, at("PUT", "", None).with_json(json)).await;
            let told = body(&reply)["errors"][0]["field"].clone();
            assert_eq!((reply.status(), told), (400, json!(field)), "{json}");
        }
        for query in [
            "?wait=31s&index=1",
            "?index=1",
            "?environment=",
            "?cursor=1",
        ] {
            assert_eq!(
                ask(&mut db, at("GET", query, None)).await.status(),
                400,
                "{query}"
            );
        }
        for query in ["?cursor=x", "?cursor=0", "?limit=0"] {
            let reply = ask(&mut db, at("GET", query, Some("history"))).await;
            assert_eq!(reply.status(), 400, "{query}");
        }
        assert_eq!(
            ask(&mut db, at("GET", "", Some("other"))).await.status(),
            404
        );
        let odd = Request::new("GET", "/x").with_header("spin-path-match-service", "A%2FB");
        assert_eq!(ask(&mut db, odd).await.status(), 400);
    });
}

#[test]
fn operators_change_services_read_and_others_do_neither() {
    let status = |method: &str, roles: &str, scopes: &str| {
        let request = from(at(method, "", None), roles, scopes);
        let reply = block_on(suoke_guest::answer(request, route));
        reply.status()
    };
    // Without a host there is no database: whoever passes gets 500.
    for (method, roles, scopes, expected) in [
        ("GET", "admin", "", 500),
        ("PUT", "operator", "", 500),
        ("GET", "", "config:read", 500),
        ("PUT", "", "config:read", 403),
        ("PUT", "admin", "config:read", 403),
        ("GET", "user", "", 403),
        ("GET", "user", "config:write", 403),
        ("DELETE", "user", "", 403),
        ("POST", "admin", "", 405),
    ] {
        assert_eq!(
            status(method, roles, scopes),
            expected,
            "{method} {roles} {scopes}"
        );
    }
    let nobody = block_on(suoke_guest::answer(at("GET", "", None), route));
    assert_eq!(nobody.status(), 401);
}

#[test]
fn a_service_is_listed_in_parts() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        for key in ["a", "b", "c"] {
            let put = Request::new("PUT", "/x")
                .with_header("spin-path-match-service", "agents")
                .with_header("spin-path-match-key", key)
                .with_json(r#"{"value":1}"#);
            assert_eq!(ask(&mut db, put).await.status(), 200);
        }
        let list = |query: &str| {
            Request::new("GET", &format!("/x{query}"))
                .with_header("spin-path-match-service", "agents")
        };
        let first = body(&ask(&mut db, list("?limit=2")).await);
        assert_eq!(first["values"].as_array().unwrap().len(), 2);
        assert_eq!(first["next_cursor"], "b");
        let rest = body(&ask(&mut db, list("?limit=2&cursor=b")).await);
        assert_eq!(rest["values"][0]["key"], "c");
        assert_eq!(rest["next_cursor"], Value::Null);
        let wrong = ask(&mut db, list("?limit=0")).await;
        assert_eq!(body(&wrong)["errors"][0]["field"], "limit");
    });
}
