//! The second factor: time-based codes after RFC 6238 (HMAC-SHA-1, 30 seconds, 6
//! digits), which is what every authenticator app knows, and recovery codes.

use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha1::Sha1;
use suoke_events::outbox;
use suoke_guest::secret::{is_same, random};
use suoke_guest::{ApiError, clock};
use suoke_store::{Database, Transaction};

use crate::attempts;
use crate::denylist::Effects;
use crate::events::{self, Origin, UserEvent};
use crate::queries::totp as queries;
use crate::queries::{forget_attempts, user_by_id};
use crate::refresh;
use crate::sealed::SealingKey;

/// How long a code is shown, in seconds.
const STEP_SECONDS: i64 = 30;

/// How many steps before and after the present one are accepted: clocks differ.
const STEPS_APART_MAX: i64 = 1;

/// Digits of a code.
const DIGITS: u32 = 6;

/// How long the secret is: that of SHA-1, as RFC 4226 recommends.
const SECRET_SIZE_BYTES: usize = 20;

/// How many recovery codes there are.
const RECOVERY_CODES: usize = 10;

/// How long a recovery code is: 80 random bits.
const RECOVERY_SIZE_BYTES: usize = 10;

/// What authenticator apps show the code under.
const LABEL: &str = "Suoke Life";

/// The digits of base32, RFC 4648.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new secret, shown once.
#[derive(Debug, Serialize)]
pub struct Enrolment {
    /// The secret in base32.
    pub secret: String,
    /// The same for a QR code.
    pub otpauth_uri: String,
}

/// Makes a secret for a user; it counts once a code of it was confirmed.
///
/// # Errors
/// 409 `totp_enabled` when one counts already.
pub async fn enrol(
    db: &mut Database,
    sealing: &SealingKey,
    user_id: &str,
) -> Result<Enrolment, ApiError> {
    let secret = random::<SECRET_SIZE_BYTES>()?;
    let sealed = sealing.seal(&place(user_id), &secret)?;
    let user = user_by_id(db, user_id).await?;
    let user = user.ok_or_else(|| ApiError::not_found("There is no such user."))?;
    if !queries::enrol(db, user_id, sealed, clock::now_ms()).await? {
        let detail = "A second factor is enabled already.";
        return Err(ApiError::conflict("totp_enabled", detail).zh("两步验证已启用。"));
    }
    let secret = base32(&secret);
    let label = url_encoded(&format!("{LABEL}:{}", user.email));
    let issuer = url_encoded(LABEL);
    Ok(Enrolment {
        otpauth_uri: format!(
            "otpauth://totp/{label}?secret={secret}&issuer={issuer}&digits={DIGITS}&period={STEP_SECONDS}"
        ),
        secret,
    })
}

/// Makes the new secret count, and gives the recovery codes, shown once.
///
/// # Errors
/// 409 `totp_not_enrolled` or `totp_enabled`; 400 `totp_invalid`; 423 after 5
/// wrong codes.
pub async fn confirm(
    db: &mut Database,
    sealing: &SealingKey,
    user_id: &str,
    code: &str,
    origin: Origin<'_>,
) -> Result<(Vec<String>, Effects), ApiError> {
    let now_ms = clock::now_ms();
    attempts::count(db, &attempts_key(user_id), now_ms).await?;
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        codes.push(grouped(&base32(&random::<RECOVERY_SIZE_BYTES>()?)));
    }
    let effects: Result<Effects, ApiError> = db
        .transaction(async |tx| {
            let row = queries::find(tx, user_id).await?;
            let row = row.ok_or_else(|| {
                let detail = "Ask for a secret first.";
                ApiError::conflict("totp_not_enrolled", detail).zh("请先申请密钥。")
            })?;
            if row.confirmed_at.is_some() {
                let detail = "A second factor is enabled already.";
                return Err(ApiError::conflict("totp_enabled", detail).zh("两步验证已启用。"));
            }
            let step = step_of(sealing, user_id, &row, code, now_ms).ok_or_else(wrong_code)?;
            queries::confirm(tx, user_id, step, now_ms).await?;
            for code in &codes {
                queries::insert_recovery(tx, user_id, recovery_hash(code)).await?;
            }
            forget_attempts(tx, &attempts_key(user_id)).await?;
            told(tx, origin, events::TOTP_ENABLED, user_id, None, now_ms).await
        })
        .await;
    Ok((codes, effects?))
}

/// Takes the second factor away, with a code of it.
///
/// # Errors
/// 404 when there is none; 400 `totp_invalid`; 423 after 5 wrong codes.
pub async fn remove(
    db: &mut Database,
    sealing: &SealingKey,
    user_id: &str,
    code: &str,
    origin: Origin<'_>,
) -> Result<Effects, ApiError> {
    let now_ms = clock::now_ms();
    attempts::count(db, &attempts_key(user_id), now_ms).await?;
    db.transaction(async |tx| {
        if !accept(tx, sealing, user_id, code, now_ms)
            .await?
            .ok_or_else(no_factor)?
        {
            return Err(wrong_code());
        }
        queries::remove(tx, user_id).await?;
        forget_attempts(tx, &attempts_key(user_id)).await?;
        told(tx, origin, events::TOTP_DISABLED, user_id, None, now_ms).await
    })
    .await
}

