//! A consultation that its owner no longer wants.

use suoke_events::{Event, outbox};
use suoke_guest::{ApiError, Request, clock, ids};
use suoke_sagas::messages::{CancelRequest, SAGA_CANCEL};
use suoke_store::Database;

use crate::{missing, queries};

/// Cancels what is not finished; its saga is told to undo what it did. Cancelling twice
/// tells nobody anything new. Gives the events to announce.
pub(crate) async fn cancel(
    db: &mut Database,
    request: &Request,
    user_id: &str,
    id: &str,
) -> Result<Vec<Event>, ApiError> {
    if !ids::is_id(id) {
        return Err(missing());
    }
    let told = CancelRequest {
        saga_id: suoke_care::saga_id(id),
    };
    let event = Event::new(SAGA_CANCEL, "consultations", &told)?
        .about(format!("saga/{}", told.saga_id))
        .from_request(request);
    db.transaction(async |tx| {
        let row = queries::one(tx, user_id, id).await?.ok_or_else(missing)?;
        match row.status.as_str() {
            "created" | "running" => {}
            "cancelled" => return Ok(Vec::new()),
            _ => return Err(finished()),
        }
        queries::set_cancelled(tx, id, clock::now_ms()).await?;
        Ok(vec![outbox(tx, event).await?])
    })
    .await
}

fn finished() -> ApiError {
    ApiError::conflict(
        "consultation_finished",
        "The consultation is finished already.",
    )
    .zh("问诊已经结束。")
}
