//! Making, showing, rotating and withdrawing keys, and telling whether one is good.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use suoke_events::{Event, outbox};
use suoke_guest::{ApiError, FieldError, Request, clock, document, ids};
use suoke_store::{Database, Sql};

use crate::draft::{KeyDraft, checked};
use crate::queries::{self, KeyRow};
use crate::secret::{Secret, is_digest};

/// How many keys a user may have.
const KEYS_MAX: i64 = 50;

/// How long the key before is good after a rotation, unless said otherwise.
pub const OVERLAP_SECONDS_DEFAULT: u32 = 3_600;

/// How long it may be: a week.
pub const OVERLAP_SECONDS_MAX: u32 = 7 * 24 * 60 * 60;

/// What keys are for.
const SCOPE: &str = "ai";

/// A key as its owner sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Key {
    /// Its id.
    pub key_id: String,
    /// Whose it is.
    pub user_id: String,
    /// What it is for.
    pub name: String,
    /// The last characters of the key.
    pub last4: String,
    /// `active` or `expired`.
    pub status: &'static str,
    /// The models it may use; all when empty.
    pub models: Vec<String>,
    /// How much it may cost in a period, in units of the currency.
    pub max_budget: Option<f64>,
    /// The period.
    pub budget_duration: Option<String>,
    /// Requests in a minute.
    pub rpm_limit: Option<u32>,
    /// Tokens in a minute.
    pub tpm_limit: Option<u32>,
    /// Requests at the same time.
    pub max_parallel: Option<u32>,
    /// Until when it is good, in RFC 3339.
    pub expires_at: Option<String>,
    /// What its owner notes with it.
    pub metadata: Map<String, Value>,
    /// When it was made, in RFC 3339.
    pub created_at: String,
    /// When it got another secret last, in RFC 3339.
    pub rotated_at: Option<String>,
}

/// A key with its secret, which is shown this once.
#[derive(Serialize)]
pub struct Issued {
    /// The secret.
    pub key: String,
    /// The rest.
    #[serde(flatten)]
    pub about: Key,
}

/// `key.created`, `key.rotated`, `key.revoked`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChanged {
    /// The key.
    pub key_id: String,
    /// Whose it is.
    pub user_id: String,
    /// Who did it: a user or `operator`.
    pub changed_by: String,
}

/// What the gateway is told of a key, and who counts what it may use.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// Whether it is good now.
    pub valid: bool,
    /// The key.
    pub key_id: String,
    /// Whose it is.
    pub user_id: String,
    /// None: a key is for its scopes, whatever its owner may do.
    pub roles: Vec<String>,
    /// What it is for.
    pub scopes: Vec<String>,
    /// Until when it is good, in seconds since the Unix epoch.
    pub expires_at: Option<i64>,
    /// The models it may use; all when empty.
    pub models: Vec<String>,
    /// How much it may cost in a period, in millionths of the currency.
    pub max_budget_micros: Option<i64>,
    /// The period.
    pub budget_duration: Option<String>,
    /// Requests in a minute.
    pub rpm_limit: Option<u32>,
    /// Tokens in a minute.
    pub tpm_limit: Option<u32>,
    /// Requests at the same time.
    pub max_parallel: Option<u32>,
}

/// Makes a key for a user; gives it with its secret, and the event to announce.
///
/// # Errors
/// 400 that names the fields, 409 `too_many_keys`.
pub async fn create(
    db: &mut Database,
    request: &Request,
    user_id: &str,
    draft: KeyDraft,
) -> Result<(Issued, Event), ApiError> {
    let now_ms = clock::now_ms();
    let wanted = checked(draft, now_ms)?;
    let (id, secret) = (ids::new_id(), Secret::new()?);
    let (row, event) = db
        .transaction(async |tx| {
            if queries::count(tx, user_id).await? >= KEYS_MAX {
                let detail = format!("A user has at most {KEYS_MAX} keys.");
                return Err(ApiError::conflict("too_many_keys", detail)
                    .zh(format!("每个用户最多 {KEYS_MAX} 个密钥。")));
            }
            queries::insert(tx, &id, user_id, &wanted, now_ms).await?;
            let (digest, last4) = (secret.digest(), secret.last4());
            queries::insert_secret(tx, &id, &digest, &last4, now_ms).await?;
            let row = queries::one(tx, &id).await?.ok_or_else(missing)?;
            let event = outbox(tx, changed("key.created", &row, user_id, request)?).await?;
            Ok((row, event))
        })
        .await?;
    let issued = Issued {
        key: secret.into_text(),
        about: shown(row, now_ms)?,
    };
    Ok((issued, event))
}

/// A key; `user_id` limits it to this owner.
///
/// # Errors
/// 404 where there is none, or it is somebody else's.
pub async fn get(sql: &impl Sql, id: &str, user_id: Option<&str>) -> Result<Key, ApiError> {
    shown(owned(sql, id, user_id).await?, clock::now_ms())
}

/// The keys of a user that are older than `before`, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    sql: &impl Sql,
    user_id: &str,
    before: Option<&str>,
    limit: u32,
) -> Result<Vec<Key>, ApiError> {
    let now_ms = clock::now_ms();
    let rows = queries::page(sql, user_id, before, limit).await?;
    rows.into_iter().map(|row| shown(row, now_ms)).collect()
}

