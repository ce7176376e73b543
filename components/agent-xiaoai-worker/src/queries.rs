//! What a step found, in SQL.

use suoke_store::{Sql, StoreError, params};

/// The result of a diagnosis as JSON.
pub(crate) async fn result(sql: &impl Sql, id: &str) -> Result<Option<String>, StoreError> {
    let text = "SELECT result FROM diagnoses WHERE id = ?1";
    sql.query_optional(text, params![id]).await
}
