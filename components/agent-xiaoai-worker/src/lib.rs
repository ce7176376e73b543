//! 小艾 takes a new consultation in and asks for the inquiry step.

mod queries;

use suoke_events::types::{
    ConsultationCreated, DIAGNOSIS_REQUEST, DiagnosisRequested, HEALTH_CONSULTATION,
};
use suoke_events::{Event, EventError, consume, outbox};
use suoke_guest::{clock, log};
use suoke_store::Database;

/// The name in the inbox.
const CONSUMER: &str = "agent-xiaoai-worker";

suoke_events::subscriber!(CONSUMER, "care", on_event);

async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[HEALTH_CONSULTATION])?;
    let next = take_in(db, event).await?;
    if next.is_some() {
        log::info("consultation taken in", &[("event.id", &event.id)]);
    }
    Ok(next.into_iter().collect())
}

/// Sets the status and asks for a diagnosis, once for each event. A
/// consultation that is past its beginning, or gone, is left alone.
async fn take_in(db: &mut Database, event: &Event) -> Result<Option<Event>, EventError> {
    let told: ConsultationCreated = event.data_as()?;
    let asked = DiagnosisRequested {
        consultation_id: told.consultation_id,
        user_id: told.user_id,
        step: "inquiry".to_owned(),
        text: told.chief_complaint,
    };
    let next = Event::new(DIAGNOSIS_REQUEST, CONSUMER, &asked)?
        .about(format!("consultation/{}", asked.consultation_id))
        .caused_by(event);
    let done: Result<_, EventError> = consume(db, CONSUMER, event, async |tx| {
        if !queries::start_diagnosing(tx, &asked.consultation_id, clock::now_ms()).await? {
            return Ok(None);
        }
        outbox(tx, next).await.map(Some)
    })
    .await;
    done.map(Option::flatten)
}

#[cfg(test)]
mod tests;
