//! An open database and its transactions.

use crate::connection::{Connection, Lock};
use crate::error::StoreError;
use crate::migrate;
use crate::partitions;
use crate::row::{FromRow, Rows, decode};
use crate::settings;
#[cfg(all(not(target_family = "wasm"), feature = "native"))]
use crate::testing;
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
    /// What a native test leaves behind in PostgreSQL.
    #[cfg(all(not(target_family = "wasm"), feature = "native"))]
    leftover: Option<testing::Leftover>,
}

/// A running transaction; every statement belongs to it until its closure ends.
pub struct Transaction<'a> {
    database: &'a Database,
}

impl Database {
    /// Opens the database of a service: the schema of its label where the variable
    /// `database_url` names a PostgreSQL, otherwise the SQLite that the host has under
    /// the label. The manifest must grant both.
    ///
    /// # Errors
    /// When the label is not granted, the server cannot be reached or the migrations do
    /// not fit.
    #[cfg_attr(
        not(any(target_family = "wasm", feature = "native")),
        expect(unused_variables, reason = "there is no database")
    )]
    pub async fn open(label: &str) -> Result<Self, StoreError> {
        let database = Self::of(label, settings::connect(label).await?);
        migrate::ensure(&database).await?;
        Ok(database)
    }

    /// Opens the database of a service for statements that only read, and that may read
    /// what was so a moment ago: a replica, where `database_read_url` names one that can
    /// be reached, otherwise the same as [`Database::open`].
    ///
    /// # Errors
    /// As for [`Database::open`].
    #[cfg_attr(
        not(any(target_family = "wasm", feature = "native")),
        expect(unused_variables, reason = "there is no database")
    )]
    pub async fn open_for_reading(label: &str) -> Result<Self, StoreError> {
        if let Some(connection) = settings::connect_for_reading(label).await? {
            let database = Self::of(label, connection);
            if migrate::is_readable(&database).await {
                return Ok(database);
            }
        }
        Self::open(label).await
    }

    fn of(label: &str, connection: Connection) -> Self {
        Self {
            label: label.to_owned(),
            connection,
            #[cfg(all(not(target_family = "wasm"), feature = "native"))]
            leftover: None,
        }
    }

    /// A database of its own with the migrations of the label, for native tests: in
    /// memory, or a schema of the PostgreSQL that `SUOKE_TEST_DATABASE_URL` names, which
    /// is emptied for the next test when it is dropped.
    ///
    /// # Errors
    /// When a migration fails.
    #[cfg(all(not(target_family = "wasm"), feature = "native"))]
    pub async fn open_in_memory(label: &str) -> Result<Self, StoreError> {
        match testing::url() {
            None => Self::migrated(label, Connection::in_memory()?, None).await,
            Some(url) => {
                let leftover = testing::Leftover::new(&url, label);
                let connection = testing::connect(&url, leftover.schema()).await?;
                Self::migrated(label, connection, Some(leftover)).await
            }
        }
    }

    /// A database with the migrations of the label that several connections share, for
    /// native tests: a file, or a schema named after it, which stays.
    ///
    /// # Errors
    /// When the file cannot be opened or a migration fails.
    #[cfg(all(not(target_family = "wasm"), feature = "native"))]
    pub async fn open_file(label: &str, path: &std::path::Path) -> Result<Self, StoreError> {
        let connection = match testing::url() {
            None => Connection::file(path)?,
            Some(url) => testing::connect(&url, &testing::schema_of(label, path)).await?,
        };
        Self::migrated(label, connection, None).await
    }

    /// Whether native tests run on PostgreSQL: what looks at plans or tables of SQLite
    /// has nothing to look at there.
    #[cfg(all(not(target_family = "wasm"), feature = "native"))]
    #[must_use]
    pub fn tests_use_postgres() -> bool {
        testing::url().is_some()
    }

    #[cfg(all(not(target_family = "wasm"), feature = "native"))]
    async fn migrated(
        label: &str,
        connection: Connection,
        leftover: Option<testing::Leftover>,
    ) -> Result<Self, StoreError> {
        let mut database = Self::of(label, connection);
        migrate::ensure(&database).await?;
        database.leftover = leftover;
        Ok(database)
    }

    /// The label of the database.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Runs `work` in a transaction that no other transaction of the label runs beside.
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
        self.transact(Lock::Label, work).await
    }

    /// As [`Database::transaction`], but transactions of other scopes may run beside this
    /// one where the database can do that: `scope` names whose rows `work` reads and
    /// writes, such as the id of a user. What `work` does to rows that other scopes may
    /// touch, too, must be one statement each.
    ///
    /// # Errors
    /// The error of `work`, or the store's when it cannot begin or commit.
    pub async fn transaction_of<T, E>(
        &mut self,
        scope: &str,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        self.transact(Lock::Scope(scope), work).await
    }

    async fn transact<T, E>(
        &mut self,
        lock: Lock<'_>,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        self.connection.begin(lock).await?;
        let transaction = Transaction { database: self };
        match work(&transaction).await {
            Ok(done) => {
                if let Err(error) = self.connection.commit().await {
                    self.connection.roll_back().await;
                    return Err(error.into());
                }
                Ok(done)
            }
            Err(error) => {
                self.connection.roll_back().await;
                Err(error)
            }
        }
    }

    /// Makes the partitions that rows of these instants (milliseconds since the Unix
    /// epoch) go into, where the table has one for each month. To be called before the
    /// transaction that writes them: a new one locks the table until it is committed, and
    /// two transactions that want one would wait for each other. What is before 2010 needs
    /// none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ensure_partitions(
        &self,
        table: &str,
        instants_ms: &[i64],
    ) -> Result<(), StoreError> {
        if self.connection.schema().is_none() {
            return Ok(());
        }
        partitions::ensure(self, table, instants_ms).await
    }
}

impl Sql for Database {
    async fn run(&self, sql: &str, values: Vec<Value>) -> Result<Rows, StoreError> {
        #[cfg(all(not(target_family = "wasm"), feature = "native"))]
        if let Some(leftover) = &self.leftover {
            leftover.see(sql);
        }
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
