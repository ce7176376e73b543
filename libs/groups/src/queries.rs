//! Groups, members and rules in SQL.

use suoke_store::{Sql, StoreError, params};

use crate::permission::Rule;

/// A row of `groups`, with how many belong to it.
#[derive(Clone, Debug)]
pub(crate) struct GroupRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) settings: String,
    pub(crate) owner_id: String,
    pub(crate) version: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) member_count: u32,
    /// What the one who asks is in it.
    pub(crate) role: Option<String>,
}

suoke_store::from_row!(GroupRow {
    id,
    name,
    description,
    settings,
    owner_id,
    version,
    created_at,
    updated_at,
    member_count,
    role
});

/// A row of `group_members`.
#[derive(Clone, Debug)]
pub(crate) struct MemberRow {
    pub(crate) user_id: String,
    pub(crate) role: String,
    pub(crate) added_by: String,
    pub(crate) added_at: i64,
}

suoke_store::from_row!(MemberRow {
    user_id,
    role,
    added_by,
    added_at
});

/// A row of `group_permissions` or `user_permissions`.
pub(crate) struct RuleRow {
    pub(crate) subject: String,
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) effect: String,
}

suoke_store::from_row!(RuleRow {
    subject,
    action,
    resource,
    effect
});

/// What somebody is in a group.
pub(crate) struct MembershipRow {
    pub(crate) group_id: String,
    pub(crate) role: String,
}

suoke_store::from_row!(MembershipRow { group_id, role });

const GROUP_COLUMNS: &str = "g.id, g.name, g.description, g.settings, g.owner_id, g.version, \
     g.created_at, g.updated_at, \
     (SELECT count(*) FROM group_members WHERE group_id = g.id) AS member_count, \
     (SELECT role FROM group_members WHERE group_id = g.id AND user_id = ?1) AS role";

pub(crate) async fn group(
    sql: &impl Sql,
    asking_id: &str,
    id: &str,
) -> Result<Option<GroupRow>, StoreError> {
    let text = format!("SELECT {GROUP_COLUMNS} FROM groups g WHERE g.id = ?2");
    sql.query_optional(&text, params![asking_id, id]).await
}

/// The groups that somebody belongs to, newest first.
pub(crate) async fn groups_of(
    sql: &impl Sql,
    user_id: &str,
    before: Option<&str>,
    limit: u32,
) -> Result<Vec<GroupRow>, StoreError> {
    let text = format!(
        "SELECT {GROUP_COLUMNS} FROM group_members m JOIN groups g ON g.id = m.group_id \
         WHERE m.user_id = ?1 AND (?2 IS NULL OR m.group_id < ?2) \
         ORDER BY m.group_id DESC LIMIT ?3"
    );
    sql.query(&text, params![user_id, before, limit]).await
}

/// Every group, newest first.
pub(crate) async fn all_groups(
    sql: &impl Sql,
    asking_id: &str,
    before: Option<&str>,
    limit: u32,
) -> Result<Vec<GroupRow>, StoreError> {
    let text = format!(
        "SELECT {GROUP_COLUMNS} FROM groups g WHERE ?2 IS NULL OR g.id < ?2 \
         ORDER BY g.id DESC LIMIT ?3"
    );
    sql.query(&text, params![asking_id, before, limit]).await
}

/// How many groups somebody stands for.
pub(crate) async fn owned_count(sql: &impl Sql, user_id: &str) -> Result<u32, StoreError> {
    let count: i64 = sql
        .query_one(
            "SELECT count(*) FROM groups WHERE owner_id = ?1",
            params![user_id],
        )
        .await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Whether somebody stands for a group of that name, other than `except`.
pub(crate) async fn name_is_taken(
    sql: &impl Sql,
    owner_id: &str,
    name: &str,
    except: &str,
) -> Result<bool, StoreError> {
    let found: Option<i64> = sql
        .query_optional(
            "SELECT 1 FROM groups WHERE owner_id = ?1 AND name = ?2 AND id <> ?3 LIMIT 1",
            params![owner_id, name, except],
        )
        .await?;
    Ok(found.is_some())
}

pub(crate) async fn insert_group(sql: &impl Sql, group: &GroupRow) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO groups (id, name, description, settings, owner_id, created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            &group.id,
            &group.name,
            &group.description,
            &group.settings,
            &group.owner_id,
            group.created_at,
            group.updated_at
        ],
    )
    .await
}

