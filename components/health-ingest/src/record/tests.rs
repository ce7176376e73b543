//! Readings of who is there, and none of who is erased.

use futures::executor::block_on;
use serde_json::json;
use suoke_health::submission::{Draft, submission};
use suoke_store::{Sql, params};

use super::*;

const NOW_MS: i64 = 1_767_225_600_000;

async fn send(db: &mut Database) -> Result<HashSet<String>, ApiError> {
    let draft: Draft = serde_json::from_value(json!({
        "type": "heart_rate", "value": 70, "unit": "/min",
        "effective_at": "2025-12-31T23:00:00Z", "source": "watch", "device_id": "d1",
    }))
    .unwrap();
    let batch = Batch::prepare(submission(draft).unwrap(), "u1", NOW_MS);
    assert_eq!(batch.candidates().len(), 1);
    let request = Request::new("POST", "/readings");
    let (created, _) = db
        .transaction(async |tx| write(tx, &request, &batch, "u1", NOW_MS).await)
        .await?;
    Ok(created)
}

async fn rows(db: &Database) -> i64 {
    let text = "SELECT (SELECT count(*) FROM readings) + (SELECT count(*) FROM dirty_buckets) \
         + (SELECT count(*) FROM event_outbox)";
    db.query_one(text, params![]).await.unwrap()
}

#[test]
fn a_reading_is_stored_with_its_mark_and_its_event() {
    block_on(async {
        let mut db = Database::open_in_memory("health").await.unwrap();
        erased::note(&db, "u2", 1).await.unwrap();
        assert_eq!(send(&mut db).await.unwrap().len(), 1);
        assert_eq!(rows(&db).await, 3);
    });
}

#[test]
fn nothing_is_stored_of_a_person_who_is_erased() {
    block_on(async {
        let mut db = Database::open_in_memory("health").await.unwrap();
        erased::note(&db, "u1", 1).await.unwrap();
        let refused = send(&mut db).await.unwrap_err();
        assert_eq!((refused.status(), refused.code()), (401, "account_erased"));
        assert_eq!(rows(&db).await, 0);
    });
}
