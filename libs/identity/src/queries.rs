//! Accounts in SQL.

pub(crate) mod clients;
pub(crate) mod denylist;
pub(crate) mod mails;
pub(crate) mod sessions;
pub(crate) mod totp;

use suoke_store::{Sql, StoreError, params};

use crate::attempts::Attempts;

/// A row of `users`.
#[derive(Clone, Debug)]
pub(crate) struct UserRow {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) password_hash: String,
    pub(crate) roles: String,
    pub(crate) status: String,
    pub(crate) token_version: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

suoke_store::from_row!(UserRow {
    id,
    email,
    name,
    password_hash,
    roles,
    status,
    token_version,
    created_at,
    updated_at
});

/// Adds a user; false when the address is taken.
pub(crate) async fn insert_user(sql: &impl Sql, user: &UserRow) -> Result<bool, StoreError> {
    let added: Option<i64> = sql
        .query_optional(
            "INSERT INTO users \
             (id, email, name, password_hash, roles, status, created_at, updated_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (email) DO NOTHING RETURNING 1",
            params![
                &user.id,
                &user.email,
                &user.name,
                &user.password_hash,
                &user.roles,
                &user.status,
                user.created_at,
                user.updated_at
            ],
        )
        .await?;
    Ok(added.is_some())
}

pub(crate) async fn email_is_taken(sql: &impl Sql, email: &str) -> Result<bool, StoreError> {
    let found: Option<i64> = sql
        .query_optional("SELECT 1 FROM users WHERE email = ?1", params![email])
        .await?;
    Ok(found.is_some())
}

pub(crate) async fn user_by_email(
    sql: &impl Sql,
    email: &str,
) -> Result<Option<UserRow>, StoreError> {
    sql.query_optional(
        "SELECT id, email, name, password_hash, roles, status, token_version, created_at, \
         updated_at FROM users WHERE email = ?1",
        params![email],
    )
    .await
}

pub(crate) async fn user_by_id(sql: &impl Sql, id: &str) -> Result<Option<UserRow>, StoreError> {
    sql.query_optional(
        "SELECT id, email, name, password_hash, roles, status, token_version, created_at, \
         updated_at FROM users WHERE id = ?1",
        params![id],
    )
    .await
}

pub(crate) async fn set_password(
    sql: &impl Sql,
    user_id: &str,
    password_hash: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE users SET password_hash = ?2, updated_at = ?3 WHERE id = ?1",
        params![user_id, password_hash, now_ms],
    )
    .await
}

pub(crate) async fn attempts(
    sql: &impl Sql,
    email_hash: &[u8],
) -> Result<Option<Attempts>, StoreError> {
    sql.query_optional(
        "SELECT failures, locked_until, updated_at FROM login_attempts WHERE email_hash = ?1",
        params![email_hash],
    )
    .await
}

pub(crate) async fn save_attempts(
    sql: &impl Sql,
    email_hash: &[u8],
    attempts: Attempts,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO login_attempts (email_hash, failures, locked_until, updated_at) \
         VALUES (?1, ?2, ?3, ?4) ON CONFLICT (email_hash) DO UPDATE SET \
         failures = excluded.failures, locked_until = excluded.locked_until, \
         updated_at = excluded.updated_at",
        params![
            email_hash,
            attempts.failures,
            attempts.locked_until,
            attempts.updated_at
        ],
    )
    .await
}

pub(crate) async fn forget_attempts(sql: &impl Sql, email_hash: &[u8]) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM login_attempts WHERE email_hash = ?1",
        params![email_hash],
    )
    .await
}

/// Deletes a few rows that no longer matter: the table stays small although
/// anybody can add to it.
pub(crate) async fn prune_attempts(sql: &impl Sql, older_than_ms: i64) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM login_attempts WHERE email_hash IN \
         (SELECT email_hash FROM login_attempts WHERE updated_at < ?1 ORDER BY updated_at LIMIT 16)",
        params![older_than_ms],
    )
    .await
}
