//! A batch into the store: rows, marks and event in one transaction.

use std::collections::{HashMap, HashSet};

use suoke_events::{Event, announce, outbox};
use suoke_guest::{ApiError, Request};
use suoke_health::batch::{Batch, Outcome};
use suoke_store::{Database, Transaction, erased};

use crate::queries;

/// What the outbox calls the producer.
const COMPONENT: &str = "health-ingest";
/// The event of a batch.
const RECORDED: &str = "health.reading.recorded";
/// Stores what is new and answers for every item.
pub async fn store(
    request: &Request,
    batch: &Batch,
    user_id: &str,
    now_ms: i64,
) -> Result<Outcome, ApiError> {
    if batch.candidates().is_empty() {
        return Ok(batch.outcome(&HashSet::new(), &HashMap::new()));
    }
    let mut db = Database::open("health").await?;
    let (created, event) = db
        .transaction(async |tx| write(tx, request, batch, user_id, now_ms).await)
        .await?;
    if let Some(event) = event {
        announce(&[event]).await;
    }
    let candidates = batch.candidates().iter();
    let repeated: Vec<_> = candidates
        .filter(|candidate| !created.contains(&candidate.id))
        .collect();
    let stored = queries::stored_ids(&db, user_id, &repeated).await?;
    Ok(batch.outcome(&created, &stored))
}

async fn write(
    tx: &Transaction<'_>,
    request: &Request,
    batch: &Batch,
    user_id: &str,
    now_ms: i64,
) -> Result<(HashSet<String>, Option<Event>), ApiError> {
    // A token may be good for a moment longer than its user is there.
    if erased::is_erased(tx, user_id).await? {
        let detail = "This account is erased: nothing was stored.";
        return Err(
            ApiError::unauthorized("account_erased", detail).zh("账户已注销，未保存任何数据。")
        );
    }
    let created = queries::insert_readings(tx, user_id, batch.candidates(), now_ms).await?;
    if created.is_empty() {
        return Ok((created, None));
    }
    queries::mark_dirty(tx, user_id, &batch.dirty_buckets(&created), now_ms).await?;
    let event = Event::new(RECORDED, COMPONENT, &batch.recorded(user_id, &created))?;
    let event = event
        .about(format!("readings/{user_id}"))
        .from_request(request);
    Ok((created, Some(outbox(tx, event).await?)))
}

#[cfg(test)]
mod tests;
