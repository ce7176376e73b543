//! Where a consultation stands: `created → running → diagnosed`, or `cancelled` by its
//! owner, or `failed` with a reason when its saga was undone or abandoned.

use suoke_store::{Sql, StoreError};

mod queries;

pub use queries::Consultation;

/// The consultation, if it is this user's.
///
/// # Errors
/// When the database fails.
pub async fn find(
    sql: &impl Sql,
    id: &str,
    user_id: &str,
) -> Result<Option<Consultation>, StoreError> {
    let found = queries::find(sql, id).await?;
    Ok(found.filter(|found| found.user_id == user_id))
}

/// Moves a consultation that stands at one of `from`; false where it stands elsewhere or
/// is gone.
///
/// # Errors
/// When the database fails.
pub async fn advance(
    sql: &impl Sql,
    id: &str,
    from: &[&str],
    to: &str,
    now_ms: i64,
) -> Result<bool, StoreError> {
    match queries::find(sql, id).await? {
        Some(found) if from.contains(&found.status.as_str()) => {
            queries::set_status(sql, id, to, None, now_ms).await?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Ends a consultation that could not be diagnosed. What the person said is kept; one
/// that was cancelled stays cancelled.
///
/// # Errors
/// When the database fails.
pub async fn fail(sql: &impl Sql, id: &str, reason: &str, now_ms: i64) -> Result<(), StoreError> {
    match queries::find(sql, id).await? {
        Some(found) if found.status != "cancelled" => {
            queries::set_status(sql, id, "failed", Some(reason), now_ms).await
        }
        _ => Ok(()),
    }
}

/// Deletes what the engines found in a consultation.
///
/// # Errors
/// When the database fails.
pub async fn forget_findings(sql: &impl Sql, id: &str) -> Result<(), StoreError> {
    queries::delete_diagnoses(sql, id).await
}
