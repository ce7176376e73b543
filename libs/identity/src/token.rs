//! Access tokens: JSON Web Tokens signed with EdDSA, and nothing else.
//!
//! The algorithm is fixed by the key, never chosen by the token.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize};
use suoke_guest::{ApiError, ids};

use crate::keys::{PublicKey, SigningKey};
use crate::settings::Verification;

/// How long an access token is good for.
pub const ACCESS_SECONDS: i64 = 30 * 60;

/// How far clocks may be apart.
pub const LEEWAY_SECONDS: i64 = 60;

/// How large a token may be.
const TOKEN_SIZE_BYTES_MAX: usize = 8 * 1024;

/// What a token says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user, or the client that has no user.
    pub sub: String,
    /// What the user is: `user`, `admin`.
    #[serde(default)]
    pub roles: Vec<String>,
    /// What the token is for; everything the roles allow when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Who issued it.
    pub iss: String,
    /// For whom; our own tokens name one.
    #[serde(deserialize_with = "one_or_many", serialize_with = "one_if_one")]
    pub aud: Vec<String>,
    /// When it was issued, in seconds.
    pub iat: i64,
    /// From when on it is good, in seconds.
    pub nbf: i64,
    /// Until when it is good, in seconds.
    pub exp: i64,
    /// Names the token.
    pub jti: String,
    /// The session that it belongs to; none for clients.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sid: String,
    /// The version of the user's tokens: older ones are no longer good.
    #[serde(default)]
    pub ver: i64,
}

/// For whom a token is issued.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// The user, or the client.
    pub subject: &'a str,
    /// What the user is.
    pub roles: &'a [String],
    /// What the token is for.
    pub scopes: &'a [String],
    /// The session; empty for clients.
    pub session_id: &'a str,
    /// The version of the holder's tokens.
    pub version: i64,
}

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// There is none.
    Missing,
    /// It is not one of ours, for this reason.
    Invalid(&'static str),
    /// It was good once.
    Expired,
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Missing => {
                Self::unauthorized("token_missing", "Send a bearer token.").zh("请提供访问令牌。")
            }
            TokenError::Invalid(_) => {
                Self::unauthorized("token_invalid", "The token is not valid.").zh("访问令牌无效。")
            }
            TokenError::Expired => {
                Self::unauthorized("token_expired", "The token has expired.").zh("访问令牌已过期。")
            }
        }
    }
}

/// The head of a token.
#[derive(Serialize, Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    typ: Option<Cow<'a, str>>,
    #[serde(borrow)]
    kid: Option<Cow<'a, str>>,
    #[serde(skip_serializing)]
    crit: Option<serde_json::Value>,
}

/// Issues a token.
///
/// # Errors
/// When the claims cannot be written as JSON.
pub fn issue(
    key: &SigningKey,
    verification: &Verification,
    holder: &Holder<'_>,
    now_seconds: i64,
) -> Result<String, ApiError> {
    let claims = Claims {
        sub: holder.subject.to_owned(),
        roles: holder.roles.to_vec(),
        scopes: holder.scopes.to_vec(),
        iss: verification.issuer.clone(),
        aud: vec![verification.audience.clone()],
        iat: now_seconds,
        nbf: now_seconds,
        exp: now_seconds + ACCESS_SECONDS,
        jti: ids::new_id(),
        sid: holder.session_id.to_owned(),
        ver: holder.version,
    };
    sign(key, &claims)
}

/// Signs claims.
///
/// # Errors
/// When the claims cannot be written as JSON.
pub fn sign(key: &SigningKey, claims: &Claims) -> Result<String, ApiError> {
    let header = Header {
        alg: "EdDSA".into(),
        typ: Some("JWT".into()),
        kid: Some(key.public().kid().into()),
        crit: None,
    };
    let header = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header)?);
    let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims)?);
    let signed = format!("{header}.{payload}");
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
    Ok(format!("{signed}.{signature}"))
}

/// The name of the key that a token asks for. Nothing is verified yet.
///
/// # Errors
/// When it is no token or not signed with EdDSA.
pub fn key_id(token: &str) -> Result<String, TokenError> {
    if token.len() > TOKEN_SIZE_BYTES_MAX {
        return Err(TokenError::Invalid("too large"));
    }
    let head = token.split('.').next().unwrap_or_default();
    let head = decoded(head)?;
    let header: Header<'_> =
        serde_json::from_slice(&head).map_err(|_| TokenError::Invalid("header"))?;
    if header.alg != "EdDSA" {
        return Err(TokenError::Invalid("algorithm"));
    }
    if header.crit.is_some() {
        return Err(TokenError::Invalid("critical header"));
    }
    if header
        .typ
        .is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT"))
    {
        return Err(TokenError::Invalid("type"));
    }
    let kid = header.kid.ok_or(TokenError::Invalid("no key id"))?;
    Ok(kid.into_owned())
}

/// Verifies a token: signature, times, issuer, audience, in this order.
///
/// # Errors
/// When one of them is wrong.
pub fn verify(
    token: &str,
    key: &PublicKey,
    verification: &Verification,
    now_seconds: i64,
) -> Result<Claims, TokenError> {
    let claims = signed_claims(token, key)?;
    check_claims(&claims, verification, now_seconds)?;
    Ok(claims)
}

/// What a token says, if this key signed it. Times, issuer and audience are
/// still to be checked, each time anew.
pub(crate) fn signed_claims(token: &str, key: &PublicKey) -> Result<Claims, TokenError> {
    if key_id(token)? != key.kid() {
        return Err(TokenError::Invalid("key id"));
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Invalid("shape"))?;
    if !key.verifies(signed.as_bytes(), &decoded(signature)?) {
        return Err(TokenError::Invalid("signature"));
    }
    let (_, payload) = signed.split_once('.').ok_or(TokenError::Invalid("shape"))?;
    serde_json::from_slice(&decoded(payload)?).map_err(|_| TokenError::Invalid("claims"))
}

/// Checks times, issuer and audience.
pub(crate) fn check_claims(
    claims: &Claims,
    verification: &Verification,
    now_seconds: i64,
) -> Result<(), TokenError> {
    if claims.exp.saturating_add(LEEWAY_SECONDS) <= now_seconds {
        return Err(TokenError::Expired);
    }
    if claims.nbf.saturating_sub(LEEWAY_SECONDS) > now_seconds {
        return Err(TokenError::Invalid("not yet valid"));
    }
    if claims.iss != verification.issuer {
        return Err(TokenError::Invalid("issuer"));
    }
    if !claims.aud.contains(&verification.audience) {
        return Err(TokenError::Invalid("audience"));
    }
    if claims.sub.is_empty() {
        return Err(TokenError::Invalid("subject"));
    }
    Ok(())
}

fn decoded(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenError::Invalid("encoding"))
}

fn one_if_one<S: serde::Serializer>(names: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    match names {
        [one] => serializer.serialize_str(one),
        many => serializer.collect_seq(many),
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Names {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Names::deserialize(deserializer)? {
        Names::One(name) => vec![name],
        Names::Many(names) => names,
    })
}

#[cfg(test)]
mod tests;
