//! The first step of a registration: confirms that the user is there, and erases them
//! when a later step fails for good.

use std::cell::RefCell;

use serde::Deserialize;
use serde_json::json;
use suoke_events::{Event, EventError};
use suoke_groups::members::{Succession, leave_all};
use suoke_groups::{Actor, Cause};
use suoke_identity::denylist::Effects;
use suoke_identity::events::Origin;
use suoke_identity::users;
use suoke_sagas::messages::Command;
use suoke_sagas::participant::{Before, Work, take_part};
use suoke_store::{Database, Transaction};

/// The name in the inbox.
const CONSUMER: &str = "user-create";

/// The name as a participant.
const PARTICIPANT: &str = "users";

/// The command of the step.
const USER_CREATE: &str = "user.create";

suoke_events::subscriber!(CONSUMER, "identity", on_event);

/// What is read of the saga's context.
#[derive(Deserialize)]
struct About {
    user_id: String,
}

async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[USER_CREATE])?;
    let effects = RefCell::new(Effects::default());
    let undo = async |tx: &Transaction<'_>, command: &Command, _: Before| {
        let done = erase(tx, command, event).await?;
        effects.replace(done);
        Ok(Work::undone())
    };
    let told = take_part(db, CONSUMER, PARTICIPANT, event, confirm, undo).await?;
    effects.into_inner().tell(db).await;
    Ok(told)
}

/// The row was written with the event that started the saga.
async fn confirm(tx: &Transaction<'_>, command: &Command) -> Result<Work, EventError> {
    let About { user_id } = command.context_as()?;
    if users::is_active(tx, &user_id).await? {
        return Work::done(&json!({}));
    }
    Ok(Work::refused("there is no such user any more"))
}

/// Whatever the state is: who never was, or is erased, is not there, which is what is
/// wanted. What follows is to be told after the commit.
async fn erase(
    tx: &Transaction<'_>,
    command: &Command,
    event: &Event,
) -> Result<Effects, EventError> {
    let About { user_id } = command.context_as()?;
    let by = command.saga_id.as_str();
    let origin = Origin::event(CONSUMER, event);
    let erased = match users::erase(tx, origin, &user_id, by).await {
        Err(error) if error.status() == 404 => None,
        erased => erased.map_err(EventError::work)?,
    };
    let Some(mut effects) = erased else {
        return Ok(Effects::default());
    };
    let actor = Actor {
        user_id: by,
        is_admin: true,
        cause: Cause::Event(event),
        component: CONSUMER,
    };
    let left = leave_all(tx, &actor, &user_id, Succession::Anybody).await;
    effects.events.extend(left.map_err(EventError::work)?);
    Ok(effects)
}

#[cfg(test)]
mod tests;
