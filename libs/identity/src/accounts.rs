//! Registering and logging in.

use serde::Serialize;
use sha2::{Digest, Sha256};
use suoke_events::types::{USER_CREATED, UserCreated};
use suoke_events::{Event, outbox};
use suoke_guest::{ApiError, FieldError, Invalid, Request, clock, ids};
use suoke_store::{Database, Transaction};

use crate::attempts::{self, Attempt};
use crate::queries::{self, UserRow};
use crate::settings::Settings;
use crate::{email, password, refresh, token};

/// The label of the database.
pub const LABEL: &str = "identity";

/// How long a name may be, in characters.
const NAME_CHARS_MAX: usize = 100;

/// A user as callers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    /// The user's id.
    pub user_id: String,
    /// The address, normalised.
    pub email: String,
    /// How the user wants to be called.
    pub name: String,
    /// `active`, `suspended` or `deleted`.
    pub status: String,
    /// When it was made, in RFC 3339.
    pub created_at: String,
    /// When it was changed, in RFC 3339.
    pub updated_at: String,
}

/// The tokens of a new session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// The access token, a JWT.
    pub access_token: String,
    /// The opaque refresh token.
    pub refresh_token: String,
    /// `bearer`
    pub token_type: &'static str,
    /// How long the access token is good for, in seconds.
    pub expires_in: i64,
}

/// What somebody registers with.
pub struct Registration {
    email: String,
    name: String,
    password: String,
}

impl Registration {
    /// Checks all fields.
    ///
    /// # Errors
    /// 400 that names every wrong field.
    pub fn new(email: &str, password: &str, name: &str) -> Result<Self, ApiError> {
        let mut invalid = Invalid::new();
        let email = email::normalise(email).unwrap_or_else(|error| {
            invalid.add(error);
            String::new()
        });
        if let Err(error) = password::check(password) {
            invalid.add(error);
        }
        let name = name.trim();
        let length = name.chars().count();
        if length == 0 || length > NAME_CHARS_MAX || name.chars().any(char::is_control) {
            let message = "must have 1 to 100 characters without control characters";
            invalid.add(FieldError::new("name", "invalid_name", message));
        }
        invalid.finish()?;
        Ok(Self {
            email,
            name: name.to_owned(),
            password: password.to_owned(),
        })
    }
}

/// Adds a user and starts a session. Announce the event.
///
/// # Errors
/// 409 `email_exists`.
pub async fn register(
    db: &mut Database,
    settings: &Settings,
    request: &Request,
    registration: Registration,
) -> Result<(User, Tokens, Event), ApiError> {
    if queries::email_is_taken(db, &registration.email).await? {
        return Err(email_exists());
    }
    let now = clock::now_ms();
    // Hashing takes long: it must not hold the write lock.
    let row = UserRow {
        id: ids::new_id(),
        email: registration.email,
        name: registration.name,
        password_hash: password::hash(&registration.password)?,
        roles: r#"["user"]"#.to_owned(),
        status: "active".to_owned(),
        created_at: now,
        updated_at: now,
    };
    let created = UserCreated {
        user_id: row.id.clone(),
        email: row.email.clone(),
        name: row.name.clone(),
        created_at: clock::rfc3339(now),
    };
    let event = Event::new(USER_CREATED, "user-register", &created)?
        .about(format!("user/{}", row.id))
        .from_request(request);
    let (tokens, event) = db
        .transaction(async |tx| {
            if !queries::insert_user(tx, &row).await? {
                return Err(email_exists());
            }
            let tokens = start_session(tx, settings, &row, now).await?;
            Ok((tokens, outbox(tx, event).await?))
        })
        .await?;
    Ok((shown(row), tokens, event))
}

/// Checks address and password and starts a session.
///
/// # Errors
/// 401 `invalid_credentials`, the same and after the same work whether the
/// address or the password is wrong; 423 after 5 failures.
pub async fn log_in(
    db: &mut Database,
    settings: &Settings,
    address: &str,
    password: &str,
) -> Result<(User, Tokens), ApiError> {
    let email = email::normalise(address).unwrap_or_default();
    let email_hash = Sha256::digest(address.trim().to_ascii_lowercase()).to_vec();
    let now = clock::now_ms();
    begin_attempt(db, &email_hash, now).await?;
    let user = queries::user_by_email(db, &email).await?;
    let is_right = match &user {
        Some(user) => password::verify(password, &user.password_hash)?,
        None => {
            password::verify_nobody(password)?;
            false
        }
    };
    let Some(user) = user.filter(|user| is_right && user.status == "active") else {
        let detail = "E-mail address or password is wrong.";
        return Err(ApiError::unauthorized("invalid_credentials", detail).zh("邮箱或密码错误。"));
    };
    let tokens = db
        .transaction(async |tx| {
            queries::forget_attempts(tx, &email_hash).await?;
            start_session(tx, settings, &user, now).await
        })
        .await?;
    Ok((shown(user), tokens))
}

/// Counts the attempt before anything is checked.
async fn begin_attempt(db: &mut Database, email_hash: &[u8], now: i64) -> Result<(), ApiError> {
    let attempt: Result<Attempt, ApiError> = db
        .transaction(async |tx| {
            let known = queries::attempts(tx, email_hash).await?;
            let attempt = attempts::begin(known, now);
            if let Attempt::Allowed(attempts) = attempt {
                queries::save_attempts(tx, email_hash, attempts).await?;
                queries::prune_attempts(tx, now - attempts::LOCK_MS).await?;
            }
            Ok(attempt)
        })
        .await;
    match attempt? {
        Attempt::Allowed(_) => Ok(()),
        Attempt::Locked(seconds) => {
            let detail = "Too many failures; try again later.";
            Err(ApiError::locked(detail, seconds).zh("失败次数过多，请稍后再试。"))
        }
    }
}

/// Issues an access token and the first refresh token of a new family.
async fn start_session(
    tx: &Transaction<'_>,
    settings: &Settings,
    user: &UserRow,
    now: i64,
) -> Result<Tokens, ApiError> {
    let roles: Vec<String> = serde_json::from_str(&user.roles)?;
    let access_token = token::issue(
        &settings.key,
        &settings.verification,
        &user.id,
        &roles,
        now / 1000,
    )?;
    let (refresh_token, hash) = refresh::generate()?;
    let (family, expires_at) = (ids::new_id(), now + refresh::REFRESH_MS);
    queries::insert_refresh_token(tx, hash, &family, &user.id, now, expires_at).await?;
    Ok(Tokens {
        access_token,
        refresh_token,
        token_type: "bearer",
        expires_in: token::ACCESS_SECONDS,
    })
}

fn email_exists() -> ApiError {
    ApiError::conflict("email_exists", "This e-mail address is registered already.")
        .zh("该邮箱已注册。")
        .field(FieldError::new(
            "email",
            "email_exists",
            "is registered already",
        ))
}

fn shown(row: UserRow) -> User {
    User {
        user_id: row.id,
        email: row.email,
        name: row.name,
        status: row.status,
        created_at: clock::rfc3339(row.created_at),
        updated_at: clock::rfc3339(row.updated_at),
    }
}

#[cfg(test)]
mod tests;
