//! Ends the consultation of a saga that an operator abandoned: nobody undoes it any more.

use serde::Deserialize;
use suoke_care::{SAGA, consultation, consultation_of};
use suoke_events::{Event, EventError, consume};
use suoke_guest::clock;
use suoke_store::Database;

use crate::CONSUMER;

/// What the orchestrator tells when a saga ended without being done or undone.
pub(crate) const SAGA_FAILED: &str = "saga.failed";

/// What is said where the saga gives no reason.
const REASON_DEFAULT: &str = "it was abandoned by an operator";

/// What [`SAGA_FAILED`] tells, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Abandoned {
    saga_id: String,
    saga: String,
    #[serde(default)]
    reason: Option<String>,
}

/// Marks the consultation as failed. What else the saga left stays as it is, and other
/// sagas are passed over.
///
/// # Errors
/// A permanent one when the event is none about a saga, or its saga of none of the
/// consultations; otherwise the store's.
pub(crate) async fn end(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    let told: Abandoned = event.data_as()?;
    let id = match consultation_of(&told.saga_id) {
        _ if told.saga != SAGA => None,
        Some(id) => Some(id),
        None => {
            return Err(EventError::Data {
                id: event.id.clone(),
                reason: format!("saga \"{}\" names no consultation", told.saga_id),
            });
        }
    };
    let reason = told.reason.as_deref().unwrap_or(REASON_DEFAULT);
    let done: Result<_, EventError> = consume(db, CONSUMER, event, async |tx| {
        if let Some(id) = id {
            consultation::fail(tx, id, reason, clock::now_ms()).await?;
        }
        Ok(())
    })
    .await;
    done?;
    Ok(Vec::new())
}
