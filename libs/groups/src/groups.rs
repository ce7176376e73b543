//! Groups: made, shown, changed, ended.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use suoke_events::Event;
use suoke_guest::{ApiError, FieldError, Invalid, clock, document, ids};
use suoke_store::{Database, Sql};

use crate::access::{Actor, no_group, tag};
use crate::events::{
    GROUP_CREATED, GROUP_DELETED, GROUP_UPDATED, GroupCreated, GroupDeleted, GroupUpdated,
    MEMBER_ADDED, MemberAdded,
};
use crate::history::tell;
use crate::members::{MEMBERSHIPS_MAX, too_many_groups};
use crate::permission;
use crate::queries::{self, GroupRow, MemberRow};
use crate::role::Role;

/// The label of the database: groups lie with the users that belong to them.
pub const LABEL: &str = "identity";

/// How long a name may be, in characters.
const NAME_CHARS_MAX: usize = 100;

/// How long a description may be, in characters.
const DESCRIPTION_CHARS_MAX: usize = 1_000;

/// How many groups somebody may stand for.
pub const OWNED_MAX: u32 = 200;

/// A group as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Its id.
    pub group_id: String,
    /// How it is called.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// What its members keep with it.
    pub settings: Map<String, Value>,
    /// The owner who stands for it.
    pub owner: String,
    /// How many belong to it.
    pub member_count: u32,
    /// What the one who asks is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Counts its changes, those of members and rules among them; `If-Match` refers to it.
    pub version: i64,
    /// When it was made, in RFC 3339.
    pub created_at: String,
    /// When it was changed, in RFC 3339.
    pub updated_at: String,
}

impl Group {
    /// What tells this text from others of the group: the version, and what the one who
    /// asks is in it.
    #[must_use]
    pub fn etag(&self) -> String {
        tag(self.version, self.role)
    }
}

/// What a group is made of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    /// How it is called.
    pub name: String,
    /// What it is about.
    #[serde(default)]
    pub description: String,
    /// What its members keep with it.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

/// What is changed of a group: what is left out stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupChange {
    /// How it is called.
    pub name: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// What its members keep with it.
    pub settings: Option<Map<String, Value>>,
}

/// Makes a group whose owner is the one who asks. Announce the events.
///
/// # Errors
/// 400 that names the field; 403 for who has no account, such as an operator; 409
/// `group_exists` when they stand for one of that name, `too_many_groups`.
pub async fn create(
    db: &mut Database,
    actor: &Actor<'_>,
    wanted: NewGroup,
) -> Result<(Group, Vec<Event>), ApiError> {
    let mut invalid = Invalid::new();
    let name = named(&mut invalid, &wanted.name);
    let description = described(&mut invalid, wanted.description);
    let settings = written(&mut invalid, &wanted.settings);
    invalid.finish()?;
    let now = clock::now_ms();
    let group = GroupRow {
        id: ids::new_id(),
        name,
        description,
        settings,
        owner_id: actor.user_id.to_owned(),
        version: 1,
        created_at: now,
        updated_at: now,
        member_count: 1,
        role: Some(Role::Owner.as_str().to_owned()),
    };
    let events = db
        .transaction(async |tx| {
            if !queries::is_active_user(tx, actor.user_id).await? {
                return Err(ApiError::forbidden("Only users can own groups."));
            }
            if queries::name_is_taken(tx, actor.user_id, &group.name, "").await? {
                return Err(group_exists());
            }
            if queries::owned_count(tx, actor.user_id).await? >= OWNED_MAX {
                let detail = format!("At most {OWNED_MAX} groups can have the same owner.");
                return Err(ApiError::conflict("too_many_groups", detail).zh("您的群组过多。"));
            }
            if queries::membership_count(tx, actor.user_id).await? >= MEMBERSHIPS_MAX {
                return Err(too_many_groups());
            }
            queries::insert_group(tx, &group).await?;
            let owner = MemberRow {
                user_id: actor.user_id.to_owned(),
                role: Role::Owner.as_str().to_owned(),
                added_by: actor.user_id.to_owned(),
                added_at: now,
            };
            queries::insert_member(tx, &group.id, &owner).await?;
            let rules = queries::json(&permission::defaults());
            queries::replace_rules(tx, &group.id, rules).await?;
            let created = GroupCreated {
                group_id: &group.id,
                name: &group.name,
                owner: actor.user_id,
                created_at: clock::rfc3339(now),
            };
            let added = MemberAdded {
                group_id: &group.id,
                user_id: actor.user_id,
                role: Role::Owner,
                added_by: actor.user_id,
                added_at: clock::rfc3339(now),
            };
            Ok(vec![
                tell(tx, actor, &group.id, GROUP_CREATED, &created).await?,
                tell(tx, actor, &group.id, MEMBER_ADDED, &added).await?,
            ])
        })
        .await?;
    Ok((shown(group), events))
}

/// A group.
///
/// # Errors
/// 404, also for who does not belong to it.
pub async fn get(sql: &impl Sql, actor: &Actor<'_>, id: &str) -> Result<Group, ApiError> {
    Ok(shown(actor.access(sql, id).await?.group))
}

