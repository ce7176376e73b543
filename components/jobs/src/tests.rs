//! Jobs over HTTP.

use futures::executor::block_on;
use serde_json::{Value, json};

use super::*;

async fn post(db: &mut Database, body: Value) -> Result<Reply, ApiError> {
    let mut request = Request::new("POST", "/api/v1/jobs").with_json(&body.to_string());
    let new = input::read(&mut request, 0).await?;
    create(db, new, 0).await
}

async fn platform() -> Database {
    Database::open_in_memory(LABEL).await.unwrap()
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(reply.body_bytes()).unwrap()
}

#[test]
fn a_job_is_made_and_shown() {
    block_on(async {
        let mut db = platform().await;
        let wanted = json!({
            "type": "report.weekly", "data": {"n": 1}, "delay_seconds": 90, "unique_key": "k"
        });
        let made = post(&mut db, wanted).await.unwrap();
        let job = body(&made);
        let id = job["job_id"].as_str().unwrap();
        let location = format!("/api/v1/jobs/{id}");
        assert_eq!(made.status(), 201);
        assert_eq!(made.header_value("location"), Some(location.as_str()));
        assert_eq!(job["run_at"], "1970-01-01T00:01:30.000Z");
        assert_eq!(
            (&job["status"], &job["retries_max"]),
            (&json!("pending"), &json!(3))
        );
        assert_eq!(body(&one(&db, id).await.unwrap()), job);
    });
}

#[test]
fn a_recurring_job_has_a_zone() {
    block_on(async {
        let mut db = platform().await;
        let wanted = json!({
            "type": "t", "schedule": "0 0 8 * * *", "time_zone": "Asia/Shanghai"
        });
        let job = body(&post(&mut db, wanted).await.unwrap());
        assert_eq!(job["run_at"], "1970-01-02T00:00:00.000Z");
        assert_eq!(job["time_zone"], "Asia/Shanghai");
    });
}

#[test]
fn a_key_that_lives_is_a_conflict() {
    block_on(async {
        let mut db = platform().await;
        let wanted = json!({"type": "t", "delay_seconds": 90, "unique_key": "k"});
        post(&mut db, wanted.clone()).await.unwrap();
        let error = post(&mut db, wanted).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (409, "unique_key_taken"));
    });
}

#[test]
fn what_is_wrong_is_told_by_field() {
    block_on(async {
        let mut db = platform().await;
        for (wanted, field) in [
            (json!({}), "type"),
            (json!({"type": "A b"}), "type"),
            (json!({"type": "t", "data": 7}), "data"),
            (
                json!({"type": "t", "data": {"x": "x".repeat(DATA_LARGE)}}),
                "data",
            ),
            (json!({"type": "t", "delay_seconds": -1}), "delay_seconds"),
            (json!({"type": "t", "run_at": "tomorrow"}), "run_at"),
            (
                json!({"type": "t", "run_at": "2999-01-01T00:00:00Z"}),
                "run_at",
            ),
            (
                json!({"type": "t", "run_at": "1970-01-01T00:00:00Z", "delay_seconds": 1}),
                "run_at",
            ),
            (json!({"type": "t", "schedule": "0 0 8 * *"}), "schedule"),
            (
                json!({"type": "t", "schedule": "0 0 8 * * *", "time_zone": "x"}),
                "time_zone",
            ),
            (json!({"type": "t", "time_zone": "UTC"}), "time_zone"),
            (json!({"type": "t", "unique_key": ""}), "unique_key"),
            (json!({"type": "t", "retries_max": 11}), "retries_max"),
            (json!({"type": "t", "when": 1}), "when"),
        ] {
            let error = post(&mut db, wanted.clone()).await.unwrap_err();
            assert_eq!(error.status(), 400, "{wanted}");
            assert_eq!(error.errors()[0].field, field, "{wanted}");
        }
    });
}

const DATA_LARGE: usize = 64 * 1024;

#[test]
fn a_job_is_cancelled_until_it_has_run() {
    block_on(async {
        let mut db = platform().await;
        let job = body(&post(&mut db, json!({"type": "t"})).await.unwrap());
        let id = job["job_id"].as_str().unwrap();
        for _ in 0..2 {
            assert_eq!(cancel(&mut db, id).await.unwrap().status(), 204);
        }
        let job = body(&post(&mut db, json!({"type": "t"})).await.unwrap());
        let id = job["job_id"].as_str().unwrap();
        suoke_jobs::runner::run(&mut db, 1).await.unwrap();
        let error = cancel(&mut db, id).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (409, "job_not_pending"));
        assert_eq!(cancel(&mut db, "x").await.unwrap_err().status(), 404);
        assert_eq!(one(&db, "x").await.unwrap_err().status(), 404);
    });
}

#[test]
fn pages_show_everything_once() {
    block_on(async {
        let mut db = platform().await;
        for _ in 0..5 {
            post(&mut db, json!({"type": "t"})).await.unwrap();
        }
        let (mut seen, mut target) = (0, "/x?limit=2&status=pending&type=t".to_owned());
        loop {
            let reply = list(&db, &Request::new("GET", &target)).await.unwrap();
            let page = body(&reply);
            seen += page["jobs"].as_array().unwrap().len();
            let Some(cursor) = page["next_cursor"].as_str() else {
                break;
            };
            target = format!("/x?limit=2&cursor={cursor}");
        }
        assert_eq!(seen, 5);
        for (query, field) in [
            ("limit=0", "limit"),
            ("status=x", "status"),
            ("cursor=x", "cursor"),
        ] {
            let request = Request::new("GET", &format!("/x?{query}"));
            let error = list(&db, &request).await.unwrap_err();
            assert_eq!(error.errors()[0].field, field);
        }
    });
}

#[test]
fn only_operators_get_in_and_methods_depend_on_the_path() {
    let ask = |request: Request| block_on(suoke_guest::answer(request, route));
    assert_eq!(ask(Request::new("GET", "/x")).status(), 401);
    let reply = ask(Request::new("PUT", "/x"));
    assert_eq!(reply.header_value("allow"), Some("GET, POST"));
    let reply = ask(Request::new("POST", "/x").with_header("spin-path-match-id", "a"));
    assert_eq!(reply.header_value("allow"), Some("GET, DELETE"));
}
