//! Flags in SQL: label `platform`.

use suoke_store::{Sql, StoreError, params};

/// A flag as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct FlagRow {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) enabled: bool,
    /// Hundredths of a percent.
    pub(crate) share: u32,
    /// Ids, as JSON.
    pub(crate) users: String,
    /// Ids, as JSON.
    pub(crate) groups: String,
    pub(crate) version: i64,
    pub(crate) changed_by: String,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

suoke_store::from_row!(FlagRow {
    name,
    description,
    enabled,
    share,
    users,
    groups,
    version,
    changed_by,
    created_at,
    updated_at
});

pub(crate) async fn one(sql: &impl Sql, name: &str) -> Result<Option<FlagRow>, StoreError> {
    sql.query_optional("SELECT * FROM flags WHERE name = ?1", params![name])
        .await
}

/// What comes after a name, by name.
pub(crate) async fn page(
    sql: &impl Sql,
    after: &str,
    limit: u32,
) -> Result<Vec<FlagRow>, StoreError> {
    sql.query(
        "SELECT * FROM flags WHERE name > ?1 ORDER BY name LIMIT ?2",
        params![after, limit],
    )
    .await
}

pub(crate) async fn count(sql: &impl Sql) -> Result<i64, StoreError> {
    sql.query_one("SELECT count(*) FROM flags", params![]).await
}

pub(crate) async fn set(sql: &impl Sql, row: &FlagRow) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO flags (name, description, enabled, share, users, groups, version, \
         changed_by, created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
         ON CONFLICT (name) DO UPDATE SET description = excluded.description, \
         enabled = excluded.enabled, share = excluded.share, users = excluded.users, \
         groups = excluded.groups, version = excluded.version, \
         changed_by = excluded.changed_by, \
         updated_at = excluded.updated_at",
        params![
            &row.name,
            &row.description,
            row.enabled,
            row.share,
            &row.users,
            &row.groups,
            row.version,
            &row.changed_by,
            row.created_at,
            row.updated_at
        ],
    )
    .await
}

pub(crate) async fn remove(sql: &impl Sql, name: &str) -> Result<(), StoreError> {
    sql.execute("DELETE FROM flags WHERE name = ?1", params![name])
        .await
}

/// The highest version that a flag had at its end; 0 where none was taken away.
pub(crate) async fn version_ended_max(sql: &impl Sql) -> Result<i64, StoreError> {
    sql.query_one(
        "SELECT coalesce(max(version), 0) FROM flags_ended",
        params![],
    )
    .await
}

/// A flag was taken away with this version.
pub(crate) async fn note_end(sql: &impl Sql, version: i64) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO flags_ended (id, version) VALUES (1, ?1) \
         ON CONFLICT (id) DO UPDATE SET version = excluded.version \
         WHERE flags_ended.version < excluded.version",
        params![version],
    )
    .await
}
