//! Users as they are shown, changed and erased.
//!
//! The row of a user who is erased stays as a tombstone: the id, and when. Address,
//! name, profile, settings and everything a login needs are gone, also from the events
//! that told of them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use suoke_events::outbox;
use suoke_guest::{ApiError, Invalid, Request, clock, document, ids, version};
use suoke_store::{Database, Sql, StoreError, Transaction};

use crate::caller::Identity;
use crate::denylist::Effects;
use crate::events::Origin;
use crate::sessions;

pub mod cached;
mod queries;
mod redact;

pub use queries::{is_present, is_untouched};
/// [`UserEnded`]: the account is erased.
pub use suoke_events::types::USER_DELETED;

/// [`UserUpdated`]
pub const USER_UPDATED: &str = "user.updated";
/// [`UserEnded`]: the account cannot be used any more, until it is made active again.
pub const USER_SUSPENDED: &str = "user.suspended";

/// The roles that can be given. Operators have theirs by their token alone.
pub const ROLES: [&str; 2] = ["user", "admin"];

/// How long a name may be, in characters.
pub const NAME_CHARS_MAX: usize = 100;

/// How long the text may be that users are looked for with, in bytes.
const FILTER_SIZE_BYTES_MAX: usize = 100;

/// How many users stand on a page unless asked otherwise.
const PAGE_SIZE_DEFAULT: u32 = 20;

/// How many may stand on one.
const PAGE_SIZE_MAX: u32 = 100;

/// How far the pages go: whoever is beyond is found with the filter.
const PAGE_MAX: u32 = 10_000;

/// A user as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The user's id.
    pub user_id: String,
    /// The address; a placeholder once erased.
    pub email: String,
    /// How the user wants to be called; empty once erased.
    pub name: String,
    /// `active`, `suspended` or `deleted`.
    pub status: String,
    /// What the user is: of [`ROLES`].
    pub roles: Vec<String>,
    /// What the user tells of themselves; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Map<String, Value>>,
    /// How the user wants things; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Map<String, Value>>,
    /// Counts the changes, which `If-Match` refers to.
    pub version: i64,
    /// When it was made, in RFC 3339.
    pub created_at: String,
    /// When it was changed, in RFC 3339.
    pub updated_at: String,
}

/// What is changed of a user: what is left out stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// How the user wants to be called.
    pub name: Option<String>,
    /// `active` or `suspended`; administrators alone.
    pub status: Option<String>,
    /// Of [`ROLES`]; administrators alone.
    pub roles: Option<Vec<String>>,
    /// Replaces the whole profile.
    pub profile: Option<Map<String, Value>>,
    /// Replaces all settings.
    pub settings: Option<Map<String, Value>>,
}

/// Which users are listed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    page: Option<u32>,
    page_size: Option<u32>,
    filter: Option<String>,
    status: Option<String>,
}

/// A page of users, in the order in which they registered.
#[derive(Clone, Debug, Serialize)]
pub struct Page {
    /// The users of this page.
    pub users: Vec<Account>,
    /// Its number, from 1.
    pub page: u32,
    /// How many stand on a page.
    pub page_size: u32,
    /// How many there are on all pages.
    pub total_count: u64,
}

/// The data of `user.updated`: what the person told of themselves is named, not shown,
/// beyond their name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserUpdated {
    /// The user.
    pub user_id: String,
    /// What is different.
    pub changes: Vec<Change>,
    /// Who did it: a user, or `operator`.
    pub updated_by: String,
    /// When, in RFC 3339.
    pub updated_at: String,
}

/// One field that is different.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The field.
    pub field: String,
    /// Its value before; null for `profile` and `settings`.
    pub old_value: Value,
    /// Its value now; null for `profile` and `settings`.
    pub new_value: Value,
}

