//! The databases of the functions: one SQLite database per service, named by
//! its label (`identity`, `health`, `care`, `platform`).
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

mod connection;
mod database;
pub mod erased;
mod error;
mod migrate;
mod row;
#[cfg(test)]
mod split;
#[cfg(test)]
mod tests;
mod value;

pub use database::{Database, Sql, Transaction};
pub use error::StoreError;
pub use row::{FromRow, Row, Rows};
pub use value::{FromValue, Value};
