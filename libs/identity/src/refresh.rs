//! Refresh tokens: 256 random bits that only their holder knows, good once.
//!
//! Each use gives a new pair of the same family. A token that comes again was
//! copied: its whole family ends. Only the client that used it a moment ago may
//! repeat itself, because it may not have got the answer.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use suoke_events::outbox;
use suoke_guest::{ApiError, clock, secret};
use suoke_store::{Database, Transaction};

use crate::accounts::{Tokens, User};
use crate::client::Client;
use crate::denylist::Effects;
use crate::events::{self, Origin, SessionEvent};
use crate::queries::sessions::{self as queries, RefreshRow};
use crate::queries::{UserRow, user_by_id};
use crate::sessions;
use crate::settings::Settings;

/// How long a refresh token is good for.
pub const REFRESH_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// A new token and the hash that is stored instead of it.
///
/// # Errors
/// When there is no randomness.
pub fn generate() -> Result<(String, Vec<u8>), ApiError> {
    let token = URL_SAFE_NO_PAD.encode(secret::random::<32>()?);
    let hash = hash(&token);
    Ok((token, hash))
}

/// What is stored of a token.
#[must_use]
pub fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// How long the client that used a token may use it again.
const GRACE_MS: i64 = 10 * 1000;

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// A new pair.
    Exchange,
    /// Nothing: its session is over.
    Revoked,
    /// Nothing: its time is over.
    Expired,
    /// Nothing, and its family is to end: somebody has a copy.
    Reused,
}

/// Decides what a known token is good for.
fn judge(row: &RefreshRow, client_hash: &[u8], now_ms: i64) -> Verdict {
    if row.ended_at.is_some() {
        return Verdict::Revoked;
    }
    if let Some(used_at) = row.used_at {
        let is_same = row.used_by.as_deref() == Some(client_hash);
        return if is_same && now_ms - used_at < GRACE_MS && now_ms < row.expires_at {
            Verdict::Exchange
        } else {
            Verdict::Reused
        };
    }
    if now_ms >= row.expires_at {
        Verdict::Expired
    } else {
        Verdict::Exchange
    }
}

/// What came of a refresh token. The effects are to be told in any case.
pub struct Refreshed {
    /// The new pair, or 401 `token_invalid`, `token_expired`, `token_revoked` or
    /// `token_reused`.
    pub outcome: Result<(User, Tokens), ApiError>,
    /// What was committed.
    pub effects: Effects,
}

/// Exchanges a refresh token for a new pair. A session that was started through a
/// registered client is exchanged for that client alone.
///
/// # Errors
/// When the database fails; whatever is wrong with the token is an outcome.
pub async fn refresh(
    db: &mut Database,
    settings: &Settings,
    refresh_token: &str,
    client: &Client,
    origin: Origin<'_>,
) -> Result<Refreshed, ApiError> {
    let token_hash = hash(refresh_token);
    db.transaction(async |tx| {
        let now_ms = clock::now_ms();
        exchange(tx, settings, &token_hash, client, origin, now_ms).await
    })
    .await
}

async fn exchange(
    tx: &Transaction<'_>,
    settings: &Settings,
    token_hash: &[u8],
    client: &Client,
    origin: Origin<'_>,
    now_ms: i64,
) -> Result<Refreshed, ApiError> {
    let refused = |code, detail, zh: &str| Refreshed {
        outcome: Err(ApiError::unauthorized(code, detail).zh(zh)),
        effects: Effects::default(),
    };
    let Some(row) = queries::refresh_token(tx, token_hash).await? else {
        let detail = "The refresh token is not valid.";
        return Ok(refused("token_invalid", detail, "刷新令牌无效。"));
    };
    if row.client_id.is_some() && row.client_id != client.registered_id {
        let detail = "The refresh token was given to a client that must show its secret.";
        return Ok(refused("token_invalid", detail, "刷新令牌属于其他客户端。"));
    }
    let user = user_by_id(tx, &row.user_id).await?;
    let user = user.filter(|user| user.status == "active");
    let verdict = judge(&row, &client.hash(), now_ms);
    Ok(match (verdict, user) {
        (Verdict::Exchange, Some(user)) => {
            let used_by = client.hash();
            queries::use_refresh_token(tx, token_hash, used_by, now_ms).await?;
            rotate(tx, settings, &row, user, client, origin, now_ms).await?
        }
        (Verdict::Revoked, _) | (Verdict::Exchange, None) => {
            let detail = "The session is over; log in again.";
            refused("token_revoked", detail, "会话已结束，请重新登录。")
        }
        (Verdict::Expired, _) => {
            let detail = "The refresh token has expired; log in again.";
            refused("token_expired", detail, "刷新令牌已过期，请重新登录。")
        }
        (Verdict::Reused, _) => {
            let detail = "The refresh token was used before; its session is over.";
            let mut refused = refused("token_reused", detail, "刷新令牌已被使用，会话已结束。");
            refused.effects = end_family(tx, &row, origin, now_ms).await?;
            refused
        }
    })
}