/// The data of `user.suspended` and `user.deleted`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserEnded {
    /// The user.
    pub user_id: String,
    /// Who did it: a user, `operator`, or the saga that was undone.
    pub by: String,
    /// When, in RFC 3339.
    pub at: String,
}

/// Whom a path names: an id, or `me`.
///
/// # Errors
/// 403 when it is somebody else and the one who asks no administrator, whether there is
/// such a user or not; 404 for what is no id.
pub fn whom(who: &Identity, text: &str) -> Result<String, ApiError> {
    let id = if text == "me" { &who.user_id } else { text };
    if *id != who.user_id && !who.is_admin() {
        return Err(ApiError::forbidden("Administrators alone see other users."));
    }
    if ids::is_id(id) {
        return Ok(id.to_owned());
    }
    Err(no_user())
}

/// A user, erased ones too.
///
/// # Errors
/// 404.
pub async fn get(sql: &impl Sql, user_id: &str) -> Result<Account, ApiError> {
    let row = queries::user(sql, user_id).await?.ok_or_else(no_user)?;
    shown_whole(row)
}

/// Users for administrators. The filter is a part of address or name, in any case of
/// ASCII letters.
///
/// # Errors
/// 400 that names the field.
pub async fn list(sql: &impl Sql, asked: Asked) -> Result<Page, ApiError> {
    let page = asked.page.unwrap_or(1);
    let page_size = asked.page_size.unwrap_or(PAGE_SIZE_DEFAULT);
    let filter = asked.filter.unwrap_or_default();
    let mut invalid = Invalid::new();
    let is_fine = (1..=PAGE_MAX).contains(&page);
    invalid.check(
        is_fine,
        "page",
        "out_of_range",
        "must be between 1 and 10000",
    );
    let is_fine = (1..=PAGE_SIZE_MAX).contains(&page_size);
    invalid.check(
        is_fine,
        "page_size",
        "out_of_range",
        "must be between 1 and 100",
    );
    let is_fine = filter.len() <= FILTER_SIZE_BYTES_MAX && !filter.chars().any(char::is_control);
    let message = "must be at most 100 bytes without control characters";
    invalid.check(is_fine, "filter", "invalid_value", message);
    let is_fine = asked.status.as_deref().is_none_or(is_status);
    invalid.check(
        is_fine,
        "status",
        "invalid_value",
        "must be active, suspended or deleted",
    );
    invalid.finish()?;
    let pattern = queries::pattern(filter.trim());
    let status = asked.status.as_deref();
    let offset = (page - 1) * page_size;
    let rows = queries::page(sql, &pattern, status, page_size, offset).await?;
    let total_count = queries::count(sql, &pattern, status).await?;
    let users: Result<Vec<Account>, ApiError> = rows.into_iter().map(shown).collect();
    Ok(Page {
        users: users?,
        page,
        page_size,
        total_count,
    })
}

/// Changes a user, if the request has seen its version. Without anything different
/// nothing happens.
///
/// # Errors
/// 400 that names the field; 403 for status and roles by who is no administrator; 404,
/// also for who is erased; 409 `version_conflict`.
pub async fn update(
    db: &mut Database,
    who: &Identity,
    request: &Request,
    user_id: &str,
    change: UserChange,
) -> Result<(Account, Effects), ApiError> {
    if (change.status.is_some() || change.roles.is_some()) && !who.is_admin() {
        return Err(ApiError::forbidden(
            "Administrators alone change status and roles.",
        ));
    }
    let wanted = Wanted::new(change)?;
    let origin = Origin::request("users", request);
    db.transaction(async |tx| {
        let row = queries::user(tx, user_id).await?;
        let row = row
            .filter(|row| row.status != "deleted")
            .ok_or_else(no_user)?;
        version::expect(request, row.version)?;
        let changes = wanted.differences(&row)?;
        if changes.is_empty() {
            return Ok((shown_whole(row)?, Effects::default()));
        }
        let now_ms = clock::now_ms();
        wanted.store(tx, user_id, now_ms).await?;
        let is_different = |field| changes.iter().any(|change: &Change| change.field == field);
        let is_suspended = is_different("status") && wanted.status.as_deref() == Some("suspended");
        let mut effects = Effects::default();
        if is_suspended {
            effects.extend(sessions::end_all(tx, origin, user_id, "", "account").await?);
        }
        if is_different("status") || is_different("roles") {
            effects.extend(sessions::raise_version(tx, user_id).await?);
        }
        let updated = UserUpdated {
            user_id: user_id.to_owned(),
            changes,
            updated_by: who.user_id.clone(),
            updated_at: clock::rfc3339(now_ms),
        };
        let event = origin.tells(USER_UPDATED, about(user_id), &updated)?;
        effects.events.push(outbox(tx, event).await?);
        if is_suspended {
            let event = ended(USER_SUSPENDED, origin, user_id, &who.user_id, now_ms)?;
            effects.events.push(outbox(tx, event).await?);
        }
        Ok((get(tx, user_id).await?, effects))
    })
    .await
}

