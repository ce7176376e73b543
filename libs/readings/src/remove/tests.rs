//! Readings that were wrong.

use futures::executor::block_on;
use serde_json::json;
use suoke_guest::Request;
use suoke_store::{Sql, params};

use super::*;
use crate::testing::{AT, NOW_MS, events, health, marks, pulse, sent};

async fn take(db: &mut Database, user_id: &str, id: &str) -> Result<Removed, ApiError> {
    let request = Request::new("DELETE", "/");
    remove(
        db,
        user_id,
        id,
        NOW_MS + 5,
        Cause::request("test", &request),
    )
    .await
}

#[test]
fn a_reading_is_removed_once_and_its_day_is_computed_anew() {
    block_on(async {
        let mut db = health().await;
        let id = sent(&mut db, "u1", pulse(70, AT)).await;
        db.execute("DELETE FROM dirty_days", params![])
            .await
            .unwrap();
        assert_eq!(take(&mut db, "u2", &id).await.unwrap(), Removed::Absent);
        assert_eq!(take(&mut db, "u1", &id).await.unwrap(), Removed::Now);
        assert_eq!(take(&mut db, "u1", &id).await.unwrap(), Removed::Before);
        let stored = find(&db, "u1", &id).await.unwrap().unwrap();
        assert_eq!(
            (stored.status, stored.changed_ms),
            (Status::EnteredInError, NOW_MS + 5)
        );
        let at_ms = NOW_MS - 3_600_000;
        assert_eq!(marks(&db).await, [("heart_rate".to_owned(), at_ms, at_ms)]);
        let told = events(&db).await;
        assert_eq!(told.len(), 2);
        let expected = json!({"user_id": "u1", "id": id, "type": "heart_rate"});
        assert_eq!(told[1], ("health.data.deleted".to_owned(), expected));
    });
}

#[test]
fn who_is_erased_removes_nothing() {
    block_on(async {
        let mut db = health().await;
        erased::note(&db, "u1", 1).await.unwrap();
        assert_eq!(
            take(&mut db, "u1", "x").await.unwrap_err().code(),
            "account_erased"
        );
    });
}
