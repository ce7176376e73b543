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
            "INSERT INTO consultations \
             (id, user_id, status, chief_complaint, agent, created_at, updated_at) \
             VALUES (?1, 'u1', 'created', '失眠', 'xiaoai', ?2, ?2)",
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
fn answers_and_report_are_shown_and_what_was_cancelled_is_not() {
    block_on(async {
        let db = store(1).await;
        let id = ID;
        let shown = async || {
            let reply = one(&db, "u1", id).await.unwrap();
            serde_json::from_slice::<Value>(reply.body_bytes()).unwrap()
        };
        assert_eq!(shown().await["report"], Value::Null);
        let content = answers::Content::Xiaoke {
            days: 7,
            vitals: Vec::new(),
        };
        let said = suoke_care::text::vitals(&[], 7);
        let answer = answers::Answer::by_rules(said, Vec::new(), content);
        answers::store(&db, id, &answer, 1).await.unwrap();
        let made = report::Report::of(empty_result(), &[answer]);
        report::store(&db, "r1", id, &made, 1).await.unwrap();
        let body = shown().await;
        assert_eq!(body["answers"][0]["agent"], "xiaoke");
        assert_eq!(body["answers"][0]["text"]["zh"], "近7天没有体征数据。");
        assert_eq!(body["report"]["report_id"], "r1");
        assert_eq!(
            body["report"]["disclaimers_zh"].as_array().unwrap().len(),
            2
        );
        answers::cancel(&db, id, "xiaoke", 2).await.unwrap();
        assert_eq!(shown().await["answers"], serde_json::json!([]));
    });
}

fn empty_result() -> suoke_diagnosis::StepResult {
    suoke_diagnosis::analyse("失眠")
}

const ID: &str = "018f0000-0000-7000-8000-000000000000";

#[test]
fn a_consultation_is_cancelled_once_and_its_saga_told() {
    block_on(async {
        let mut db = store(1).await;
        let request = Request::new("DELETE", "/x");
        for (user, id) in [("u2", ID), ("u1", "x")] {
            let error = cancel::cancel(&mut db, &request, user, id).await;
            assert_eq!(error.unwrap_err().status(), 404);
        }
        let told = cancel::cancel(&mut db, &request, "u1", ID).await.unwrap();
        assert_eq!(told[0].kind, "saga.cancel");
        assert_eq!(told[0].data["saga_id"], format!("consultation_{ID}"));
        let again = cancel::cancel(&mut db, &request, "u1", ID).await.unwrap();
        assert!(again.is_empty());
        assert_eq!(
            queries::one(&db, "u1", ID).await.unwrap().unwrap().status,
            "cancelled"
        );
    });
}

#[test]
fn what_is_finished_is_not_cancelled() {
    block_on(async {
        let mut db = store(1).await;
        let text = "UPDATE consultations SET status = 'diagnosed'";
        db.execute(text, params![]).await.unwrap();
        let request = Request::new("DELETE", "/x");
        let error = cancel::cancel(&mut db, &request, "u1", ID)
            .await
            .unwrap_err();
        assert_eq!(
            (error.status(), error.code()),
            (409, "consultation_finished")
        );
    });
}

#[test]
fn methods_depend_on_the_path() {
    let ask = |request: Request| block_on(suoke_guest::answer(request, route));
    let item = Request::new("POST", "/x").with_header("spin-path-match-id", "a");
    let reply = ask(item);
    assert_eq!(
        (reply.status(), reply.header_value("allow")),
        (405, Some("GET, DELETE"))
    );
    let reply = ask(Request::new("PUT", "/x"));
    assert_eq!(
        (reply.status(), reply.header_value("allow")),
        (405, Some("GET, POST"))
    );
    assert_eq!(ask(Request::new("GET", "/x")).status(), 401);
}
