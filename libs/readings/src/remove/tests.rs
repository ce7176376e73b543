//! Readings that were wrong.

use futures::executor::block_on;
use serde_json::json;
use suoke_guest::Request;
use suoke_store::{Sql, params};

use super::*;
use crate::queries::versions::page;
use crate::testing::{AT, NOW_MS, events, health, marks, pulse, send, sent, statuses, with};
use crate::versions::{Corrected, Matching};

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
fn what_a_removed_reading_corrected_goes_with_it() {
    block_on(async {
        let mut db = health().await;
        let first = sent(&mut db, "u1", pulse(170, AT)).await;
        let second = with(pulse(171, AT), "supersedes", first.as_str());
        let second = sent(&mut db, "u1", second).await;
        let third = with(pulse(70, AT), "supersedes", second.as_str());
        let third = sent(&mut db, "u1", third).await;
        let other = sent(&mut db, "u1", pulse(80, AT)).await;
        assert_eq!(take(&mut db, "u1", &first).await.unwrap(), Removed::Before);
        assert_eq!(take(&mut db, "u1", &third).await.unwrap(), Removed::Now);
        for id in [&first, &second, &third] {
            let stored = find(&db, "u1", id).await.unwrap().unwrap();
            assert_eq!(
                (stored.status, stored.changed_ms),
                (Status::EnteredInError, NOW_MS + 5)
            );
        }
        let stored = find(&db, "u1", &other).await.unwrap().unwrap();
        assert_eq!(stored.status, Status::Final);
        // It is one thing that was deleted.
        let wanted = Matching {
            types: &["heart_rate"],
            bounds: &[],
            corrected: Corrected::Any,
            after: None,
            is_ascending: true,
            limit: 9,
            deleted: true,
        };
        let gone = page(&db, "u1", "heart_rate", &wanted, 9).await.unwrap();
        assert_eq!(gone.len(), 1);
        assert_eq!(gone[0].id, third);
        // Nothing of it comes back.
        let outcome = send(&mut db, "u1", &[pulse(170, AT)]).await;
        assert_eq!(statuses(&outcome), ["deleted"]);
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
