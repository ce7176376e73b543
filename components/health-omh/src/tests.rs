//! Data points go in and come out again.

use futures::executor::block_on;
use serde_json::json;
use suoke_guest::answer;

use super::*;

const USER: &str = "018f0000-0000-7000-8000-000000000001";
const NOW_MS: i64 = 1_800_000_000_000;

fn asked(method: &str, target: &str) -> Request {
    Request::new(method, target)
        .with_header("x-user-id", USER)
        .with_header("x-user-roles", "user")
        .with_header("x-token-expires-at", "1900000000")
        .with_header("x-auth-method", "jwt")
}

fn point(name: &str, id: &str, body: Value) -> Value {
    json!({
        "header": { "id": id, "schema_id": { "namespace": "omh", "name": name, "version": "2.0" } },
        "body": body,
    })
}

fn rate(id: &str, value: u32) -> Value {
    let frame = json!({ "date_time": "2026-11-20T08:00:00+08:00" });
    let body = json!({ "heart_rate": { "value": value, "unit": "beats/min" }, "effective_time_frame": frame });
    point("heart-rate", id, body)
}

fn wanted(query: &str) -> Wanted {
    asked("GET", &format!("/?{query}")).query().unwrap()
}

#[test]
fn data_points_are_stored_once_and_shown() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let request = asked("POST", "/");
        let cause = Cause::request(COMPONENT, &request);
        let points = [
            rate("a", 60),
            point("magnetic-force", "b", json!({})),
            rate("c", 900),
        ];
        let taken = store(&mut db, USER, &points, NOW_MS, cause).await.unwrap();
        assert_eq!(
            (taken.accepted, taken.duplicated, taken.rejected),
            (1, 0, 2)
        );
        let fields: Vec<_> = taken
            .results
            .iter()
            .filter_map(|result| result.error.as_ref())
            .collect();
        assert_eq!(fields[0].field, "data_points[1].header.schema_id.name");
        assert_eq!(fields[1].field, "data_points[2].value");
        let again = store(&mut db, USER, &points[..1], NOW_MS, cause)
            .await
            .unwrap();
        assert_eq!((again.accepted, again.duplicated), (0, 1));
        let shown = show(&db, USER, wanted("type=heart_rate")).await.unwrap();
        assert_eq!(
            shown.data_points[0]["body"]["heart_rate"],
            json!({ "value": 60, "unit": "beats/min" })
        );
        // What we show is taken as what is there.
        let back = store(&mut db, USER, &shown.data_points, NOW_MS, cause)
            .await
            .unwrap();
        assert_eq!((back.accepted, back.duplicated), (0, 1));
        let none = show(&db, USER, wanted("type=steps")).await.unwrap();
        assert!(none.data_points.is_empty());
    });
}

#[test]
fn only_operators_see_what_is_somebody_elses() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let request = asked("GET", "/");
        let who = suoke_identity::caller(&request).unwrap();
        let refused = look(&mut db, &request, &who, wanted("user_id=u2")).await;
        assert_eq!(refused.unwrap_err().status(), 403);
    });
}

#[test]
fn what_is_no_data_point_is_refused() {
    let status = |request: Request| block_on(answer(request, route)).status();
    assert_eq!(status(Request::new("GET", "/")), 401);
    assert_eq!(status(asked("DELETE", "/")), 405);
    assert_eq!(status(asked("POST", "/").with_form("a=b")), 415);
    for body in ["", "1", "[]", "{\"data_points\":1}"] {
        assert_eq!(status(asked("POST", "/").with_json(body)), 400, "{body}");
    }
    let many = format!("[{}]", vec!["{}"; POINTS_MAX + 1].join(","));
    assert_eq!(status(asked("POST", "/").with_json(&many)), 413);
}

#[test]
fn whoever_looks_at_somebody_else_is_noted_or_sees_nothing() {
    use suoke_store::params;
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let request = asked("GET", "/");
        let mut who = suoke_identity::caller(&request).unwrap();
        who.roles = vec!["admin".to_owned()];
        let (own, other) = (format!("user_id={USER}"), "user_id=u2");
        let text = "SELECT payload FROM event_outbox";
        for query in ["", &own] {
            look(&mut db, &request, &who, wanted(query)).await.unwrap();
        }
        let none: Vec<String> = db.query(text, params![]).await.unwrap();
        assert_eq!(none.len(), 0);
        look(&mut db, &request, &who, wanted(other)).await.unwrap();
        let event: String = db.query_one(text, params![]).await.unwrap();
        let event: Value = serde_json::from_str(&event).unwrap();
        assert_eq!(event["type"], "health.data.accessed");
        let expected = json!({"user_id": "u2", "by": USER, "resource": RESOURCE});
        assert_eq!(event["data"], expected);
        db.execute("DROP TABLE event_outbox", params![])
            .await
            .unwrap();
        let refused = look(&mut db, &request, &who, wanted(other)).await;
        assert_eq!(refused.unwrap_err().status(), 503);
        assert!(look(&mut db, &request, &who, wanted("")).await.is_ok());
    });
}
