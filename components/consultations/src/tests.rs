//! Lists, single consultations, and whose they are.

use futures::executor::block_on;
use serde_json::Value;
use suoke_store::{Sql, params};

use super::*;

async fn store(count: i64) -> Database {
    let db = Database::open_in_memory("care").await.unwrap();
    for number in 0..count {
        // Pairs share their creation time, so that the id decides.
        db.execute(
            "INSERT INTO consultations VALUES (?1, 'u1', 'created', '失眠', 'xiaoai', ?2, ?2)",
            params![format!("018f0000-0000-7000-8000-{number:012}"), number / 2],
        )
        .await
        .unwrap();
    }
    db
}

async fn get(db: &Database, user: &str, target: &str) -> Result<Value, ApiError> {
    let reply = list(db, user, &Request::new("GET", target)).await?;
    Ok(serde_json::from_slice(reply.body_bytes()).unwrap())
}

#[test]
fn pages_show_everything_once_newest_first() {
    block_on(async {
        let db = store(7).await;
        let (mut seen, mut target) = (Vec::new(), "/x?limit=3".to_owned());
        loop {
            let page = get(&db, "u1", &target).await.unwrap();
            for item in page["consultations"].as_array().unwrap() {
                seen.push(item["consultation_id"].as_str().unwrap().to_owned());
            }
            match page["next_cursor"].as_str() {
                Some(cursor) => target = format!("/x?limit=3&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), 7);
        assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
        let others = get(&db, "u2", "/x").await.unwrap();
        assert_eq!(others["consultations"].as_array().unwrap().len(), 0);
    });
}

#[test]
fn odd_pages_are_refused() {
    block_on(async {
        let db = store(0).await;
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=x", "limit"),
            ("cursor=x", "cursor"),
            ("page=1", "page"),
        ] {
            let error = get(&db, "u1", &format!("/x?{query}")).await.unwrap_err();
            assert_eq!(
                (error.status(), error.errors()[0].field.as_str()),
                (400, field)
            );
        }
    });
}

#[test]
fn one_is_shown_with_its_diagnoses_to_its_owner_alone() {
    block_on(async {
        let db = store(1).await;
        let id = "018f0000-0000-7000-8000-000000000000";
        db.execute(
            "INSERT INTO diagnoses VALUES ('d1', ?1, 'inquiry', '{\"findings\":[]}', 'inquiry/1', 5)",
            params![id],
        )
        .await
        .unwrap();
        let reply = one(&db, "u1", id).await.unwrap();
        let body: Value = serde_json::from_slice(reply.body_bytes()).unwrap();
        assert_eq!(body["status"], "created");
        assert_eq!(
            body["diagnoses"][0]["result"]["findings"],
            serde_json::json!([])
        );
        for (user, id) in [
            ("u2", id),
            ("u1", "018f0000-0000-7000-8000-000000000009"),
            ("u1", "x"),
        ] {
            assert_eq!(one(&db, user, id).await.unwrap_err().status(), 404);
        }
    });
}

#[test]
fn methods_depend_on_the_path() {
    let ask = |request: Request| block_on(suoke_guest::answer(request, route));
    let item = Request::new("POST", "/x").with_header("spin-path-match-id", "a");
    let reply = ask(item);
    assert_eq!(
        (reply.status(), reply.header_value("allow")),
        (405, Some("GET"))
    );
    let reply = ask(Request::new("PUT", "/x"));
    assert_eq!(
        (reply.status(), reply.header_value("allow")),
        (405, Some("GET, POST"))
    );
    assert_eq!(ask(Request::new("GET", "/x")).status(), 401);
}
