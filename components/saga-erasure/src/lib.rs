//! Forgets what sagas knew of people who are erased and of their consultations: what a
//! person said lies in the context of a saga and in the commands that went out with it,
//! and what nobody could handle quotes it, too.

mod queries;

use serde::Deserialize;
use serde_json::{Map, Value};
use suoke_events::types::USER_DELETED;
use suoke_events::{Event, EventError, consume};
use suoke_guest::clock;
use suoke_sagas::definition::Definition;
use suoke_sagas::machine::{Saga, Status};
use suoke_store::{Database, Transaction};

/// The name in the inbox.
const CONSUMER: &str = "saga-erasure";

/// What is told of each consultation that is gone.
const CONSULTATION_ERASED: &str = "consultation.erased";

suoke_events::subscriber!(CONSUMER, "platform", on_event);

/// Which consultation the event is about.
#[derive(Deserialize)]
struct About {
    consultation_id: String,
}

/// Whom the event is about.
#[derive(Deserialize)]
struct Whom {
    user_id: String,
}

async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[CONSULTATION_ERASED, USER_DELETED])?;
    if event.kind == USER_DELETED {
        let Whom { user_id } = event.data_as()?;
        let done: Result<_, EventError> = consume(db, CONSUMER, event, async |tx| {
            Ok(queries::forget_letters(tx, &user_id).await?)
        })
        .await;
        done?;
        return Ok(Vec::new());
    }
    let About { consultation_id } = event.data_as()?;
    consume(db, CONSUMER, event, async |tx| {
        forget(tx, event, &consultation_id).await
    })
    .await?;
    Ok(Vec::new())
}

/// A saga that still runs ends: what it did is erased where it was done, and a late answer
/// brings nothing back. One that has not started yet never will.
async fn forget(
    tx: &Transaction<'_>,
    event: &Event,
    consultation_id: &str,
) -> Result<(), EventError> {
    let saga_id = suoke_care::saga_id(consultation_id);
    let now_ms = clock::now_ms();
    queries::forget(tx, &saga_id, consultation_id, now_ms).await?;
    let definitions = Definition::all().map_err(EventError::work)?;
    let definition = definitions
        .into_iter()
        .find(|one| one.name == suoke_care::SAGA)
        .ok_or_else(|| EventError::work("the consultations have no saga"))?;
    let context = Map::from_iter([("consultation_id".to_owned(), Value::from(consultation_id))]);
    let mut saga = Saga::new(&definition, context).map_err(EventError::work)?;
    saga.status = Status::Compensated;
    saga.reason = Some(queries::REASON.to_owned());
    let tombstone = queries::Tombstone {
        saga_id: &saga.id,
        saga: &definition.name,
        definition: serde_json::to_string(&definition).map_err(EventError::work)?,
        step: definition.steps.first().map_or("", |step| &step.name),
        state: serde_json::to_string(&saga).map_err(EventError::work)?,
        event_id: &event.id,
    };
    Ok(queries::bury(tx, tombstone, now_ms).await?)
}

#[cfg(test)]
mod tests;
