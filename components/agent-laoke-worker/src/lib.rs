//! 老克 tells the syndromes apart that a person's words suggest, with the evidence.

use serde_json::json;
use suoke_care::answers::{self, Answer, Content};
use suoke_care::commands::AGENT_TASK_ASSIGN;
use suoke_care::{About, Which, asked, consultation, text};
use suoke_diagnosis::{Differentiation, Observation, Source};
use suoke_diagnosis_steps as steps;
use suoke_events::{Event, EventError};
use suoke_guest::clock;
use suoke_sagas::messages::Command;
use suoke_sagas::participant::{Before, Work, take_part};
use suoke_store::{Database, Transaction};

/// The name in the inbox.
const CONSUMER: &str = "agent-laoke-worker";

/// The name as a participant.
const AGENT: &str = "laoke";

suoke_events::subscriber!(CONSUMER, "care", on_event);

async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[AGENT_TASK_ASSIGN])?;
    // Pure and without the write lock.
    let found = asked(event, AGENT)?.map(|about| reason(&about.chief_complaint));
    let answer = async |tx: &Transaction<'_>, command: &Command| match found {
        Some(found) => answer(tx, command, found).await,
        // The context does not fit: reading it again says how.
        None => Err(match command.context_as::<About>() {
            Err(unfit) => unfit,
            Ok(_) => EventError::work("it was not asked for anything"),
        }),
    };
    take_part(db, CONSUMER, AGENT, event, answer, withdraw).await
}

/// What the person's words mean together. Formulas are left out: nobody knows here
/// whether the person is pregnant, a child, or takes medicines.
fn reason(complaint: &str) -> Differentiation {
    let inquiry = steps::inquiry(complaint);
    let observations: Vec<Observation> = inquiry
        .findings
        .into_iter()
        .map(|finding| Observation {
            finding,
            source: Source::Inquiry,
        })
        .collect();
    let mut found = steps::differentiate(&observations, &inquiry.red_flags);
    for syndrome in &mut found.syndromes {
        syndrome.formula.clear();
    }
    found
}

async fn answer(
    tx: &Transaction<'_>,
    command: &Command,
    found: Differentiation,
) -> Result<Work, EventError> {
    let about: About = command.context_as()?;
    if consultation::find(tx, &about.consultation_id, &about.user_id)
        .await?
        .is_none()
    {
        return Ok(Work::refused("there is no such consultation"));
    }
    let syndromes: Vec<&str> = found
        .syndromes
        .iter()
        .map(|syndrome| syndrome.id.as_str())
        .collect();
    let output = json!({
        "outcome": found.outcome,
        "syndromes": syndromes,
        "red_flags": found.red_flags,
    });
    let answer = Answer::by_rules(
        text::differentiation(&found),
        found.red_flags.clone(),
        Content::Laoke {
            differentiation: Box::new(found),
        },
    );
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
