//! Sessions: a login, its refresh tokens, and its end.

use serde::Serialize;
use suoke_events::outbox;
use suoke_guest::{ApiError, Request, clock, ids};
use suoke_store::{Database, Sql, StoreError, Transaction};

use crate::accounts::Tokens;
use crate::caller::{AuthMethod, caller};
use crate::client::Client;
use crate::denylist::{Denial, Effects};
use crate::events::{self, Origin, SessionEnded, TokenIssued};
use crate::queries::{UserRow, sessions as queries};
use crate::settings::Settings;
use crate::token::{self, Holder};
use crate::{denylist, refresh};

/// How many sessions a user can have; a further one ends the one that was not used
/// for the longest time.
pub const SESSIONS_MAX: u32 = 50;

/// How long ended sessions, used tokens and sent mails are kept after their time.
const KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// How much of each table a sweep deletes.
const PRUNED_ROWS_MAX: u32 = 1000;

/// A session as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Session {
    /// The session.
    pub session_id: String,
    /// Whether the request that asks belongs to it.
    pub is_current: bool,
    /// The address that used it last.
    pub client_ip: Option<String>,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// When it was started, in RFC 3339.
    pub created_at: String,
    /// When it was used last, in RFC 3339.
    pub last_used_at: String,
    /// When it ends by itself, in RFC 3339.
    pub expires_at: String,
}

/// Somebody who has logged in, with the session of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The user.
    pub user_id: String,
    /// The session.
    pub session_id: String,
}

/// Who asks, for functions that change how somebody signs in: a key, a client or an
/// operator may not, even for themselves.
///
/// # Errors
/// 401 `token_missing`; 403 for callers without a session.
pub fn signed_in(request: &Request) -> Result<SignedIn, ApiError> {
    let who = caller(request)?;
    match (who.method, who.session_id) {
        (AuthMethod::Jwt, Some(session_id)) => Ok(SignedIn {
            user_id: who.user_id,
            session_id,
        }),
        _ => Err(
            ApiError::forbidden("Log in to do this: a key is not enough.")
                .zh("请登录后操作，仅凭密钥不能执行。"),
        ),
    }
}

/// Starts a session: an access token and the first refresh token of its family.
pub(crate) async fn start(
    tx: &Transaction<'_>,
    settings: &Settings,
    user: &UserRow,
    client: &Client,
    origin: Origin<'_>,
    now_ms: i64,
) -> Result<(Tokens, Effects), ApiError> {
    let session_id = ids::new_id();
    let expires_at = now_ms + refresh::REFRESH_MS;
    queries::insert(tx, &session_id, &user.id, client, now_ms, expires_at).await?;
    let tokens = issue(tx, settings, user, &session_id, now_ms).await?;
    let issued = TokenIssued {
        subject: user.id.clone(),
        session_id: Some(session_id),
        grant: "password".to_owned(),
        issued_at: clock::rfc3339(now_ms),
    };
    let about = format!("user/{}", user.id);
    let event = origin.tells(events::TOKEN_ISSUED, about, &issued)?;
    let mut effects = Effects::of(vec![outbox(tx, event).await?]);
    for id in queries::beyond(tx, &user.id, SESSIONS_MAX).await? {
        queries::end(tx, &id, &user.id, "too_many", now_ms).await?;
        effects.extend(ended(tx, origin, &user.id, id, "too_many", now_ms).await?);
    }
    Ok((tokens, effects))
}

/// An access token and a refresh token of a session.
pub(crate) async fn issue(
    tx: &Transaction<'_>,
    settings: &Settings,
    user: &UserRow,
    session_id: &str,
    now_ms: i64,
) -> Result<Tokens, ApiError> {
    let now_seconds = now_ms / 1000;
    let roles: Vec<String> = serde_json::from_str(&user.roles)?;
    let holder = Holder {
        subject: &user.id,
        roles: &roles,
        scopes: &[],
        session_id,
        version: user.token_version,
    };
    let key = settings.signing_key(now_seconds);
    let access_token = token::issue(&key, &settings.verification, &holder, now_seconds)?;
    let (refresh_token, hash) = refresh::generate()?;
    let expires_at = now_ms + refresh::REFRESH_MS;
    queries::insert_refresh_token(tx, hash, session_id, &user.id, now_ms, expires_at).await?;
    Ok(Tokens {
        access_token,
        refresh_token,
        token_type: "bearer",
        expires_in: token::ACCESS_SECONDS,
    })
}

