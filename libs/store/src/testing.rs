//! PostgreSQL in native tests: schemas of the server that `SUOKE_TEST_DATABASE_URL` names.

use std::cell::Cell;
use std::env;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::connection::Connection;
use crate::error::StoreError;
use crate::postgres;

static COUNT: AtomicU64 = AtomicU64::new(0);
/// Labels with schemas that have all tables and no rows: making one takes long.
static EMPTY: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());
/// Empties and drops them.
static ADMINISTRATOR: Mutex<Option<postgres::Administrator>> = Mutex::new(None);

/// The server, if tests use one.
pub(crate) fn url() -> Option<String> {
    env::var("SUOKE_TEST_DATABASE_URL")
        .ok()
        .filter(|url| !url.is_empty())
}

/// A name that no other test has.
fn fresh_schema() -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("test_{}_{}_{count}", since.as_nanos(), std::process::id())
}

/// The name that belongs to a file.
pub(crate) fn schema_of(label: &str, path: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    (label, path).hash(&mut hasher);
    format!("test_file_{:016x}", hasher.finish())
}

pub(crate) async fn connect(url: &str, schema: &str) -> Result<Connection, StoreError> {
    let connection = postgres::Connection::open(url, schema).await?;
    Ok(Connection::Postgres(Box::new(connection)))
}

/// The schema of a database that is open.
pub(crate) struct Leftover {
    url: String,
    label: String,
    schema: String,
    /// Tables or triggers were made: nobody else could use it.
    is_spoilt: Cell<bool>,
}

impl Leftover {
    /// A schema that is empty, or new.
    pub(crate) fn new(url: &str, label: &str) -> Self {
        let used = EMPTY.lock().ok().and_then(|mut empty| {
            let at = empty.iter().position(|(of, _)| of == label)?;
            Some(empty.swap_remove(at).1)
        });
        Self {
            url: url.to_owned(),
            label: label.to_owned(),
            schema: used.unwrap_or_else(fresh_schema),
            is_spoilt: Cell::new(false),
        }
    }

    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    /// Sees a statement of the test.
    pub(crate) fn see(&self, sql: &str) {
        let first = sql.split_whitespace().next().unwrap_or("");
        if ["CREATE", "ALTER", "DROP"].contains(&first) || sql.contains("schema_migrations") {
            self.is_spoilt.set(true);
        }
    }

    fn clean(&self) -> Result<(), StoreError> {
        let Ok(mut administrator) = ADMINISTRATOR.lock() else {
            return Ok(());
        };
        if administrator.is_none() {
            *administrator = Some(postgres::Administrator::open(&self.url)?);
        }
        let Some(administrator) = administrator.as_ref() else {
            return Ok(());
        };
        if self.is_spoilt.get() {
            return administrator.drop_schema(&self.schema);
        }
        administrator.empty_schema(&self.schema)?;
        if let Ok(mut empty) = EMPTY.lock() {
            empty.push((self.label.clone(), self.schema.clone()));
        }
        Ok(())
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        // What cannot be cleaned goes with the server.
        let _ = self.clean();
    }
}
