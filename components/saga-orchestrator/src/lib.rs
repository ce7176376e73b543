//! Starts sagas and leads them through their steps: see `suoke-sagas`.

use suoke_events::{Event, EventError};
use suoke_sagas::orchestrator;
use suoke_store::Database;

/// The name in the inbox.
const CONSUMER: &str = "saga-orchestrator";

suoke_events::subscriber!(CONSUMER, "platform", on_event);

async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    orchestrator::on_event(db, CONSUMER, event).await
}

#[cfg(test)]
mod tests;
