//! One reading, shown and taken back.

use futures::executor::block_on;
use serde_json::{Value, json};
use suoke_health::batch::Batch;
use suoke_health::submission::submission;
use suoke_readings::record;

use super::*;

const NOW_MS: i64 = 1_767_225_600_000;

async fn send(db: &mut Database, reading: Value) -> String {
    let draft = serde_json::from_value(reading).unwrap();
    let batch = Batch::prepare(submission(draft).unwrap(), "u1", NOW_MS);
    let request = Request::new("POST", "/");
    let cause = Cause::request("test", &request);
    let mut outcome = record(db, &batch, "u1", NOW_MS, cause).await.unwrap();
    outcome.results.remove(0).id.unwrap()
}

fn pulse(value: u32) -> Value {
    json!({"type": "heart_rate", "value": value, "unit": "bpm", "source": "fitbit",
        "effective_at": "2025-12-31T08:00:00+08:00"})
}

/// The status, and the code of a refusal or the reading.
async fn ask(db: &mut Database, method: &str, user_id: &str, id: &str) -> (u16, Value) {
    let request = Request::new(method, "/");
    match handle(db, &request, user_id, id).await {
        Ok(reply) => {
            let shown = serde_json::from_slice(reply.body_bytes()).unwrap_or(Value::Null);
            (reply.status(), shown)
        }
        Err(error) => (error.status(), error.code().into()),
    }
}

#[test]
fn a_reading_is_shown_to_its_owner_until_they_delete_it() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let id = send(&mut db, pulse(70)).await;
        let (status, shown) = ask(&mut db, "GET", "u1", &id).await;
        assert_eq!(status, 200);
        let expected = json!({"id": id, "type": "heart_rate", "value": 70.0, "unit": "/min",
            "effective_at": "2025-12-31T08:00:00.000+08:00", "source": "fitbit", "quality": "ok",
            "original": {"values": [70.0], "unit": "bpm"}, "status": "final"});
        assert_eq!(shown, expected);
        for (method, user_id, id) in [
            ("GET", "u2", id.as_str()),
            ("DELETE", "u2", &id),
            ("GET", "u1", "x"),
        ] {
            assert_eq!(ask(&mut db, method, user_id, id).await.0, 404);
        }
        assert_eq!(ask(&mut db, "DELETE", "u1", &id).await.0, 204);
        for method in ["GET", "DELETE"] {
            assert_eq!(
                ask(&mut db, method, "u1", &id).await,
                (404, json!("not_found"))
            );
        }
    });
}

#[test]
fn what_was_corrected_is_shown_and_cannot_be_deleted() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let old = send(&mut db, pulse(170)).await;
        let mut correction = pulse(70);
        correction["supersedes"] = old.clone().into();
        let new = send(&mut db, correction).await;
        let (_, shown) = ask(&mut db, "GET", "u1", &old).await;
        assert_eq!(shown["status"], "amended");
        assert_eq!(
            ask(&mut db, "DELETE", "u1", &old).await,
            (409, json!("reading_amended"))
        );
        let (_, shown) = ask(&mut db, "GET", "u1", &new).await;
        assert_eq!(
            (&shown["status"], &shown["supersedes"]),
            (&json!("final"), &json!(old))
        );
        assert_eq!(ask(&mut db, "DELETE", "u1", &new).await.0, 204);
    });
}