pub(crate) async fn update_group(
    sql: &impl Sql,
    group: &GroupRow,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE groups SET name = ?2, description = ?3, settings = ?4, \
         version = version + 1, updated_at = ?5 WHERE id = ?1",
        params![
            &group.id,
            &group.name,
            &group.description,
            &group.settings,
            now_ms
        ],
    )
    .await
}

/// What is shown of a group has changed, though not its row.
pub(crate) async fn bump_version(sql: &impl Sql, id: &str, now_ms: i64) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE groups SET version = version + 1, updated_at = ?2 WHERE id = ?1",
        params![id, now_ms],
    )
    .await
}

pub(crate) async fn delete_group(sql: &impl Sql, id: &str) -> Result<(), StoreError> {
    sql.execute("DELETE FROM groups WHERE id = ?1", params![id])
        .await
}

/// Lets the owner that is there longest stand for a group, one who can use their account
/// if there is one, unless the one who does is an owner still.
pub(crate) async fn keep_owner(sql: &impl Sql, id: &str) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE groups SET owner_id = (SELECT m.user_id FROM group_members m \
         JOIN users u ON u.id = m.user_id WHERE m.group_id = ?1 AND m.role = 'owner' \
         ORDER BY u.status <> 'active', m.added_at, m.user_id LIMIT 1) \
         WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM group_members \
         WHERE group_id = ?1 AND user_id = groups.owner_id AND role = 'owner')",
        params![id],
    )
    .await
}

/// Whether there is a user who can use their account.
pub(crate) async fn is_active_user(sql: &impl Sql, user_id: &str) -> Result<bool, StoreError> {
    let found: Option<i64> = sql
        .query_optional(
            "SELECT 1 FROM users WHERE id = ?1 AND status = 'active'",
            params![user_id],
        )
        .await?;
    Ok(found.is_some())
}

/// Whether there is a user who is not erased, suspended or not.
pub(crate) async fn is_present_user(sql: &impl Sql, user_id: &str) -> Result<bool, StoreError> {
    let found: Option<i64> = sql
        .query_optional(
            "SELECT 1 FROM users WHERE id = ?1 AND status <> 'deleted'",
            params![user_id],
        )
        .await?;
    Ok(found.is_some())
}

pub(crate) async fn member(
    sql: &impl Sql,
    group_id: &str,
    user_id: &str,
) -> Result<Option<MemberRow>, StoreError> {
    sql.query_optional(
        "SELECT user_id, role, added_by, added_at FROM group_members \
         WHERE group_id = ?1 AND user_id = ?2",
        params![group_id, user_id],
    )
    .await
}

/// Members by their ids.
pub(crate) async fn members(
    sql: &impl Sql,
    group_id: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<MemberRow>, StoreError> {
    sql.query(
        "SELECT user_id, role, added_by, added_at FROM group_members \
         WHERE group_id = ?1 AND (?2 IS NULL OR user_id > ?2) ORDER BY user_id LIMIT ?3",
        params![group_id, after, limit],
    )
    .await
}

pub(crate) async fn member_count(sql: &impl Sql, group_id: &str) -> Result<u32, StoreError> {
    let count: i64 = sql
        .query_one(
            "SELECT count(*) FROM group_members WHERE group_id = ?1",
            params![group_id],
        )
        .await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Whether a group has an owner besides `user_id` who can use their account.
pub(crate) async fn has_other_owner(
    sql: &impl Sql,
    group_id: &str,
    user_id: &str,
) -> Result<bool, StoreError> {
    let found: Option<i64> = sql
        .query_optional(
            "SELECT 1 FROM group_members m JOIN users u ON u.id = m.user_id \
             WHERE m.group_id = ?1 AND m.role = 'owner' AND m.user_id <> ?2 \
             AND u.status = 'active' LIMIT 1",
            params![group_id, user_id],
        )
        .await?;
    Ok(found.is_some())
}

/// Who would come after an owner: of the highest role whoever is there longest, among
/// those who can use their account. Where anybody may and none can, one who is suspended:
/// the account that leaves must not stay for their sake.
pub(crate) async fn successor(
    sql: &impl Sql,
    group_id: &str,
    leaving_id: &str,
    admins_only: bool,
) -> Result<Option<MemberRow>, StoreError> {
    sql.query_optional(
        "SELECT m.user_id, m.role, m.added_by, m.added_at FROM group_members m \
         JOIN users u ON u.id = m.user_id WHERE m.group_id = ?1 AND m.user_id <> ?2 \
         AND (?3 = 0 OR (m.role = 'admin' AND u.status = 'active')) \
         ORDER BY u.status <> 'active', CASE m.role WHEN 'owner' THEN 0 WHEN 'admin' THEN 1 \
         WHEN 'member' THEN 2 ELSE 3 END, m.added_at, m.user_id LIMIT 1",
        params![group_id, leaving_id, admins_only],
    )
    .await
}

pub(crate) async fn insert_member(
    sql: &impl Sql,
    group_id: &str,
    member: &MemberRow,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO group_members (group_id, user_id, role, added_by, added_at) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            group_id,
            &member.user_id,
            &member.role,
            &member.added_by,
            member.added_at
        ],
    )
    .await
}