/// Erases a user in a transaction: what remains is a tombstone. Their groups are left in
/// the same transaction by `suoke_groups::members::leave_all`. `None` where it has
/// happened before.
///
/// # Errors
/// 404 where there never was such a user.
pub async fn erase(
    tx: &Transaction<'_>,
    origin: Origin<'_>,
    user_id: &str,
    by: &str,
) -> Result<Option<Effects>, ApiError> {
    let row = queries::user(tx, user_id).await?.ok_or_else(no_user)?;
    if row.status == "deleted" {
        return Ok(None);
    }
    let now_ms = clock::now_ms();
    let mut effects = sessions::erase(tx, origin, user_id).await?;
    queries::bury(tx, user_id, now_ms).await?;
    let email_hash = Sha256::digest(&row.email).to_vec();
    crate::queries::forget_attempts(tx, &email_hash).await?;
    redact::events(tx, &about(user_id)).await?;
    let event = ended(USER_DELETED, origin, user_id, by, now_ms)?;
    effects.events.push(outbox(tx, event).await?);
    Ok(Some(effects))
}

/// Whether there is a user who can use their account.
///
/// # Errors
/// When the database fails.
pub async fn is_active(sql: &impl Sql, user_id: &str) -> Result<bool, StoreError> {
    let row = queries::user(sql, user_id).await?;
    Ok(row.is_some_and(|row| row.status == "active"))
}

/// What is to be different, checked and as it is stored.
struct Wanted {
    name: Option<String>,
    status: Option<String>,
    roles: Option<String>,
    profile: Option<String>,
    settings: Option<String>,
}

impl Wanted {
    fn new(change: UserChange) -> Result<Self, ApiError> {
        let mut invalid = Invalid::new();
        let name = change.name.map(|name| name.trim().to_owned());
        let is_fine = name.as_deref().is_none_or(is_name);
        let message = "must have 1 to 100 characters without control characters";
        invalid.check(is_fine, "name", "invalid_name", message);
        let is_fine = change
            .status
            .as_deref()
            .is_none_or(|status| is_status(status) && status != "deleted");
        invalid.check(
            is_fine,
            "status",
            "invalid_value",
            "must be active or suspended",
        );
        let roles = change.roles.map(|mut roles| {
            roles.sort_unstable();
            roles
        });
        let is_fine = roles.as_deref().is_none_or(are_roles);
        let message = "must be \"user\", \"admin\" or both, each once";
        invalid.check(is_fine, "roles", "invalid_value", message);
        let mut written = |field, document: Option<Map<String, Value>>| {
            let written = document.map(|document| document::written(field, &document));
            written.and_then(|text| text.map_err(|error| invalid.add(error)).ok())
        };
        let profile = written("profile", change.profile);
        let settings = written("settings", change.settings);
        invalid.finish()?;
        Ok(Self {
            name,
            status: change.status,
            roles: roles.map(|roles| json!(roles).to_string()),
            profile,
            settings,
        })
    }

