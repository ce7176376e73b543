//! Forgets what sagas knew of a consultation that is erased: what the person said lies in
//! the context of its saga, and in the commands that went out with it.

mod queries;

use serde::Deserialize;
use suoke_events::{Event, EventError, consume};
use suoke_store::Database;

/// The name in the inbox.
const CONSUMER: &str = "saga-erasure";

/// What is told of each consultation that is gone.
const CONSULTATION_ERASED: &str = "consultation.erased";

suoke_events::subscriber!(CONSUMER, "platform", on_event);

/// Which consultation the event is about.
#[derive(Deserialize)]
struct About {
    consultation_id: String,
}

/// A saga that still runs goes on without what it has lost: its participants find no
/// consultation, and it ends undone.
async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[CONSULTATION_ERASED])?;
    let About { consultation_id } = event.data_as()?;
    let saga_id = suoke_care::saga_id(&consultation_id);
    let done: Result<_, EventError> = consume(db, CONSUMER, event, async |tx| {
        Ok(queries::forget(tx, &saga_id, &consultation_id).await?)
    })
    .await;
    done?;
    Ok(Vec::new())
}

#[cfg(test)]
mod tests;
