//! Sessions and their refresh tokens in SQL.

use suoke_store::{Sql, StoreError, params};

use crate::client::Client;

/// A row of `sessions` as its user sees it.
#[derive(Clone, Debug)]
pub(crate) struct SessionRow {
    pub(crate) id: String,
    pub(crate) client_ip: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) last_used_at: i64,
    pub(crate) expires_at: i64,
}

suoke_store::from_row!(SessionRow {
    id,
    client_ip,
    user_agent,
    created_at,
    last_used_at,
    expires_at
});

/// A refresh token with its session.
#[derive(Clone, Debug)]
pub(crate) struct RefreshRow {
    pub(crate) family: String,
    pub(crate) user_id: String,
    pub(crate) expires_at: i64,
    pub(crate) used_at: Option<i64>,
    pub(crate) used_by: Option<Vec<u8>>,
    pub(crate) ended_at: Option<i64>,
    pub(crate) client_id: Option<String>,
}

suoke_store::from_row!(RefreshRow {
    family,
    user_id,
    expires_at,
    used_at,
    used_by,
    ended_at,
    client_id
});

/// Which session was ended, and whose it was.
#[derive(Clone, Debug)]
pub(crate) struct EndedRow {
    pub(crate) id: String,
    pub(crate) user_id: String,
}

suoke_store::from_row!(EndedRow { id, user_id });

pub(crate) async fn insert(
    sql: &impl Sql,
    id: &str,
    user_id: &str,
    client: &Client,
    now_ms: i64,
    expires_at: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO sessions \
         (id, user_id, client_ip, user_agent, created_at, last_used_at, expires_at, client_id) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7)",
        params![
            id,
            user_id,
            client.ip.as_ref(),
            client.user_agent.as_ref(),
            now_ms,
            expires_at,
            client.registered_id.as_ref()
        ],
    )
    .await
}

/// Notes that a session was used, and by whom.
pub(crate) async fn touch(
    sql: &impl Sql,
    id: &str,
    client: &Client,
    now_ms: i64,
    expires_at: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE sessions SET client_ip = ?2, user_agent = ?3, last_used_at = ?4, \
         expires_at = ?5 WHERE id = ?1",
        params![
            id,
            client.ip.as_ref(),
            client.user_agent.as_ref(),
            now_ms,
            expires_at
        ],
    )
    .await
}

/// The sessions of a user that go on, the one used last first.
pub(crate) async fn alive(
    sql: &impl Sql,
    user_id: &str,
    now_ms: i64,
) -> Result<Vec<SessionRow>, StoreError> {
    sql.query(
        "SELECT id, client_ip, user_agent, created_at, last_used_at, expires_at FROM sessions \
         WHERE user_id = ?1 AND ended_at IS NULL AND expires_at > ?2 \
         ORDER BY last_used_at DESC, id DESC",
        params![user_id, now_ms],
    )
    .await
}

/// The sessions of a user beyond the newest `keep`.
pub(crate) async fn beyond(
    sql: &impl Sql,
    user_id: &str,
    keep: u32,
) -> Result<Vec<String>, StoreError> {
    sql.query(
        "SELECT id FROM sessions WHERE user_id = ?1 AND ended_at IS NULL \
         ORDER BY last_used_at DESC, id DESC LIMIT ?3 OFFSET ?2",
        params![user_id, keep, u32::MAX],
    )
    .await
}

/// Ends one session; false where there is none of this user that goes on.
pub(crate) async fn end(
    sql: &impl Sql,
    id: &str,
    user_id: &str,
    reason: &str,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let ended: Option<i64> = sql
        .query_optional(
            "UPDATE sessions SET ended_at = ?4, end_reason = ?3 \
             WHERE id = ?1 AND user_id = ?2 AND ended_at IS NULL RETURNING 1",
            params![id, user_id, reason, now_ms],
        )
        .await?;
    Ok(ended.is_some())
}

/// Ends the sessions of a user but one, and says which.
pub(crate) async fn end_all(
    sql: &impl Sql,
    user_id: &str,
    but: &str,
    reason: &str,
    now_ms: i64,
) -> Result<Vec<String>, StoreError> {
    sql.query(
        "UPDATE sessions SET ended_at = ?4, end_reason = ?3 \
         WHERE user_id = ?1 AND id <> ?2 AND ended_at IS NULL RETURNING id",
        params![user_id, but, reason, now_ms],
    )
    .await
}

/// Ends the sessions that were started through a client, and says which.
pub(crate) async fn end_of_client(
    sql: &impl Sql,
    client_id: &str,
    reason: &str,
    now_ms: i64,
) -> Result<Vec<EndedRow>, StoreError> {
    sql.query(
        "UPDATE sessions SET ended_at = ?3, end_reason = ?2 \
         WHERE client_id = ?1 AND ended_at IS NULL RETURNING id, user_id",
        params![client_id, reason, now_ms],
    )
    .await
}