/// Takes the second factor of a user away who has lost it, on the word of an
/// administrator or operator: `by`. Sessions go on. Tell the effects.
///
/// # Errors
/// 404 when there is none.
pub async fn take_away(
    db: &mut Database,
    user_id: &str,
    by: &str,
    origin: Origin<'_>,
) -> Result<Effects, ApiError> {
    let now_ms = clock::now_ms();
    db.transaction(async |tx| {
        let row = queries::find(tx, user_id).await?;
        if row.is_none_or(|row| row.confirmed_at.is_none()) {
            return Err(no_factor());
        }
        queries::remove(tx, user_id).await?;
        forget_attempts(tx, &attempts_key(user_id)).await?;
        told(tx, origin, events::TOTP_DISABLED, user_id, Some(by), now_ms).await
    })
    .await
}

/// Lets a login pass that has no second factor, or the right code of it.
pub(crate) async fn check(
    tx: &Transaction<'_>,
    sealing: &SealingKey,
    user_id: &str,
    code: Option<&str>,
    now_ms: i64,
) -> Result<(), ApiError> {
    let refused = |code, detail, zh: &str| {
        let error = ApiError::new(401, code, detail).zh(zh);
        Err(error.header("www-authenticate", "Bearer"))
    };
    let Some(code) = code else {
        let is_on = queries::find(tx, user_id).await?;
        if is_on.is_some_and(|row| row.confirmed_at.is_some()) {
            let detail = "Send a code of the second factor in totp.";
            return refused("totp_required", detail, "请提供两步验证码。");
        }
        return Ok(());
    };
    match accept(tx, sealing, user_id, code, now_ms).await? {
        // Who has no second factor may send a code; it says nothing.
        None | Some(true) => Ok(()),
        Some(false) => {
            let detail = "The code is wrong or was used before.";
            refused("totp_invalid", detail, "验证码错误或已使用。")
        }
    }
}

/// Uses a code up; `None` where no second factor counts.
async fn accept(
    tx: &Transaction<'_>,
    sealing: &SealingKey,
    user_id: &str,
    code: &str,
    now_ms: i64,
) -> Result<Option<bool>, ApiError> {
    let row = queries::find(tx, user_id).await?;
    let Some(row) = row.filter(|row| row.confirmed_at.is_some()) else {
        return Ok(None);
    };
    if let Some(step) = step_of(sealing, user_id, &row, code, now_ms) {
        queries::use_step(tx, user_id, step).await?;
        let secret = sealing.open(&place(user_id), &row.sealed_secret);
        if let Some(secret) = secret.filter(|_| sealing.is_replacing()) {
            let sealed = sealing.seal(&place(user_id), &secret)?;
            queries::seal_anew(tx, user_id, sealed).await?;
        }
        return Ok(Some(true));
    }
    let used = queries::use_recovery(tx, user_id, recovery_hash(code)).await?;
    Ok(Some(used))
}

/// The step of a right code that no code was accepted for yet.
fn step_of(
    sealing: &SealingKey,
    user_id: &str,
    row: &queries::TotpRow,
    code: &str,
    now_ms: i64,
) -> Option<i64> {
    let secret = sealing.open(&place(user_id), &row.sealed_secret)?;
    let now = now_ms.div_euclid(1000 * STEP_SECONDS);
    let code = code.trim();
    (now - STEPS_APART_MAX..=now + STEPS_APART_MAX)
        .filter(|step| *step > row.last_step)
        .find(|step| is_same(code_at(&secret, *step).as_bytes(), code.as_bytes()))
}

/// The code of a step.
fn code_at(secret: &[u8], step: i64) -> String {
    // A key of any length fits.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret) else {
        return String::new();
    };
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let start = digest.last().map_or(0, |last| usize::from(last & 0x0f));
    let word = digest.iter().skip(start).take(4);
    let word = word.fold(0u32, |word, byte| (word << 8) | u32::from(*byte)) & 0x7fff_ffff;
    format!("{:06}", word % 10u32.pow(DIGITS))
}

/// Where the secret lies.
fn place(user_id: &str) -> String {
    format!("totp|{user_id}")
}

fn attempts_key(user_id: &str) -> Vec<u8> {
    refresh::hash(&format!("totp|{user_id}"))
}

/// However a recovery code is written.
fn recovery_hash(code: &str) -> Vec<u8> {
    let code: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    refresh::hash(&code.to_ascii_uppercase())
}

fn no_factor() -> ApiError {
    ApiError::not_found("There is no second factor.").zh("未启用两步验证。")
}

fn wrong_code() -> ApiError {
    let detail = "The code is wrong or was used before.";
    ApiError::bad_request("totp_invalid", detail).zh("验证码错误或已使用。")
}

async fn told(
    tx: &Transaction<'_>,
    origin: Origin<'_>,
    kind: &str,
    user_id: &str,
    by: Option<&str>,
    now_ms: i64,
) -> Result<Effects, ApiError> {
    let data = UserEvent {
        user_id: user_id.to_owned(),
        by: by.map(str::to_owned),
        at: clock::rfc3339(now_ms),
    };
    let event = origin.tells(kind, format!("user/{user_id}"), &data)?;
    Ok(Effects::of(vec![outbox(tx, event).await?]))
}

/// Bytes in base32 without padding.
fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let word = chunk
            .iter()
            .fold(0u64, |word, byte| (word << 8) | u64::from(*byte));
        let bits = chunk.len() * 8;
        let word = word << (40 - bits);
        for digit in 0..bits.div_ceil(5) {
            let index = usize::try_from((word >> (35 - 5 * digit)) & 31).unwrap_or_default();
            text.push(BASE32.get(index).map_or('A', |byte| char::from(*byte)));
        }
    }
    text
}

/// `ABCD-EFGH-…`, which is easier to copy by hand.
fn grouped(text: &str) -> String {
    let mut grouped = String::new();
    for (index, letter) in text.chars().enumerate() {
        if index > 0 && index % 4 == 0 {
            grouped.push('-');
        }
        grouped.push(letter);
    }
    grouped
}

fn url_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