pub(crate) async fn set_role(
    sql: &impl Sql,
    group_id: &str,
    user_id: &str,
    role: &str,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE group_members SET role = ?3 WHERE group_id = ?1 AND user_id = ?2",
        params![group_id, user_id, role],
    )
    .await
}

/// Takes somebody out, and the rules that are about nobody else.
pub(crate) async fn delete_member(
    sql: &impl Sql,
    group_id: &str,
    user_id: &str,
) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM group_members WHERE group_id = ?1 AND user_id = ?2",
        params![group_id, user_id],
    )
    .await?;
    sql.execute(
        "DELETE FROM group_permissions WHERE group_id = ?1 AND subject = 'user:' || ?2",
        params![group_id, user_id],
    )
    .await
}

/// What somebody is in the groups after one, at most `limit` of them.
pub(crate) async fn memberships(
    sql: &impl Sql,
    user_id: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<MembershipRow>, StoreError> {
    sql.query(
        "SELECT group_id, role FROM group_members WHERE user_id = ?1 AND group_id > ?2 \
         ORDER BY group_id LIMIT ?3",
        params![user_id, after, limit],
    )
    .await
}

pub(crate) async fn membership_count(sql: &impl Sql, user_id: &str) -> Result<u32, StoreError> {
    let count: i64 = sql
        .query_one(
            "SELECT count(*) FROM group_members WHERE user_id = ?1",
            params![user_id],
        )
        .await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The rules of a group, in the order they were given.
pub(crate) async fn rules(sql: &impl Sql, group_id: &str) -> Result<Vec<RuleRow>, StoreError> {
    sql.query(
        "SELECT subject, action, resource, effect FROM group_permissions \
         WHERE group_id = ?1 ORDER BY position",
        params![group_id],
    )
    .await
}

/// Gives a group other rules; `rules` is a JSON array.
pub(crate) async fn replace_rules(
    sql: &impl Sql,
    group_id: &str,
    rules: String,
) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM group_permissions WHERE group_id = ?1",
        params![group_id],
    )
    .await?;
    sql.execute(
        "INSERT INTO group_permissions (group_id, position, subject, action, resource, effect) \
         SELECT ?1, key, json_extract(value, '$.subject'), json_extract(value, '$.action'), \
         json_extract(value, '$.resource'), json_extract(value, '$.effect') FROM json_each(?2)",
        params![group_id, rules],
    )
    .await
}

/// The rules of a user, in the order they were given.
pub(crate) async fn user_rules(sql: &impl Sql, user_id: &str) -> Result<Vec<RuleRow>, StoreError> {
    sql.query(
        "SELECT subject, action, resource, effect FROM user_permissions \
         WHERE user_id = ?1 ORDER BY position",
        params![user_id],
    )
    .await
}

/// Gives a user rules, where they have none; `rules` is a JSON array.
pub(crate) async fn insert_user_rules(
    sql: &impl Sql,
    user_id: &str,
    rules: String,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO user_permissions (user_id, position, subject, action, resource, effect) \
         SELECT ?1, key, json_extract(value, '$.subject'), json_extract(value, '$.action'), \
         json_extract(value, '$.resource'), json_extract(value, '$.effect') FROM json_each(?2) \
         WHERE true ON CONFLICT DO NOTHING",
        params![user_id, rules],
    )
    .await
}

pub(crate) async fn delete_user_rules(sql: &impl Sql, user_id: &str) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM user_permissions WHERE user_id = ?1",
        params![user_id],
    )
    .await
}

/// Rules as JSON, for the statements above.
pub(crate) fn json(rules: &[Rule]) -> String {
    // Rules hold nothing but text.
    serde_json::to_string(rules).unwrap_or_default()
}
