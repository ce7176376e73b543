//! The databases of the functions: one per service, named by its label (`identity`,
//! `health`, `care`, `platform`, `ai`). It is a SQLite file of the host, or a schema of the
//! PostgreSQL that the variable `database_url` names; statements and migrations are
//! written once.
//!
//! ```no_run
//! # async fn example() -> Result<(), suoke_store::StoreError> {
//! use suoke_store::{Database, Sql, params};
//!
//! struct User { id: String, name: String }
//! suoke_store::from_row!(User { id, name });
//!
//! let mut db = Database::open("identity").await?;
//! let found: Vec<User> = db.query("SELECT id, name FROM users WHERE name = ?1", params!["王芳"]).await?;
//! db.transaction(async |tx| {
//!     tx.execute("UPDATE users SET name = ?2 WHERE id = ?1", params!["u1", "李雷"]).await
//! })
//! .await?;
//! # Ok(()) }
//! ```
//!
//! Placeholders are `?1`, `?2`, …; one statement per call. [`Database::open`]
//! applies the migrations of the label (`migrations/<label>/NNNN_name.sql`, and
//! before them the files that labels share, such as `migrations/events.sql`) and
//! checks them once per instance. SQL belongs into modules named `queries`.
//!
//! # SQL that both understand
//!
//! The store translates placeholders, types of columns and casts, `LIKE`, `x'…'` and
//! triggers, and gives PostgreSQL `json_each(array)`, `->>`, `json_extract(text, '$.a.b')`,
//! `json_valid` and `<<`. Texts compare byte by byte in both. What it cannot see:
//!
//! - A placeholder has the type of its value: an integer does not equal a text column.
//! - `value` of `json_each` and what `->>` and `json_extract` give are texts: write
//!   `CAST(value AS INTEGER)` for numbers.
//! - `ON CONFLICT … DO UPDATE` needs the columns of the conflict, and in it a column that
//!   is there already is written with its table: `SET last = event_sequences.last + ?2`.
//! - A subquery in `FROM` needs a name; `GROUP BY` names all that is not aggregated.
//! - Write `CASE` for `max(a, b)`, `LIMIT ?1` with a great number for `LIMIT -1`, and keys for
//!   `rowid`; there is no `INSERT OR …`, `IS ?1`, `GLOB` and no `+column`: `column + 0` or
//!   `column || ''` keeps an index out.
//! - A sum of integers is exact in both, but divided it is not cut off in PostgreSQL.
//! - Conditions are comparisons: `WHERE flag = 1`, not `WHERE flag`.
//! - After a statement has failed, a transaction is over, unless it goes back to a
//!   savepoint.
//!
//! The tests of `scripts/with-postgres cargo test -p …` run on PostgreSQL: `open_in_memory`
//! and `open_file` give schemas of the server that `SUOKE_TEST_DATABASE_URL` names.

mod connection;
mod database;
#[cfg(all(not(target_family = "wasm"), any(test, feature = "native")))]
mod ddl;
#[cfg(any(target_family = "wasm", feature = "native"))]
mod dialect;
pub mod erased;
mod error;
mod migrate;
mod partitions;
#[cfg(any(target_family = "wasm", feature = "native"))]
mod postgres;
mod row;
mod settings;
#[cfg(test)]
mod split;
#[cfg(all(not(target_family = "wasm"), feature = "native"))]
mod testing;
#[cfg(test)]
mod tests;
#[cfg(any(target_family = "wasm", feature = "native"))]
mod token;
mod value;

pub use database::{Database, Sql, Transaction};
pub use error::StoreError;
pub use row::{FromRow, Row, Rows};
pub use value::{FromValue, Value};
