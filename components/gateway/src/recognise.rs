//! Who asks.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::Deserialize;
use suoke_gateway::credentials::{self, Credential};
use suoke_gateway::headers;
use suoke_gateway::policy::Auth;
use suoke_guest::{ApiError, clock, fetch};
use suoke_identity::token::{Claims, TokenError};
use suoke_identity::{AuthMethod, Identity};

use crate::incoming::Incoming;
use crate::settings::Settings;

/// Knows virtual keys.
const KEYS_AUTHORITY: &str = "key-status.spin.internal";

/// Knows in its database which tokens were revoked.
const TOKENS_AUTHORITY: &str = "auth-status.spin.internal";

/// How large their answers may be.
const ANSWER_SIZE_BYTES_MAX: usize = 64 * 1024;

/// How long it takes at most until a withdrawn virtual key is refused.
const KEY_FRESH_MS: i64 = 30_000;

/// How many virtual keys an instance remembers; then all are forgotten.
const KEYS_MAX: usize = 256;

thread_local! {
    /// Virtual keys that were good a moment ago, by their digests.
    static KEYS: RefCell<BTreeMap<String, (i64, Identity)>> = const {
        RefCell::new(BTreeMap::new())
    };
}

/// Somebody who was recognised.
pub(crate) struct Caller {
    /// Who it is.
    pub(crate) identity: Identity,
    /// What the token says, if it was one: it may have been revoked.
    pub(crate) claims: Option<Claims>,
}

/// Recognises the caller, as the policy asks for it.
///
/// # Errors
/// 403 for a virtual key where none is accepted; 401 when the policy wants somebody and nobody was recognised, or what was
/// sent is not good; 503 when that cannot be told.
pub(crate) async fn caller(
    incoming: &Incoming,
    settings: &Settings,
) -> Result<Option<Caller>, ApiError> {
    let auth = settings.policy.auth;
    if auth == Auth::Public {
        return Ok(None);
    }
    let recognised = match credentials::read(&incoming.all("authorization"))? {
        Credential::None if auth == Auth::Optional => return Ok(None),
        Credential::None => return Err(TokenError::Missing.into()),
        Credential::Key(_) if !settings.policy.accepts_keys => {
            let detail = "Virtual keys are not accepted here.";
            return Err(ApiError::forbidden(detail).zh("此处不接受虚拟密钥。"));
        }
        Credential::Key(key) => Caller {
            identity: of_key(key).await?,
            claims: None,
        },
        Credential::Bearer(secret) if is_operator(secret, settings) => Caller {
            identity: headers::operator(),
            claims: None,
        },
        Credential::Bearer(token) => {
            let claims = suoke_identity::verify(token).await?;
            Caller {
                identity: claims.clone().into(),
                claims: Some(claims),
            }
        }
    };
    if headers::is_writable(&recognised.identity) {
        return Ok(Some(recognised));
    }
    Err(TokenError::Invalid("unusual names").into())
}

fn is_operator(secret: &str, settings: &Settings) -> bool {
    let known = settings.operator_token.as_deref();
    known.is_some_and(|known| credentials::is_operator(secret, known))
}

/// What `key-status` says of a virtual key.
#[derive(Deserialize)]
struct KeyStatus {
    valid: bool,
    #[serde(default)]
    key_id: String,
    #[serde(default)]
    user_id: String,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    scopes: Vec<String>,
    /// In seconds since the Unix epoch.
    #[serde(default)]
    expires_at: Option<i64>,
}

async fn of_key(key: &str) -> Result<Identity, ApiError> {
    let digest = credentials::key_digest(key);
    let now_ms = clock::now_ms();
    let known = KEYS.with_borrow(|keys| keys.get(&digest).cloned());
    let known = known.filter(|(until_ms, _)| now_ms < *until_ms);
    let identity = match known {
        Some((_, identity)) => identity,
        None => {
            let identity = ask_for_key(&digest).await?;
            let fresh = (now_ms + KEY_FRESH_MS, identity.clone());
            KEYS.with_borrow_mut(|keys| {
                if keys.len() >= KEYS_MAX {
                    keys.clear();
                }
                keys.insert(digest, fresh);
            });
            identity
        }
    };
    if identity.expires_at.saturating_mul(1000) <= now_ms {
        return Err(TokenError::Expired.into());
    }
    Ok(identity)
}

async fn ask_for_key(digest: &str) -> Result<Identity, ApiError> {
    let path = format!("/keys/{digest}");
    let reply = fetch::get(KEYS_AUTHORITY, &path, ANSWER_SIZE_BYTES_MAX).await?;
    let invalid = || ApiError::from(TokenError::Invalid("no such key"));
    let status: KeyStatus = match reply.status() {
        200 => serde_json::from_slice(reply.body_bytes()).map_err(|error| odd(&error))?,
        404 => return Err(invalid()),
        status => return Err(odd(&status)),
    };
    if !status.valid || status.user_id.is_empty() {
        return Err(invalid());
    }
    Ok(Identity {
        user_id: status.user_id,
        roles: status.roles,
        scopes: status.scopes,
        session_id: None,
        token_id: status.key_id,
        expires_at: status.expires_at.unwrap_or(i64::MAX / 1000),
        method: AuthMethod::Key,
    })
}

fn odd(what: &dyn std::fmt::Display) -> ApiError {
    ApiError::unavailable(format!("{KEYS_AUTHORITY}: {what}"))
}

/// What `auth-status` says of a token.
#[derive(Deserialize)]
struct TokenStatus {
    valid: bool,
}

/// Asks the database whether a token is still good: Redis does not know.
///
/// # Errors
/// 401 `token_revoked`; 503 when nobody answers.
pub(crate) async fn not_revoked(claims: &Claims) -> Result<(), ApiError> {
    let path = credentials::status_path(claims);
    let reply = fetch::get(TOKENS_AUTHORITY, &path, ANSWER_SIZE_BYTES_MAX).await?;
    let odd =
        |what: &dyn std::fmt::Display| ApiError::unavailable(format!("{TOKENS_AUTHORITY}: {what}"));
    if reply.status() != 200 {
        return Err(odd(&reply.status()));
    }
    let status: TokenStatus =
        serde_json::from_slice(reply.body_bytes()).map_err(|error| odd(&error))?;
    if status.valid { Ok(()) } else { Err(revoked()) }
}

/// 401 for a token that was good once.
pub(crate) fn revoked() -> ApiError {
    ApiError::unauthorized("token_revoked", "The token was revoked.").zh("访问令牌已被撤销。")
}
