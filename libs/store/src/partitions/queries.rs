//! The function that makes partitions.

use crate::database::Sql;
use crate::error::StoreError;
use crate::params;

/// Makes the partitions of the months of some instants, unless they are there.
pub(super) async fn ensure_months(
    sql: &impl Sql,
    table: &str,
    instants_ms: impl Iterator<Item = i64>,
) -> Result<(), StoreError> {
    let instants: Vec<String> = instants_ms.map(|at| at.to_string()).collect();
    sql.execute(
        "SELECT ensure_month(?1, CAST(value AS INTEGER)) FROM json_each(?2)",
        params![table, format!("[{}]", instants.join(","))],
    )
    .await
}
