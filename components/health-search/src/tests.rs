//! What is asked wrongly is named, and the first search finds the knowledge.

use futures::executor::block_on;
use serde_json::Value;

use super::*;

/// The answer for a query, or the failure.
fn get(target: &str) -> Result<Value, ApiError> {
    block_on(async {
        let mut db = Database::open_in_memory("health").await?;
        let search = asked::read(Request::new("GET", target).query()?)?;
        let found = look(&mut db, "u1", &search).await?;
        let reply = reply::json(&Answer::from(found))?;
        Ok(serde_json::from_slice(reply.body_bytes())?)
    })
}

#[test]
fn the_first_search_finds_the_knowledge() {
    let found = get("/x?q=%E8%B6%B3%E4%B8%89%E9%87%8C").unwrap();
    assert_eq!(found["hits"][0]["id"], "ST36");
    assert_eq!(found["hits"][0]["type"], "acupoint");
    assert_eq!(found["hits"][0]["highlights"]["name"], "<em>足三里</em>");
    assert_eq!(found["counts"]["types"]["acupoint"], 1);
    assert_eq!(found["truncated"], false);
}

#[test]
fn types_are_chosen_and_pages_follow_each_other() {
    let first = get("/x?q=%E8%82%9D&type=syndrome,element&limit=1").unwrap();
    assert!(first["total"].as_u64().unwrap() > 1);
    assert_eq!(first["hits"].as_array().unwrap().len(), 1);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = get(&format!(
        "/x?q=%E8%82%9D&type=syndrome,element&limit=1&cursor={cursor}"
    ))
    .unwrap();
    assert_ne!(second["hits"][0]["id"], first["hits"][0]["id"]);
    assert_eq!(second["total"], first["total"]);
}

#[test]
fn cursors_of_elsewhere_are_refused() {
    for list in [
        // A server's, with its score.
        serde_json::json!([1.5, null, "consultation:c1"]),
        serde_json::json!([15, null, "xkey"]),
        serde_json::json!([15, 0.5, "pkey"]),
        serde_json::json!([15, null, ""]),
    ] {
        let cursor = suoke_search::Cursor(list.as_array().unwrap().clone()).text();
        let failed = get(&format!("/x?q=x&cursor={cursor}")).unwrap_err();
        let told = (failed.status(), failed.errors()[0].code.to_string());
        assert_eq!(told, (400, "invalid_cursor".to_owned()), "{list}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let long = "x".repeat(201);
    for (query, field) in [
        ("", "q"),
        ("q=", "q"),
        ("q=%20", "q"),
        (&format!("q={long}"), "q"),
        ("q=x&type=reading", "type"),
        ("q=x&from=2026-01-01", "from"),
        ("q=x&to=now", "to"),
        (
            "q=x&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
            "from",
        ),
        ("q=x&limit=0", "limit"),
        ("q=x&cursor=x", "cursor"),
        ("q=x&user_id=u2", "user_id"),
    ] {
        let failed = get(&format!("/x?{query}")).unwrap_err();
        assert_eq!(failed.status(), 400, "{query}");
        let told = format!("{failed:?}");
        assert!(
            told.contains(&format!("field: \"{field}\"")),
            "{query}: {told}"
        );
    }
}

#[test]
fn nobody_searches_without_a_token() {
    let ask = |request: Request| block_on(suoke_guest::answer(request, route));
    assert_eq!(ask(Request::new("GET", "/x?q=x")).status(), 401);
    assert_eq!(ask(Request::new("POST", "/x?q=x")).status(), 405);
}
