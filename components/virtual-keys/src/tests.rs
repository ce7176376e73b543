//! Who may do what with keys, and what is answered.

use futures::executor::block_on;
use serde_json::{Value, json};

use super::*;

fn user(id: &str) -> Identity {
    Identity {
        user_id: id.to_owned(),
        roles: vec!["user".to_owned()],
        scopes: Vec::new(),
        session_id: Some("s1".to_owned()),
        token_id: "t1".to_owned(),
        expires_at: 1_700_000_000,
        method: AuthMethod::Jwt,
    }
}

fn admin() -> Identity {
    Identity {
        roles: vec!["admin".to_owned()],
        ..user("a1")
    }
}

async fn ask(
    db: &mut Database,
    who: &Identity,
    request: Request,
    id: Option<&str>,
) -> (u16, Value) {
    let reply =
        suoke_guest::answer(request, async |request| handle(db, request, who, id).await).await;
    let body = serde_json::from_slice(reply.body_bytes()).unwrap_or_default();
    (reply.status(), body)
}

async fn made(db: &mut Database, who: &Identity) -> (String, String) {
    let request = Request::new("POST", "/x").with_json(r#"{"name":"ci","rpm_limit":60}"#);
    let (status, body) = ask(db, who, request, None).await;
    assert_eq!((status, &body["rpm_limit"]), (201, &json!(60)));
    let text = |field: &str| body[field].as_str().unwrap().to_owned();
    (text("key_id"), text("key"))
}

#[test]
fn a_key_is_made_shown_without_its_secret_rotated_and_withdrawn() {
    block_on(async {
        let (mut db, who) = (Database::open_in_memory(LABEL).await.unwrap(), user("u1"));
        let (id, key) = made(&mut db, &who).await;
        let (status, shown) = ask(&mut db, &who, Request::new("GET", "/x"), Some(&id)).await;
        assert_eq!((status, &shown["name"]), (200, &json!("ci")));
        assert!(shown.get("key").is_none() && !shown.to_string().contains(&key));
        let rotate = Request::new("POST", "/x").with_json(r#"{"overlap_seconds":0}"#);
        let (status, rotated) = ask(&mut db, &who, rotate, Some(&id)).await;
        assert_eq!((status, &rotated["key_id"]), (200, &json!(id)));
        assert_ne!(rotated["key"], json!(key));
        let (_, list) = ask(&mut db, &who, Request::new("GET", "/x"), None).await;
        assert_eq!(list["keys"].as_array().unwrap().len(), 1);
        assert!(list["keys"][0].get("key").is_none());
        let gone = ask(&mut db, &who, Request::new("DELETE", "/x"), Some(&id)).await;
        assert_eq!(gone.0, 204);
        let missing = ask(&mut db, &who, Request::new("GET", "/x"), Some(&id)).await;
        assert_eq!(missing.0, 404);
    });
}

#[test]
fn others_find_nothing_and_administrators_see_no_secret() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let (id, _) = made(&mut db, &user("u1")).await;
        let rotate = || Request::new("POST", "/x").with_json("{}");
        for request in [
            Request::new("GET", "/x"),
            Request::new("DELETE", "/x"),
            rotate(),
        ] {
            assert_eq!(ask(&mut db, &user("u2"), request, Some(&id)).await.0, 404);
        }
        let of_u1 = || Request::new("GET", "/x?user_id=u1");
        assert_eq!(ask(&mut db, &user("u2"), of_u1(), None).await.0, 403);
        let (status, list) = ask(&mut db, &admin(), of_u1(), None).await;
        assert_eq!((status, &list["keys"][0]["key_id"]), (200, &json!(id)));
        assert_eq!(ask(&mut db, &admin(), rotate(), Some(&id)).await.0, 404);
        let gone = ask(&mut db, &admin(), Request::new("DELETE", "/x"), Some(&id)).await;
        assert_eq!(gone.0, 204);
    });
}

#[test]
fn keys_clients_and_operators_get_no_keys() {
    let by_key = Identity {
        method: AuthMethod::Key,
        ..user("u1")
    };
    assert_eq!(may(&by_key).unwrap_err().status(), 403);
    assert!(may(&user("u1")).is_ok());
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let client = Identity {
            session_id: None,
            ..user("c1")
        };
        let request = Request::new("POST", "/x").with_json(r#"{"name":"ci"}"#);
        assert_eq!(ask(&mut db, &client, request, None).await.0, 403);
    });
}

#[test]
fn what_is_wrong_is_refused() {
    block_on(async {
        let (mut db, who) = (Database::open_in_memory(LABEL).await.unwrap(), user("u1"));
        for body in ["{}", r#"{"name":""}"#, r#"{"name":"a","key":"mine"}"#] {
            let request = Request::new("POST", "/x").with_json(body);
            assert_eq!(ask(&mut db, &who, request, None).await.0, 400, "{body}");
        }
        for query in ["limit=0", "cursor=x", "page=1"] {
            let request = Request::new("GET", &format!("/x?{query}"));
            assert_eq!(ask(&mut db, &who, request, None).await.0, 400, "{query}");
        }
        let odd = ask(&mut db, &who, Request::new("GET", "/x"), Some("' OR 1=1")).await;
        assert_eq!(odd.0, 404);
    });
    let nobody = block_on(suoke_guest::answer(Request::new("GET", "/x"), route));
    assert_eq!(nobody.status(), 401);
}
