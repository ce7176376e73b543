//! Clients in SQL.

use suoke_store::{Sql, StoreError, params};

/// A row of `oauth_clients`; scopes have spaces between them.
#[derive(Clone, Debug)]
pub(crate) struct ClientRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) secret_hash: Vec<u8>,
    pub(crate) scopes: String,
    pub(crate) token_version: i64,
    pub(crate) created_at: i64,
    pub(crate) created_by: String,
}

suoke_store::from_row!(ClientRow {
    id,
    name,
    secret_hash,
    scopes,
    token_version,
    created_at,
    created_by
});

pub(crate) async fn insert(sql: &impl Sql, client: &ClientRow) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO oauth_clients \
         (id, name, secret_hash, scopes, token_version, created_at, created_by) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            &client.id,
            &client.name,
            client.secret_hash.as_slice(),
            &client.scopes,
            client.token_version,
            client.created_at,
            &client.created_by
        ],
    )
    .await
}

pub(crate) async fn count(sql: &impl Sql) -> Result<i64, StoreError> {
    sql.query_one(
        "SELECT count(*) FROM oauth_clients WHERE deleted_at IS NULL",
        params![],
    )
    .await
}

pub(crate) async fn all(sql: &impl Sql) -> Result<Vec<ClientRow>, StoreError> {
    sql.query(
        "SELECT id, name, secret_hash, scopes, token_version, created_at, created_by \
         FROM oauth_clients WHERE deleted_at IS NULL ORDER BY created_at, id",
        params![],
    )
    .await
}

pub(crate) async fn find(sql: &impl Sql, id: &str) -> Result<Option<ClientRow>, StoreError> {
    sql.query_optional(
        "SELECT id, name, secret_hash, scopes, token_version, created_at, created_by \
         FROM oauth_clients WHERE id = ?1 AND deleted_at IS NULL",
        params![id],
    )
    .await
}

/// Takes a client away and raises the version of its tokens above any issued.
pub(crate) async fn delete(sql: &impl Sql, id: &str, now_ms: i64) -> Result<bool, StoreError> {
    let deleted: Option<i64> = sql
        .query_optional(
            "UPDATE oauth_clients SET deleted_at = ?2, token_version = token_version + 1 \
             WHERE id = ?1 AND deleted_at IS NULL RETURNING 1",
            params![id, now_ms],
        )
        .await?;
    Ok(deleted.is_some())
}
