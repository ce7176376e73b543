//! The SQL of blobs.

use suoke_store::{Sql, StoreError, params};

use crate::blobs::Blob;

/// One blob of a person.
pub(crate) async fn one(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
) -> Result<Option<Blob>, StoreError> {
    sql.query_optional(
        "SELECT id, sha256, media_type, bytes, created_ms FROM blobs \
         WHERE user_id = ?1 AND id = ?2",
        params![user_id, id],
    )
    .await
}
