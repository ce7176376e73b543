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

/// The tombstone comes first, in a transaction that waits for those under way: nobody adds
/// anything from then on. Deletes piece by piece, then notes the event: what breaks off
/// goes on where it was when the event comes again.
async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[USER_DELETED])?;
    let About { user_id } = event.data_as()?;
    let now_ms = clock::now_ms();
    let noted: Result<_, EventError> = db
        .transaction(async |tx| Ok(erased::note(tx, &user_id, now_ms).await?))
        .await;
    noted?;
    while blobs::erase(db, &user_id, ROWS_MAX)
        .await
        .map_err(EventError::work)?
        > 0
    {}
    // Also what an upload has left that broke off.
    blobs::erase_bytes(&user_id)
        .await
        .map_err(EventError::work)?;
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
