//! Access tokens that are no longer good although they have not expired.
//!
//! The database is the truth: `revoked_tokens`, `sessions.ended_at` and
//! `users.token_version`. Redis holds a copy that the gateway reads with each
//! request. It is written right after the commit; where that fails, the event of
//! the same transaction brings it (`auth-denylist`), and `auth-sweeper` writes all
//! of it every minute: a Redis that lost a part has it back by then. [`READY_KEY`]
//! says that the copy is whole. A Redis that has forgotten everything, one whose
//! sweeper stands still and one that could not be written have no such key: the
//! gateway then asks `auth-status`, which reads the database.

use serde::{Deserialize, Serialize};
use suoke_events::{Event, EventError, announce};
use suoke_guest::{ApiError, clock, ids, log};
use suoke_redis::{Redis, RedisError};
use suoke_store::{Database, Sql, StoreError};

use crate::events::{self, SessionEnded, TokenRevoked};
use crate::queries::denylist as queries;
use crate::token::{ACCESS_SECONDS, LEEWAY_SECONDS};

/// The key that a Redis has once the denylist is in it.
pub const READY_KEY: &str = "auth:ready";

/// The key that tells whether Redis has forgotten while the denylist was written.
const REBUILD_KEY: &str = "auth:rebuild";

/// How long the copy is called whole: as long as two runs of `auth-sweeper` that
/// fail in a row.
const READY_MS: u64 = 3 * 60 * 1000;

/// How long writing the whole denylist may take.
const REBUILD_MS_MAX: u64 = 10 * 60 * 1000;

/// How long an entry stays: as long as a token can still be accepted.
pub const TTL_MS: i64 = (ACCESS_SECONDS + LEEWAY_SECONDS) * 1000;

/// How often a version is read again that changes while it is written.
const VERSION_TRIES_MAX: u32 = 8;

/// How many entries of one kind are copied at a time.
const COPY_ROWS_MAX: u32 = 500;

/// The key of one token, by its `jti`.
#[must_use]
pub fn token_key(jti: &str) -> String {
    format!("bl:{jti}")
}

/// The key of a session, by its `sid`.
#[must_use]
pub fn session_key(sid: &str) -> String {
    format!("auth:session:{sid}")
}

/// The key of the smallest `ver` that is still good for a user or client.
#[must_use]
pub fn user_key(subject: &str) -> String {
    format!("auth:user:{subject}")
}

/// Something that is no longer good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// One access token.
    Token {
        /// Its `jti`.
        jti: String,
        /// Its `exp`, in seconds since the Unix epoch.
        expires_at: i64,
    },
    /// Every token of a session.
    Session {
        /// Its `sid`.
        sid: String,
    },
    /// Every token of a user or client below the version that the database holds.
    Subject {
        /// The user or client: `sub`.
        subject: String,
    },
}

/// What a change leads to once it is committed.
#[derive(Debug, Default)]
pub struct Effects {
    /// What is denied from now on.
    pub denials: Vec<Denial>,
    /// What happened; stored in the outbox already.
    pub events: Vec<Event>,
}

impl Effects {
    /// The events alone.
    #[must_use]
    pub fn of(events: Vec<Event>) -> Self {
        Self {
            denials: Vec::new(),
            events,
        }
    }

    /// Adds those of another change of the same transaction.
    pub fn extend(&mut self, other: Self) {
        self.denials.extend(other.denials);
        self.events.extend(other.events);
    }

    /// Writes the denials and announces the events. What fails is logged and
    /// left to the events: the change is committed.
    pub async fn tell(&self, db: &Database) {
        if !self.denials.is_empty() {
            let written = match Redis::open().await {
                Ok(redis) => deny_or_doubt(db, &redis, &self.denials).await,
                Err(error) => Err(error.into()),
            };
            if let Err(error) = written {
                let cause = error.to_string();
                log::warn("denials left to their events", &[("cause", &cause)]);
            }
        }
        announce(&self.events).await;
    }
}

/// Why the copy could not be written.
#[derive(Debug, thiserror::Error)]
pub enum DenyError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Redis failed.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// Redis forgot what was written while more was written.
    #[error("redis forgot the denylist while it was written; the next run writes it again")]
    Forgotten,
}

/// Writes denials into Redis. Writing twice does no harm.
///
/// # Errors
/// When the database or Redis fails; then some may be written.
pub async fn deny(sql: &impl Sql, redis: &Redis, denials: &[Denial]) -> Result<(), DenyError> {
    let now_ms = clock::now_ms();
    for denial in denials {
        match denial {
            Denial::Token { jti, expires_at } => {
                let until_ms = (expires_at + LEEWAY_SECONDS).saturating_mul(1000);
                set(redis, &token_key(jti), "1", until_ms - now_ms).await?;
            }
            Denial::Session { sid } => set(redis, &session_key(sid), "1", TTL_MS).await?,
            Denial::Subject { subject } => deny_below(sql, redis, subject).await?,
        }
    }
    Ok(())
}

/// Writes denials; where that fails, the copy is no longer called whole, not even
/// by somebody who is writing all of it. A Redis that is away altogether keeps the
/// key: the gateway cannot read it either.
async fn deny_or_doubt(sql: &impl Sql, redis: &Redis, denials: &[Denial]) -> Result<(), DenyError> {
    let written = deny(sql, redis, denials).await;
    if written.is_err() && redis.delete(&[REBUILD_KEY, READY_KEY]).await.is_err() {
        log::warn("the denylist is still called whole", &[]);
    }
    written
}

