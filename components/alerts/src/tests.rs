//! Lists, what one knows, and whose alerts they are.

use futures::executor::block_on;
use serde_json::Value;
use suoke_store::{Sql, params};

use super::*;

fn id(number: u32) -> String {
    format!("018f0000-0000-7000-8000-{number:012}")
}

/// An alert in each state: 0 active, 1 cleared, 2 withdrawn.
async fn store() -> Database {
    let db = Database::open_in_memory("health").await.unwrap();
    for (number, state) in (0..).zip(["active", "cleared", "withdrawn"]) {
        let text = "INSERT INTO alerts (user_id, id, rule, metric, level, code, rule_set, \
             reading_id, started_ms, last_ms, state, notified_level, created_ms) \
             VALUES ('u1', ?1, 'spo2_low', 'spo2', 'critical', 'critical', 'common', 'r', 1, 2, \
             ?2, 'none', 3)";
        db.execute(text, params![id(number), state]).await.unwrap();
    }
    db
}

fn json(reply: &Reply) -> Value {
    serde_json::from_slice(reply.body_bytes()).unwrap()
}

async fn listed(db: &Database, user: &str, query: &str) -> Vec<String> {
    let request = Request::new("GET", &format!("/x?{query}"));
    let shown = json(&list(db, user, &request).await.unwrap());
    let each = shown["alerts"].as_array().unwrap().iter();
    each.map(|alert| alert["alert_id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn alerts_are_shown_to_their_owner_newest_first() {
    block_on(async {
        let db = store().await;
        assert_eq!(listed(&db, "u1", "").await, [id(1), id(0)]);
        assert_eq!(listed(&db, "u1", "limit=1").await, [id(1)]);
        let next = format!("limit=1&cursor={}", id(1));
        assert_eq!(listed(&db, "u1", &next).await, [id(0)]);
        assert_eq!(listed(&db, "u1", "state=active").await, [id(0)]);
        assert_eq!(listed(&db, "u1", "state=withdrawn").await, [id(2)]);
        assert!(listed(&db, "u2", "").await.is_empty());
    });
}

#[test]
fn what_one_knows_is_noted_once() {
    block_on(async {
        let db = store().await;
        let request = Request::new("POST", "/x");
        let first = acknowledge(&db, "u1", &id(0), &request).await.unwrap();
        let at = json(&first)["acknowledged_at"].clone();
        assert!(at.is_string());
        let text = "UPDATE alerts SET acknowledged_ms = 5 WHERE acknowledged_ms IS NOT NULL";
        db.execute(text, params![]).await.unwrap();
        let again = acknowledge(&db, "u1", &id(0), &request).await.unwrap();
        assert_eq!(json(&again)["acknowledged_at"], "1970-01-01T00:00:00.005Z");
        for (user, id) in [("u2", id(0)), ("u1", id(9)), ("u1", "x".to_owned())] {
            let error = acknowledge(&db, user, &id, &request).await.unwrap_err();
            assert_eq!(error.status(), 404);
        }
    });
}

#[test]
fn the_words_are_in_the_callers_language_and_name_no_value() {
    block_on(async {
        let db = store().await;
        for (accept, title) in [
            ("zh-CN", "血氧饱和度严重偏低"),
            ("en", "Oxygen saturation: dangerously low"),
        ] {
            let request = Request::new("GET", "/x").with_header("accept-language", accept);
            let reply = show(&db, "u1", &id(0), &request).await.unwrap();
            assert_eq!(json(&reply)["title"], title);
            assert_eq!(reply.header_value("content-language"), Some(accept));
        }
    });
}

#[test]
fn odd_questions_and_strangers_are_refused() {
    block_on(async {
        let db = store().await;
        for query in ["limit=0", "cursor=x", "state=open", "page=1"] {
            let request = Request::new("GET", &format!("/x?{query}"));
            assert_eq!(list(&db, "u1", &request).await.unwrap_err().status(), 400);
        }
    });
    let ask = |request: Request| block_on(suoke_guest::answer(request, route));
    assert_eq!(ask(Request::new("GET", "/x")).status(), 401);
    assert_eq!(ask(Request::new("POST", "/x")).status(), 405);
    let item = |method, path| Request::new(method, path).with_header("spin-path-match-id", "a");
    assert_eq!(ask(item("POST", "/x/a")).status(), 405);
    let other = ask(item("GET", "/x/a/acknowledge"));
    assert_eq!(other.header_value("allow"), Some("POST"));
}
