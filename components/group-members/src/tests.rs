//! Requests and what they come to.

use futures::executor::block_on;
use serde_json::{Value, json};
use suoke_groups::groups::NewGroup;
use suoke_identity::caller::headers;
use suoke_store::{Sql, params};

use super::*;

fn user(number: u32) -> String {
    format!("018f0000-0000-7000-8000-00000000000{number}")
}

fn signed(request: Request, number: u32) -> Request {
    request
        .with_header(headers::USER_ID, &user(number))
        .with_header(headers::USER_ROLES, "user")
        .with_header(headers::TOKEN_EXPIRES_AT, "1700000000")
        .with_header(headers::AUTH_METHOD, "jwt")
}

/// A database with two users, and a group of the first.
async fn family() -> (Database, String) {
    let mut db = Database::open_in_memory(LABEL).await.unwrap();
    for number in [1, 2] {
        let text = "INSERT INTO users (id, email, name, password_hash, created_at, updated_at) \
             VALUES (?1, ?1 || '@b.cn', 'x', '', 1, 1)";
        db.execute(text, params![user(number)]).await.unwrap();
    }
    let request = signed(Request::new("POST", "/"), 1);
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
    place: Place,
    body: &Value,
) -> Result<Reply, ApiError> {
    let request = signed(Request::new(method, target).with_json(&body.to_string()), 1);
    let who = caller(&request).unwrap();
    handle(db, request, &who, group_id, place).await
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(reply.body_bytes()).unwrap_or_default()
}

#[test]
fn a_member_is_added_shown_changed_and_taken_out() {
    block_on(async {
        let mut family = family().await;
        let (id, none) = (user(2), json!({}));
        let wanted = json!({"user_id": id, "role": "viewer"});
        let added = ask(&mut family, "POST", "/", Place::Members, &wanted)
            .await
            .unwrap();
        assert_eq!(
            (added.status(), &body(&added)["added_by"]),
            (201, &json!(user(1)))
        );
        let role = json!({"role": "admin"});
        let changed = ask(&mut family, "PUT", "/", Place::Member(id.clone()), &role).await;
        assert_eq!(body(&changed.unwrap())["role"], "admin");
        let first = ask(&mut family, "GET", "/?limit=1", Place::Members, &none)
            .await
            .unwrap();
        assert_eq!(body(&first)["next_cursor"], json!(user(1)));
        let next = format!("/?cursor={}", user(1));
        let next = ask(&mut family, "GET", &next, Place::Members, &none)
            .await
            .unwrap();
        assert_eq!(body(&next)["members"][0]["user_id"], json!(id));
        assert_eq!(body(&next)["next_cursor"], Value::Null);
        let gone = ask(&mut family, "DELETE", "/", Place::Member(id), &none)
            .await
            .unwrap();
        assert_eq!(gone.status(), 204);
        let past = ask(&mut family, "GET", "/?cursor=2", Place::History, &none)
            .await
            .unwrap();
        let past = body(&past);
        let kinds: Vec<&Value> = past["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| &event["type"])
            .collect();
        let expected = [
            "group.member.added",
            "group.member.changed",
            "group.member.removed",
        ];
        assert_eq!(kinds, expected);
    });
}

#[test]
fn odd_members_are_refused() {
    block_on(async {
        let mut family = family().await;
        for (wanted, field) in [
            (json!({"user_id": "x", "role": "viewer"}), "user_id"),
            (json!({"user_id": user(2), "role": "king"}), "role"),
            (json!({"user_id": user(2)}), "role"),
        ] {
            let asked = ask(&mut family, "POST", "/", Place::Members, &wanted).await;
            let error = asked.unwrap_err();
            assert_eq!(
                (error.status(), error.errors()[0].field.as_str()),
                (400, field)
            );
        }
        let none = json!({});
        let far = format!("/?cursor={}", u64::MAX);
        let asked = ask(&mut family, "GET", &far, Place::History, &none).await;
        assert_eq!(asked.unwrap_err().status(), 400);
    });
}

#[test]
fn nobody_and_odd_ids_and_other_methods_come_to_nothing() {
    let ask = |request| block_on(suoke_guest::answer(request, route)).status();
    let path = |method: &str, id: &str| {
        Request::new(method, "/api/v1/groups/x/members").with_header("spin-path-match-id", id)
    };
    assert_eq!(ask(path("GET", &user(1))), 401);
    assert_eq!(ask(signed(path("PUT", &user(1)), 1)), 405);
    assert_eq!(ask(signed(path("GET", "x"), 1)), 404);
    let odd = path("DELETE", &user(1)).with_header("spin-path-match-user-id", "x");
    assert_eq!(ask(signed(odd, 1)), 404);
}
