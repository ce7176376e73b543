//! Tombstones of users who are erased: work in flight looks for them in its own
//! transaction, so that nothing of a person comes back after their erasure.
//!
//! The table `erased_users` belongs to the labels `ai`, `care` and `health`. A tombstone
//! holds an id and an instant, is written in the transaction that erases, and stays:
//! nobody knows how late an event comes.

mod queries;

use crate::database::Sql;
use crate::error::StoreError;

/// Notes that a user is erased; the first note stays.
///
/// # Errors
/// When the database fails, or its label has no tombstones.
pub async fn note(sql: &impl Sql, user_id: &str, now_ms: i64) -> Result<(), StoreError> {
    queries::insert(sql, user_id, now_ms).await
}

/// Whether a user is erased.
///
/// # Errors
/// When the database fails, or its label has no tombstones.
pub async fn is_erased(sql: &impl Sql, user_id: &str) -> Result<bool, StoreError> {
    queries::exists(sql, user_id).await
}
