//! What the database `ai` knows of somebody.

use suoke_store::{Sql, StoreError, params};

/// Deletes keys with their secrets, the quota, and the letters about somebody; that they
/// are erased stays to be handled.
pub(crate) async fn erase(sql: &impl Sql, user_id: &str) -> Result<(), StoreError> {
    for text in [
        "DELETE FROM virtual_key_secrets \
         WHERE key_id IN (SELECT id FROM virtual_keys WHERE user_id = ?1)",
        "DELETE FROM virtual_keys WHERE user_id = ?1",
        "DELETE FROM quotas WHERE user_id = ?1",
        "DELETE FROM event_failures WHERE type <> 'user.deleted' \
         AND CASE WHEN json_valid(payload) THEN \
         coalesce(json_extract(payload, '$.subject'), '') = 'user/' || ?1 \
         OR ?1 IN (coalesce(json_extract(payload, '$.data.user_id'), ''), \
         coalesce(json_extract(payload, '$.data.context.user_id'), '')) END",
    ] {
        sql.execute(text, params![user_id]).await?;
    }
    Ok(())
}
