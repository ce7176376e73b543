//! Virtual keys in SQL: label `ai`.

use suoke_store::{Sql, StoreError, params};

use crate::draft::Checked;

/// A key with its current secret, as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct KeyRow {
    pub(crate) id: String,
    pub(crate) user_id: String,
    pub(crate) name: String,
    pub(crate) models: String,
    pub(crate) budget_micros_max: Option<i64>,
    pub(crate) budget_duration: Option<String>,
    pub(crate) requests_per_minute_max: Option<u32>,
    pub(crate) tokens_per_minute_max: Option<u32>,
    pub(crate) parallel_max: Option<u32>,
    pub(crate) metadata: String,
    pub(crate) expires_at: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) rotated_at: Option<i64>,
    pub(crate) last4: String,
    /// Of the secret.
    pub(crate) secret_expires_at: Option<i64>,
}

suoke_store::from_row!(KeyRow {
    id,
    user_id,
    name,
    models,
    budget_micros_max,
    budget_duration,
    requests_per_minute_max,
    tokens_per_minute_max,
    parallel_max,
    metadata,
    expires_at,
    created_at,
    rotated_at,
    last4,
    secret_expires_at
});

const COLUMNS: &str = "SELECT k.*, s.last4, s.expires_at AS secret_expires_at FROM virtual_keys k \
     JOIN virtual_key_secrets s ON s.key_id = k.id";

pub(crate) async fn count(sql: &impl Sql, user_id: &str) -> Result<i64, StoreError> {
    sql.query_one(
        "SELECT count(*) FROM virtual_keys WHERE user_id = ?1",
        params![user_id],
    )
    .await
}

pub(crate) async fn insert(
    sql: &impl Sql,
    id: &str,
    user_id: &str,
    key: &Checked,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO virtual_keys (id, user_id, name, models, budget_micros_max, \
         budget_duration, requests_per_minute_max, tokens_per_minute_max, parallel_max, \
         metadata, expires_at, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            id,
            user_id,
            &key.name,
            &key.models,
            key.budget_micros_max,
            key.budget_duration.as_deref(),
            key.requests_per_minute_max,
            key.tokens_per_minute_max,
            key.parallel_max,
            &key.metadata,
            key.expires_at,
            now_ms
        ],
    )
    .await
}

pub(crate) async fn insert_secret(
    sql: &impl Sql,
    key_id: &str,
    digest: &str,
    last4: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO virtual_key_secrets (digest, key_id, last4, is_current, created_at) \
         VALUES (?1, ?2, ?3, 1, ?4)",
        params![digest, key_id, last4, now_ms],
    )
    .await
}

/// Leaves the current secret for a while, and none from before it.
pub(crate) async fn retire_secrets(
    sql: &impl Sql,
    key_id: &str,
    until_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM virtual_key_secrets WHERE key_id = ?1 AND is_current = 0",
        params![key_id],
    )
    .await?;
    sql.execute(
        "UPDATE virtual_key_secrets SET is_current = 0, expires_at = ?2 WHERE key_id = ?1",
        params![key_id, until_ms],
    )
    .await
}

pub(crate) async fn note_rotation(
    sql: &impl Sql,
    key_id: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE virtual_keys SET rotated_at = ?2 WHERE id = ?1",
        params![key_id, now_ms],
    )
    .await
}

/// Deletes the key and its secrets.
pub(crate) async fn delete(sql: &impl Sql, key_id: &str) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM virtual_key_secrets WHERE key_id = ?1",
        params![key_id],
    )
    .await?;
    sql.execute("DELETE FROM virtual_keys WHERE id = ?1", params![key_id])
        .await
}

pub(crate) async fn one(sql: &impl Sql, id: &str) -> Result<Option<KeyRow>, StoreError> {
    let text = format!("{COLUMNS} WHERE k.id = ?1 AND s.is_current = 1");
    sql.query_optional(&text, params![id]).await
}

/// The keys of a user that are older than `before`, newest first.
pub(crate) async fn page(
    sql: &impl Sql,
    user_id: &str,
    before: Option<&str>,
    limit: u32,
) -> Result<Vec<KeyRow>, StoreError> {
    let text = format!(
        "{COLUMNS} WHERE k.user_id = ?1 AND s.is_current = 1 AND (?2 IS NULL OR k.id < ?2) \
         ORDER BY k.id DESC LIMIT ?3"
    );
    sql.query(&text, params![user_id, before, limit]).await
}

/// The key that a secret belongs to, whether it is good or not.
pub(crate) async fn by_digest(sql: &impl Sql, digest: &str) -> Result<Option<KeyRow>, StoreError> {
    let text = format!("{COLUMNS} WHERE s.digest = ?1");
    sql.query_optional(&text, params![digest]).await
}
