//! A reading that was wrong.

use suoke_events::{Event, announce, outbox};
use suoke_guest::ApiError;
use suoke_health::batch::dirty_days;
use suoke_health::view::Status;
use suoke_store::{Database, Transaction, erased};

use crate::cause::Cause;
use crate::events::{self, Deleted};
use crate::marks::mark;
use crate::queries::write as queries;
use crate::read::find;
use crate::versions::before;

/// What became of a reading that was to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// It counts no longer.
    Now,
    /// It counted no longer before: deleted already, or corrected.
    Before,
    /// There is none with this id.
    Absent,
}

/// Removes a reading of a person: it and what it corrected are `entered_in_error` from
/// now on, its day is marked and `health.data.deleted` is told. Sending the same reading
/// again does not bring it back while its row is there.
///
/// # Errors
/// 401 `account_erased`, or when the database fails.
pub async fn remove(
    db: &mut Database,
    user_id: &str,
    id: &str,
    now_ms: i64,
    cause: Cause<'_>,
) -> Result<Removed, ApiError> {
    let (removed, events) = db
        .transaction_of(user_id, async |tx| {
            remove_in(tx, user_id, id, now_ms, cause).await
        })
        .await?;
    announce(&events).await;
    Ok(removed)
}

/// [`remove()`] in a transaction of the caller, who announces the events after its
/// commit.
///
/// # Errors
/// 401 `account_erased`, or when the database fails.
pub async fn remove_in(
    tx: &Transaction<'_>,
    user_id: &str,
    id: &str,
    now_ms: i64,
    cause: Cause<'_>,
) -> Result<(Removed, Vec<Event>), ApiError> {
    if erased::is_erased(tx, user_id).await? {
        return Err(crate::record::erased());
    }
    let Some(reading) = find(tx, user_id, id).await? else {
        return Ok((Removed::Absent, Vec::new()));
    };
    if reading.status != Status::Final {
        return Ok((Removed::Before, Vec::new()));
    }
    let days = dirty_days([(reading.kind.key, reading.effective_ms)]);
    let kind = reading.kind.key;
    // What it corrected goes with it, and is purged with it.
    for version in before(tx, user_id, reading).await? {
        let (id, at_ms, status) = (&version.id, version.effective_ms, Status::EnteredInError);
        queries::set_status(tx, user_id, id, at_ms, status, now_ms).await?;
    }
    mark(tx, user_id, &days, now_ms).await?;
    let deleted = Deleted {
        user_id: user_id.to_owned(),
        id: id.to_owned(),
        kind: kind.to_owned(),
    };
    let event = Event::new(events::DELETED, cause.component(), &deleted)?;
    let event = cause.of(event.about(events::subject(user_id)));
    Ok((Removed::Now, vec![outbox(tx, event).await?]))
}

#[cfg(test)]
mod tests;
