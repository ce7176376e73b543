//! The connection below [`Database`](crate::Database): SQLite or PostgreSQL.

#[cfg(target_family = "wasm")]
use self::spin as sqlite;

#[cfg(all(not(target_family = "wasm"), feature = "native"))]
use self::native as sqlite;

#[cfg(all(not(target_family = "wasm"), not(feature = "native")))]
use self::absent as sqlite;

use crate::error::StoreError;
#[cfg(any(target_family = "wasm", feature = "native"))]
use crate::postgres;
use crate::row::Rows;
use crate::value::Value;

/// What a transaction keeps out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lock<'a> {
    /// Every other transaction of the label.
    Label,
    /// Those of the label, and those of scopes that are the same. SQLite has one writer.
    #[cfg_attr(
        not(any(target_family = "wasm", feature = "native")),
        expect(dead_code, reason = "there is no database")
    )]
    Scope(&'a str),
}

/// An open connection.
pub(crate) enum Connection {
    /// To a file or to memory.
    Sqlite(sqlite::Connection),
    /// To a schema.
    #[cfg(any(target_family = "wasm", feature = "native"))]
    Postgres(Box<postgres::Connection>),
}

impl Connection {
    /// SQLite, under a label of the host.
    pub(crate) async fn open(label: &str) -> Result<Self, StoreError> {
        sqlite::Connection::open(label).await.map(Self::Sqlite)
    }

    #[cfg(all(not(target_family = "wasm"), feature = "native"))]
    pub(crate) fn in_memory() -> Result<Self, StoreError> {
        sqlite::Connection::in_memory().map(Self::Sqlite)
    }

    #[cfg(all(not(target_family = "wasm"), feature = "native"))]
    pub(crate) fn file(path: &std::path::Path) -> Result<Self, StoreError> {
        sqlite::Connection::file(path).map(Self::Sqlite)
    }

    pub(crate) async fn run(&self, sql: &str, values: Vec<Value>) -> Result<Rows, StoreError> {
        match self {
            Self::Sqlite(connection) => connection.run(sql, values).await,
            #[cfg(any(target_family = "wasm", feature = "native"))]
            Self::Postgres(connection) => connection.run(sql, values).await,
        }
    }

    pub(crate) async fn changes(&self) -> u64 {
        match self {
            Self::Sqlite(connection) => connection.changes().await,
            #[cfg(any(target_family = "wasm", feature = "native"))]
            Self::Postgres(connection) => connection.changes(),
        }
    }

    /// Begins a transaction that writes.
    #[cfg_attr(
        not(any(target_family = "wasm", feature = "native")),
        expect(unused_variables, reason = "there is no database")
    )]
    pub(crate) async fn begin(&self, lock: Lock<'_>) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => {
                let begun = connection.run("BEGIN IMMEDIATE", Vec::new()).await;
                begun.map(|_| ())
            }
            #[cfg(any(target_family = "wasm", feature = "native"))]
            Self::Postgres(connection) => connection.begin(lock).await,
        }
    }

    pub(crate) async fn commit(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => connection.run("COMMIT", Vec::new()).await.map(|_| ()),
            #[cfg(any(target_family = "wasm", feature = "native"))]
            Self::Postgres(connection) => connection.commit().await,
        }
    }

    /// Rolls back. A failure changes nothing: the database may have rolled back
    /// already, and does when the connection is dropped.
    pub(crate) async fn roll_back(&self) {
        match self {
            Self::Sqlite(connection) => {
                let _ = connection.run("ROLLBACK", Vec::new()).await;
            }
            #[cfg(any(target_family = "wasm", feature = "native"))]
            Self::Postgres(connection) => connection.roll_back().await,
        }
    }

    /// The schema, when this is PostgreSQL.
    pub(crate) fn schema(&self) -> Option<&str> {
        match self {
            Self::Sqlite(_) => None,
            #[cfg(any(target_family = "wasm", feature = "native"))]
            Self::Postgres(connection) => Some(connection.schema()),
        }
    }
}

#[cfg(target_family = "wasm")]
mod spin {
    //! Spin's SQLite interface.

    use spin_sdk::sqlite::{self, Error};

    use crate::error::StoreError;
    use crate::row::Rows;
    use crate::value::Value;

    /// An open connection.
    pub(crate) struct Connection(sqlite::Connection);

    impl Connection {
        pub(crate) async fn open(label: &str) -> Result<Self, StoreError> {
            match sqlite::Connection::open(label).await {
                Ok(connection) => Ok(Self(connection)),
                Err(error) => Err(StoreError::Unavailable {
                    label: label.to_owned(),
                    reason: error.to_string(),
                }),
            }
        }

        pub(crate) async fn run(&self, sql: &str, values: Vec<Value>) -> Result<Rows, StoreError> {
            let values = values.into_iter().map(to_spin);
            let mut result = self.0.execute(sql, values).await.map_err(failed)?;
            let columns = result.columns().to_vec();
            let mut rows = Vec::new();
            while let Some(row) = result.next().await {
                rows.push(row.values.into_iter().map(from_spin).collect());
            }
            result.result().await.map_err(failed)?;
            Ok(Rows {
                columns,
                values: rows,
            })
        }

