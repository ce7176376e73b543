//! Tells a person that their report is there.

mod queries;

use serde_json::json;
use suoke_care::commands::NOTIFICATION_SEND;
use suoke_care::{About, Which, consultation, report_made};
use suoke_events::{Event, EventError};
use suoke_guest::{clock, ids};
use suoke_sagas::messages::Command;
use suoke_sagas::participant::{Before, Work, take_part};
use suoke_store::{Database, Transaction};

/// The name in the inbox and as a participant.
const CONSUMER: &str = "notification-send";

suoke_events::subscriber!(CONSUMER, "care", on_event);

async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[NOTIFICATION_SEND])?;
    take_part(db, CONSUMER, CONSUMER, event, send, cancel).await
}

async fn send(tx: &Transaction<'_>, command: &Command) -> Result<Work, EventError> {
    let about: About = command.context_as()?;
    if consultation::find(tx, &about.consultation_id, &about.user_id)
        .await?
        .is_none()
    {
        return Ok(Work::refused("there is no such consultation"));
    }
    let made = report_made(command)?;
    let kind = if made.is_emergency {
        "emergency"
    } else {
        "report_ready"
    };
    let id = ids::new_id();
    let notification = queries::Notification {
        id: &id,
        user_id: &about.user_id,
        kind,
        consultation_id: &about.consultation_id,
        report_id: &made.report_id,
    };
    queries::insert(tx, &notification, clock::now_ms()).await?;
    Work::done(&json!({ "notification_id": id }))
}

async fn cancel(tx: &Transaction<'_>, command: &Command, _: Before) -> Result<Work, EventError> {
    let which: Which = command.context_as()?;
    queries::cancel(tx, &which.consultation_id, clock::now_ms()).await?;
    Ok(Work::undone())
}

#[cfg(test)]
mod tests;
