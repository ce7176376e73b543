//! Deletes the health of a user who is erased: readings, blobs, figures, alerts,
//! records, their profile, and the events that told of them.

mod queries;

use serde::Deserialize;
use suoke_events::types::USER_DELETED;
use suoke_events::{Event, EventError, consume};
use suoke_guest::clock;
use suoke_readings::blobs;
use suoke_store::{Database, erased};

/// The name in the inbox.
const CONSUMER: &str = "health-erasure";

/// How many rows of a table go in one transaction: others wait for it.
const ROWS_MAX: u32 = 2_000;

suoke_events::subscriber!(CONSUMER, "health", on_event);

/// Whom the event is about.
#[derive(Deserialize)]
struct About {
    user_id: String,
}

/// The tombstone comes first: nobody adds anything from then on. Deletes piece by piece, then notes the event: what breaks off goes on where it was
/// when the event comes again.
async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[USER_DELETED])?;
    let About { user_id } = event.data_as()?;
    erased::note(db, &user_id, clock::now_ms()).await?;
    while blobs::erase(db, &user_id, ROWS_MAX).await.map_err(EventError::work)? > 0 {}
    for text in queries::PIECES {
        while queries::delete_piece(db, text, &user_id, ROWS_MAX).await? > 0 {}
    }
    let done: Result<_, EventError> = consume(db, CONSUMER, event, async |_| Ok(())).await;
    done?;
    Ok(Vec::new())
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_search;
