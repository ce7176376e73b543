//! What the inquiry found, in SQL.

use suoke_store::{Sql, StoreError, params};

/// The result of the inquiry of a consultation as JSON.
pub(crate) async fn inquiry(
    sql: &impl Sql,
    consultation_id: &str,
) -> Result<Option<String>, StoreError> {
    let text = "SELECT result FROM diagnoses WHERE consultation_id = ?1 AND step = 'inquiry'";
    sql.query_optional(text, params![consultation_id]).await
}
