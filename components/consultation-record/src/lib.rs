//! Takes a consultation into its saga, and notes where it failed.

mod abandoned;

use serde_json::json;
use suoke_care::commands::CONSULTATION_RECORD;
use suoke_care::{About, Which, consultation};
use suoke_events::{Event, EventError};
use suoke_guest::clock;
use suoke_sagas::messages::Command;
use suoke_sagas::participant::{Before, Work, take_part};
use suoke_store::{Database, Transaction};

/// The name in the inbox and as a participant.
const CONSUMER: &str = "consultation-record";

/// What is said where the saga gives no reason.
const REASON_DEFAULT: &str = "it was taken back";

suoke_events::subscriber!(CONSUMER, "care", on_event);

async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[CONSULTATION_RECORD, abandoned::SAGA_FAILED])?;
    if event.kind == abandoned::SAGA_FAILED {
        return abandoned::end(db, event).await;
    }
    take_part(db, CONSUMER, CONSUMER, event, take_in, give_up).await
}

/// From `created` to `running`; one that was cancelled meanwhile is refused.
async fn take_in(tx: &Transaction<'_>, command: &Command) -> Result<Work, EventError> {
    let about: About = command.context_as()?;
    let id = &about.consultation_id;
    let Some(found) = consultation::find(tx, id, &about.user_id).await? else {
        return Ok(Work::refused("there is no such consultation"));
    };
    if !consultation::advance(tx, id, &["created"], "running", clock::now_ms()).await? {
        return Ok(Work::refused(format!(
            "the consultation is {}",
            found.status
        )));
    }
    Work::done(&json!({}))
}

/// What the person said is kept; the status says that nothing came of it. This step is
/// undone last: whatever was found until then goes with it, and as the consultation does
/// not run any more, nothing is stored later.
async fn give_up(tx: &Transaction<'_>, command: &Command, _: Before) -> Result<Work, EventError> {
    let Which { consultation_id } = command.context_as()?;
    let reason = command.reason.as_deref().unwrap_or(REASON_DEFAULT);
    consultation::fail(tx, &consultation_id, reason, clock::now_ms()).await?;
    consultation::forget_findings(tx, &consultation_id).await?;
    Ok(Work::undone())
}

#[cfg(test)]
mod tests;
