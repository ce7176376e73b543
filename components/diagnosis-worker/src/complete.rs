//! What a step found, stored: row and event in one transaction.

use suoke_diagnosis::StepResult;
use suoke_events::types::{DIAGNOSIS_COMPLETED, DiagnosisCompleted, DiagnosisRequested};
use suoke_events::{Event, EventError, outbox};
use suoke_guest::{clock, ids};
use suoke_store::{Transaction, erased};

use crate::{COMPONENT, queries, unfit};

/// Stores the result and tells about it. A request that comes late, when the consultation
/// does not run any more, stores nothing: nobody would take that back.
pub async fn complete(
    tx: &Transaction<'_>,
    event: &Event,
    request: &DiagnosisRequested,
    result: &StepResult,
) -> Result<Option<Event>, EventError> {
    if erased::is_erased(tx, &request.user_id).await? {
        // A letter would keep what the person said.
        return Ok(None);
    }
    let found = queries::consultation(tx, &request.consultation_id).await?;
    let consultation = found.filter(|found| found.user_id == request.user_id);
    let consultation =
        consultation.ok_or_else(|| unfit(event, "there is no such consultation of this user"))?;
    if consultation.status != "running" {
        return Ok(None);
    }
    let now_ms = clock::now_ms();
    let json = serde_json::to_string(result).map_err(EventError::work)?;
    let diagnosis = queries::Diagnosis {
        id: &ids::new_id(),
        consultation_id: &request.consultation_id,
        step: &request.step,
        result: &json,
        engine: &result.model,
    };
    let diagnosis_id = queries::store(tx, &diagnosis, now_ms).await?;
    let completed = DiagnosisCompleted {
        consultation_id: request.consultation_id.clone(),
        user_id: request.user_id.clone(),
        diagnosis_id,
        step: request.step.clone(),
        engine: result.model.clone(),
        red_flags: result.red_flags.clone(),
    };
    let completed = Event::new(DIAGNOSIS_COMPLETED, COMPONENT, &completed)?
        .about(format!("consultation/{}", request.consultation_id))
        .caused_by(event);
    outbox(tx, completed).await.map(Some)
}
