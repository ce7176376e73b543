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
    if let Some(stored) = queries::saga(tx, &saga_id).await? {
        let has_ended = ["completed", "compensated", "failed"].contains(&stored.status.as_str());
        let state = forgotten(&stored.state, has_ended).map_err(EventError::work)?;
        queries::set_state(tx, &saga_id, &state).await?;
        if !has_ended {
            queries::end(tx, &saga_id, now_ms).await?;
        }
    }
    queries::forget_events(tx, &saga_id, consultation_id).await?;
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

/// The state of a saga without the words of the person and what came of them; one that
/// has not ended does.
fn forgotten(state: &str, has_ended: bool) -> Result<String, serde_json::Error> {
    let mut state: Value = serde_json::from_str(state)?;
    if let Some(context) = state.get_mut("context").and_then(Value::as_object_mut) {
        context.insert("chief_complaint".to_owned(), Value::from(""));
        context.remove("outputs");
    }
    if let (false, Some(state)) = (has_ended, state.as_object_mut()) {
        let ended = [
            ("status", Value::from("compensated")),
            ("reason", Value::from(queries::REASON)),
            ("pending", Value::Array(Vec::new())),
            ("is_pausing", Value::from(false)),
            ("due_at_ms", Value::Null),
        ];
        for (name, value) in ended {
            state.insert(name.to_owned(), value);
        }
    }
    serde_json::to_string(&state)
}

#[cfg(test)]
mod tests;
