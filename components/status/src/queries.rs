//! The question that any database answers.

use suoke_store::{Sql, StoreError, params};

/// Reads a table that every database has.
pub(crate) async fn answers(sql: &impl Sql) -> Result<(), StoreError> {
    sql.execute("SELECT version FROM schema_migrations LIMIT 1", params![])
        .await
}
