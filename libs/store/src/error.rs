//! What can go wrong with a database.

use suoke_guest::Passing;
use thiserror::Error;

/// A failure of the store.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// The host knows no database under this label, or this component may not use it.
    #[error("database \"{label}\" is not available: {reason}")]
    Unavailable {
        /// The label that was asked for.
        label: String,
        /// What the host said.
        reason: String,
    },
    /// A statement failed.
    #[error("statement failed: {0}")]
    Statement(String),
    /// A statement would break a `UNIQUE`, `CHECK`, `NOT NULL` or foreign key rule.
    #[error("constraint violated: {0}")]
    Constraint(String),
    /// Others kept the database from answering in time, or two waited for each other;
    /// the same may succeed when it is tried again.
    #[error("the database is busy: {reason}")]
    Busy {
        /// What kept it.
        reason: String,
        /// Says so to whoever answers.
        #[source]
        passing: Passing,
    },
    /// The database is full.
    #[error("database is full")]
    Full,
    /// A row lacks a column that the code expects.
    #[error("no column \"{column}\" in the result")]
    MissingColumn {
        /// The column that was asked for.
        column: String,
    },
    /// A column holds something else than the code expects.
    #[error("column \"{column}\": expected {expected}, found {found}")]
    WrongType {
        /// The column.
        column: String,
        /// What the code wants.
        expected: &'static str,
        /// What the row holds.
        found: &'static str,
    },
    /// One row was expected.
    #[error("expected one row, found {0}")]
    RowCount(usize),
    /// The migrations of the label do not fit the database.
    #[error("migration {version} of \"{label}\": {reason}")]
    Migration {
        /// The label.
        label: String,
        /// The number of the migration.
        version: i64,
        /// What is wrong.
        reason: String,
    },
}

#[cfg(any(target_family = "wasm", feature = "native"))]
impl StoreError {
    /// The database is busy.
    pub(crate) fn busy(reason: String) -> Self {
        Self::Busy {
            reason,
            passing: Passing,
        }
    }

    /// Sorts a message of SQLite into the right variant.
    pub(crate) fn from_message(message: String) -> Self {
        let lower = message.to_ascii_lowercase();
        if lower.contains("constraint") {
            Self::Constraint(message)
        } else if lower.contains("is locked") {
            Self::busy(message)
        } else {
            Self::Statement(message)
        }
    }
}
