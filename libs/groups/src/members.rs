//! Members: who belongs to a group, and as what.

use serde::Serialize;
use suoke_events::Event;
use suoke_guest::{ApiError, FieldError, clock, ids};
use suoke_store::{Database, Sql, StoreError, Transaction};

use crate::access::{Access, Actor};
use crate::events::{
    GROUP_DELETED, GroupDeleted, MEMBER_ADDED, MEMBER_CHANGED, MEMBER_REMOVED, MemberAdded,
    MemberChanged, MemberRemoved,
};
use crate::history::tell;
use crate::queries::{self, MemberRow, MembershipRow};
use crate::role::Role;

/// How many may belong to a group.
pub const MEMBERS_MAX: u32 = 1_000;

/// How many groups somebody may belong to: all are left in one transaction.
pub const MEMBERSHIPS_MAX: u32 = 500;

/// How many memberships are read at a time when all are left.
const MEMBERSHIPS_PAGE: u32 = 500;

/// A member as callers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// The user.
    pub user_id: String,
    /// What they are.
    pub role: Role,
    /// Who added them.
    pub added_by: String,
    /// When, in RFC 3339.
    pub added_at: String,
}

/// Who comes after the last owner of a group who leaves with their account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succession {
    /// An admin; where there is none, nobody, and the account stays.
    Admins,
    /// Whoever has been there longest: the account goes in any case.
    Anybody,
}

