//! What the tests of this crate share.

use serde_json::{Value, json};
use suoke_guest::{ApiError, Request};
use suoke_health::batch::{Batch, Outcome};
use suoke_health::submission::submission;
use suoke_store::{Database, Sql, params};

use crate::{Cause, record};

/// 2026-01-01T00:00:00Z.
pub(crate) const NOW_MS: i64 = 1_767_225_600_000;
/// An instant before it.
pub(crate) const AT: &str = "2025-12-31T23:00:00Z";

pub(crate) async fn health() -> Database {
    Database::open_in_memory(crate::LABEL).await.unwrap()
}

/// A heart rate.
pub(crate) fn pulse(value: u32, at: &str) -> Value {
    json!({"type": "heart_rate", "value": value, "unit": "/min", "effective_at": at})
}

/// The same with one more field.
pub(crate) fn with(mut json: Value, field: &str, value: impl Into<Value>) -> Value {
    json[field] = value.into();
    json
}

pub(crate) fn batch(user_id: &str, readings: &[Value]) -> Batch {
    let draft = serde_json::from_value(json!({"readings": readings})).unwrap();
    Batch::prepare(submission(draft).unwrap(), user_id, NOW_MS)
}

pub(crate) async fn try_send(
    db: &mut Database,
    user_id: &str,
    readings: &[Value],
) -> Result<Outcome, ApiError> {
    let request = Request::new("POST", "/readings");
    let cause = Cause::request("test", &request);
    record(db, &batch(user_id, readings), user_id, NOW_MS, cause).await
}

pub(crate) async fn send(db: &mut Database, user_id: &str, readings: &[Value]) -> Outcome {
    try_send(db, user_id, readings).await.unwrap()
}

/// The id that the only reading of a batch got.
pub(crate) async fn sent(db: &mut Database, user_id: &str, reading: Value) -> String {
    let mut outcome = send(db, user_id, &[reading]).await;
    let result = outcome.results.remove(0);
    assert_eq!(result.error, None);
    result.id.unwrap()
}

/// What became of each item: `created`, or the code of its error.
pub(crate) fn statuses(outcome: &Outcome) -> Vec<String> {
    let results = outcome.results.iter();
    results
        .map(|result| match &result.error {
            Some(error) => error.code.as_str().to_owned(),
            None => serde_json::to_value(result.status)
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned(),
        })
        .collect()
}

pub(crate) async fn count(db: &Database, text: &str) -> i64 {
    db.query_one(&format!("SELECT count(*) FROM {text}"), params![])
        .await
        .unwrap()
}

/// Types and data of the events, in their order.
pub(crate) async fn events(db: &Database) -> Vec<(String, Value)> {
    let payloads: Vec<String> = db
        .query(
            "SELECT payload FROM event_outbox ORDER BY position",
            params![],
        )
        .await
        .unwrap();
    let each = payloads.iter().map(|payload| {
        let event: Value = serde_json::from_str(payload).unwrap();
        (
            event["type"].as_str().unwrap().to_owned(),
            event["data"].clone(),
        )
    });
    each.collect()
}

/// The marks: type, first and last instant.
pub(crate) async fn marks(db: &Database) -> Vec<(String, i64, i64)> {
    let rows: Vec<suoke_store::Row> = db
        .query(
            "SELECT type, from_ms, to_ms FROM dirty_days ORDER BY user_id, type, utc_day",
            params![],
        )
        .await
        .unwrap();
    let each = rows.iter().map(|row| {
        (
            row.get("type").unwrap(),
            row.get("from_ms").unwrap(),
            row.get("to_ms").unwrap(),
        )
    });
    each.collect()
}
