//! Users in SQL: shown, changed, buried.

use suoke_store::{Sql, StoreError, params};

/// A user with profile and settings.
#[derive(Clone, Debug)]
pub(crate) struct UserRow {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) roles: String,
    pub(crate) version: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) profile: Option<String>,
    pub(crate) settings: Option<String>,
}

suoke_store::from_row!(UserRow {
    id,
    email,
    name,
    status,
    roles,
    version,
    created_at,
    updated_at,
    profile,
    settings
});

pub(crate) async fn user(sql: &impl Sql, id: &str) -> Result<Option<UserRow>, StoreError> {
    sql.query_optional(
        "SELECT u.id, u.email, u.name, u.status, u.roles, u.version, u.created_at, u.updated_at, \
         (SELECT profile FROM user_profiles WHERE user_id = u.id) AS profile, \
         (SELECT settings FROM user_settings WHERE user_id = u.id) AS settings \
         FROM users u WHERE u.id = ?1",
        params![id],
    )
    .await
}

/// Whether there is a user who is not erased, suspended or not.
///
/// # Errors
/// When the database fails.
pub async fn is_present(sql: &impl Sql, id: &str) -> Result<bool, StoreError> {
    let found: Option<i64> = sql
        .query_optional(
            "SELECT 1 FROM users WHERE id = ?1 AND status <> 'deleted'",
            params![id],
        )
        .await?;
    Ok(found.is_some())
}

/// Whether an account is as its registration left it: active, never changed, with the
/// session it began with and no other, and that one never renewed. Sessions that have
/// ended count, too; who has none at all may have had many that were swept away.
///
/// # Errors
/// When the database fails.
pub async fn is_untouched(sql: &impl Sql, id: &str) -> Result<bool, StoreError> {
    let found: Option<i64> = sql
        .query_optional(
            "SELECT 1 FROM users u WHERE u.id = ?1 AND u.status = 'active' AND u.version = 1 \
             AND u.token_version = 1 \
             AND (SELECT count(*) FROM sessions WHERE user_id = u.id AND ended_at IS NULL) = 1 \
             AND (SELECT count(*) FROM sessions WHERE user_id = u.id) = 1 \
             AND (SELECT count(*) FROM refresh_tokens WHERE user_id = u.id) <= 1 \
             AND NOT EXISTS \
             (SELECT 1 FROM refresh_tokens WHERE user_id = u.id AND used_at IS NOT NULL) \
             AND NOT EXISTS (SELECT 1 FROM totp WHERE user_id = u.id)",
            params![id],
        )
        .await?;
    Ok(found.is_some())
}

/// What `LIKE` finds a part of a text with; `\` makes its own signs plain.
pub(crate) fn pattern(filter: &str) -> String {
    let mut pattern = String::from("%");
    for one in filter.chars() {
        if matches!(one, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(one);
    }
    pattern.push('%');
    pattern
}

const LISTED: &str = "(email LIKE ?1 ESCAPE '\\' OR name LIKE ?1 ESCAPE '\\') \
     AND (?2 IS NULL OR status = ?2)";

/// Users in the order of their ids, which is that of time; without profile and settings.
pub(crate) async fn page(
    sql: &impl Sql,
    pattern: &str,
    status: Option<&str>,
    limit: u32,
    offset: u32,
) -> Result<Vec<UserRow>, StoreError> {
    let text = format!(
        "SELECT id, email, name, status, roles, version, created_at, updated_at, \
         NULL AS profile, NULL AS settings FROM users WHERE {LISTED} \
         ORDER BY id LIMIT ?3 OFFSET ?4"
    );
    sql.query(&text, params![pattern, status, limit, offset])
        .await
}

pub(crate) async fn count(
    sql: &impl Sql,
    pattern: &str,
    status: Option<&str>,
) -> Result<u64, StoreError> {
    let text = format!("SELECT count(*) FROM users WHERE {LISTED}");
    let count: i64 = sql.query_one(&text, params![pattern, status]).await?;
    Ok(count.unsigned_abs())
}

/// What is `None` stays as it is.
pub(crate) async fn update(
    sql: &impl Sql,
    id: &str,
    name: Option<&str>,
    status: Option<&str>,
    roles: Option<&str>,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE users SET name = coalesce(?2, name), status = coalesce(?3, status), \
         roles = coalesce(?4, roles), version = version + 1, updated_at = ?5 WHERE id = ?1",
        params![id, name, status, roles, now_ms],
    )
    .await
}

pub(crate) async fn put_profile(
    sql: &impl Sql,
    id: &str,
    profile: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO user_profiles (user_id, profile, updated_at) VALUES (?1, ?2, ?3) \
         ON CONFLICT (user_id) DO UPDATE \
         SET profile = excluded.profile, updated_at = excluded.updated_at",
        params![id, profile, now_ms],
    )
    .await
}

pub(crate) async fn put_settings(
    sql: &impl Sql,
    id: &str,
    settings: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO user_settings (user_id, settings, updated_at) VALUES (?1, ?2, ?3) \
         ON CONFLICT (user_id) DO UPDATE \
         SET settings = excluded.settings, updated_at = excluded.updated_at",
        params![id, settings, now_ms],
    )
    .await
}

/// Makes the row a tombstone; the address is free again.
pub(crate) async fn bury(sql: &impl Sql, id: &str, now_ms: i64) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE users SET email = id || '@deleted.invalid', name = '', password_hash = '', \
         roles = '[]', status = 'deleted', version = version + 1, updated_at = ?2 WHERE id = ?1",
        params![id, now_ms],
    )
    .await?;
    sql.execute("DELETE FROM user_profiles WHERE user_id = ?1", params![id])
        .await?;
    sql.execute("DELETE FROM user_settings WHERE user_id = ?1", params![id])
        .await
}

/// An event that tells of somebody's address or name.
#[derive(Clone, Debug)]
pub(crate) struct ToldRow {
    pub(crate) position: i64,
    pub(crate) id: String,
    pub(crate) payload: String,
}

suoke_store::from_row!(ToldRow {
    position,
    id,
    payload
});

/// What told of somebody after a position, oldest first.
pub(crate) async fn told(
    sql: &impl Sql,
    aggregate: &str,
    after: i64,
    limit: u32,
) -> Result<Vec<ToldRow>, StoreError> {
    sql.query(
        "SELECT position, id, payload FROM event_outbox WHERE aggregate = ?1 \
         AND type IN ('user.created', 'user.updated') AND position > ?2 \
         ORDER BY position LIMIT ?3",
        params![aggregate, after, limit],
    )
    .await
}

pub(crate) async fn set_payload(
    sql: &impl Sql,
    event_id: &str,
    payload: &str,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE event_outbox SET payload = ?2 WHERE id = ?1",
        params![event_id, payload],
    )
    .await?;
    // A failure has the event, or nothing where the outbox beside it has it.
    sql.execute(
        "UPDATE event_failures SET payload = ?2 WHERE event_id = ?1 AND payload <> ''",
        params![event_id, payload],
    )
    .await
}