async fn rotate(
    tx: &Transaction<'_>,
    settings: &Settings,
    row: &RefreshRow,
    user: UserRow,
    client: &Client,
    origin: Origin<'_>,
    now_ms: i64,
) -> Result<Refreshed, ApiError> {
    let tokens = sessions::issue(tx, settings, &user, &row.family, now_ms).await?;
    let expires_at = now_ms + REFRESH_MS;
    queries::touch(tx, &row.family, client, now_ms, expires_at).await?;
    let event = session_event(origin, events::TOKEN_REFRESHED, row, now_ms)?;
    Ok(Refreshed {
        outcome: Ok((user.into(), tokens)),
        effects: Effects::of(vec![outbox(tx, event).await?]),
    })
}

async fn end_family(
    tx: &Transaction<'_>,
    row: &RefreshRow,
    origin: Origin<'_>,
    now_ms: i64,
) -> Result<Effects, ApiError> {
    let event = session_event(origin, events::TOKEN_REUSE_DETECTED, row, now_ms)?;
    let mut effects = Effects::of(vec![outbox(tx, event).await?]);
    let ended = sessions::end(tx, origin, &row.user_id, &row.family, "reuse_detected").await?;
    effects.extend(ended.unwrap_or_default());
    Ok(effects)
}

fn session_event(
    origin: Origin<'_>,
    kind: &str,
    row: &RefreshRow,
    now_ms: i64,
) -> Result<suoke_events::Event, ApiError> {
    let about = format!("session/{}", row.family);
    let data = SessionEvent {
        user_id: row.user_id.clone(),
        session_id: row.family.clone(),
        at: clock::rfc3339(now_ms),
    };
    Ok(origin.tells(kind, about, &data)?)
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod unit_tests {
    use super::*;

    fn row(used_at: Option<i64>, ended_at: Option<i64>) -> RefreshRow {
        RefreshRow {
            family: "s1".to_owned(),
            user_id: "u1".to_owned(),
            expires_at: REFRESH_MS,
            used_at,
            used_by: used_at.map(|_| b"me".to_vec()),
            ended_at,
            client_id: None,
        }
    }

    #[test]
    fn a_token_is_good_once_and_for_its_time() {
        for (now, verdict) in [
            (0, Verdict::Exchange),
            (REFRESH_MS - 1, Verdict::Exchange),
            (REFRESH_MS, Verdict::Expired),
        ] {
            assert_eq!(judge(&row(None, None), b"me", now), verdict, "{now}");
        }
    }

    #[test]
    fn a_repetition_is_a_copy_unless_the_same_client_repeats_itself_at_once() {
        for (client, now, verdict) in [
            (b"me".as_slice(), 1000, Verdict::Exchange),
            (b"me", 1000 + GRACE_MS - 1, Verdict::Exchange),
            (b"me", 1000 + GRACE_MS, Verdict::Reused),
            (b"other", 1001, Verdict::Reused),
            (b"me", REFRESH_MS + 1, Verdict::Reused),
        ] {
            let row = row(Some(1000), None);
            assert_eq!(judge(&row, client, now), verdict, "{client:?} {now}");
        }
    }

    #[test]
    fn nothing_comes_of_an_ended_session() {
        for used_at in [None, Some(1)] {
            let row = row(used_at, Some(2));
            assert_eq!(judge(&row, b"me", 3), Verdict::Revoked);
        }
    }

    #[test]
    fn tokens_are_long_different_and_stored_as_hashes() {
        let (first, stored) = generate().unwrap();
        let (second, _) = generate().unwrap();
        assert_eq!((first.len(), stored.len()), (43, 32));
        assert_ne!(first, second);
        assert_eq!(hash(&first), stored);
    }
}
