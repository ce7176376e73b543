//! Lists, reading, and whose they are.

use futures::executor::block_on;
use suoke_store::{Sql, params};

use super::*;

async fn store(count: i64) -> Database {
    let db = Database::open_in_memory("care").await.unwrap();
    db.execute(
        "INSERT INTO consultations \
         (id, user_id, status, chief_complaint, agent, created_at, updated_at) \
         VALUES ('c1', 'u1', 'diagnosed', '失眠', 'xiaoai', 1, 1)",
        params![],
    )
    .await
    .unwrap();
    for number in 0..count {
        let kind = if number == 0 {
            "emergency"
        } else {
            "report_ready"
        };
        db.execute(
            "INSERT INTO notifications (id, user_id, kind, consultation_id, report_id, created_at) \
             VALUES (?1, 'u1', ?2, 'c1', 'r1', ?3)",
            params![id(number), kind, number],
        )
        .await
        .unwrap();
    }
    db
}

fn id(number: i64) -> String {
    format!("018f0000-0000-7000-8000-{number:012}")
}

async fn get(db: &Database, user: &str, request: Request) -> Vec<String> {
    let reply = list(db, user, &request).await.unwrap();
    let body = String::from_utf8(reply.body_bytes().to_vec()).unwrap();
    let parts = body.split("\"notification_id\":\"").skip(1);
    let mut found: Vec<String> = parts.map(|part| part[..36].to_owned()).collect();
    if let Some((_, cursor)) = body.split_once("\"next_cursor\":\"") {
        found.push(format!("next {}", &cursor[..36]));
    }
    found
}

#[test]
fn pages_show_everything_once_newest_first() {
    block_on(async {
        let db = store(3).await;
        let first = get(&db, "u1", Request::new("GET", "/x?limit=2")).await;
        assert_eq!(first, [id(2), id(1), format!("next {}", id(1))]);
        let target = format!("/x?limit=2&cursor={}", id(1));
        assert_eq!(get(&db, "u1", Request::new("GET", &target)).await, [id(0)]);
        assert!(get(&db, "u2", Request::new("GET", "/x")).await.is_empty());
    });
}

#[test]
fn what_was_read_is_no_longer_unread() {
    block_on(async {
        let db = store(2).await;
        assert_eq!(read(&db, "u1", &id(1)).await.unwrap().status(), 204);
        assert_eq!(read(&db, "u1", &id(1)).await.unwrap().status(), 204);
        let unread = get(&db, "u1", Request::new("GET", "/x?unread=true")).await;
        assert_eq!(unread, [id(0)]);
        for (user, id) in [("u2", id(0)), ("u1", id(9)), ("u1", "x".to_owned())] {
            assert_eq!(read(&db, user, &id).await.unwrap_err().status(), 404);
        }
    });
}

#[test]
fn what_was_cancelled_is_not_shown() {
    block_on(async {
        let db = store(1).await;
        let text = "UPDATE notifications SET cancelled_at = 1";
        db.execute(text, params![]).await.unwrap();
        assert!(get(&db, "u1", Request::new("GET", "/x")).await.is_empty());
        assert_eq!(read(&db, "u1", &id(0)).await.unwrap_err().status(), 404);
    });
}

#[test]
fn the_words_are_in_the_callers_language() {
    block_on(async {
        let db = store(1).await;
        for (accept, word) in [("zh-CN", "120"), ("en", "call 120")] {
            let request = Request::new("GET", "/x").with_header("accept-language", accept);
            let reply = list(&db, "u1", &request).await.unwrap();
            let body = String::from_utf8(reply.body_bytes().to_vec()).unwrap();
            assert!(body.contains(word), "{body}");
        }
    });
}

#[test]
fn odd_pages_and_strangers_are_refused() {
    block_on(async {
        let db = store(0).await;
        for query in ["limit=0", "limit=101", "cursor=x", "page=1", "unread=7"] {
            let request = Request::new("GET", &format!("/x?{query}"));
            assert_eq!(list(&db, "u1", &request).await.unwrap_err().status(), 400);
        }
    });
    let ask = |request: Request| block_on(suoke_guest::answer(request, route));
    assert_eq!(ask(Request::new("GET", "/x")).status(), 401);
    assert_eq!(ask(Request::new("DELETE", "/x")).status(), 405);
    let item = Request::new("GET", "/x").with_header("spin-path-match-id", "a");
    assert_eq!(ask(item).header_value("allow"), Some("POST"));
}

#[test]
fn alerts_are_told_without_a_consultation_and_without_what_was_measured() {
    block_on(async {
        let db = store(0).await;
        let text = "INSERT INTO notifications (id, user_id, kind, alert_id, created_at) \
             VALUES (?1, 'u1', 'health_critical', 'a1', 1)";
        db.execute(text, params![id(1)]).await.unwrap();
        let reply = list(&db, "u1", &Request::new("GET", "/x")).await.unwrap();
        let body = String::from_utf8(reply.body_bytes().to_vec()).unwrap();
        assert!(
            body.contains("\"alert_id\":\"a1\"") && body.contains("call 120"),
            "{body}"
        );
        assert!(!body.contains("consultation_id"), "{body}");
    });
}
