//! The function that makes partitions.

use crate::database::Sql;
use crate::error::StoreError;
use crate::params;

/// Makes the partition of the month of an instant, unless it is there.
pub(super) async fn ensure_month(
    sql: &impl Sql,
    table: &str,
    at_ms: i64,
) -> Result<(), StoreError> {
    sql.execute("SELECT ensure_month(?1, ?2)", params![table, at_ms])
        .await
}
