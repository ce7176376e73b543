//! Tells a person that their report is there, or that they should look at their health.

mod queries;

use serde_json::json;
use suoke_care::commands::NOTIFICATION_SEND;
use suoke_care::{About, Which, consultation, report_made};
use suoke_events::types::{AlertRaised, HEALTH_ALERT_RAISED};
use suoke_events::{Event, EventError, consume};
use suoke_guest::{clock, ids};
use suoke_sagas::messages::Command;
use suoke_sagas::participant::{Before, Work, take_part};
use suoke_store::{Database, Transaction, erased};

/// The name in the inbox and as a participant.
const CONSUMER: &str = "notification-send";

suoke_events::subscriber!(CONSUMER, "care", on_event);

async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[NOTIFICATION_SEND, HEALTH_ALERT_RAISED])?;
    if event.kind == HEALTH_ALERT_RAISED {
        return tell_of_alert(db, event).await;
    }
    take_part(db, CONSUMER, CONSUMER, event, send, cancel).await
}

/// An alert is no part of a saga: it is told once for each event.
async fn tell_of_alert(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    let alert: AlertRaised = event.data_as()?;
    let done: Result<_, EventError> = consume(db, CONSUMER, event, async |tx| {
        if erased::is_erased(tx, &alert.user_id).await? {
            return Ok(());
        }
        let is_critical = alert.level == "critical";
        let notification = queries::Notification {
            id: &ids::new_id(),
            user_id: &alert.user_id,
            kind: if is_critical {
                "health_critical"
            } else {
                "health_warning"
            },
            consultation_id: None,
            report_id: None,
            alert_id: Some(&alert.alert_id),
        };
        Ok(queries::insert(tx, &notification, clock::now_ms()).await?)
    })
    .await;
    done?;
    Ok(Vec::new())
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
        consultation_id: Some(&about.consultation_id),
        report_id: Some(&made.report_id),
        alert_id: None,
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
