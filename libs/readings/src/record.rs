//! A batch into the store: rows, corrections, marks and events in one transaction.

use std::collections::{HashMap, HashSet};

use suoke_events::{Event, announce, outbox};
use suoke_guest::ApiError;
use suoke_health::batch::{Batch, Outcome};
use suoke_store::{Database, Transaction, erased};

use crate::cause::Cause;
use crate::events;
use crate::marks::mark;
use crate::queries::write as queries;

/// Stores what is new of a batch and answers for every item; nothing is stored twice
/// and nothing by halves. The events are announced.
///
/// # Errors
/// 401 `account_erased`, or when the database fails.
pub async fn record(
    db: &mut Database,
    batch: &Batch,
    user_id: &str,
    now_ms: i64,
    cause: Cause<'_>,
) -> Result<Outcome, ApiError> {
    let (outcome, events) = db
        .transaction(async |tx| record_in(tx, batch, user_id, now_ms, cause).await)
        .await?;
    announce(&events).await;
    Ok(outcome)
}

/// [`record()`] in a transaction of the caller, who announces the events after its
/// commit, or rolls back where an item was refused.
///
/// # Errors
/// 401 `account_erased`, or when the database fails.
pub async fn record_in(
    tx: &Transaction<'_>,
    batch: &Batch,
    user_id: &str,
    now_ms: i64,
    cause: Cause<'_>,
) -> Result<(Outcome, Vec<Event>), ApiError> {
    if batch.candidates().is_empty() {
        return Ok((batch.outcome(&HashSet::new(), &HashMap::new()), Vec::new()));
    }
    // A token may be good for a moment longer than its user is there.
    if erased::is_erased(tx, user_id).await? {
        return Err(self::erased());
    }
    let created = queries::insert_readings(tx, user_id, batch.candidates(), now_ms).await?;
    let outcome = batch.outcome(&created, &HashMap::new());
    if created.is_empty() {
        return Ok((outcome, Vec::new()));
    }
    mark(tx, user_id, &batch.dirty_days(&created), now_ms).await?;
    let recorded = batch.recorded(user_id, &created);
    let event = Event::new(events::RECORDED, cause.component(), &recorded)?;
    let event = cause.of(event.about(events::subject(user_id)));
    Ok((outcome, vec![outbox(tx, event).await?]))
}

/// Whoever asks is erased: nothing of theirs comes back.
pub(crate) fn erased() -> ApiError {
    let detail = "This account is erased: nothing was stored.";
    ApiError::unauthorized("account_erased", detail).zh("账户已注销，未保存任何数据。")
}
