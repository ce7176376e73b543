//! Numbered migrations, applied once and forward only.

mod queries;

use std::sync::Mutex;

use crate::database::{Database, Sql};
use crate::error::StoreError;

include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// One numbered file of `migrations/<label>/`, or the shared first one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    version: i64,
    name: &'static str,
    checksum: &'static str,
    statements: &'static [&'static str],
}

/// The labels that this instance has checked. It holds no user's data, and in
/// native tests it is not used, because there a label names many databases.
static CHECKED: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

/// Applies what is missing; asks the database once per instance and label.
pub(crate) async fn ensure(database: &Database) -> Result<(), StoreError> {
    let known = LABELS.iter().find(|(label, _)| *label == database.label());
    let Some((label, migrations)) = known else {
        return Ok(());
    };
    if is_checked(label) {
        return Ok(());
    }
    if !is_current(database, migrations).await? {
        apply(database, migrations).await?;
    }
    if cfg!(target_family = "wasm")
        && let Ok(mut checked) = CHECKED.lock()
    {
        checked.push(label);
    }
    Ok(())
}

fn is_checked(label: &str) -> bool {
    CHECKED.lock().is_ok_and(|checked| checked.contains(&label))
}

/// Whether every migration is applied, unchanged. Takes no lock.
async fn is_current(database: &Database, migrations: &[Migration]) -> Result<bool, StoreError> {
    if migrations.is_empty() {
        return Ok(true);
    }
    if !queries::table_exists(database).await? {
        return Ok(false);
    }
    let missing = missing(database, migrations).await?;
    Ok(missing.is_empty())
}

/// Applies what is missing in one transaction: its write lock keeps others out.
async fn apply(database: &Database, migrations: &[Migration]) -> Result<(), StoreError> {
    database.execute("BEGIN IMMEDIATE", Vec::new()).await?;
    let done = apply_locked(database, migrations).await;
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = database.execute(end, Vec::new()).await;
    done.and(ended)
}

async fn apply_locked(database: &Database, migrations: &[Migration]) -> Result<(), StoreError> {
    queries::create_table(database).await?;
    for migration in missing(database, migrations).await? {
        for statement in migration.statements {
            let done = database.execute(statement, Vec::new()).await;
            done.map_err(|error| failure(database, migration, error.to_string()))?;
        }
        queries::record(database, migration).await?;
    }
    Ok(())
}

/// What is not applied yet. Versions that this component does not know are
/// fine: a newer component may share the database during a rolling update.
async fn missing<'a>(
    database: &Database,
    migrations: &'a [Migration],
) -> Result<Vec<&'a Migration>, StoreError> {
    let applied = queries::applied(database).await?;
    let mut missing = Vec::new();
    for migration in migrations {
        let found = applied.iter().find(|row| row.version == migration.version);
        match found {
            Some(row) if row.checksum == migration.checksum => {}
            Some(_) => {
                let reason = "it was changed after it had been applied; add a new one instead";
                return Err(failure(database, migration, reason.to_owned()));
            }
            None => missing.push(migration),
        }
    }
    let newest = applied.iter().map(|row| row.version).max();
    match missing.first() {
        Some(migration) if newest > Some(migration.version) => {
            let reason = "a newer one is applied already; numbers only go forward";
            Err(failure(database, migration, reason.to_owned()))
        }
        _ => Ok(missing),
    }
}

fn failure(database: &Database, migration: &Migration, reason: String) -> StoreError {
    StoreError::Migration {
        label: database.label().to_owned(),
        version: migration.version,
        reason: format!("{}: {reason}", migration.name),
    }
}
