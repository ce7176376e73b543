//! The table that remembers migrations.

use super::Migration;
use crate::database::{Database, Sql};
use crate::error::StoreError;
use crate::params;

/// A migration that was applied.
pub(super) struct Applied {
    pub(super) version: i64,
    pub(super) checksum: String,
}

crate::from_row!(Applied { version, checksum });

pub(super) async fn table_exists(database: &Database) -> Result<bool, StoreError> {
    let text = match database.connection().schema() {
        None => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'",
        Some(_) => {
            "SELECT 1 FROM pg_catalog.pg_tables \
             WHERE schemaname = current_schema() AND tablename = 'schema_migrations'"
        }
    };
    let found: Option<i64> = database.query_optional(text, params![]).await?;
    Ok(found.is_some())
}

/// Keeps others from making the same schema until the transaction ends.
pub(super) async fn lock_schema(sql: &impl Sql, schema: &str) -> Result<(), StoreError> {
    sql.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('suoke migrations ' || ?1, 0)) IS NULL",
        params![schema],
    )
    .await
}

/// Asked first: who may not make schemas can use one that was made for them.
pub(super) async fn schema_exists(sql: &impl Sql, schema: &str) -> Result<bool, StoreError> {
    let text = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = ?1";
    let found: Option<i64> = sql.query_optional(text, params![schema]).await?;
    Ok(found.is_some())
}

/// The name is one of letters, digits and `_`.
pub(super) async fn create_schema(sql: &impl Sql, schema: &str) -> Result<(), StoreError> {
    sql.execute(&format!("CREATE SCHEMA {schema}"), params![])
        .await
}

pub(super) async fn create_postgres_table(sql: &impl Sql) -> Result<(), StoreError> {
    sql.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (\
         version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, \
         applied_at TEXT NOT NULL DEFAULT to_char(clock_timestamp() AT TIME ZONE 'UTC', \
         'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'))",
        params![],
    )
    .await
}

/// Notes the version of the functions.
pub(super) async fn record_functions(
    sql: &impl Sql,
    row: i64,
    version: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO schema_migrations (version, name, checksum) VALUES (?1, 'functions', ?2) \
         ON CONFLICT (version) DO UPDATE SET checksum = excluded.checksum",
        params![row, version.to_string()],
    )
    .await
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

pub(super) async fn record(
    sql: &impl Sql,
    migration: &Migration,
    checksum: &str,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO schema_migrations (version, name, checksum) VALUES (?1, ?2, ?3)",
        params![migration.version, migration.name, checksum],
    )
    .await
}