/// Writes the smallest good version. It is read again afterwards: of two who write
/// at the same time, the one who was late then writes what is newer.
async fn deny_below(sql: &impl Sql, redis: &Redis, subject: &str) -> Result<(), DenyError> {
    let mut version = queries::version(sql, subject).await?;
    for _ in 0..VERSION_TRIES_MAX {
        set(redis, &user_key(subject), &version.to_string(), TTL_MS).await?;
        let newest = queries::version(sql, subject).await?;
        if newest == version {
            break;
        }
        version = newest;
    }
    Ok(())
}

/// A key with a life; none where there is nothing left to deny.
async fn set(redis: &Redis, key: &str, value: &str, ttl_ms: i64) -> Result<(), RedisError> {
    match u64::try_from(ttl_ms) {
        Ok(ttl_ms) if ttl_ms > 0 => redis.set(key, value.as_bytes(), Some(ttl_ms)).await,
        _ => Ok(()),
    }
}

/// What an event denies; nothing where it is about something else.
///
/// # Errors
/// When the data is not what the type promises.
pub fn denials_of(event: &Event) -> Result<Vec<Denial>, EventError> {
    #[derive(Deserialize)]
    struct About {
        user_id: String,
    }
    Ok(match event.kind.as_str() {
        events::TOKEN_REVOKED => {
            let revoked: TokenRevoked = event.data_as()?;
            vec![Denial::Token {
                jti: revoked.token_id,
                expires_at: revoked.expires_at,
            }]
        }
        events::SESSION_ENDED => {
            let ended: SessionEnded = event.data_as()?;
            vec![Denial::Session {
                sid: ended.session_id,
            }]
        }
        events::CLIENT_DELETED => {
            let client: events::ClientEvent = event.data_as()?;
            vec![Denial::Subject {
                subject: client.client_id,
            }]
        }
        kind if kind.starts_with("user.") => {
            let about: About = event.data_as()?;
            vec![Denial::Subject {
                subject: about.user_id,
            }]
        }
        _ => Vec::new(),
    })
}

/// Copies all that the database denies into Redis and says for three minutes that
/// the copy is whole.
/// Gives how many entries were written.
///
/// # Errors
/// When the database or Redis fails, or Redis forgets in the middle; then the copy
/// is not said to be whole.
pub async fn rebuild(db: &Database, redis: &Redis, now_ms: i64) -> Result<u64, DenyError> {
    let mark = ids::new_id();
    redis
        .set(REBUILD_KEY, mark.as_bytes(), Some(REBUILD_MS_MAX))
        .await?;
    let written = copy_since(db, redis, now_ms - TTL_MS).await?;
    if redis.get(REBUILD_KEY).await?.as_deref() != Some(mark.as_bytes()) {
        return Err(DenyError::Forgotten);
    }
    redis.set(READY_KEY, b"1", Some(READY_MS)).await?;
    Ok(written)
}

/// Copies what was denied since `since_ms` into Redis; gives how many entries.
async fn copy_since(db: &Database, redis: &Redis, since_ms: i64) -> Result<u64, DenyError> {
    let mut written = 0;
    let mut after = String::new();
    loop {
        let rows = queries::revoked_since(db, since_ms, &after, COPY_ROWS_MAX).await?;
        let Some(last) = rows.last() else { break };
        after.clone_from(&last.jti);
        written += write(db, redis, rows.into_iter().map(Into::into).collect()).await?;
    }
    after.clear();
    loop {
        let ids = queries::ended_since(db, since_ms, &after, COPY_ROWS_MAX).await?;
        let Some(last) = ids.last() else { break };
        after.clone_from(last);
        let denials = ids.into_iter().map(|sid| Denial::Session { sid });
        written += write(db, redis, denials.collect()).await?;
    }
    after.clear();
    loop {
        let ids = queries::raised_since(db, since_ms, &after, COPY_ROWS_MAX).await?;
        let Some(last) = ids.last() else { break };
        after.clone_from(last);
        let denials = ids.into_iter().map(|subject| Denial::Subject { subject });
        written += write(db, redis, denials.collect()).await?;
    }
    Ok(written)
}

async fn write(db: &Database, redis: &Redis, denials: Vec<Denial>) -> Result<u64, DenyError> {
    deny(db, redis, &denials).await?;
    Ok(u64::try_from(denials.len()).unwrap_or(u64::MAX))
}

impl From<queries::RevokedRow> for Denial {
    fn from(row: queries::RevokedRow) -> Self {
        Self::Token {
            jti: row.jti,
            expires_at: row.expires_at / 1000,
        }
    }
}

/// Whether a token is still good, as the database says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// It is.
    pub valid: bool,
    /// Why not: `token`, `session`, `version`, `subject`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

/// Looks into the database whether a token is still good. Tokens of clients have
/// no session (an empty `sid`).
///
/// # Errors
/// When the database fails.
pub async fn status(
    sql: &impl Sql,
    jti: &str,
    sid: &str,
    subject: &str,
    version: i64,
) -> Result<Status, ApiError> {
    let denied = |reason| Status {
        valid: false,
        reason: Some(reason),
    };
    let found = queries::status(sql, jti, sid, subject).await?;
    Ok(match found {
        found if found.is_revoked => denied("token"),
        found if !sid.is_empty() && !found.is_session_alive => denied("session"),
        found => match found.version {
            None => denied("subject"),
            Some(smallest) if version < smallest => denied("version"),
            Some(_) => Status {
                valid: true,
                reason: None,
            },
        },
    })
}

#[cfg(test)]
mod tests;
