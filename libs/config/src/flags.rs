//! Feature flags: on for some users, and always for the same.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use suoke_events::{Event, outbox};
use suoke_guest::{ApiError, FieldError, Invalid, clock, ids, version};
use suoke_store::{Database, Sql};

use crate::config::By;
use crate::names;

mod queries;
#[cfg(test)]
mod tests;

use queries::FlagRow;

/// [`FlagChanged`]
pub const FLAG_CHANGED: &str = "feature.flag.changed";

/// How many flags there may be.
pub const FLAGS_MAX: u32 = 1_000;

/// How many users a flag may name; for more there are groups.
const USERS_MAX: usize = 1_000;

/// How many groups a flag may name: each is asked for.
const GROUPS_MAX: usize = 20;

/// How long a description may be, in characters.
const DESCRIPTION_CHARS_MAX: usize = 500;

/// How long the id of a user may be.
const USER_ID_BYTES_MAX: usize = 128;

/// All users, in hundredths of a percent.
const SHARE_ALL: u32 = 10_000;

/// A flag as it is sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlagDraft {
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Off is off for everybody.
    pub enabled: bool,
    /// How many of all users have it, with at most two digits after the point.
    #[serde(default)]
    pub percentage: f64,
    /// Users that have it.
    #[serde(default)]
    pub users: Vec<String>,
    /// Groups whose members have it.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// A flag.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flag {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Off is off for everybody.
    pub enabled: bool,
    /// How many of all users have it.
    pub percentage: f64,
    /// Users that have it.
    pub users: Vec<String>,
    /// Groups whose members have it.
    pub groups: Vec<String>,
    /// Counts its changes.
    pub version: i64,
    /// Who changed it last: a user or `operator`.
    pub changed_by: String,
    /// When it was made, in RFC 3339.
    pub created_at: String,
    /// When it was changed last, in RFC 3339.
    pub updated_at: String,
    #[serde(skip)]
    share: u32,
}

/// A flag has changed. Whom it names is not told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlagChanged {
    /// The flag.
    pub name: String,
    /// `set` or `removed`.
    pub action: String,
    /// Whether it is on at all.
    pub enabled: bool,
    /// How many of all users have it.
    pub percentage: f64,
    /// Counts its changes; its end is one of them.
    pub version: i64,
    /// Who changed it: a user or `operator`.
    pub changed_by: String,
}

/// Why a flag is on or off for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It is off for everybody.
    Off,
    /// The user is named.
    User,
    /// A group of the user is named.
    Group,
    /// The user is among the percentage.
    Percentage,
    /// Nothing of that.
    Default,
}

/// What a flag is for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Evaluation {
    /// Whether it is on.
    pub enabled: bool,
    /// Why.
    pub reason: Reason,
}

impl Flag {
    /// What the flag is for a user; `is_member` says whether they belong to one of
    /// its groups.
    #[must_use]
    pub fn evaluate(&self, user_id: &str, is_member: bool) -> Evaluation {
        let reason = if !self.enabled {
            Reason::Off
        } else if self.users.iter().any(|named| named == user_id) {
            Reason::User
        } else if is_member {
            Reason::Group
        } else if place(&self.name, user_id) < self.share {
            Reason::Percentage
        } else {
            Reason::Default
        };
        Evaluation {
            enabled: !matches!(reason, Reason::Off | Reason::Default),
            reason,
        }
    }

    /// Whether groups can matter for this user.
    #[must_use]
    pub fn asks_for_groups(&self, user_id: &str) -> bool {
        !self.groups.is_empty() && !self.evaluate(user_id, false).enabled && self.enabled
    }
}

/// Where a user stands among all, for a flag: below [`SHARE_ALL`], always the same,
/// and for each flag in another order. Whoever has a flag keeps it when its share grows.
fn place(flag: &str, user_id: &str) -> u32 {
    let mut hash = Sha256::new();
    hash.update(flag);
    hash.update([0]);
    hash.update(user_id);
    let digest = hash.finalize();
    let first = digest
        .first_chunk::<8>()
        .map_or(0, |bytes| u64::from_be_bytes(*bytes));
    // 2^64 is not a multiple of 10,000; what that favours is below 10^-15.
    u32::try_from(first % u64::from(SHARE_ALL)).unwrap_or(0)
}

/// The flag of a name.
///
/// # Errors
/// 404 where there is none.
pub async fn get(sql: &impl Sql, name: &str) -> Result<Flag, ApiError> {
    names::check("name", name)?;
    let row = queries::one(sql, name).await?;
    read(row.ok_or_else(missing)?)
}

/// Flags after a name, by name.
///
/// # Errors
/// When the database fails.
pub async fn list(sql: &impl Sql, after: &str, limit: u32) -> Result<Vec<Flag>, ApiError> {
    let rows = queries::page(sql, after, limit).await?;
    rows.into_iter().map(read).collect()
}