    fn differences(&self, row: &queries::UserRow) -> Result<Vec<Change>, ApiError> {
        let mut changes = Vec::new();
        let mut note = |field: &str, old_value: Value, new_value: Value| {
            changes.push(Change {
                field: field.to_owned(),
                old_value,
                new_value,
            });
        };
        if let Some(name) = self.name.as_ref().filter(|name| **name != row.name) {
            note("name", json!(row.name), json!(name));
        }
        if let Some(status) = self.status.as_ref().filter(|status| **status != row.status) {
            note("status", json!(row.status), json!(status));
        }
        if let Some(roles) = &self.roles {
            let (old, new): (Value, Value) = (sorted(&row.roles)?, serde_json::from_str(roles)?);
            if old != new {
                note("roles", old, new);
            }
        }
        for (field, new, old) in [
            ("profile", &self.profile, &row.profile),
            ("settings", &self.settings, &row.settings),
        ] {
            let old = old.as_deref().unwrap_or("{}");
            if new.as_deref().is_some_and(|new| new != old) {
                note(field, Value::Null, Value::Null);
            }
        }
        Ok(changes)
    }

    async fn store(
        &self,
        tx: &Transaction<'_>,
        user_id: &str,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let (name, status) = (self.name.as_deref(), self.status.as_deref());
        queries::update(tx, user_id, name, status, self.roles.as_deref(), now_ms).await?;
        if let Some(profile) = &self.profile {
            queries::put_profile(tx, user_id, profile, now_ms).await?;
        }
        if let Some(settings) = &self.settings {
            queries::put_settings(tx, user_id, settings, now_ms).await?;
        }
        Ok(())
    }
}

fn ended(
    kind: &str,
    origin: Origin<'_>,
    user_id: &str,
    by: &str,
    now_ms: i64,
) -> Result<suoke_events::Event, suoke_events::EventError> {
    let ended = UserEnded {
        user_id: user_id.to_owned(),
        by: by.to_owned(),
        at: clock::rfc3339(now_ms),
    };
    origin.tells(kind, about(user_id), &ended)
}

fn about(user_id: &str) -> String {
    format!("user/{user_id}")
}

/// Whether a text, without blanks around it, can be the name of a user.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}

fn is_status(text: &str) -> bool {
    ["active", "suspended", "deleted"].contains(&text)
}

/// `roles` are sorted.
fn are_roles(roles: &[String]) -> bool {
    !roles.is_empty()
        && roles.iter().all(|role| ROLES.contains(&role.as_str()))
        && roles.windows(2).all(|pair| pair.first() != pair.last())
}

fn sorted(roles: &str) -> Result<Value, serde_json::Error> {
    let mut roles: Vec<String> = serde_json::from_str(roles)?;
    roles.sort_unstable();
    Ok(json!(roles))
}

fn no_user() -> ApiError {
    ApiError::not_found("There is no such user.").zh("没有这个用户。")
}

fn shown(row: queries::UserRow) -> Result<Account, ApiError> {
    Ok(Account {
        user_id: row.id,
        email: row.email,
        name: row.name,
        status: row.status,
        roles: serde_json::from_str(&row.roles)?,
        profile: None,
        settings: None,
        version: row.version,
        created_at: clock::rfc3339(row.created_at),
        updated_at: clock::rfc3339(row.updated_at),
    })
}

fn shown_whole(row: queries::UserRow) -> Result<Account, ApiError> {
    let profile = document::read(row.profile.as_deref().unwrap_or_default());
    let settings = document::read(row.settings.as_deref().unwrap_or_default());
    Ok(Account {
        profile: Some(profile),
        settings: Some(settings),
        ..shown(row)?
    })
}

#[cfg(test)]
mod tests;
