//! What the database denies.

use suoke_store::{Sql, StoreError, params};

/// A row of `revoked_tokens`.
#[derive(Clone, Debug)]
pub(crate) struct RevokedRow {
    pub(crate) jti: String,
    pub(crate) expires_at: i64,
}

suoke_store::from_row!(RevokedRow { jti, expires_at });

/// What the database says about a token.
#[derive(Clone, Debug)]
pub(crate) struct StatusRow {
    pub(crate) is_revoked: bool,
    pub(crate) is_session_alive: bool,
    pub(crate) version: Option<i64>,
}

suoke_store::from_row!(StatusRow {
    is_revoked,
    is_session_alive,
    version
});

/// The smallest version that is good; larger than any where there is no such
/// user or client.
pub(crate) async fn version(sql: &impl Sql, subject: &str) -> Result<i64, StoreError> {
    sql.query_one(
        "SELECT coalesce((SELECT token_version FROM users WHERE id = ?1), \
         (SELECT token_version FROM oauth_clients WHERE id = ?1), 4611686018427387904)",
        params![subject],
    )
    .await
}

/// One read for everything that is asked about a token. A subject that may not
/// do anything has no version.
pub(crate) async fn status(
    sql: &impl Sql,
    jti: &str,
    sid: &str,
    subject: &str,
) -> Result<StatusRow, StoreError> {
    sql.query_one(
        "SELECT EXISTS (SELECT 1 FROM revoked_tokens WHERE jti = ?1) AS is_revoked, \
         EXISTS (SELECT 1 FROM sessions WHERE id = ?2 AND user_id = ?3 AND ended_at IS NULL) \
         AS is_session_alive, \
         coalesce((SELECT token_version FROM users WHERE id = ?3 AND status = 'active'), \
         (SELECT token_version FROM oauth_clients WHERE id = ?3 AND deleted_at IS NULL)) AS version",
        params![jti, sid, subject],
    )
    .await
}

/// Tokens that were revoked, a part of them.
pub(crate) async fn revoked_since(
    sql: &impl Sql,
    since_ms: i64,
    after: &str,
    rows_max: u32,
) -> Result<Vec<RevokedRow>, StoreError> {
    sql.query(
        "SELECT jti, expires_at FROM revoked_tokens \
         WHERE revoked_at >= ?1 AND jti > ?2 ORDER BY jti LIMIT ?3",
        params![since_ms, after, rows_max],
    )
    .await
}

/// Sessions that were ended, a part of them.
pub(crate) async fn ended_since(
    sql: &impl Sql,
    since_ms: i64,
    after: &str,
    rows_max: u32,
) -> Result<Vec<String>, StoreError> {
    sql.query(
        "SELECT id FROM sessions WHERE ended_at IS NOT NULL AND ended_at >= ?1 AND id > ?2 \
         ORDER BY id LIMIT ?3",
        params![since_ms, after, rows_max],
    )
    .await
}

/// Users and clients whose version was raised, a part of them.
pub(crate) async fn raised_since(
    sql: &impl Sql,
    since_ms: i64,
    after: &str,
    rows_max: u32,
) -> Result<Vec<String>, StoreError> {
    sql.query(
        "SELECT id FROM (SELECT id FROM users \
         WHERE token_version_at > 0 AND token_version_at >= ?1 AND id > ?2 \
         UNION ALL SELECT id FROM oauth_clients \
         WHERE deleted_at IS NOT NULL AND deleted_at >= ?1 AND id > ?2) AS raised ORDER BY id LIMIT ?3",
        params![since_ms, after, rows_max],
    )
    .await
}