/// Makes or replaces a flag; gives it and the event to announce. A flag that was taken
/// away and is made again has no version a second time.
///
/// # Errors
/// 400 that names the fields, 409 `version_conflict` or `too_many_flags`.
pub async fn set(
    db: &mut Database,
    by: By<'_>,
    name: &str,
    draft: FlagDraft,
) -> Result<(Flag, Event), ApiError> {
    names::check("name", name)?;
    let share = checked(&draft)?;
    let now_ms = clock::now_ms();
    db.transaction(async |tx| {
        let known = queries::one(tx, name).await?;
        version::expect(by.request, known.as_ref().map_or(0, |row| row.version))?;
        if known.is_none() && queries::count(tx).await? >= i64::from(FLAGS_MAX) {
            let detail = format!("There are at most {FLAGS_MAX} flags.");
            return Err(ApiError::conflict("too_many_flags", detail)
                .zh(format!("最多 {FLAGS_MAX} 个功能开关。")));
        }
        let version_before = match &known {
            Some(row) => row.version,
            None => queries::version_ended_max(tx).await?,
        };
        let row = FlagRow {
            name: name.to_owned(),
            description: draft.description,
            enabled: draft.enabled,
            share,
            users: serde_json::to_string(&draft.users)?,
            groups: serde_json::to_string(&draft.groups)?,
            version: version_before + 1,
            changed_by: by.user_id.to_owned(),
            created_at: known.map_or(now_ms, |row| row.created_at),
            updated_at: now_ms,
        };
        queries::set(tx, &row).await?;
        let flag = read(row)?;
        let event = outbox(tx, event(&flag, "set", by)?).await?;
        Ok((flag, event))
    })
    .await
}

/// Takes a flag away; gives the event to announce.
///
/// # Errors
/// 404 where there is none, 409 `version_conflict`.
pub async fn remove(db: &mut Database, by: By<'_>, name: &str) -> Result<Event, ApiError> {
    db.transaction(async |tx| {
        let mut flag = get(tx, name).await?;
        version::expect(by.request, flag.version)?;
        flag.version += 1;
        queries::remove(tx, name).await?;
        queries::note_end(tx, flag.version).await?;
        Ok(outbox(tx, event(&flag, "removed", by)?).await?)
    })
    .await
}

fn event(flag: &Flag, action: &str, by: By<'_>) -> Result<Event, ApiError> {
    let told = FlagChanged {
        name: flag.name.clone(),
        action: action.to_owned(),
        enabled: flag.enabled,
        percentage: flag.percentage,
        version: flag.version,
        changed_by: by.user_id.to_owned(),
    };
    Ok(Event::new(FLAG_CHANGED, "flags", &told)?
        .about(format!("flag/{}", flag.name))
        .from_request(by.request))
}

/// The share in hundredths of a percent.
fn checked(draft: &FlagDraft) -> Result<u32, ApiError> {
    let mut invalid = Invalid::new();
    let length = draft.description.chars().count();
    let message = "must have at most 500 characters";
    invalid.check(
        length <= DESCRIPTION_CHARS_MAX,
        "description",
        "too_long",
        message,
    );
    let share = share(draft.percentage);
    let message = "must be between 0 and 100, with at most two digits after the point";
    invalid.check(share.is_some(), "percentage", "out_of_range", message);
    let is_fine = draft.users.len() <= USERS_MAX;
    invalid.check(
        is_fine,
        "users",
        "too_long",
        "must name at most 1000 users; use a group",
    );
    let is_fine = draft.groups.len() <= GROUPS_MAX;
    invalid.check(is_fine, "groups", "too_long", "must name at most 20 groups");
    let is_user =
        |id: &String| (1..=USER_ID_BYTES_MAX).contains(&id.len()) && !id.contains(char::is_control);
    if let Some(index) = draft.users.iter().position(|id| !is_user(id)) {
        let field = format!("users[{index}]");
        invalid.add(FieldError::new(
            field,
            "invalid_value",
            "must be the id of a user",
        ));
    }
    if let Some(index) = draft.groups.iter().position(|id| !ids::is_id(id)) {
        let field = format!("groups[{index}]");
        invalid.add(FieldError::new(
            field,
            "invalid_value",
            "must be the id of a group",
        ));
    }
    invalid.finish()?;
    Ok(share.unwrap_or(0))
}

/// A percentage in hundredths, unless it is finer or out of range.
fn share(percentage: f64) -> Option<u32> {
    let hundredths = percentage * 100.0;
    let rounded = hundredths.round();
    let fits =
        (0.0..=f64::from(SHARE_ALL)).contains(&rounded) && (hundredths - rounded).abs() < 1e-6;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 10,000, and whole"
    )]
    fits.then_some(rounded as u32)
}

fn read(row: FlagRow) -> Result<Flag, ApiError> {
    Ok(Flag {
        name: row.name,
        description: row.description,
        enabled: row.enabled,
        percentage: f64::from(row.share) / 100.0,
        users: serde_json::from_str(&row.users)?,
        groups: serde_json::from_str(&row.groups)?,
        version: row.version,
        changed_by: row.changed_by,
        created_at: clock::rfc3339(row.created_at),
        updated_at: clock::rfc3339(row.updated_at),
        share: row.share,
    })
}

fn missing() -> ApiError {
    ApiError::not_found("There is no such flag.").zh("没有这个功能开关。")
}
