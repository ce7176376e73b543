//! Numbered migrations, applied once and forward only.

mod queries;

use std::sync::Mutex;

use self::queries::Applied;
use crate::connection::Lock;
use crate::database::{Database, Sql};
use crate::error::StoreError;

include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// One numbered file of `migrations/<label>/`, or the shared first one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    version: i64,
    name: &'static str,
    sqlite: Text,
    postgres: Text,
}

/// What a migration says to one database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    checksum: &'static str,
    statements: &'static [&'static str],
}

/// Counts the changes of `postgres/functions.sql`.
const FUNCTIONS_VERSION: i64 = 1;
/// Where the version of the functions stands among the migrations.
const FUNCTIONS: i64 = 0;

/// The labels that this instance has checked. It holds no user's data, and in
/// native tests it is not used, because there a label names many databases.
static CHECKED: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl Migration {
    /// What it says to this database.
    fn text(&self, database: &Database) -> Text {
        match database.connection().schema() {
            None => self.sqlite,
            Some(_) => self.postgres,
        }
    }
}

/// The migrations of a label.
fn migrations_of(database: &Database) -> &'static [Migration] {
    let known = LABELS.iter().find(|(label, _)| *label == database.label());
    known.map_or(&[], |(_, migrations)| migrations)
}

/// Applies what is missing; asks the database once per instance and label.
pub(crate) async fn ensure(database: &Database) -> Result<(), StoreError> {
    let migrations = migrations_of(database);
    let is_postgres = database.connection().schema().is_some();
    if is_checked(database.label()) || (migrations.is_empty() && !is_postgres) {
        return Ok(());
    }
    if !is_current(database, migrations).await? {
        apply(database, migrations).await?;
    }
    if cfg!(target_family = "wasm")
        && let Ok(mut checked) = CHECKED.lock()
    {
        checked.push(database.label().to_owned());
    }
    Ok(())
}

/// Whether a replica has all migrations already. It is not asked again where the primary
/// was: then it follows soon.
pub(crate) async fn is_readable(database: &Database) -> bool {
    is_checked(database.label()) || is_current(database, migrations_of(database)).await == Ok(true)
}

fn is_checked(label: &str) -> bool {
    CHECKED
        .lock()
        .is_ok_and(|checked| checked.iter().any(|one| one == label))
}

/// Whether every migration is applied, unchanged. Takes no lock.
async fn is_current(database: &Database, migrations: &[Migration]) -> Result<bool, StoreError> {
    if !queries::table_exists(database).await? {
        return Ok(false);
    }
    let applied = queries::applied(database).await?;
    let missing = missing(database, &applied, migrations)?;
    Ok(missing.is_empty() && has_functions(database, &applied))
}

/// Whether PostgreSQL has the functions that it lacks by itself.
fn has_functions(database: &Database, applied: &[Applied]) -> bool {
    database.connection().schema().is_none()
        || applied.iter().any(|row| {
            row.version == FUNCTIONS
                && row
                    .checksum
                    .parse()
                    .is_ok_and(|version: i64| version >= FUNCTIONS_VERSION)
        })
}

/// Applies what is missing in one transaction: its lock keeps others out.
async fn apply(database: &Database, migrations: &[Migration]) -> Result<(), StoreError> {
    let connection = database.connection();
    connection.begin(Lock::Label).await?;
    let mut done = apply_locked(database, migrations).await;
    if done.is_ok() {
        done = connection.commit().await;
    }
    if done.is_err() {
        connection.roll_back().await;
    }
    done
}

/// Makes the schema, and in it what statements need.
async fn prepare(database: &Database) -> Result<(), StoreError> {
    let Some(schema) = database.connection().schema() else {
        return queries::create_table(database).await;
    };
    queries::lock_schema(database, schema).await?;
    if !queries::schema_exists(database, schema).await? {
        queries::create_schema(database, schema).await?;
    }
    queries::create_postgres_table(database).await?;
    if has_functions(database, &queries::applied(database).await?) {
        return Ok(());
    }
    for statement in POSTGRES_FUNCTIONS {
        database.execute(statement, Vec::new()).await?;
    }
    queries::record_functions(database, FUNCTIONS, FUNCTIONS_VERSION).await
}

async fn apply_locked(database: &Database, migrations: &[Migration]) -> Result<(), StoreError> {
    prepare(database).await?;
    let applied = queries::applied(database).await?;
    for migration in missing(database, &applied, migrations)? {
        let text = migration.text(database);
        for statement in text.statements {
            let done = database.execute(statement, Vec::new()).await;
            done.map_err(|error| failure(database, migration, error.to_string()))?;
        }
        queries::record(database, migration, text.checksum).await?;
    }
    Ok(())
}

/// What is not applied yet. Versions that this component does not know are
/// fine: a newer component may share the database during a rolling update.
fn missing<'a>(
    database: &Database,
    applied: &[Applied],
    migrations: &'a [Migration],
) -> Result<Vec<&'a Migration>, StoreError> {
    let mut missing = Vec::new();
    for migration in migrations {
        let found = applied.iter().find(|row| row.version == migration.version);
        match found {
            Some(row) if row.checksum == migration.text(database).checksum => {}
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
