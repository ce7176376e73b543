//! Makes the report of a consultation out of what the inquiry and the agents found.

mod queries;

use suoke_care::answers::{self, Answer};
use suoke_care::commands::REPORT_GENERATE;
use suoke_care::report::{self, Report};
use suoke_care::{About, REPORT_PARTICIPANT, ReportMade, Which, consultation};
use suoke_diagnosis::StepResult;
use suoke_events::{Event, EventError};
use suoke_guest::{clock, ids};
use suoke_sagas::messages::Command;
use suoke_sagas::participant::{Before, Work, take_part};
use suoke_store::{Database, Transaction};

/// The name in the inbox and as a participant.
const CONSUMER: &str = REPORT_PARTICIPANT;

/// Whose answers a report needs.
const AGENTS: [&str; 3] = ["xiaoai", "xiaoke", "laoke"];

suoke_events::subscriber!(CONSUMER, "care", on_event);

async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[REPORT_GENERATE])?;
    take_part(db, CONSUMER, CONSUMER, event, make, take_back).await
}

/// Stores the report; the consultation is `diagnosed`.
async fn make(tx: &Transaction<'_>, command: &Command) -> Result<Work, EventError> {
    let about: About = command.context_as()?;
    let id = &about.consultation_id;
    let now_ms = clock::now_ms();
    if !consultation::advance(tx, id, &["running"], "diagnosed", now_ms).await? {
        return Ok(Work::refused("the consultation is not running"));
    }
    let Some(inquiry) = queries::inquiry(tx, id).await? else {
        return Ok(Work::refused("there is no result of the inquiry"));
    };
    let inquiry: StepResult = serde_json::from_str(&inquiry).map_err(EventError::work)?;
    let mut answers = Vec::new();
    for row in answers::all(tx, id).await? {
        if row.state == "answered" {
            let answer: Answer = serde_json::from_str(&row.answer).map_err(EventError::work)?;
            answers.push(answer);
        }
    }
    let is_there = |agent: &&str| answers.iter().any(|answer| answer.agent() == *agent);
    if let Some(missing) = AGENTS.iter().find(|agent| !is_there(agent)) {
        return Ok(Work::refused(format!("there is no answer of {missing}")));
    }
    let report = Report::of(inquiry, &answers);
    let made = ReportMade {
        report_id: ids::new_id(),
        is_emergency: !report.red_flags.is_empty(),
        red_flags: report
            .red_flags
            .iter()
            .map(|flag| flag.code.clone())
            .collect(),
        syndromes: report.syndromes(),
    };
    report::store(tx, &made.report_id, id, &report, now_ms).await?;
    Work::done(&made)
}

/// Deletes the report; the consultation is `running` as before.
async fn take_back(tx: &Transaction<'_>, command: &Command, _: Before) -> Result<Work, EventError> {
    let which: Which = command.context_as()?;
    let id = &which.consultation_id;
    report::delete(tx, id).await?;
    consultation::advance(tx, id, &["diagnosed"], "running", clock::now_ms()).await?;
    Ok(Work::undone())
}

#[cfg(test)]
mod tests;
