//! Notes a consultation with the health of the person.

mod queries;

use serde_json::json;
use suoke_care::commands::RECORD_UPDATE;
use suoke_care::{About, Which, report_made};
use suoke_events::{Event, EventError};
use suoke_guest::{clock, ids};
use suoke_sagas::messages::Command;
use suoke_sagas::participant::{Before, Work, take_part};
use suoke_store::{Database, Transaction, erased};

/// The name in the inbox and as a participant.
const CONSUMER: &str = "record-update";

suoke_events::subscriber!(CONSUMER, "health", on_event);

async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[RECORD_UPDATE])?;
    take_part(db, CONSUMER, CONSUMER, event, note, revert).await
}

/// Codes alone: the report itself stays with the consultation.
async fn note(tx: &Transaction<'_>, command: &Command) -> Result<Work, EventError> {
    let about: About = command.context_as()?;
    if erased::is_erased(tx, &about.user_id).await? {
        return Ok(Work::refused("the person is erased"));
    }
    let made = report_made(command)?;
    let id = ids::new_id();
    let summary = json!({ "red_flags": made.red_flags, "syndromes": made.syndromes });
    let record = queries::Record {
        id: &id,
        user_id: &about.user_id,
        consultation_id: &about.consultation_id,
        report_id: &made.report_id,
        summary: &summary.to_string(),
    };
    queries::insert(tx, &record, clock::now_ms()).await?;
    Work::done(&json!({ "record_id": id }))
}

async fn revert(tx: &Transaction<'_>, command: &Command, _: Before) -> Result<Work, EventError> {
    let which: Which = command.context_as()?;
    queries::delete(tx, &which.consultation_id).await?;
    Ok(Work::undone())
}

#[cfg(test)]
mod tests;
