//! Runs the diagnostic step that an agent asked for and stores what it found.

mod complete;
mod queries;

use suoke_diagnosis_steps as steps;
use suoke_events::types::{DIAGNOSIS_REQUEST, DiagnosisRequested};
use suoke_events::{Event, EventError, consume};
use suoke_store::{Database, Transaction};

/// The consumer of the inbox and the producer of the outbox.
const COMPONENT: &str = "diagnosis-worker";

suoke_events::subscriber!(COMPONENT, "care", on_event);

async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    let request = checked(event)?;
    // Pure and without the write lock.
    let result = steps::inquiry(&request.text);
    let work = async |tx: &Transaction<'_>| complete::complete(tx, event, &request, &result).await;
    let completed = consume(db, COMPONENT, event, work).await?;
    Ok(completed.flatten().into_iter().collect())
}

/// What was asked for, if this worker can do it.
fn checked(event: &Event) -> Result<DiagnosisRequested, EventError> {
    event.expect_kind(&[DIAGNOSIS_REQUEST])?;
    let request: DiagnosisRequested = event.data_as()?;
    match request.step.as_str() {
        "inquiry" => Ok(request),
        _ => Err(unfit(event, "there is no such step")),
    }
}

fn unfit(event: &Event, reason: &str) -> EventError {
    EventError::Data {
        id: event.id.clone(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests;
