//! The first step of a registration: confirms that the user is there, and erases them
//! when a later step fails for good and nobody has used the account.

use std::cell::RefCell;

use serde::Deserialize;
use serde_json::json;
use suoke_events::{Event, EventError};
use suoke_groups::members::belongs_anywhere;
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
        Ok(match erase(tx, command, event).await? {
            Some(done) => {
                effects.replace(done);
                Work::undone()
            }
            None => {
                Work::refused("the account is used: give it what it lacks, then abandon the saga")
            }
        })
    };
    let told = take_part(db, CONSUMER, PARTICIPANT, event, confirm, undo).await?;
    effects.into_inner().tell(db).await;
    Ok(told)
}

/// The row was written with the event that started the saga. Who is suspended is there,
/// too, and may come back.
async fn confirm(tx: &Transaction<'_>, command: &Command) -> Result<Work, EventError> {
    let About { user_id } = command.context_as()?;
    if users::is_present(tx, &user_id).await? {
        return Work::done(&json!({}));
    }
    Ok(Work::refused("there is no such user any more"))
}

/// Who never was, or is erased, is not there, which is what is wanted. What follows is to
/// be told after the commit.
///
/// `None` for an account that somebody uses: what it lacks can be given later, and an
/// erased person cannot be brought back. An operator decides.
async fn erase(
    tx: &Transaction<'_>,
    command: &Command,
    event: &Event,
) -> Result<Option<Effects>, EventError> {
    let About { user_id } = command.context_as()?;
    if !users::is_present(tx, &user_id).await? {
        return Ok(Some(Effects::default()));
    }
    if !users::is_untouched(tx, &user_id).await? || belongs_anywhere(tx, &user_id).await? {
        return Ok(None);
    }
    let origin = Origin::event(CONSUMER, event);
    let erased = users::erase(tx, origin, &user_id, &command.saga_id).await;
    Ok(Some(erased.map_err(EventError::work)?.unwrap_or_default()))
}

#[cfg(test)]
mod tests;