/// The sessions of a user that go on, the one used last first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    sql: &impl Sql,
    user_id: &str,
    current_id: &str,
) -> Result<Vec<Session>, StoreError> {
    let rows = queries::alive(sql, user_id, clock::now_ms()).await?;
    let shown = rows.into_iter().map(|row| Session {
        is_current: row.id == current_id,
        session_id: row.id,
        client_ip: row.client_ip,
        user_agent: row.user_agent,
        created_at: clock::rfc3339(row.created_at),
        last_used_at: clock::rfc3339(row.last_used_at),
        expires_at: clock::rfc3339(row.expires_at),
    });
    Ok(shown.collect())
}

/// Ends a session of a user; `None` where there is none that goes on.
///
/// # Errors
/// When the database fails.
pub async fn end(
    tx: &Transaction<'_>,
    origin: Origin<'_>,
    user_id: &str,
    session_id: &str,
    reason: &str,
) -> Result<Option<Effects>, ApiError> {
    let now_ms = clock::now_ms();
    if !queries::end(tx, session_id, user_id, reason, now_ms).await? {
        return Ok(None);
    }
    let id = session_id.to_owned();
    let effects = ended(tx, origin, user_id, id, reason, now_ms).await?;
    Ok(Some(effects))
}

/// Ends the sessions of a user, but the one named `but` (empty: all).
///
/// # Errors
/// When the database fails.
pub async fn end_all(
    tx: &Transaction<'_>,
    origin: Origin<'_>,
    user_id: &str,
    but: &str,
    reason: &str,
) -> Result<Effects, ApiError> {
    let now_ms = clock::now_ms();
    let mut effects = Effects::default();
    for id in queries::end_all(tx, user_id, but, reason, now_ms).await? {
        effects.extend(ended(tx, origin, user_id, id, reason, now_ms).await?);
    }
    Ok(effects)
}

/// Ends the sessions that users have started through a registered client.
pub(crate) async fn end_of_client(
    tx: &Transaction<'_>,
    origin: Origin<'_>,
    client_id: &str,
) -> Result<Effects, ApiError> {
    let (now_ms, reason) = (clock::now_ms(), "client_deleted");
    let mut effects = Effects::default();
    for row in queries::end_of_client(tx, client_id, reason, now_ms).await? {
        effects.extend(ended(tx, origin, &row.user_id, row.id, reason, now_ms).await?);
    }
    Ok(effects)
}

/// Makes every access token of a user worthless that was issued so far: because the
/// roles or the status changed. Refresh tokens still give new ones while the user
/// is active. The transaction must also store an event `user.*` with the field
/// `user_id`: it brings the denial where Redis cannot be reached.
///
/// # Errors
/// When the database fails.
pub async fn raise_version(tx: &Transaction<'_>, user_id: &str) -> Result<Effects, ApiError> {
    queries::raise_version(tx, user_id, clock::now_ms()).await?;
    Ok(Effects {
        denials: vec![Denial::Subject {
            subject: user_id.to_owned(),
        }],
        events: Vec::new(),
    })
}

/// Ends the sessions of a user who is erased, and deletes what only their sign-in
/// needs: refresh tokens, the second factor, mails, and where sessions came from.
/// The transaction must store an event `user.*`, as for [`raise_version`].
///
/// # Errors
/// When the database fails.
pub async fn erase(
    tx: &Transaction<'_>,
    origin: Origin<'_>,
    user_id: &str,
) -> Result<Effects, ApiError> {
    let mut effects = end_all(tx, origin, user_id, "", "account").await?;
    effects.extend(raise_version(tx, user_id).await?);
    queries::erase(tx, user_id).await?;
    Ok(effects)
}

/// Stores the event of an end.
async fn ended(
    tx: &Transaction<'_>,
    origin: Origin<'_>,
    user_id: &str,
    session_id: String,
    reason: &str,
    now_ms: i64,
) -> Result<Effects, ApiError> {
    let about = format!("session/{session_id}");
    let ended = SessionEnded {
        user_id: user_id.to_owned(),
        session_id: session_id.clone(),
        reason: reason.to_owned(),
        ended_at: clock::rfc3339(now_ms),
    };
    let event = origin.tells(events::SESSION_ENDED, about, &ended)?;
    Ok(Effects {
        denials: vec![Denial::Session { sid: session_id }],
        events: vec![outbox(tx, event).await?],
    })
}

/// Deletes a bounded piece of what is over for a day: sessions, tokens, mails.
/// Gives how many rows went.
///
/// # Errors
/// When the database fails.
pub async fn prune(db: &Database, now_ms: i64) -> Result<u64, StoreError> {
    queries::prune(db, now_ms, denylist::TTL_MS, KEPT_MS, PRUNED_ROWS_MAX).await
}

#[cfg(test)]
mod tests;
