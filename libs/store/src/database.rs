//! An open database and its transactions.

use crate::connection::Connection;
use crate::error::StoreError;
use crate::migrate;
use crate::row::{FromRow, Rows, decode};
use crate::value::Value;

/// What statements can be run on: a [`Database`] or a [`Transaction`].
///
/// Functions of `queries` modules take `&impl Sql`, so that they serve both.
#[expect(
    async_fn_in_trait,
    reason = "components run on one thread: no future needs to be Send"
)]
pub trait Sql {
    /// Runs one statement and gives its rows as they are.
    ///
    /// # Errors
    /// When the statement fails.
    async fn run(&self, sql: &str, values: Vec<Value>) -> Result<Rows, StoreError>;

    /// The number of rows that the last INSERT, UPDATE or DELETE touched.
    async fn changes(&self) -> u64;

    /// Runs one statement without looking at its rows.
    ///
    /// # Errors
    /// When the statement fails.
    async fn execute(&self, sql: &str, values: Vec<Value>) -> Result<(), StoreError> {
        self.run(sql, values).await.map(|_| ())
    }

    /// Runs one statement and says how many rows it touched.
    ///
    /// # Errors
    /// When the statement fails.
    async fn execute_counted(&self, sql: &str, values: Vec<Value>) -> Result<u64, StoreError> {
        self.run(sql, values).await?;
        Ok(self.changes().await)
    }

    /// Every row, decoded.
    ///
    /// # Errors
    /// When the statement fails or a row does not decode.
    async fn query<T: FromRow>(&self, sql: &str, values: Vec<Value>) -> Result<Vec<T>, StoreError> {
        decode(self.run(sql, values).await?)
    }

    /// The only row, or none.
    ///
    /// # Errors
    /// When the statement fails, the row does not decode or there are several.
    async fn query_optional<T: FromRow>(
        &self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Option<T>, StoreError> {
        let mut rows: Vec<T> = self.query(sql, values).await?;
        match rows.len() {
            0 | 1 => Ok(rows.pop()),
            more => Err(StoreError::RowCount(more)),
        }
    }

    /// The only row.
    ///
    /// # Errors
    /// When the statement fails, the row does not decode or there is not exactly one.
    async fn query_one<T: FromRow>(&self, sql: &str, values: Vec<Value>) -> Result<T, StoreError> {
        self.query_optional(sql, values)
            .await?
            .ok_or(StoreError::RowCount(0))
    }
}

/// An open database whose migrations are applied.
pub struct Database {
    label: String,
    connection: Connection,
}

/// A running transaction; every statement belongs to it until its closure ends.
pub struct Transaction<'a> {
    database: &'a Database,
}

impl Database {
    /// Opens the database of a service; the manifest must grant the label.
    ///
    /// # Errors
    /// When the label is not granted or its migrations do not fit.
    pub async fn open(label: &str) -> Result<Self, StoreError> {
        let database = Self {
            label: label.to_owned(),
            connection: Connection::open(label).await?,
        };
        migrate::ensure(&database).await?;
        Ok(database)
    }

    /// A database in memory with the migrations of the label, for native tests.
    ///
    /// # Errors
    /// When a migration fails.
    #[cfg(all(not(target_family = "wasm"), feature = "native"))]
    pub async fn open_in_memory(label: &str) -> Result<Self, StoreError> {
        Self::migrated(label, Connection::in_memory()?).await
    }

    /// A database in a file with the migrations of the label, for native tests
    /// that need several connections.
    ///
    /// # Errors
    /// When the file cannot be opened or a migration fails.
    #[cfg(all(not(target_family = "wasm"), feature = "native"))]
    pub async fn open_file(label: &str, path: &std::path::Path) -> Result<Self, StoreError> {
        Self::migrated(label, Connection::file(path)?).await
    }

    #[cfg(all(not(target_family = "wasm"), feature = "native"))]
    async fn migrated(label: &str, connection: Connection) -> Result<Self, StoreError> {
        let database = Self {
            label: label.to_owned(),
            connection,
        };
        migrate::ensure(&database).await?;
        Ok(database)
    }

    /// The label of the database.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Runs `work` in a transaction that holds the write lock from its start.
    /// It is committed when `work` succeeds and rolled back when it fails.
    ///
    /// # Errors
    /// The error of `work`, or the store's when it cannot begin or commit.
    pub async fn transaction<T, E>(
        &mut self,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        self.execute("BEGIN IMMEDIATE", Vec::new()).await?;
        let transaction = Transaction { database: self };
        match work(&transaction).await {
            Ok(done) => {
                if let Err(error) = self.execute("COMMIT", Vec::new()).await {
                    self.roll_back().await;
                    return Err(error.into());
                }
                Ok(done)
            }
            Err(error) => {
                self.roll_back().await;
                Err(error)
            }
        }
    }

    /// Rolls back. A failure changes nothing: SQLite may have rolled back
    /// already, and the host does when the connection is dropped.
    async fn roll_back(&self) {
        let _ = self.execute("ROLLBACK", Vec::new()).await;
    }
}

impl Sql for Database {
    async fn run(&self, sql: &str, values: Vec<Value>) -> Result<Rows, StoreError> {
        self.connection.run(sql, values).await
    }

    async fn changes(&self) -> u64 {
        self.connection.changes().await
    }
}

impl Sql for Transaction<'_> {
    async fn run(&self, sql: &str, values: Vec<Value>) -> Result<Rows, StoreError> {
        self.database.run(sql, values).await
    }

    async fn changes(&self) -> u64 {
        self.database.changes().await
    }
}
