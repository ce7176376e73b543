//! 小克 looks at a person's vital signs of a week and classifies them.

mod queries;

use std::borrow::Borrow;

use serde_json::json;
use suoke_care::answers::{self, Answer, Content};
use suoke_care::commands::AGENT_TASK_ASSIGN;
use suoke_care::{About, Which, asked, consultation, text};
use suoke_events::{Event, EventError};
use suoke_guest::clock;
use suoke_health::classes::Person;
use suoke_health::vitals::{VITAL_TYPES, Vital, vital};
use suoke_health::{bucket::DAY_MS, catalogue};
use suoke_sagas::messages::Command;
use suoke_sagas::participant::{Before, Work, take_part};
use suoke_store::{Database, StoreError, Transaction};

/// The name in the inbox.
const CONSUMER: &str = "agent-xiaoke-worker";

/// The name as a participant.
const AGENT: &str = "xiaoke";

/// How far back is looked.
const DAYS: u32 = 7;

suoke_events::subscriber!(CONSUMER, "care", on_event);

async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[AGENT_TASK_ASSIGN])?;
    // Another service's readings: they are read, never written.
    look(db, event, async || Database::open("health").await).await
}

/// Reads before the transaction, so that nobody waits for it. An undo opens nothing: it
/// also works where the readings are unavailable.
async fn look<H: Borrow<Database>>(
    db: &mut Database,
    event: &Event,
    open_health: impl AsyncFnOnce() -> Result<H, StoreError>,
) -> Result<Vec<Event>, EventError> {
    let vitals = match asked(event, AGENT)? {
        Some(about) => {
            let health = open_health().await?;
            vitals(health.borrow(), &about.user_id, clock::now_ms()).await?
        }
        None => Vec::new(),
    };
    let answer = async |tx: &Transaction<'_>, command: &Command| answer(tx, command, vitals).await;
    take_part(db, CONSUMER, AGENT, event, answer, withdraw).await
}

/// What was measured in the days before now, judged by what the person's profile tells.
async fn vitals(health: &Database, user_id: &str, now_ms: i64) -> Result<Vec<Vital>, StoreError> {
    let since_ms = now_ms - i64::from(DAYS) * DAY_MS;
    let stored = suoke_readings::profile(health, user_id).await?;
    let person = Person::of(&stored.profile, now_ms);
    let mut vitals = Vec::new();
    for kind in VITAL_TYPES.into_iter().filter_map(catalogue::find) {
        let found = queries::readings(health, user_id, kind, since_ms).await?;
        vitals.extend(found.and_then(|readings| vital(kind, &readings, &person, now_ms)));
    }
    Ok(vitals)
}

async fn answer(
    tx: &Transaction<'_>,
    command: &Command,
    vitals: Vec<Vital>,
) -> Result<Work, EventError> {
    let about: About = command.context_as()?;
    if consultation::find(tx, &about.consultation_id, &about.user_id)
        .await?
        .is_none()
    {
        return Ok(Work::refused("there is no such consultation"));
    }
    let mut red_flags: Vec<String> = vitals
        .iter()
        .filter_map(|vital| vital.red_flag.clone())
        .collect();
    red_flags.sort();
    red_flags.dedup();
    let output = json!({ "vitals": vitals.len(), "red_flags": red_flags });
    let said = text::vitals(&vitals, DAYS);
    let content = Content::Xiaoke { days: DAYS, vitals };
    let answer = Answer::by_rules(said, red_flags, content);
    answers::store(tx, &about.consultation_id, &answer, clock::now_ms()).await?;
    Work::done(&output)
}

/// The task is cancelled.
async fn withdraw(tx: &Transaction<'_>, command: &Command, _: Before) -> Result<Work, EventError> {
    let which: Which = command.context_as()?;
    answers::cancel(tx, &which.consultation_id, AGENT, clock::now_ms()).await?;
    Ok(Work::undone())
}

#[cfg(test)]
mod tests;
