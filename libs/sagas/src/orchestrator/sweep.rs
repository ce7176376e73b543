//! The sweeper: time passes for sagas whose step takes too long, and those that
//! a crash left behind go on.

use suoke_events::{Event, EventError};
use suoke_guest::log;
use suoke_store::{Database, Transaction};

use super::{Operated, handle_row};
use crate::machine::Input;
use crate::queries;

/// How long a sweeper works alone on a saga that it has leased.
const LEASE_MS: i64 = 30_000;

/// How many sagas are leased at once.
const LEASE_SAGAS_MAX: u32 = 50;

/// How many sagas one run works on.
const RUN_SAGAS_MAX: usize = 500;

/// How long a saga that ended is kept.
const RETENTION_MS: i64 = 90 * 24 * 60 * 60 * 1000;

/// How many old sagas one run deletes.
const RUN_DELETIONS_MAX: u32 = 100;

/// What a run did.
#[derive(Debug, Default)]
pub struct Swept {
    /// Sagas that went on.
    pub advanced: usize,
    /// Sagas that could not, for a reason that is logged.
    pub failed: usize,
    /// Sagas that were too old to keep.
    pub deleted: usize,
    /// The events to announce.
    pub events: Vec<Event>,
}

/// Works on the sagas that are due at `now_ms`. `owner` names this run: two runs
/// at the same time never work on the same saga.
///
/// # Errors
/// When the database fails; what was done before stays done.
pub async fn sweep(db: &mut Database, owner: &str, now_ms: i64) -> Result<Swept, EventError> {
    let mut swept = Swept::default();
    while swept.advanced + swept.failed < RUN_SAGAS_MAX && queries::is_any_due(db, now_ms).await? {
        let until = now_ms.saturating_add(LEASE_MS);
        let ids = queries::lease(db, owner, until, LEASE_SAGAS_MAX, now_ms).await?;
        for id in &ids {
            let ticked = db
                .transaction(async |tx| tick(tx, owner, id, now_ms).await)
                .await;
            match ticked {
                Ok(events) => {
                    swept.advanced += 1;
                    swept.events.extend(events);
                }
                // One saga must not keep the others waiting. Its lease ends by itself.
                Err(error) => {
                    swept.failed += 1;
                    let cause = error.to_string();
                    log::error("saga cannot go on", &[("saga.id", id), ("cause", &cause)]);
                }
            }
        }
        if ids.is_empty() {
            break;
        }
    }
    swept.deleted = delete_old(db, now_ms).await?;
    Ok(swept)
}

/// Time passes for a saga that is still leased to `owner`.
pub(super) async fn tick(
    tx: &Transaction<'_>,
    owner: &str,
    id: &str,
    now_ms: i64,
) -> Result<Vec<Event>, EventError> {
    let row = queries::find(tx, id).await?;
    let Some(row) = row.filter(|row| row.lease_owner.as_deref() == Some(owner)) else {
        return Ok(Vec::new());
    };
    match handle_row(tx, &row, Input::Tick, None, now_ms).await? {
        Operated::Done(events) => Ok(events),
        Operated::Refused(_) | Operated::Missing => Ok(Vec::new()),
    }
}

async fn delete_old(db: &mut Database, now_ms: i64) -> Result<usize, EventError> {
    let before = now_ms.saturating_sub(RETENTION_MS);
    let ids = queries::ended_before(db, before, RUN_DELETIONS_MAX).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let list = serde_json::to_string(&ids).map_err(EventError::work)?;
    db.transaction(async |tx| queries::delete(tx, &list).await)
        .await?;
    Ok(ids.len())
}
