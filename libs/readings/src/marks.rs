//! Marks: which days of which metric have to be computed anew.

use suoke_health::batch::DirtyDay;
use suoke_store::{Sql, StoreError};

use crate::queries::marks as queries;

/// Marks days of UTC as out of date. The span of a mark only grows until the aggregation
/// takes it away; one that is made meanwhile stays.
pub(crate) async fn mark(
    sql: &impl Sql,
    user_id: &str,
    days: &[DirtyDay],
    now_ms: i64,
) -> Result<(), StoreError> {
    if days.is_empty() {
        return Ok(());
    }
    queries::mark(sql, user_id, days, now_ms).await
}

/// Marks every day of a person, such as when their midnights moved.
///
/// # Errors
/// When the database fails.
pub async fn mark_all_days(sql: &impl Sql, user_id: &str, now_ms: i64) -> Result<(), StoreError> {
    queries::mark_all(sql, user_id, now_ms).await
}
