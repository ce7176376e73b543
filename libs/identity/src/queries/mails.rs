//! Mails and one-time tokens in SQL.

use suoke_store::{Sql, StoreError, params};

/// A mail to be stored.
pub(crate) struct NewMail<'a> {
    pub(crate) id: &'a str,
    pub(crate) user_id: Option<&'a str>,
    pub(crate) purpose: &'a str,
    pub(crate) address_hash: Vec<u8>,
    pub(crate) sealed: Vec<u8>,
    pub(crate) expires_at: i64,
    pub(crate) done_at: Option<i64>,
}

/// A mail to be sent.
#[derive(Clone, Debug)]
pub(crate) struct MailRow {
    pub(crate) id: String,
    pub(crate) purpose: String,
    pub(crate) sealed: Vec<u8>,
}

suoke_store::from_row!(MailRow {
    id,
    purpose,
    sealed
});

pub(crate) async fn insert(
    sql: &impl Sql,
    mail: NewMail<'_>,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO mails \
         (id, user_id, purpose, address_hash, sealed, created_at, next_attempt_at, done_at, \
         expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8)",
        params![
            mail.id,
            mail.user_id,
            mail.purpose,
            mail.address_hash,
            mail.sealed,
            now_ms,
            mail.done_at,
            mail.expires_at
        ],
    )
    .await
}

pub(crate) async fn count_since(
    sql: &impl Sql,
    address_hash: Vec<u8>,
    since_ms: i64,
) -> Result<i64, StoreError> {
    sql.query_one(
        "SELECT count(*) FROM mails WHERE address_hash = ?1 AND created_at > ?2",
        params![address_hash, since_ms],
    )
    .await
}

pub(crate) async fn waiting(sql: &impl Sql) -> Result<i64, StoreError> {
    sql.query_one(
        "SELECT count(*) FROM mails WHERE done_at IS NULL AND dead_at IS NULL",
        params![],
    )
    .await
}

/// Takes what is due: its next try is put off before this one.
pub(crate) async fn take(
    sql: &impl Sql,
    now_ms: i64,
    back_off_ms: i64,
    back_off_ms_max: i64,
    rows_max: u32,
) -> Result<Vec<MailRow>, StoreError> {
    let doubled = "(?2 << CASE WHEN attempts < 20 THEN attempts ELSE 20 END)";
    let text = format!(
        "UPDATE mails SET attempts = attempts + 1, \
         next_attempt_at = ?1 + CASE WHEN {doubled} < ?3 THEN {doubled} ELSE ?3 END \
         WHERE id IN (SELECT id FROM mails WHERE done_at IS NULL AND dead_at IS NULL \
         AND next_attempt_at <= ?1 AND expires_at > ?1 ORDER BY next_attempt_at LIMIT ?4) \
         RETURNING id, purpose, sealed"
    );
    let values = params![now_ms, back_off_ms, back_off_ms_max, rows_max];
    sql.query(&text, values).await
}

/// Gives up what nobody needs any more, a piece of it.
pub(crate) async fn expire(sql: &impl Sql, now_ms: i64, rows_max: u32) -> Result<u64, StoreError> {
    sql.execute_counted(
        "UPDATE mails SET dead_at = ?1, sealed = x'', \
         last_error = coalesce(last_error, 'it was not sent in time') \
         WHERE id IN (SELECT id FROM mails WHERE done_at IS NULL AND dead_at IS NULL \
         AND expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        params![now_ms, rows_max],
    )
    .await
}

/// What was sent is not kept.
pub(crate) async fn done(sql: &impl Sql, id: &str, now_ms: i64) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE mails SET done_at = ?2, sealed = x'', last_error = NULL WHERE id = ?1",
        params![id, now_ms],
    )
    .await
}

pub(crate) async fn failed(
    sql: &impl Sql,
    id: &str,
    error: &str,
    dead_at: Option<i64>,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE mails SET last_error = ?2, dead_at = ?3, \
         sealed = CASE WHEN ?3 IS NULL THEN sealed ELSE x'' END WHERE id = ?1",
        params![id, error, dead_at],
    )
    .await
}

/// Stores a one-time token; earlier ones of the purpose are no longer good.
pub(crate) async fn insert_token(
    sql: &impl Sql,
    token_hash: Vec<u8>,
    user_id: &str,
    purpose: &str,
    now_ms: i64,
    expires_at: i64,
) -> Result<(), StoreError> {
    forget_tokens(sql, user_id, purpose).await?;
    sql.execute(
        "INSERT INTO one_time_tokens (token_hash, user_id, purpose, created_at, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![token_hash, user_id, purpose, now_ms, expires_at],
    )
    .await
}

pub(crate) async fn forget_tokens(
    sql: &impl Sql,
    user_id: &str,
    purpose: &str,
) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM one_time_tokens WHERE user_id = ?1 AND purpose = ?2",
        params![user_id, purpose],
    )
    .await
}

/// Whose a one-time token is, if it is still good.
pub(crate) async fn token_user(
    sql: &impl Sql,
    token_hash: &[u8],
    purpose: &str,
    now_ms: i64,
) -> Result<Option<String>, StoreError> {
    sql.query_optional(
        "SELECT user_id FROM one_time_tokens \
         WHERE token_hash = ?1 AND purpose = ?2 AND expires_at > ?3",
        params![token_hash, purpose, now_ms],
    )
    .await
}
