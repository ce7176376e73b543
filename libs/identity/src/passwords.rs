//! Changing a password, and setting it anew with a token that was mailed.

use suoke_events::outbox;
use suoke_guest::{ApiError, FieldError, Lang, clock};
use suoke_store::{Database, Transaction};

use crate::accounts::{attempts_key, unchanged};
use crate::denylist::Effects;
use crate::events::{self, Origin, UserEvent};
use crate::mails::{self, Letter, Recipient};
use crate::queries::{self, UserRow, mails as tokens};
use crate::sealed::SealingKey;
use crate::{attempts, email, password, refresh, sessions};

/// What the tokens and mails are for.
const PURPOSE: &str = "password_reset";

/// How long a mailed token is good for.
const TOKEN_MS: i64 = 30 * 60 * 1000;

/// How many mails an address gets in an hour, whoever asks for them.
const MAILS_PER_HOUR_MAX: i64 = 5;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// Changes the password of a user who knows the old one, and ends all other
/// sessions. Tell the effects.
///
/// # Errors
/// 400 that names `new_password`; 403 `wrong_password`; 423 after 5 failures.
pub async fn change(
    db: &mut Database,
    user_id: &str,
    session_id: &str,
    current: &str,
    new: &str,
    origin: Origin<'_>,
) -> Result<Effects, ApiError> {
    check(new)?;
    let user = queries::user_by_id(db, user_id).await?;
    let user = user.filter(|user| user.status == "active");
    let user =
        user.ok_or_else(|| ApiError::not_found("There is no such user.").zh("用户不存在。"))?;
    let now_ms = clock::now_ms();
    attempts::count(db, &attempts_key(&user.email), now_ms).await?;
    if !password::verify(current, &user.password_hash)? {
        return Err(wrong_password());
    }
    // Hashing takes long: it must not hold the write lock.
    let hash = password::hash(new)?;
    db.transaction(async |tx| {
        let user = unchanged(tx, &user).await?;
        let user = user.ok_or_else(wrong_password)?;
        let kind = events::PASSWORD_CHANGED;
        let mut effects = set(tx, &user, &hash, kind, origin, now_ms).await?;
        let reason = "password_changed";
        effects.extend(sessions::end_all(tx, origin, &user.id, session_id, reason).await?);
        Ok(effects)
    })
    .await
}

/// Mails a token to the user of an address. An address without a user gets
/// nothing, after the same work; an address that was asked for too often, too.
///
/// # Errors
/// 400 that names `email`, when it is no address.
pub async fn request_reset(
    db: &mut Database,
    sealing: &SealingKey,
    address: &str,
    lang: Lang,
) -> Result<(), ApiError> {
    let address = email::normalise(address).map_err(|error| ApiError::invalid(vec![error]))?;
    let now_ms = clock::now_ms();
    let user = queries::user_by_email(db, &address).await?;
    let user = user.filter(|user| user.status == "active");
    let (token, token_hash) = refresh::generate()?;
    let letter = letter(address, &token, lang);
    db.transaction(async |tx| {
        let since_ms = now_ms - HOUR_MS;
        let count = mails::count_since(tx, sealing, &letter.to, since_ms).await?;
        if count >= MAILS_PER_HOUR_MAX {
            return Ok(());
        }
        let recipient = match &user {
            Some(user) => {
                let expires_at = now_ms + TOKEN_MS;
                tokens::insert_token(tx, token_hash, &user.id, PURPOSE, now_ms, expires_at).await?;
                Recipient::User(&user.id)
            }
            None => {
                tokens::forget_tokens(tx, "", PURPOSE).await?;
                Recipient::Nobody
            }
        };
        // Late, it would only hold a code that is no longer good.
        mails::queue(tx, sealing, recipient, PURPOSE, &letter, now_ms, TOKEN_MS).await
    })
    .await
}

/// Sets a password with a mailed token, which is then used up; all sessions end.
/// Tell the effects.
///
/// # Errors
/// 400 that names `new_password`, or `token` when it is not good.
pub async fn reset(
    db: &mut Database,
    token: &str,
    new: &str,
    origin: Origin<'_>,
) -> Result<Effects, ApiError> {
    check(new)?;
    let now_ms = clock::now_ms();
    let token_hash = refresh::hash(token);
    // Nobody makes us hash who has no token.
    if tokens::token_user(db, &token_hash, PURPOSE, now_ms)
        .await?
        .is_none()
    {
        return Err(bad_token());
    }
    let hash = password::hash(new)?;
    db.transaction(async |tx| {
        let user_id = tokens::token_user(tx, &token_hash, PURPOSE, now_ms).await?;
        let user = match user_id {
            Some(id) => queries::user_by_id(tx, &id).await?,
            None => None,
        };
        let user = user.filter(|user| user.status == "active");
        let user = user.ok_or_else(bad_token)?;
        let kind = events::PASSWORD_RESET;
        let mut effects = set(tx, &user, &hash, kind, origin, now_ms).await?;
        effects.extend(sessions::end_all(tx, origin, &user.id, "", "password_reset").await?);
        Ok(effects)
    })
    .await
}

/// Sets the password; mailed tokens are no longer good, failures are forgotten.
async fn set(
    tx: &Transaction<'_>,
    user: &UserRow,
    hash: &str,
    kind: &str,
    origin: Origin<'_>,
    now_ms: i64,
) -> Result<Effects, ApiError> {
    queries::set_password(tx, &user.id, hash, now_ms).await?;
    tokens::forget_tokens(tx, &user.id, PURPOSE).await?;
    queries::forget_attempts(tx, &attempts_key(&user.email)).await?;
    let data = UserEvent {
        user_id: user.id.clone(),
        by: None,
        at: clock::rfc3339(now_ms),
    };
    let event = origin.tells(kind, format!("user/{}", user.id), &data)?;
    Ok(Effects::of(vec![outbox(tx, event).await?]))
}

fn check(new: &str) -> Result<(), ApiError> {
    password::check(new).map_err(|error| {
        let error = FieldError::new("new_password", error.code, error.message);
        ApiError::invalid(vec![error])
    })
}

fn wrong_password() -> ApiError {
    let detail = "The current password is wrong.";
    ApiError::new(403, "wrong_password", detail).zh("当前密码错误。")
}

fn bad_token() -> ApiError {
    let message = "is not valid, was used, or has expired: ask for a new one";
    let error = FieldError::new("token", "invalid_token", message);
    ApiError::invalid(vec![error])
}

/// What is mailed. It is short, names nobody, and holds no link that a mail
/// scanner could follow.
fn letter(to: String, token: &str, lang: Lang) -> Letter {
    let minutes = TOKEN_MS / 60_000;
    let (subject, text) = match lang {
        Lang::ZhCn => (
            "重置您的索克生活密码",
            format!(
                "有人请求重置此邮箱在索克生活的密码。\n\n重置码（{minutes} 分钟内有效，只能使用一次）：\n\n{token}\n\n\
                 如果不是您本人操作，请忽略此邮件，密码不会改变。\n"
            ),
        ),
        Lang::En => (
            "Reset your Suoke Life password",
            format!(
                "Somebody asked to reset the Suoke Life password of this address.\n\n\
                 The code, good once and for {minutes} minutes:\n\n{token}\n\n\
                 If it was not you, ignore this mail: the password stays as it is.\n"
            ),
        ),
    };
    Letter {
        to,
        subject: subject.to_owned(),
        text,
    }
}

#[cfg(test)]
mod tests;
