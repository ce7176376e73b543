//! What stands in the databases, whichever store holds them.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};

use super::*;

/// How long a query waits for a host that writes.
const BUSY_WAIT: Duration = Duration::from_secs(10);
/// 2010-01-01T00:00:00Z: what is older has no partition of its own on PostgreSQL.
const MONTHS_FROM_MS: i64 = 1_262_304_000_000;

/// Columns of a row, as texts.
type Texts = Vec<Option<String>>;

impl Life {
    /// The file of a database.
    pub(crate) fn database_path(&self, label: &str) -> PathBuf {
        self.application.folder().join(format!(".suoke/{label}.db"))
    }

    /// The rows of a query on the database of a label. What it says must mean the same in
    /// both stores.
    pub(crate) async fn rows(&self, label: &str, sql: &str) -> Vec<Texts> {
        match &self.postgres {
            Some(postgres) => {
                let within = format!("SET search_path = {label}; {sql}");
                postgres.sql(&within).await
            }
            None => sqlite_rows(&self.database_path(label), sql),
        }
    }

    /// A number from the database of a label.
    pub(crate) async fn number(&self, label: &str, sql: &str) -> i64 {
        let rows = self.rows(label, sql).await;
        rows[0][0].as_deref().unwrap().parse().unwrap()
    }

    /// The tables of a label; none before somebody has used it.
    pub(crate) async fn tables(&self, label: &str) -> Vec<String> {
        if self.postgres.is_none() && !self.database_path(label).exists() {
            return Vec::new();
        }
        let list = match &self.postgres {
            Some(_) => format!("SELECT tablename FROM pg_tables WHERE schemaname = '{label}'"),
            None => "SELECT name FROM sqlite_schema WHERE type = 'table'".to_owned(),
        };
        let rows = self.rows(label, &list).await;
        rows.into_iter().flatten().flatten().collect()
    }

    /// The tables of a label in which a text stands, in order.
    pub(crate) async fn tables_with(&self, label: &str, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for table in self.tables(label).await {
            let holds = match &self.postgres {
                Some(_) => format!("strpos(CAST(\"{table}\" AS text), '{text}') > 0"),
                None => {
                    let columns = format!("SELECT name FROM pragma_table_info('{table}')");
                    let columns = self.rows(label, &columns).await.into_iter().flatten();
                    let each = columns.flatten();
                    let each = each.map(|name| format!("instr(\"{name}\", '{text}') > 0"));
                    each.collect::<Vec<_>>().join(" OR ")
                }
            };
            let count = format!("SELECT count(*) FROM \"{table}\" WHERE {holds}");
            if self.number(label, &count).await > 0 {
                found.push(table);
            }
        }
        found.sort_unstable();
        found
    }

    /// How many readings are in no partition of a month although there is one for it; none
    /// where there are no partitions.
    pub(crate) async fn outside_of_months(&self) -> i64 {
        if self.postgres.is_none() {
            return 0;
        }
        let count =
            format!("SELECT count(*) FROM readings_other WHERE effective_ms >= {MONTHS_FROM_MS}");
        self.number("health", &count).await
    }
}

/// Beside the host that writes it.
fn sqlite_rows(path: &Path, sql: &str) -> Vec<Texts> {
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    database.busy_timeout(BUSY_WAIT).unwrap();
    let mut statement = database.prepare(sql).unwrap();
    let columns = statement.column_count();
    let texts = |row: &Row<'_>| (0..columns).map(|at| Ok(text(row.get_ref(at)?))).collect();
    let rows = statement.query_map([], texts).unwrap();
    rows.map(Result::unwrap).collect()
}

fn text(value: ValueRef<'_>) -> Option<String> {
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into(),
    })
}
