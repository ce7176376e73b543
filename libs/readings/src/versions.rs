//! Readings with what they corrected: a chain of corrections is one thing with
//! versions, named by the id of its first reading.

use suoke_health::view::{Status, StoredReading};
use suoke_store::{Sql, StoreError};

use crate::cursor::Cursor;
use crate::queries::versions as queries;

/// Most versions that are followed.
pub const VERSIONS_MAX: usize = 1_000;
/// Most readings of one [`matching`].
pub const MATCHING_MAX: u32 = 1_001;

/// A bound on when a reading began or ended; one that names no end ended at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// It began at this instant or later.
    StartFrom(i64),
    /// It began before this instant.
    StartBefore(i64),
    /// It ended at this instant or later.
    EndFrom(i64),
    /// It ended before this instant.
    EndBefore(i64),
}

/// Which of the readings that count; [`Matching::deleted`] names those that do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corrected {
    /// All.
    Any,
    /// Those that correct another one.
    Only,
    /// Those that correct none.
    Never,
}

/// Readings that are looked for, the newest versions only.
#[derive(Clone, Debug)]
pub struct Matching<'a> {
    /// Keys of the catalogue.
    pub types: &'a [&'a str],
    /// Any bound of each list must fit.
    pub bounds: &'a [Vec<Bound>],
    /// Whether they correct others.
    pub corrected: Corrected,
    /// After the last reading of an earlier page.
    pub after: Option<Cursor>,
    /// Oldest first.
    pub is_ascending: bool,
    /// How many at most; at most [`MATCHING_MAX`] are given.
    pub limit: u32,
    /// Those that were deleted instead of those that count.
    pub deleted: bool,
}

/// A page of readings by time and id.
///
/// # Errors
/// When the database fails.
pub async fn matching(
    sql: &impl Sql,
    user_id: &str,
    wanted: &Matching<'_>,
) -> Result<Vec<StoredReading>, StoreError> {
    let limit = wanted.limit.min(MATCHING_MAX);
    let mut found = Vec::new();
    for kind in wanted.types {
        found.extend(queries::page(sql, user_id, kind, wanted, limit).await?);
    }
    found.sort_by(|one: &StoredReading, other| {
        let order = (one.effective_ms, &one.id).cmp(&(other.effective_ms, &other.id));
        if wanted.is_ascending {
            order
        } else {
            order.reverse()
        }
    });
    found.truncate(limit as usize);
    Ok(found)
}

/// How many readings [`matching`] would find, page after page.
///
/// # Errors
/// When the database fails.
pub async fn count(
    sql: &impl Sql,
    user_id: &str,
    wanted: &Matching<'_>,
) -> Result<u64, StoreError> {
    queries::count(sql, user_id, wanted).await
}

/// The newest readings that clients gave one of these ids, at most [`MATCHING_MAX`].
///
/// # Errors
/// When the database fails.
pub async fn by_client_ids(
    sql: &impl Sql,
    user_id: &str,
    client_ids: &[&str],
) -> Result<Vec<StoredReading>, StoreError> {
    if client_ids.is_empty() {
        return Ok(Vec::new());
    }
    queries::by_client_ids(sql, user_id, client_ids, MATCHING_MAX).await
}

/// Every version of the thing that a reading belongs to, the oldest first; empty where
/// there is no such reading, and where the newest version is gone: what it corrected
/// does not count again.
///
/// # Errors
/// When the database fails.
pub async fn versions(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
) -> Result<Vec<StoredReading>, StoreError> {
    let mut found = match crate::find(sql, user_id, id).await? {
        Some(reading) => before(sql, user_id, reading).await?,
        // The first may have been purged, and still be the name of those after it.
        None => Vec::new(),
    };
    while found.len() < VERSIONS_MAX {
        let last = match found.last() {
            Some(last) if last.status == Status::Final => break,
            Some(last) => last.id.clone(),
            None => id.to_owned(),
        };
        match queries::successor(sql, user_id, &last).await? {
            Some(next) => found.push(next),
            None => break,
        }
    }
    if found
        .last()
        .is_some_and(|last| last.status == Status::Amended)
    {
        found.clear();
    }
    Ok(found)
}

/// A reading and what it corrects, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn before(
    sql: &impl Sql,
    user_id: &str,
    reading: StoredReading,
) -> Result<Vec<StoredReading>, StoreError> {
    let mut found = vec![reading];
    while found.len() < VERSIONS_MAX {
        let earlier = found.last().and_then(|last| last.supersedes.clone());
        let Some(earlier) = earlier else { break };
        match crate::find(sql, user_id, &earlier).await? {
            Some(reading) => found.push(reading),
            None => break,
        }
    }
    found.reverse();
    Ok(found)
}

#[cfg(test)]
mod tests;