/// The groups of the one who asks, newest first, or for administrators every group;
/// those before the id of one that was shown.
///
/// # Errors
/// 403 when somebody else asks for every group.
pub async fn list(
    sql: &impl Sql,
    actor: &Actor<'_>,
    every: bool,
    before: Option<&str>,
    limit: u32,
) -> Result<Vec<Group>, ApiError> {
    let rows = match (every, actor.is_admin) {
        (false, _) => queries::groups_of(sql, actor.user_id, before, limit).await?,
        (true, true) => queries::all_groups(sql, actor.user_id, before, limit).await?,
        (true, false) => {
            let detail = "Administrators see every group; others leave \"all\" out.";
            return Err(ApiError::forbidden(detail));
        }
    };
    Ok(rows.into_iter().map(shown).collect())
}

/// Changes a group, if the request has seen its version. Announce the event, which there
/// is none of when nothing changes.
///
/// # Errors
/// 400 that names the field; 403 for members and viewers; 404; 409 `version_conflict`,
/// `group_exists`.
pub async fn update(
    db: &mut Database,
    actor: &Actor<'_>,
    id: &str,
    change: GroupChange,
) -> Result<(Group, Vec<Event>), ApiError> {
    let mut invalid = Invalid::new();
    let name = change.name.map(|name| named(&mut invalid, &name));
    let description = change
        .description
        .map(|description| described(&mut invalid, description));
    let settings = change
        .settings
        .map(|settings| written(&mut invalid, &settings));
    invalid.finish()?;
    db.transaction(async |tx| {
        let mut group = actor.manage(tx, id).await?.group;
        actor.expect(&group)?;
        let mut fields = Vec::new();
        for (field, new, old) in [
            ("name", name, &mut group.name),
            ("description", description, &mut group.description),
            ("settings", settings, &mut group.settings),
        ] {
            if let Some(new) = new.filter(|new| new != old) {
                *old = new;
                fields.push(field);
            }
        }
        if fields.is_empty() {
            return Ok((shown(group), Vec::new()));
        }
        if queries::name_is_taken(tx, &group.owner_id, &group.name, id).await? {
            return Err(group_exists());
        }
        let now = clock::now_ms();
        queries::update_group(tx, &group, now).await?;
        let updated = GroupUpdated {
            group_id: id,
            fields: &fields,
            updated_by: actor.user_id,
            updated_at: clock::rfc3339(now),
        };
        let event = tell(tx, actor, id, GROUP_UPDATED, &updated).await?;
        group.version += 1;
        group.updated_at = now;
        Ok((shown(group), vec![event]))
    })
    .await
}

/// Ends a group; its history stays. Announce the event.
///
/// # Errors
/// 403 for who is no owner; 404; 409 `version_conflict`.
pub async fn delete(
    db: &mut Database,
    actor: &Actor<'_>,
    id: &str,
) -> Result<Vec<Event>, ApiError> {
    db.transaction(async |tx| {
        let access = actor.access(tx, id).await?;
        if access.role != Role::Owner {
            return Err(ApiError::forbidden("Owners of the group may end it."));
        }
        actor.expect(&access.group)?;
        queries::delete_group(tx, id).await?;
        let deleted = GroupDeleted {
            group_id: id,
            deleted_by: actor.user_id,
            deleted_at: clock::rfc3339(clock::now_ms()),
        };
        Ok(vec![tell(tx, actor, id, GROUP_DELETED, &deleted).await?])
    })
    .await
}

/// The id of a group in a path.
///
/// # Errors
/// 404: what is no id is no group.
pub fn id(text: String) -> Result<String, ApiError> {
    if ids::is_id(&text) {
        return Ok(text);
    }
    Err(no_group())
}

fn named(invalid: &mut Invalid, name: &str) -> String {
    let name = name.trim();
    let is_fine =
        (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    let message = "must have 1 to 100 characters without control characters";
    invalid.check(is_fine, "name", "invalid_name", message);
    name.to_owned()
}

fn described(invalid: &mut Invalid, description: String) -> String {
    let is_fine = description.chars().count() <= DESCRIPTION_CHARS_MAX
        && !description
            .chars()
            .any(|one| one.is_control() && one != '\n');
    let message = "must have at most 1000 characters, without control characters but line feeds";
    invalid.check(is_fine, "description", "invalid_description", message);
    description
}

fn written(invalid: &mut Invalid, settings: &Map<String, Value>) -> String {
    document::written("settings", settings).unwrap_or_else(|error| {
        invalid.add(error);
        String::new()
    })
}

fn group_exists() -> ApiError {
    ApiError::conflict(
        "group_exists",
        "The owner has a group of this name already.",
    )
    .zh("已有同名群组。")
    .field(FieldError::new("name", "group_exists", "is taken already"))
}

fn shown(row: GroupRow) -> Group {
    Group {
        group_id: row.id,
        name: row.name,
        description: row.description,
        settings: document::read(&row.settings),
        owner: row.owner_id,
        member_count: row.member_count,
        role: row.role.as_deref().and_then(Role::parse),
        version: row.version,
        created_at: clock::rfc3339(row.created_at),
        updated_at: clock::rfc3339(row.updated_at),
    }
}
