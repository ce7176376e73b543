//! The table that remembers migrations.

use super::Migration;
use crate::database::Sql;
use crate::error::StoreError;
use crate::params;

/// A migration that was applied.
pub(super) struct Applied {
    pub(super) version: i64,
    pub(super) checksum: String,
}

crate::from_row!(Applied { version, checksum });

pub(super) async fn table_exists(sql: &impl Sql) -> Result<bool, StoreError> {
    let found: Option<i64> = sql
        .query_optional(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'",
            params![],
        )
        .await?;
    Ok(found.is_some())
}

pub(super) async fn create_table(sql: &impl Sql) -> Result<(), StoreError> {
    sql.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (\
         version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, \
         applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')))",
        params![],
    )
    .await
}

pub(super) async fn applied(sql: &impl Sql) -> Result<Vec<Applied>, StoreError> {
    sql.query(
        "SELECT version, checksum FROM schema_migrations ORDER BY version",
        params![],
    )
    .await
}

pub(super) async fn record(sql: &impl Sql, migration: &Migration) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO schema_migrations (version, name, checksum) VALUES (?1, ?2, ?3)",
        params![migration.version, migration.name, migration.checksum],
    )
    .await
}
