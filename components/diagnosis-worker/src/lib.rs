//! Runs the diagnostic step that an agent asked for and stores what it found.

mod complete;
mod queries;

use suoke_diagnosis_steps as steps;
use suoke_events::types::{DIAGNOSIS_REQUEST, DiagnosisRequested};
use suoke_events::{Event, EventError, announce, consume};
use suoke_store::{Database, Transaction};

/// The consumer of the inbox and the producer of the outbox.
const COMPONENT: &str = "diagnosis-worker";

suoke_events::subscriber!(on_event);

/// A failure is logged with its reason by the subscriber; whatever it is, the next
/// message gets through.
async fn on_event(event: Event) -> Result<(), EventError> {
    let request = checked(&event)?;
    // Pure and without the write lock.
    let result = steps::inquiry(&request.text);
    let mut db = Database::open("care").await?;
    let work = async |tx: &Transaction<'_>| complete::complete(tx, &event, &request, &result).await;
    if let Some(completed) = consume(&mut db, COMPONENT, &event, work).await?.flatten() {
        announce(&db, &[completed]).await;
    }
    Ok(())
}

/// What was asked for, if this worker can do it.
fn checked(event: &Event) -> Result<DiagnosisRequested, EventError> {
    if event.kind != DIAGNOSIS_REQUEST {
        return Err(unfit(event, "its type is another one"));
    }
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