pub(crate) async fn insert_refresh_token(
    sql: &impl Sql,
    token_hash: Vec<u8>,
    family: &str,
    user_id: &str,
    now_ms: i64,
    expires_at: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO refresh_tokens (token_hash, family, user_id, created_at, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![token_hash, family, user_id, now_ms, expires_at],
    )
    .await
}

pub(crate) async fn refresh_token(
    sql: &impl Sql,
    token_hash: &[u8],
) -> Result<Option<RefreshRow>, StoreError> {
    sql.query_optional(
        "SELECT token.family, token.user_id, token.expires_at, token.used_at, token.used_by, \
         coalesce(token.revoked_at, session.ended_at) AS ended_at, session.client_id \
         FROM refresh_tokens AS token \
         LEFT JOIN sessions AS session ON session.id = token.family WHERE token.token_hash = ?1",
        params![token_hash],
    )
    .await
}

/// Notes the first use of a refresh token.
pub(crate) async fn use_refresh_token(
    sql: &impl Sql,
    token_hash: &[u8],
    used_by: Vec<u8>,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE refresh_tokens SET used_at = ?3, used_by = ?2 \
         WHERE token_hash = ?1 AND used_at IS NULL",
        params![token_hash, used_by, now_ms],
    )
    .await
}

/// Raises the version of a user's tokens, and gives the new one.
pub(crate) async fn raise_version(
    sql: &impl Sql,
    user_id: &str,
    now_ms: i64,
) -> Result<Option<i64>, StoreError> {
    sql.query_optional(
        "UPDATE users SET token_version = token_version + 1, token_version_at = ?2 \
         WHERE id = ?1 RETURNING token_version",
        params![user_id, now_ms],
    )
    .await
}

/// Deletes what only the user's own sign-in needs.
pub(crate) async fn erase(sql: &impl Sql, user_id: &str) -> Result<(), StoreError> {
    for text in [
        "DELETE FROM refresh_tokens WHERE user_id = ?1",
        "UPDATE sessions SET client_ip = NULL, user_agent = NULL WHERE user_id = ?1",
        "DELETE FROM one_time_tokens WHERE user_id = ?1",
        "DELETE FROM totp WHERE user_id = ?1",
        "DELETE FROM totp_recovery_codes WHERE user_id = ?1",
        "DELETE FROM mails WHERE user_id = ?1",
    ] {
        sql.execute(text, params![user_id]).await?;
    }
    Ok(())
}

pub(crate) async fn insert_revoked(
    sql: &impl Sql,
    jti: &str,
    subject: &str,
    now_ms: i64,
    expires_at_ms: i64,
) -> Result<bool, StoreError> {
    let fresh: Option<i64> = sql
        .query_optional(
            "INSERT INTO revoked_tokens (jti, subject, revoked_at, expires_at) \
             VALUES (?1, ?2, ?3, ?4) ON CONFLICT (jti) DO NOTHING RETURNING 1",
            params![jti, subject, now_ms, expires_at_ms],
        )
        .await?;
    Ok(fresh.is_some())
}

/// Deletes a piece of what no longer matters from each table; gives how much.
pub(crate) async fn prune(
    sql: &impl Sql,
    now_ms: i64,
    denied_ms: i64,
    kept_ms: i64,
    rows_max: u32,
) -> Result<u64, StoreError> {
    let (denied, kept) = (now_ms - denied_ms, now_ms - kept_ms);
    let mut deleted = 0;
    for (text, before) in [
        // A used token is kept until it expires: it tells of its reuse.
        (
            "DELETE FROM refresh_tokens WHERE token_hash IN \
             (SELECT token_hash FROM refresh_tokens WHERE expires_at < ?1 LIMIT ?2)",
            kept,
        ),
        (
            "DELETE FROM sessions WHERE id IN \
             (SELECT id FROM sessions WHERE expires_at < ?1 LIMIT ?2)",
            kept,
        ),
        (
            "DELETE FROM revoked_tokens WHERE jti IN \
             (SELECT jti FROM revoked_tokens WHERE expires_at < ?1 LIMIT ?2)",
            denied,
        ),
        (
            "DELETE FROM one_time_tokens WHERE token_hash IN \
             (SELECT token_hash FROM one_time_tokens WHERE expires_at < ?1 LIMIT ?2)",
            now_ms,
        ),
        (
            "DELETE FROM oauth_clients WHERE id IN \
             (SELECT id FROM oauth_clients WHERE deleted_at < ?1 LIMIT ?2)",
            kept,
        ),
        (
            "DELETE FROM mails WHERE id IN (SELECT id FROM mails \
             WHERE created_at < ?1 AND (done_at IS NOT NULL OR dead_at IS NOT NULL) \
             ORDER BY created_at LIMIT ?2)",
            kept,
        ),
    ] {
        deleted += sql.execute_counted(text, params![before, rows_max]).await?;
    }
    Ok(deleted)
}
