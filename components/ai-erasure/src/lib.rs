//! Deletes what the models knew of a user who is erased: virtual keys with their secrets,
//! and the quota. A tombstone keeps what is still on its way from giving another.

mod queries;

use serde::Deserialize;
use suoke_events::types::USER_DELETED;
use suoke_events::{Event, EventError, consume};
use suoke_guest::clock;
use suoke_store::{Database, erased};

/// The name in the inbox.
const CONSUMER: &str = "ai-erasure";

suoke_events::subscriber!(CONSUMER, "ai", on_event);

/// Whom the event is about.
#[derive(Deserialize)]
struct About {
    user_id: String,
}

/// One transaction: a user has few keys and one quota.
async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[USER_DELETED])?;
    let About { user_id } = event.data_as()?;
    let done: Result<_, EventError> = consume(db, CONSUMER, event, async |tx| {
        erased::note(tx, &user_id, clock::now_ms()).await?;
        Ok(queries::erase(tx, &user_id).await?)
    })
    .await;
    done?;
    Ok(Vec::new())
}

#[cfg(test)]
mod tests;