/// The members of a group by their ids, those after one that was shown.
///
/// # Errors
/// 404 for who does not belong to it.
pub async fn list(
    sql: &impl Sql,
    actor: &Actor<'_>,
    group_id: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Member>, ApiError> {
    actor.access(sql, group_id).await?;
    let rows = queries::members(sql, group_id, after, limit).await?;
    Ok(rows.into_iter().map(shown).collect())
}

/// Adds somebody. Announce the event.
///
/// # Errors
/// 403 for who may not give that role; 404 for a group or a user that is none; 409
/// `already_member`, `group_full`, `too_many_groups`.
pub async fn add(
    db: &mut Database,
    actor: &Actor<'_>,
    group_id: &str,
    user_id: &str,
    role: Role,
) -> Result<(Member, Event), ApiError> {
    let member = MemberRow {
        user_id: user_id.to_owned(),
        role: role.as_str().to_owned(),
        added_by: actor.user_id.to_owned(),
        added_at: clock::now_ms(),
    };
    let event = db
        .transaction(async |tx| {
            let access = actor.manage(tx, group_id).await?;
            decides(&access, role)?;
            if !queries::is_active_user(tx, user_id).await? {
                return Err(ApiError::not_found("There is no such user.").zh("没有这个用户。"));
            }
            if queries::member(tx, group_id, user_id).await?.is_some() {
                return Err(already_member());
            }
            if access.group.member_count >= MEMBERS_MAX {
                let detail = format!("A group has at most {MEMBERS_MAX} members.");
                return Err(ApiError::conflict("group_full", detail).zh("群组已满。"));
            }
            if queries::membership_count(tx, user_id).await? >= MEMBERSHIPS_MAX {
                return Err(too_many_groups());
            }
            queries::insert_member(tx, group_id, &member).await?;
            queries::bump_version(tx, group_id, member.added_at).await?;
            let added = MemberAdded {
                group_id,
                user_id,
                role,
                added_by: actor.user_id,
                added_at: clock::rfc3339(member.added_at),
            };
            Ok(tell(tx, actor, group_id, MEMBER_ADDED, &added).await?)
        })
        .await?;
    Ok((shown(member), event))
}

/// Gives a member another role. Announce the events: none when it is theirs already.
///
/// # Errors
/// 403 for who may not give that role or take the old one, `last_owner` for the only
/// owner; 404.
pub async fn change(
    db: &mut Database,
    actor: &Actor<'_>,
    group_id: &str,
    user_id: &str,
    role: Role,
) -> Result<(Member, Vec<Event>), ApiError> {
    db.transaction(async |tx| {
        let access = actor.manage(tx, group_id).await?;
        let found = queries::member(tx, group_id, user_id).await?;
        let mut member = found.ok_or_else(no_member)?;
        let old_role = role_of(&member);
        decides(&access, old_role)?;
        decides(&access, role)?;
        if role == old_role {
            return Ok((shown(member), Vec::new()));
        }
        keeps_an_owner(tx, group_id, user_id, old_role).await?;
        member.role = role.as_str().to_owned();
        let event = set_role(tx, actor, group_id, user_id, old_role, role).await?;
        queries::keep_owner(tx, group_id).await?;
        Ok((shown(member), vec![event]))
    })
    .await
}

/// Takes somebody out; everybody may leave. Announce the event.
///
/// # Errors
/// 403 for who may not take that role, `last_owner` for the only owner; 404.
pub async fn remove(
    db: &mut Database,
    actor: &Actor<'_>,
    group_id: &str,
    user_id: &str,
) -> Result<Event, ApiError> {
    db.transaction(async |tx| {
        let access = actor.access(tx, group_id).await?;
        let leaves = user_id == actor.user_id;
        if !leaves && !access.role.manages() {
            return Err(ApiError::forbidden(
                "Owners and admins of the group may take others out.",
            ));
        }
        let found = queries::member(tx, group_id, user_id).await?;
        let role = role_of(&found.ok_or_else(no_member)?);
        if !leaves {
            decides(&access, role)?;
        }
        keeps_an_owner(tx, group_id, user_id, role).await?;
        let event = take_out(tx, actor, group_id, user_id).await?;
        queries::keep_owner(tx, group_id).await?;
        Ok(event)
    })
    .await
}

/// Whether somebody belongs to a group.
///
/// # Errors
/// When the database fails.
pub async fn belongs_anywhere(sql: &impl Sql, user_id: &str) -> Result<bool, StoreError> {
    Ok(queries::membership_count(sql, user_id).await? > 0)
}

/// Takes somebody out of every group, in the transaction that ends their account, and
/// forgets what they may do. Groups that nobody else belongs to end; otherwise somebody
/// comes after a last owner. Gives the events to announce.
///
/// # Errors
/// 409 `last_owner` when nobody may come after them.
pub async fn leave_all(
    tx: &Transaction<'_>,
    actor: &Actor<'_>,
    user_id: &str,
    succession: Succession,
) -> Result<Vec<Event>, ApiError> {
    queries::delete_user_rules(tx, user_id).await?;
    let mut told = Vec::new();
    let mut stuck = Vec::new();
    let mut after = String::new();
    // Nobody should belong to more than a page; whoever does must not stay in the rest.
    loop {
        let page = queries::memberships(tx, user_id, &after, MEMBERSHIPS_PAGE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.group_id);
        for membership in page {
            match leave(tx, actor, user_id, &membership, succession).await? {
                Some(events) => told.extend(events),
                None => stuck.push(membership.group_id),
            }
        }
    }
    if stuck.is_empty() {
        return Ok(told);
    }
    let detail = format!(
        "You are the last owner of {} groups with other members; make somebody else an owner \
         or an admin, or end them: {}",
        stuck.len(),
        stuck
            .iter()
            .take(10)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ")
    );
    Err(ApiError::conflict("last_owner", detail)
        .zh("您是某些群组的最后一位所有者，请先移交或解散这些群组。"))
}

/// Takes somebody out of a group; nothing where nobody may come after them.
async fn leave(
    tx: &Transaction<'_>,
    actor: &Actor<'_>,
    user_id: &str,
    membership: &MembershipRow,
    succession: Succession,
) -> Result<Option<Vec<Event>>, ApiError> {
    let id = membership.group_id.as_str();
    if queries::member_count(tx, id).await? <= 1 {
        return Ok(Some(vec![end(tx, actor, id).await?]));
    }
    let mut told = Vec::new();
    let is_owner = Role::parse(&membership.role) == Some(Role::Owner);
    if is_owner && !queries::has_other_owner(tx, id, user_id).await? {
        let admins_only = succession == Succession::Admins;
        let Some(next) = queries::successor(tx, id, user_id, admins_only).await? else {
            return Ok(None);
        };
        let old_role = role_of(&next);
        // An owner who is suspended is one already.
        if old_role != Role::Owner {
            told.push(set_role(tx, actor, id, &next.user_id, old_role, Role::Owner).await?);
        }
    }
    told.push(take_out(tx, actor, id, user_id).await?);
    queries::keep_owner(tx, id).await?;
    Ok(Some(told))
}

async fn end(tx: &Transaction<'_>, actor: &Actor<'_>, group_id: &str) -> Result<Event, ApiError> {
    queries::delete_group(tx, group_id).await?;
    let deleted = GroupDeleted {
        group_id,
        deleted_by: actor.user_id,
        deleted_at: clock::rfc3339(clock::now_ms()),
    };
    Ok(tell(tx, actor, group_id, GROUP_DELETED, &deleted).await?)
}

async fn set_role(
    tx: &Transaction<'_>,
    actor: &Actor<'_>,
    group_id: &str,
    user_id: &str,
    old_role: Role,
    role: Role,
) -> Result<Event, ApiError> {
    let now_ms = clock::now_ms();
    queries::set_role(tx, group_id, user_id, role.as_str()).await?;
    queries::bump_version(tx, group_id, now_ms).await?;
    let changed = MemberChanged {
        group_id,
        user_id,
        role,
        old_role,
        changed_by: actor.user_id,
        changed_at: clock::rfc3339(now_ms),
    };
    Ok(tell(tx, actor, group_id, MEMBER_CHANGED, &changed).await?)
}

async fn take_out(
    tx: &Transaction<'_>,
    actor: &Actor<'_>,
    group_id: &str,
    user_id: &str,
) -> Result<Event, ApiError> {
    let now_ms = clock::now_ms();
    queries::delete_member(tx, group_id, user_id).await?;
    queries::bump_version(tx, group_id, now_ms).await?;
    let removed = MemberRemoved {
        group_id,
        user_id,
        removed_by: actor.user_id,
        removed_at: clock::rfc3339(now_ms),
    };
    Ok(tell(tx, actor, group_id, MEMBER_REMOVED, &removed).await?)
}

fn decides(access: &Access, role: Role) -> Result<(), ApiError> {
    if access.role.decides_about(role) {
        return Ok(());
    }
    Err(ApiError::forbidden("Owners decide about owners."))
}

/// Fails when the only owner would go. One who is suspended cannot stand for the group.
async fn keeps_an_owner(
    tx: &Transaction<'_>,
    group_id: &str,
    user_id: &str,
    role: Role,
) -> Result<(), ApiError> {
    if role != Role::Owner || queries::has_other_owner(tx, group_id, user_id).await? {
        return Ok(());
    }
    let detail = "A group keeps an owner: make somebody else one first, or end the group.";
    Err(ApiError::new(403, "last_owner", detail).zh("群组必须保留一位所有者。"))
}

/// What is stored is one of the roles: the table refuses others.
fn role_of(member: &MemberRow) -> Role {
    Role::parse(&member.role).unwrap_or(Role::Viewer)
}

pub(crate) fn too_many_groups() -> ApiError {
    let detail = format!("A user belongs to at most {MEMBERSHIPS_MAX} groups.");
    ApiError::conflict("too_many_groups", detail).zh("该用户的群组过多。")
}

fn no_member() -> ApiError {
    ApiError::not_found("The group has no such member.").zh("群组中没有这个成员。")
}

fn already_member() -> ApiError {
    ApiError::conflict("already_member", "They belong to the group already.")
        .zh("该用户已是群组成员。")
        .field(FieldError::new(
            "user_id",
            "already_member",
            "belongs to the group already",
        ))
}

fn shown(row: MemberRow) -> Member {
    Member {
        role: role_of(&row),
        user_id: row.user_id,
        added_by: row.added_by,
        added_at: clock::rfc3339(row.added_at),
    }
}

/// The id of a user in a path.
///
/// # Errors
/// 404: what is no id is nobody's.
pub fn id(text: String) -> Result<String, ApiError> {
    if ids::is_id(&text) {
        return Ok(text);
    }
    Err(no_member())
}
