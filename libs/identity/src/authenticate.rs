//! Access tokens, verified with the keys that `auth-keys` publishes: what the
//! gateway does for all functions.

use std::sync::{Mutex, MutexGuard, PoisonError};

use suoke_guest::{ApiError, clock, fetch};

use crate::cache::{KeyCache, Lookup};
use crate::caller::{AuthMethod, Identity};
use crate::jwks::Jwks;
use crate::keys::PublicKey;
use crate::settings::Verification;
use crate::token::{self, Claims, TokenError};

/// The component that publishes the keys.
const KEYS_AUTHORITY: &str = "auth-keys.spin.internal";

/// Where it publishes them.
const KEYS_PATH: &str = "/.well-known/jwks.json";

/// How large the set may be.
const KEYS_SIZE_BYTES_MAX: usize = 64 * 1024;

/// Public keys by name, settings, and checked tokens by their hashes.
static CACHE: Mutex<KeyCache> = Mutex::new(KeyCache::new());

impl From<Claims> for Identity {
    fn from(claims: Claims) -> Self {
        Self {
            user_id: claims.sub,
            roles: claims.roles,
            scopes: claims.scopes,
            session_id: Some(claims.sid).filter(|sid| !sid.is_empty()),
            token_id: claims.jti,
            expires_at: claims.exp,
            method: AuthMethod::Jwt,
        }
    }
}

/// Verifies an access token: its signature, times, issuer and audience. Whether
/// it was revoked is another question.
///
/// # Errors
/// 401 `token_invalid` or `token_expired`; 503 when the keys cannot be had.
pub async fn verify(token: &str) -> Result<Claims, ApiError> {
    let kid = token::key_id(token).map_err(told)?;
    let key = key(&kid).await?;
    let verification = verification().await?;
    let claims = claims(token, &key).map_err(told)?;
    let now_seconds = clock::now_ms() / 1000;
    token::check_claims(&claims, &verification, now_seconds).map_err(told)?;
    Ok(claims)
}

/// What the token says. The signature is checked once: its key is still known,
/// or the cache would have forgotten the token.
fn claims(token: &str, key: &PublicKey) -> Result<Claims, TokenError> {
    if let Some(claims) = cache().checked(token) {
        return Ok(claims);
    }
    let claims = token::signed_claims(token, key)?;
    cache().keep(token, claims.clone());
    Ok(claims)
}

fn told(error: TokenError) -> ApiError {
    error.into()
}

/// The cache; what it holds stays right even after a panic elsewhere.
fn cache() -> MutexGuard<'static, KeyCache> {
    CACHE.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn verification() -> Result<Verification, ApiError> {
    if let Some(known) = cache().verification.clone() {
        return Ok(known);
    }
    let loaded = Verification::load().await?;
    cache().verification = Some(loaded.clone());
    Ok(loaded)
}

async fn key(kid: &str) -> Result<PublicKey, ApiError> {
    // The guard must not live across an await.
    let first = cache().lookup(kid, clock::now_ms());
    if first != Lookup::Fetch {
        return settled(first);
    }
    let fetched = fetch_keys().await;
    let now = clock::now_ms();
    let mut cache = cache();
    let (fetched, failure) = match fetched {
        Ok(keys) => (Some(keys), None),
        Err(error) => (None, Some(error)),
    };
    cache.store(fetched, now);
    match (cache.lookup(kid, now), failure) {
        (Lookup::Use(key), _) => Ok(*key),
        (_, Some(error)) => Err(error),
        (other, None) => settled(other),
    }
}

fn settled(lookup: Lookup) -> Result<PublicKey, ApiError> {
    match lookup {
        Lookup::Use(key) => Ok(*key),
        Lookup::Unknown => Err(told(TokenError::Invalid("unknown key"))),
        Lookup::Fetch | Lookup::Unavailable => {
            Err(ApiError::unavailable(format!("{KEYS_AUTHORITY}: no keys")))
        }
    }
}

async fn fetch_keys() -> Result<Vec<PublicKey>, ApiError> {
    let reply = fetch::get(KEYS_AUTHORITY, KEYS_PATH, KEYS_SIZE_BYTES_MAX).await?;
    if reply.status() != 200 {
        let status = reply.status();
        return Err(ApiError::unavailable(format!("{KEYS_AUTHORITY}: {status}")));
    }
    let set: Jwks = serde_json::from_slice(reply.body_bytes())
        .map_err(|error| ApiError::unavailable(format!("{KEYS_AUTHORITY}: {error}")))?;
    Ok(set.public_keys())
}
