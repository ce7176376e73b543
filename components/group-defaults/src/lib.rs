//! Gives a new user the permissions that everybody begins with.

use serde::Deserialize;
use serde_json::json;
use suoke_events::{Event, EventError};
use suoke_groups::rules;
use suoke_sagas::messages::Command;
use suoke_sagas::participant::{Before, Work, take_part};
use suoke_store::{Database, Transaction};

/// The name in the inbox and as a participant.
const CONSUMER: &str = "group-defaults";

/// The command of the step.
const PERMISSIONS_INITIALIZE: &str = "group.permissions.initialize";

suoke_events::subscriber!(CONSUMER, "identity", on_event);

/// What is read of the saga's context.
#[derive(Deserialize)]
struct About {
    user_id: String,
}

async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[PERMISSIONS_INITIALIZE])?;
    take_part(db, CONSUMER, CONSUMER, event, initialize, clean_up).await
}

async fn initialize(tx: &Transaction<'_>, command: &Command) -> Result<Work, EventError> {
    let About { user_id } = command.context_as()?;
    match rules::initialize(tx, &user_id).await? {
        Some(count) => Work::done(&json!({ "permissions": count })),
        None => Ok(Work::refused("there is no such user any more")),
    }
}

async fn clean_up(tx: &Transaction<'_>, command: &Command, _: Before) -> Result<Work, EventError> {
    let About { user_id } = command.context_as()?;
    rules::clean_up(tx, &user_id).await?;
    Ok(Work::undone())
}

#[cfg(test)]
mod tests;
