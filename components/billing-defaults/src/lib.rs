//! Gives a new user the quota that everybody begins with.

mod queries;

use serde::{Deserialize, Serialize};
use serde_json::json;
use suoke_events::{Event, EventError};
use suoke_guest::clock;
use suoke_sagas::messages::Command;
use suoke_sagas::participant::{Before, Work, take_part};
use suoke_store::{Database, Transaction, erased};

/// The name in the inbox and as a participant.
const CONSUMER: &str = "billing-defaults";

/// The command of the step.
const QUOTA_SETUP: &str = "billing.quota.setup";

/// What tells that somebody has another quota: [`QuotaChanged`].
const QUOTA_CHANGED: &str = "billing.quota.changed";

/// Who set a quota that nobody has set.
const SET_BY_DEFAULT: &str = "default";

/// What everybody begins with: tokens in a month, and how fast.
const DEFAULT: Quota = Quota {
    period: "month",
    tokens_max: 1_000_000,
    requests_per_minute_max: 60,
    tokens_per_minute_max: 100_000,
    soft_limit_percent: 80,
};

suoke_events::subscriber!(CONSUMER, "ai", on_event);

/// How much of the models somebody may use. The default has no limit of money: prices
/// differ, tokens do not.
#[derive(Clone, Copy, Debug, Serialize)]
struct Quota {
    period: &'static str,
    tokens_max: u32,
    requests_per_minute_max: u32,
    tokens_per_minute_max: u32,
    soft_limit_percent: u32,
}

/// What [`QUOTA_CHANGED`] tells.
#[derive(Serialize)]
struct QuotaChanged<'a> {
    user_id: &'a str,
    #[serde(flatten)]
    quota: Quota,
    changed_by: &'static str,
}

/// What is read of the saga's context.
#[derive(Deserialize)]
struct About {
    user_id: String,
}

async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[QUOTA_SETUP])?;
    take_part(db, CONSUMER, CONSUMER, event, set_up, remove).await
}

/// A quota that is there already stays: somebody has set it. Who is erased gets none,
/// however late the command comes.
async fn set_up(tx: &Transaction<'_>, command: &Command) -> Result<Work, EventError> {
    let About { user_id } = command.context_as()?;
    if erased::is_erased(tx, &user_id).await? {
        return Ok(Work::refused("there is no such user any more"));
    }
    let is_new = queries::insert(tx, &user_id, &DEFAULT, SET_BY_DEFAULT, clock::now_ms()).await?;
    let done = Work::done(&json!({ "is_new": is_new }))?;
    if !is_new {
        return Ok(done);
    }
    let changed = QuotaChanged {
        user_id: &user_id,
        quota: DEFAULT,
        changed_by: SET_BY_DEFAULT,
    };
    let event = Event::new(QUOTA_CHANGED, CONSUMER, &changed)?;
    Ok(done.telling(event.about(format!("user/{user_id}"))))
}

/// The account goes, and its quota with it, whoever set it.
async fn remove(tx: &Transaction<'_>, command: &Command, _: Before) -> Result<Work, EventError> {
    let About { user_id } = command.context_as()?;
    queries::delete(tx, &user_id).await?;
    Ok(Work::undone())
}

#[cfg(test)]
mod tests;