        pub(crate) async fn changes(&self) -> u64 {
            self.0.changes().await
        }
    }

    fn failed(error: Error) -> StoreError {
        match error {
            Error::DatabaseFull => StoreError::Full,
            Error::Io(message) => StoreError::from_message(message),
            other => StoreError::Statement(other.to_string()),
        }
    }

    fn to_spin(value: Value) -> sqlite::Value {
        match value {
            Value::Null => sqlite::Value::Null,
            Value::Integer(number) => sqlite::Value::Integer(number),
            Value::Real(number) => sqlite::Value::Real(number),
            Value::Text(text) => sqlite::Value::Text(text),
            Value::Blob(bytes) => sqlite::Value::Blob(bytes),
        }
    }

    fn from_spin(value: sqlite::Value) -> Value {
        match value {
            sqlite::Value::Null => Value::Null,
            sqlite::Value::Integer(number) => Value::Integer(number),
            sqlite::Value::Real(number) => Value::Real(number),
            sqlite::Value::Text(text) => Value::Text(text),
            sqlite::Value::Blob(bytes) => Value::Blob(bytes),
        }
    }
}

#[cfg(all(not(target_family = "wasm"), feature = "native"))]
mod native {
    //! SQLite linked into the test.

    use std::path::Path;

    use rusqlite::types::{Value as Native, ValueRef};

    use crate::error::StoreError;
    use crate::row::Rows;
    use crate::value::Value;

    /// An open connection.
    pub(crate) struct Connection(rusqlite::Connection);

    impl Connection {
        /// A label alone names nothing outside the host.
        #[expect(clippy::unused_async, reason = "the same shape as in a component")]
        pub(crate) async fn open(label: &str) -> Result<Self, StoreError> {
            Err(StoreError::Unavailable {
                label: label.to_owned(),
                reason: "native tests use Database::open_in_memory or open_file".to_owned(),
            })
        }

        pub(crate) fn in_memory() -> Result<Self, StoreError> {
            rusqlite::Connection::open_in_memory()
                .and_then(Self::prepare)
                .map_err(failed)
        }

        pub(crate) fn file(path: &Path) -> Result<Self, StoreError> {
            rusqlite::Connection::open(path)
                .and_then(Self::prepare)
                .map_err(failed)
        }

        fn prepare(connection: rusqlite::Connection) -> Result<Self, rusqlite::Error> {
            connection.execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 10000;",
            )?;
            Ok(Self(connection))
        }

        #[expect(clippy::unused_async, reason = "the same shape as in a component")]
        pub(crate) async fn run(&self, sql: &str, values: Vec<Value>) -> Result<Rows, StoreError> {
            self.run_now(sql, values).map_err(failed)
        }

        fn run_now(&self, sql: &str, values: Vec<Value>) -> Result<Rows, rusqlite::Error> {
            let mut statement = self.0.prepare_cached(sql)?;
            let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
            let values = rusqlite::params_from_iter(values.into_iter().map(to_native));
            let mut found = statement.query(values)?;
            let mut rows = Vec::new();
            while let Some(row) = found.next()? {
                let values: Result<Vec<Value>, rusqlite::Error> = (0..columns.len())
                    .map(|index| row.get_ref(index).map(from_native))
                    .collect();
                rows.push(values?);
            }
            Ok(Rows {
                columns,
                values: rows,
            })
        }

        #[expect(clippy::unused_async, reason = "the same shape as in a component")]
        pub(crate) async fn changes(&self) -> u64 {
            self.0.changes()
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "used as map_err(failed)")]
    fn failed(error: rusqlite::Error) -> StoreError {
        StoreError::from_message(error.to_string())
    }

    fn to_native(value: Value) -> Native {
        match value {
            Value::Null => Native::Null,
            Value::Integer(number) => Native::Integer(number),
            Value::Real(number) => Native::Real(number),
            Value::Text(text) => Native::Text(text),
            Value::Blob(bytes) => Native::Blob(bytes),
        }
    }

    fn from_native(value: ValueRef<'_>) -> Value {
        match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        }
    }
}

#[cfg(all(not(target_family = "wasm"), not(feature = "native")))]
mod absent {
    //! No database: lets components be checked natively.

    use crate::error::StoreError;
    use crate::row::Rows;
    use crate::value::Value;

    /// A connection that can never be opened.
    pub(crate) enum Connection {}

    impl Connection {
        #[expect(clippy::unused_async, reason = "the same shape as in a component")]
        pub(crate) async fn open(label: &str) -> Result<Self, StoreError> {
            Err(StoreError::Unavailable {
                label: label.to_owned(),
                reason: "there is no host".to_owned(),
            })
        }

        #[expect(clippy::unused_async, reason = "the same shape as in a component")]
        pub(crate) async fn run(&self, _: &str, _: Vec<Value>) -> Result<Rows, StoreError> {
            match *self {}
        }

        #[expect(clippy::unused_async, reason = "the same shape as in a component")]
        pub(crate) async fn changes(&self) -> u64 {
            match *self {}
        }
    }
}