/// Gives a key another secret. The one before is good for `overlap_seconds` more,
/// older ones no longer.
///
/// # Errors
/// 404 where there is none, or it is somebody else's; 400 for the overlap.
pub async fn rotate(
    db: &mut Database,
    request: &Request,
    user_id: &str,
    id: &str,
    overlap_seconds: u32,
) -> Result<(Issued, Event), ApiError> {
    if overlap_seconds > OVERLAP_SECONDS_MAX {
        let message = "must be between 0 and 604800";
        let error = FieldError::new("overlap_seconds", "out_of_range", message);
        return Err(ApiError::invalid(vec![error]));
    }
    let now_ms = clock::now_ms();
    let until_ms = now_ms + i64::from(overlap_seconds) * 1000;
    let secret = Secret::new()?;
    let (row, event) = db
        .transaction(async |tx| {
            owned(tx, id, Some(user_id)).await?;
            queries::retire_secrets(tx, id, until_ms).await?;
            let (digest, last4) = (secret.digest(), secret.last4());
            queries::insert_secret(tx, id, &digest, &last4, now_ms).await?;
            queries::note_rotation(tx, id, now_ms).await?;
            let row = queries::one(tx, id).await?.ok_or_else(missing)?;
            let event = outbox(tx, changed("key.rotated", &row, user_id, request)?).await?;
            Ok::<_, ApiError>((row, event))
        })
        .await?;
    let issued = Issued {
        key: secret.into_text(),
        about: shown(row, now_ms)?,
    };
    Ok((issued, event))
}

/// Withdraws a key on behalf of `changed_by`; gives the event to announce. `user_id`
/// limits it to this owner.
///
/// # Errors
/// 404 where there is none, or it is somebody else's.
pub async fn revoke(
    db: &mut Database,
    request: &Request,
    id: &str,
    user_id: Option<&str>,
    changed_by: &str,
) -> Result<Event, ApiError> {
    db.transaction(async |tx| {
        let row = owned(tx, id, user_id).await?;
        queries::delete(tx, id).await?;
        Ok(outbox(tx, changed("key.revoked", &row, changed_by, request)?).await?)
    })
    .await
}

/// Whether the key of a digest is good; none where there is no such key. Whether
/// its owner may still do anything is not known here.
///
/// # Errors
/// When the database fails.
pub async fn status(sql: &impl Sql, digest: &str, now_ms: i64) -> Result<Option<Status>, ApiError> {
    if !is_digest(digest) {
        return Ok(None);
    }
    let Some(row) = queries::by_digest(sql, digest).await? else {
        return Ok(None);
    };
    let ends = [row.expires_at, row.secret_expires_at];
    let expires_at = ends.into_iter().flatten().min();
    Ok(Some(Status {
        valid: expires_at.is_none_or(|at| at > now_ms),
        roles: Vec::new(),
        scopes: vec![SCOPE.to_owned()],
        expires_at: expires_at.map(|at| at.div_euclid(1000)),
        models: serde_json::from_str(&row.models)?,
        key_id: row.id,
        user_id: row.user_id,
        max_budget_micros: row.budget_micros_max,
        budget_duration: row.budget_duration,
        rpm_limit: row.requests_per_minute_max,
        tpm_limit: row.tokens_per_minute_max,
        max_parallel: row.parallel_max,
    }))
}

async fn owned(sql: &impl Sql, id: &str, user_id: Option<&str>) -> Result<KeyRow, ApiError> {
    if !ids::is_id(id) {
        return Err(missing());
    }
    let row = queries::one(sql, id).await?;
    row.filter(|row| user_id.is_none_or(|user| row.user_id == user))
        .ok_or_else(missing)
}

fn changed(
    kind: &str,
    row: &KeyRow,
    changed_by: &str,
    request: &Request,
) -> Result<Event, ApiError> {
    let told = KeyChanged {
        key_id: row.id.clone(),
        user_id: row.user_id.clone(),
        changed_by: changed_by.to_owned(),
    };
    Ok(Event::new(kind, "virtual-keys", &told)?
        .about(format!("key/{}", row.id))
        .from_request(request))
}

fn shown(row: KeyRow, now_ms: i64) -> Result<Key, ApiError> {
    let is_expired = row.expires_at.is_some_and(|at| at <= now_ms);
    #[expect(
        clippy::cast_precision_loss,
        reason = "budgets are below 2^53 millionths"
    )]
    let max_budget = row.budget_micros_max.map(|micros| micros as f64 / 1e6);
    Ok(Key {
        status: if is_expired { "expired" } else { "active" },
        models: serde_json::from_str(&row.models)?,
        max_budget,
        metadata: document::read(&row.metadata),
        key_id: row.id,
        user_id: row.user_id,
        name: row.name,
        last4: row.last4,
        budget_duration: row.budget_duration,
        rpm_limit: row.requests_per_minute_max,
        tpm_limit: row.tokens_per_minute_max,
        max_parallel: row.parallel_max,
        expires_at: row.expires_at.map(clock::rfc3339),
        created_at: clock::rfc3339(row.created_at),
        rotated_at: row.rotated_at.map(clock::rfc3339),
    })
}

fn missing() -> ApiError {
    ApiError::not_found("There is no such key.").zh("没有这个密钥。")
}
