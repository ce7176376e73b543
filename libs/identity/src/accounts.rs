//! Registering and logging in.

use serde::Serialize;
use sha2::{Digest, Sha256};
use suoke_events::types::{USER_CREATED, UserCreated};
use suoke_events::{Event, outbox};
use suoke_guest::{ApiError, FieldError, Invalid, Request, clock, ids};
use suoke_store::{Database, StoreError, Transaction};

use crate::attempts;
use crate::client::Client;
use crate::denylist::Effects;
use crate::events::Origin;
use crate::queries::{self, UserRow};
use crate::sealed::SealingKey;
use crate::settings::Settings;
use crate::{clients, email, password, sessions, totp};

/// The label of the database.
pub const LABEL: &str = "identity";

/// The component that registers.
const COMPONENT: &str = "user-register";

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

/// Adds a user and starts a session. Announce the events.
///
/// # Errors
/// 409 `email_exists`.
pub async fn register(
    db: &mut Database,
    settings: &Settings,
    request: &Request,
    registration: Registration,
) -> Result<(User, Tokens, Vec<Event>), ApiError> {
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
        token_version: 1,
        created_at: now,
        updated_at: now,
    };
    let created = UserCreated {
        user_id: row.id.clone(),
        email: row.email.clone(),
        name: row.name.clone(),
        created_at: clock::rfc3339(now),
    };
    let event = Event::new(USER_CREATED, COMPONENT, &created)?
        .about(format!("user/{}", row.id))
        .from_request(request);
    let (client, origin) = (Client::of(request), Origin::request(COMPONENT, request));
    let (tokens, events) = db
        .transaction(async |tx| {
            if !queries::insert_user(tx, &row).await? {
                return Err(email_exists());
            }
            let mut events = vec![outbox(tx, event).await?];
            let (tokens, effects) =
                sessions::start(tx, settings, &row, &client, origin, now).await?;
            // A new user has one session: nothing is denied.
            events.extend(effects.events);
            Ok((tokens, events))
        })
        .await?;
    Ok((row.into(), tokens, events))
}

/// What somebody logs in with.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The address, as it was typed.
    pub address: &'a str,
    /// The password.
    pub password: &'a str,
    /// A code of the second factor, or a recovery code.
    pub totp: Option<&'a str>,
}

/// Checks address, password and second factor, and starts a session. Tell the
/// effects.
///
/// # Errors
/// 401 `invalid_credentials`, the same and after the same work whether the
/// address or the password is wrong; 423 after 5 failures. With the right
/// password: 401 `totp_required` or `totp_invalid`.
pub async fn log_in(
    db: &mut Database,
    settings: &Settings,
    sealing: &SealingKey,
    credentials: Credentials<'_>,
    client: &Client,
    origin: Origin<'_>,
) -> Result<(User, Tokens, Effects), ApiError> {
    let now = clock::now_ms();
    let email = email::normalise(credentials.address).unwrap_or_default();
    let attempts_key = attempts_key(credentials.address);
    let user = queries::user_by_email(db, &email).await?;
    if let Err(locked) = attempts::count(db, &attempts_key, now).await {
        password::verify_nobody(credentials.password)?;
        return Err(locked);
    }
    let is_right = match &user {
        Some(user) => password::verify(credentials.password, &user.password_hash)?,
        None => {
            password::verify_nobody(credentials.password)?;
            false
        }
    };
    let user = user.filter(|user| is_right && user.status == "active");
    let verified = user.ok_or_else(invalid_credentials)?;
    db.transaction(async |tx| {
        let user = unchanged(tx, &verified).await?;
        let user = user.ok_or_else(invalid_credentials)?;
        // The same for the client: it may have been taken away meanwhile.
        if let Some(id) = &client.registered_id
            && !clients::exists(tx, id).await?
        {
            return Err(invalid_credentials());
        }
        totp::check(tx, sealing, &user.id, credentials.totp, now).await?;
        queries::forget_attempts(tx, &attempts_key).await?;
        let (tokens, effects) = sessions::start(tx, settings, &user, client, origin, now).await?;
        Ok((user.into(), tokens, effects))
    })
    .await
}

/// The user as they are now, if the password that was compared is still theirs and
/// they are active. Comparing takes long and holds no lock: a new password, a
/// suspension or an erasure may have been committed meanwhile.
pub(crate) async fn unchanged(
    tx: &Transaction<'_>,
    verified: &UserRow,
) -> Result<Option<UserRow>, StoreError> {
    let user = queries::user_by_id(tx, &verified.id).await?;
    Ok(user.filter(|user| user.password_hash == verified.password_hash && user.status == "active"))
}

fn invalid_credentials() -> ApiError {
    let detail = "E-mail address or password is wrong.";
    ApiError::unauthorized("invalid_credentials", detail).zh("邮箱或密码错误。")
}

/// What failures of an address are counted under: its hash, known or not.
pub(crate) fn attempts_key(address: &str) -> Vec<u8> {
    Sha256::digest(address.trim().to_ascii_lowercase()).to_vec()
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

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            user_id: row.id,
            email: row.email,
            name: row.name,
            status: row.status,
            created_at: clock::rfc3339(row.created_at),
            updated_at: clock::rfc3339(row.updated_at),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
