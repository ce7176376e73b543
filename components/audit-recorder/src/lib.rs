//! Notes who did what: an event of users, groups, sessions, keys or settings, or of an access to
//! the health of somebody else, becomes an entry of the audit, once.
//!
//! An entry names what was changed, never its value: ids, roles and the like are kept,
//! everything else is a name of a field. So nothing in it must be erased later.

mod entry;

use suoke_events::{Event, EventError, consume, streams};
use suoke_store::Database;

/// The name in the inbox.
const CONSUMER: &str = "audit-recorder";

/// The type of the streams; each subject has its own.
const STREAM_TYPE: &str = "audit";

suoke_events::subscriber!(CONSUMER, "identity", on_event);

async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    let noted = entry::of(event);
    let done: Result<_, EventError> = consume(db, CONSUMER, event, async |tx| {
        let version = streams::version(tx, STREAM_TYPE, event.aggregate()).await?;
        streams::append(tx, STREAM_TYPE, event.aggregate(), version, &[noted]).await
    })
    .await;
    done?;
    Ok(Vec::new())
}

#[cfg(test)]
mod tests;
