//! Deletes the consultations of a user who is erased, with everything that came of them,
//! and the events that told of them; and tells which those were.

mod queries;

use serde::{Deserialize, Serialize};
use suoke_events::types::USER_DELETED;
use suoke_events::{Event, EventError, consume, outbox};
use suoke_guest::clock;
use suoke_store::{Database, Transaction, erased};

/// The name in the inbox.
const CONSUMER: &str = "care-erasure";

/// What is told of each consultation that is gone: [`Erased`].
const CONSULTATION_ERASED: &str = "consultation.erased";

/// How many consultations go in one transaction: others wait for it.
const CONSULTATIONS_MAX: u32 = 50;

suoke_events::subscriber!(CONSUMER, "care", on_event);

/// Whom the event is about.
#[derive(Deserialize)]
struct About {
    user_id: String,
}

/// A consultation that is gone. Others who know something of it forget it, too.
#[derive(Serialize)]
struct Erased<'a> {
    consultation_id: &'a str,
}

/// Deletes piece by piece, then notes the event: what breaks off goes on where it was
/// when the event comes again.
async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[USER_DELETED])?;
    let About { user_id } = event.data_as()?;
    let mut told = Vec::new();
    loop {
        let piece = db.transaction(async |tx| erase_piece(tx, event, &user_id).await);
        let piece: Vec<Event> = piece.await?;
        if piece.is_empty() {
            break;
        }
        told.extend(piece);
    }
    let done: Result<_, EventError> = consume(db, CONSUMER, event, async |tx| {
        queries::erase_notifications(tx, &user_id).await?;
        Ok(queries::erase_letters(tx, &user_id).await?)
    })
    .await;
    done?;
    Ok(told)
}

async fn erase_piece(
    tx: &Transaction<'_>,
    event: &Event,
    user_id: &str,
) -> Result<Vec<Event>, EventError> {
    // From here on nobody opens another for them.
    erased::note(tx, user_id, clock::now_ms()).await?;
    let mut told = Vec::new();
    for consultation_id in queries::consultations(tx, user_id, CONSULTATIONS_MAX).await? {
        queries::erase(tx, &consultation_id).await?;
        let erased = Erased {
            consultation_id: &consultation_id,
        };
        let erased = Event::new(CONSULTATION_ERASED, CONSUMER, &erased)?
            .about(format!("consultation/{consultation_id}"))
            .caused_by(event);
        told.push(outbox(tx, erased).await?);
    }
    Ok(told)
}

#[cfg(test)]
mod tests;
