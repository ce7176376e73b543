//! SQLite files shared by many connections of one process.
//!
//! A [`Database`] is one file in write-ahead mode; what it acknowledges is on
//! disk (`synchronous=FULL`). Readers run side by side. Writers take turns in a
//! queue that waits without a thread, so that a waiting writer never keeps the
//! writer it waits for from going on.

mod guard;
mod session;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

pub use session::{Rows, Session, Value};

/// Connections kept open for the next user.
const IDLE_CONNECTIONS_MAX: usize = 32;
/// Prepared statements kept for each connection.
const STATEMENTS_MAX: usize = 64;

/// Bounds on what a statement may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteLimits {
    /// How long a writer waits for its turn.
    pub busy_ms_max: u64,
    /// How long one statement may run.
    pub statement_ms_max: u64,
    /// Size of all values of one result.
    pub result_bytes_max: usize,
}

impl Default for SqliteLimits {
    fn default() -> Self {
        Self {
            busy_ms_max: 5_000,
            statement_ms_max: 30_000,
            result_bytes_max: 128 << 20,
        }
    }
}

impl SqliteLimits {
    fn busy(&self) -> Duration {
        Duration::from_millis(self.busy_ms_max)
    }

    fn statement(&self) -> Duration {
        Duration::from_millis(self.statement_ms_max)
    }
}

/// Why a statement did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    /// The disk or the file's size limit is reached.
    #[error("the database is full")]
    Full,
    /// A writer did not get its turn, or the data changed under a transaction.
    #[error("database is locked")]
    Locked,
    /// The result is larger than it may be.
    #[error("query result exceeds limit of {0} bytes")]
    TooLarge(usize),
    /// The statement ran for too long.
    #[error("the statement ran longer than {0} ms")]
    TooSlow(u64),
    /// Anything else, in SQLite's words.
    #[error("{0}")]
    Other(String),
}

impl From<rusqlite::Error> for SqliteError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            _ => Self::Other(error.to_string()),
        }
    }
}

/// One database, in a file or in memory.
pub struct Database {
    place: Place,
    limits: SqliteLimits,
    writer: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

enum Place {
    File(PathBuf),
    /// Lives as long as one connection to it: this one.
    Memory {
        uri: String,
        _keeper: Mutex<Connection>,
    },
}

impl Database {
    /// Opens or makes the file and its folder.
    ///
    /// # Errors
    /// When the file cannot be made or is not a database.
    pub fn file(path: &Path, limits: SqliteLimits) -> Result<Arc<Self>, SqliteError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| {
                SqliteError::Other(format!("cannot make {}: {error}", folder.display()))
            })?;
        }
        let database = Self::new(Place::File(path.to_owned()), limits);
        let first = database.connect()?;
        database.give_back(first);
        Ok(Arc::new(database))
    }

    /// Makes a database that is gone with the process. `name` tells it apart.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn memory(name: &str, limits: SqliteLimits) -> Result<Arc<Self>, SqliteError> {
        let uri = format!("file:{name}?mode=memory&cache=shared");
        let keeper = Mutex::new(Connection::open(&uri)?);
        let place = Place::Memory {
            uri,
            _keeper: keeper,
        };
        Ok(Arc::new(Self::new(place, limits)))
    }

    fn new(place: Place, limits: SqliteLimits) -> Self {
        Self {
            place,
            limits,
            writer: Arc::new(Semaphore::new(1)),
            idle: Mutex::default(),
        }
    }

    /// A connection of one's own.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn session(self: &Arc<Self>) -> Result<Session, SqliteError> {
        let idle = self.lock_idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect()?,
        };
        Ok(Session::new(self.clone(), connection))
    }

    fn connect(&self) -> Result<Connection, SqliteError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = match &self.place {
            Place::File(path) => Connection::open_with_flags(path, flags),
            Place::Memory { uri, .. } => Connection::open_with_flags(uri, flags),
        }?;
        connection.busy_timeout(self.limits.busy())?;
        if matches!(self.place, Place::File(_)) {
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
        }
        connection.pragma_update(None, "foreign_keys", true)?;
        // Otherwise a statement with `LIMIT ?` is prepared again each time it is run.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        guard::restrict(&mut connection)?;
        Ok(connection)
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.lock_idle();
        if idle.len() < IDLE_CONNECTIONS_MAX {
            idle.push(connection);
        }
    }

    fn lock_idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
