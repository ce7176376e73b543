//! The second factor in SQL.

use suoke_store::{Sql, StoreError, params};

/// A row of `totp`.
#[derive(Clone, Debug)]
pub(crate) struct TotpRow {
    pub(crate) sealed_secret: Vec<u8>,
    pub(crate) confirmed_at: Option<i64>,
    pub(crate) last_step: i64,
}

suoke_store::from_row!(TotpRow {
    sealed_secret,
    confirmed_at,
    last_step
});

/// Stores a new secret; false when one counts already.
pub(crate) async fn enrol(
    sql: &impl Sql,
    user_id: &str,
    sealed_secret: Vec<u8>,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let stored: Option<i64> = sql
        .query_optional(
            "INSERT INTO totp (user_id, sealed_secret, created_at) VALUES (?1, ?2, ?3) \
             ON CONFLICT (user_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, \
             created_at = excluded.created_at WHERE totp.confirmed_at IS NULL RETURNING 1",
            params![user_id, sealed_secret, now_ms],
        )
        .await?;
    Ok(stored.is_some())
}

pub(crate) async fn find(sql: &impl Sql, user_id: &str) -> Result<Option<TotpRow>, StoreError> {
    sql.query_optional(
        "SELECT sealed_secret, confirmed_at, last_step FROM totp WHERE user_id = ?1",
        params![user_id],
    )
    .await
}

pub(crate) async fn confirm(
    sql: &impl Sql,
    user_id: &str,
    step: i64,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE totp SET confirmed_at = ?3, last_step = ?2 WHERE user_id = ?1",
        params![user_id, step, now_ms],
    )
    .await
}

pub(crate) async fn use_step(sql: &impl Sql, user_id: &str, step: i64) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE totp SET last_step = ?2 WHERE user_id = ?1",
        params![user_id, step],
    )
    .await
}

/// The same secret, sealed with another key.
pub(crate) async fn seal_anew(
    sql: &impl Sql,
    user_id: &str,
    sealed_secret: Vec<u8>,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE totp SET sealed_secret = ?2 WHERE user_id = ?1",
        params![user_id, sealed_secret],
    )
    .await
}

pub(crate) async fn remove(sql: &impl Sql, user_id: &str) -> Result<(), StoreError> {
    for text in [
        "DELETE FROM totp WHERE user_id = ?1",
        "DELETE FROM totp_recovery_codes WHERE user_id = ?1",
    ] {
        sql.execute(text, params![user_id]).await?;
    }
    Ok(())
}

pub(crate) async fn insert_recovery(
    sql: &impl Sql,
    user_id: &str,
    code_hash: Vec<u8>,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO totp_recovery_codes (user_id, code_hash) VALUES (?1, ?2)",
        params![user_id, code_hash],
    )
    .await
}

/// Uses a recovery code up; false when there is no such one.
pub(crate) async fn use_recovery(
    sql: &impl Sql,
    user_id: &str,
    code_hash: Vec<u8>,
) -> Result<bool, StoreError> {
    let used: Option<i64> = sql
        .query_optional(
            "DELETE FROM totp_recovery_codes WHERE user_id = ?1 AND code_hash = ?2 RETURNING 1",
            params![user_id, code_hash],
        )
        .await?;
    Ok(used.is_some())
}
