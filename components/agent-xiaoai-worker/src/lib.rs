//! 小艾 takes a consultation in: asks for the inquiry step and answers when it is done.

mod queries;

use serde_json::json;
use suoke_care::answers::{self, Answer, Content};
use suoke_care::commands::AGENT_TASK_ASSIGN;
use suoke_care::{About, Which, consultation, text};
use suoke_diagnosis::StepResult;
use suoke_events::types::{
    DIAGNOSIS_COMPLETED, DIAGNOSIS_REQUEST, DiagnosisCompleted, DiagnosisRequested,
};
use suoke_events::{Event, EventError, consume};
use suoke_guest::clock;
use suoke_sagas::messages::Command;
use suoke_sagas::participant::{self, Before, Work, take_part};
use suoke_store::{Database, Transaction};

/// The name in the inbox.
const CONSUMER: &str = "agent-xiaoai-worker";

/// The name as a participant.
const AGENT: &str = "xiaoai";

suoke_events::subscriber!(CONSUMER, "care", on_event);

async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[AGENT_TASK_ASSIGN, DIAGNOSIS_COMPLETED])?;
    if event.kind == DIAGNOSIS_COMPLETED {
        return tell(db, event).await;
    }
    take_part(db, CONSUMER, AGENT, event, ask, withdraw).await
}

/// Asks for the inquiry step; each attempt asks again, for a request may be lost.
async fn ask(tx: &Transaction<'_>, command: &Command) -> Result<Work, EventError> {
    let about: About = command.context_as()?;
    let found = consultation::find(tx, &about.consultation_id, &about.user_id).await?;
    match found.map(|found| found.status) {
        Some(status) if status == "running" => {}
        Some(status) => return Ok(Work::refused(format!("the consultation is {status}"))),
        None => return Ok(Work::refused("there is no such consultation")),
    }
    let asked = DiagnosisRequested {
        consultation_id: about.consultation_id.clone(),
        user_id: about.user_id,
        step: "inquiry".to_owned(),
        text: about.chief_complaint,
    };
    let request = Event::new(DIAGNOSIS_REQUEST, CONSUMER, &asked)?
        .about(format!("consultation/{}", asked.consultation_id));
    Ok(Work::later(about.consultation_id).telling(request))
}

/// Answers with what the inquiry found, if anybody still waits for it.
async fn tell(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    let told: DiagnosisCompleted = event.data_as()?;
    let done: Result<_, EventError> = consume(db, CONSUMER, event, async |tx| {
        let Some(result) = queries::result(tx, &told.diagnosis_id).await? else {
            // It was stored with the event: the consultation was taken back meanwhile.
            return Ok(Vec::new());
        };
        let result: StepResult = serde_json::from_str(&result).map_err(EventError::work)?;
        let output = json!({ "diagnosis_id": told.diagnosis_id, "red_flags": result.red_flags });
        let work = Work::done(&output)?;
        let id = &told.consultation_id;
        let next = participant::answer(tx, CONSUMER, AGENT, id, work, event).await?;
        if !next.is_empty() {
            let content = Content::Xiaoai {
                diagnosis_id: told.diagnosis_id.clone(),
            };
            let answer = Answer::by_rules(text::inquiry(&result), result.red_flags, content);
            answers::store(tx, id, &answer, clock::now_ms()).await?;
        }
        Ok(next)
    })
    .await;
    Ok(done?.unwrap_or_default())
}

/// The task is cancelled.
async fn withdraw(tx: &Transaction<'_>, command: &Command, _: Before) -> Result<Work, EventError> {
    let which: Which = command.context_as()?;
    answers::cancel(tx, &which.consultation_id, AGENT, clock::now_ms()).await?;
    Ok(Work::undone())
}

#[cfg(test)]
mod tests;
