//! The SQLite file.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior, params};

use super::{Loaded, Row, codec};

/// How long a start waits for a process that is ending to let go of the file.
const BUSY_MAX: Duration = Duration::from_secs(2);
/// Expired rows that one transaction removes.
const PURGED_MAX: i64 = 10_000;
/// The layout of the file.
const LAYOUT: i64 = 1;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS entries (
        key BLOB NOT NULL PRIMARY KEY,
        kind INTEGER NOT NULL,
        value BLOB NOT NULL,
        expires_at_ms INTEGER
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS entries_by_expiry
        ON entries (expires_at_ms) WHERE expires_at_ms IS NOT NULL;
";
const UPSERT: &str = "
    INSERT INTO entries (key, kind, value, expires_at_ms) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (key) DO UPDATE
    SET kind = excluded.kind, value = excluded.value, expires_at_ms = excluded.expires_at_ms";
const REMOVE: &str = "DELETE FROM entries WHERE key = ?1";
const REMOVE_ALL: &str = "DELETE FROM entries";
const OVER: &str = "
    SELECT key FROM entries WHERE expires_at_ms <= ?1 LIMIT ?2";
const LIVING: &str = "
    SELECT key, kind, value, expires_at_ms FROM entries
    WHERE expires_at_ms IS NULL OR expires_at_ms > ?1";

/// The file of one server, which no other process can open meanwhile.
pub(crate) struct File {
    connection: Connection,
}

/// A transaction on the file; dropped, it has done nothing.
pub(super) struct Save<'a>(rusqlite::Transaction<'a>);

impl File {
    /// Opens or makes the file and its folder.
    ///
    /// # Errors
    /// When it cannot be made, is in use or is not such a file.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        }
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(path)?;
            connection.busy_timeout(BUSY_MAX)?;
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            Ok(connection)
        };
        let file = Self {
            connection: open().map_err(said)?,
        };
        file.lay_out()?;
        Ok(file)
    }

    fn lay_out(&self) -> Result<(), String> {
        let layout: i64 = self
            .connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(said)?;
        if ![0, LAYOUT].contains(&layout) {
            return Err(format!(
                "it is laid out as number {layout}, which this version does not know; \
                 start the version that wrote it, or move the file away"
            ));
        }
        let lay_out = || {
            self.connection.execute_batch(SCHEMA)?;
            self.connection.pragma_update(None, "user_version", LAYOUT)
        };
        lay_out().map_err(said)
    }

    /// Gives every key that has not expired.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub(crate) fn load(&self, now_ms: i64, mut take: impl FnMut(Loaded)) -> Result<(), String> {
        let mut statement = self.connection.prepare(LIVING).map_err(said)?;
        let mut rows = statement.query([now_ms]).map_err(said)?;
        while let Some(row) = rows.next().map_err(said)? {
            let read = || -> rusqlite::Result<_> {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            };
            let (key, kind, bytes, expires_at_ms) = read().map_err(said)?;
            let value = codec::decode(kind, bytes)
                .ok_or("it is damaged: a value in it cannot be read; move the file away")?;
            take(Loaded {
                key,
                value,
                expires_at_ms,
            });
        }
        Ok(())
    }

    /// Begins to write.
    pub(super) fn save(&mut self) -> Result<Save<'_>, String> {
        let behavior = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(behavior);
        Ok(Save(transaction.map_err(said)?))
    }
}

impl Save<'_> {
    pub(super) fn remove_all(&self) -> Result<(), String> {
        self.0.execute(REMOVE_ALL, []).map_err(said)?;
        Ok(())
    }

    pub(super) fn write(&self, rows: &[Row]) -> Result<(), String> {
        let write = || -> rusqlite::Result<()> {
            let mut upsert = self.0.prepare_cached(UPSERT)?;
            let mut remove = self.0.prepare_cached(REMOVE)?;
            for row in rows {
                match &row.state {
                    None => remove.execute([&row.key[..]])?,
                    Some(state) => upsert.execute(params![
                        &row.key[..],
                        state.kind,
                        state.bytes,
                        state.expires_at_ms
                    ])?,
                };
            }
            Ok(())
        };
        write().map_err(said)
    }

    /// The keys of rows whose time was over at an instant, some of them.
    pub(super) fn over_since(&self, instant_ms: i64) -> Result<Vec<Vec<u8>>, String> {
        let read = || -> rusqlite::Result<_> {
            let mut over = self.0.prepare_cached(OVER)?;
            over.query_map([instant_ms, PURGED_MAX], |row| row.get(0))?
                .collect()
        };
        read().map_err(said)
    }

    /// Removes the rows of keys.
    pub(super) fn remove(&self, keys: &[Vec<u8>]) -> Result<(), String> {
        let remove = || -> rusqlite::Result<()> {
            let mut remove = self.0.prepare_cached(REMOVE)?;
            for key in keys {
                remove.execute([key])?;
            }
            Ok(())
        };
        remove().map_err(said)
    }

    /// Waits until all of it is on disk.
    pub(super) fn commit(self) -> Result<(), String> {
        self.0.commit().map_err(said)
    }
}

fn said(error: rusqlite::Error) -> String {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process uses it: give each host a state folder of its own".to_owned()
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            format!("it is damaged: {error}; move the file away")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
impl File {
    /// Lets every save fail from now on.
    pub(super) fn break_it(&self) {
        self.connection.execute_batch("DROP TABLE entries").unwrap();
    }
}
