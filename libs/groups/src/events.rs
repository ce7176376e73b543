//! What the events of groups carry. None holds what people wrote, but names.

use serde::Serialize;

use crate::role::Role;

/// [`GroupCreated`]
pub const GROUP_CREATED: &str = "group.created";
/// [`GroupUpdated`]
pub const GROUP_UPDATED: &str = "group.updated";
/// [`GroupDeleted`]
pub const GROUP_DELETED: &str = "group.deleted";
/// [`MemberAdded`]
pub const MEMBER_ADDED: &str = "group.member.added";
/// [`MemberChanged`]
pub const MEMBER_CHANGED: &str = "group.member.changed";
/// [`MemberRemoved`]
pub const MEMBER_REMOVED: &str = "group.member.removed";
/// [`PermissionsUpdated`]
pub const PERMISSIONS_UPDATED: &str = "group.permissions.updated";

/// Every type of event that a group has.
pub const ALL: [&str; 7] = [
    GROUP_CREATED,
    GROUP_UPDATED,
    GROUP_DELETED,
    MEMBER_ADDED,
    MEMBER_CHANGED,
    MEMBER_REMOVED,
    PERMISSIONS_UPDATED,
];

/// There is a new group.
#[derive(Clone, Debug, Serialize)]
pub struct GroupCreated<'a> {
    /// The group.
    pub group_id: &'a str,
    /// How it is called.
    pub name: &'a str,
    /// Who made it.
    pub owner: &'a str,
    /// When, in RFC 3339.
    pub created_at: String,
}

/// A group was changed.
#[derive(Clone, Debug, Serialize)]
pub struct GroupUpdated<'a> {
    /// The group.
    pub group_id: &'a str,
    /// Which of its fields.
    pub fields: &'a [&'static str],
    /// By whom.
    pub updated_by: &'a str,
    /// When, in RFC 3339.
    pub updated_at: String,
}

/// A group is gone, with its members and rules.
#[derive(Clone, Debug, Serialize)]
pub struct GroupDeleted<'a> {
    /// The group.
    pub group_id: &'a str,
    /// By whom.
    pub deleted_by: &'a str,
    /// When, in RFC 3339.
    pub deleted_at: String,
}

/// Somebody belongs to a group now.
#[derive(Clone, Debug, Serialize)]
pub struct MemberAdded<'a> {
    /// The group.
    pub group_id: &'a str,
    /// Who.
    pub user_id: &'a str,
    /// As what.
    pub role: Role,
    /// By whom.
    pub added_by: &'a str,
    /// When, in RFC 3339.
    pub added_at: String,
}

/// A member has another role.
#[derive(Clone, Debug, Serialize)]
pub struct MemberChanged<'a> {
    /// The group.
    pub group_id: &'a str,
    /// Who.
    pub user_id: &'a str,
    /// The new role.
    pub role: Role,
    /// The role before.
    pub old_role: Role,
    /// By whom.
    pub changed_by: &'a str,
    /// When, in RFC 3339.
    pub changed_at: String,
}

/// Somebody no longer belongs to a group.
#[derive(Clone, Debug, Serialize)]
pub struct MemberRemoved<'a> {
    /// The group.
    pub group_id: &'a str,
    /// Who.
    pub user_id: &'a str,
    /// By whom; by themselves where they left.
    pub removed_by: &'a str,
    /// When, in RFC 3339.
    pub removed_at: String,
}

/// A group has other rules.
#[derive(Clone, Debug, Serialize)]
pub struct PermissionsUpdated<'a> {
    /// The group.
    pub group_id: &'a str,
    /// How many rules it has now.
    pub count: usize,
    /// By whom.
    pub updated_by: &'a str,
    /// When, in RFC 3339.
    pub updated_at: String,
}
