//! Taking tokens back before they expire, after RFC 7009.

use suoke_events::outbox;
use suoke_guest::{ApiError, clock};
use suoke_store::{Database, Transaction};

use crate::denylist::{Denial, Effects};
use crate::events::{self, Origin, TokenRevoked};
use crate::queries::sessions as queries;
use crate::settings::Settings;
use crate::token::{self, Claims};
use crate::{refresh, sessions};

/// Revokes an access token, or ends the session of a refresh token. What is
/// neither, or no longer good anyway, is left alone. Tell the effects.
///
/// # Errors
/// When the database fails.
pub async fn revoke(
    db: &mut Database,
    settings: &Settings,
    token: &str,
    origin: Origin<'_>,
) -> Result<Effects, ApiError> {
    let now_ms = clock::now_ms();
    let claims = own_claims(settings, token, now_ms / 1000);
    let token_hash = refresh::hash(token);
    db.transaction(async |tx| match claims {
        Some(claims) => revoke_access(tx, &claims, origin, now_ms).await,
        None => {
            let Some(row) = queries::refresh_token(tx, &token_hash).await? else {
                return Ok(Effects::default());
            };
            let ended = sessions::end(tx, origin, &row.user_id, &row.family, "revoked").await?;
            Ok(ended.unwrap_or_default())
        }
    })
    .await
}

/// What a token of ours says that has not expired.
fn own_claims(settings: &Settings, token: &str, now_seconds: i64) -> Option<Claims> {
    let kid = token::key_id(token).ok()?;
    let keys = settings.keys.published(now_seconds);
    let key = keys.iter().find(|key| key.kid() == kid)?;
    token::verify(token, key, &settings.verification, now_seconds).ok()
}

async fn revoke_access(
    tx: &Transaction<'_>,
    claims: &Claims,
    origin: Origin<'_>,
    now_ms: i64,
) -> Result<Effects, ApiError> {
    let expires_at_ms = claims.exp.saturating_mul(1000);
    if !queries::insert_revoked(tx, &claims.jti, &claims.sub, now_ms, expires_at_ms).await? {
        return Ok(Effects::default());
    }
    let revoked = TokenRevoked {
        token_id: claims.jti.clone(),
        subject: claims.sub.clone(),
        expires_at: claims.exp,
        revoked_at: clock::rfc3339(now_ms),
    };
    let event = origin.tells(
        events::TOKEN_REVOKED,
        format!("token/{}", claims.jti),
        &revoked,
    )?;
    Ok(Effects {
        denials: vec![Denial::Token {
            jti: claims.jti.clone(),
            expires_at: claims.exp,
        }],
        events: vec![outbox(tx, event).await?],
    })
}

#[cfg(test)]
mod tests;
