//! One connection, and the turns its writes take.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql, params_from_iter};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit};

use crate::{Database, SqliteError};

/// Steps of SQLite's machine between two looks at the clock.
const STEPS: i32 = 1_000;
/// A query that has run this long on a thread that serves requests is moved to
/// a thread of its own.
const INLINE_MAX: Duration = Duration::from_millis(1);
/// How many queries a session remembers that were moved: they begin there next time.
const MOVED_MAX: usize = 64;
/// How much one transaction adds on a thread that serves requests: SQLite keeps
/// more than that in the file already before the end.
const ADDED_INLINE_BYTES_MAX: usize = 512 << 10;

/// One value of a parameter or a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `NULL`
    Null,
    /// 64-bit integer.
    Integer(i64),
    /// 64-bit floating point.
    Real(f64),
    /// UTF-8 text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// The result of one statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Names of the columns; empty for a statement without a result.
    pub columns: Vec<String>,
    /// The rows, each with a value for every column.
    pub rows: Vec<Vec<Value>>,
}

/// One connection. What it leaves open is rolled back when it is dropped.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    database: Arc<Database>,
    /// `None` only while it is being dropped.
    connection: Option<Connection>,
    /// Held from the first write of a transaction to its end.
    turn: Option<OwnedSemaphorePermit>,
    /// What the open transaction, which holds SQLite's own lock for writing, has
    /// added where it was called.
    added_bytes: Option<usize>,
    /// Queries that ran too long on a thread that serves requests.
    moved: HashSet<String>,
    /// When the running statement must end, in ns since `base`.
    deadline_ns: Arc<AtomicU64>,
    base: Instant,
}

/// What running a statement needs beside the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cost {
    /// Only reads: may run side by side with others.
    Read,
    /// Ends a transaction: waits for the disk, but the turn is held already.
    End,
    /// Begins a transaction that writes: needs the turn, not the disk.
    Begin,
    /// Adds rows that the statement names, in a transaction: into memory, and as
    /// short as the statement, unless the database has triggers that are not.
    Add,
    /// Writes: needs the turn, and may take long or wait for the disk.
    Write,
}

impl Session {
    pub(crate) fn new(database: Arc<Database>, mut connection: Connection) -> Self {
        let base = Instant::now();
        let deadline_ns = Arc::new(AtomicU64::new(u64::MAX));
        let deadline = deadline_ns.clone();
        let over = move || elapsed_ns(base) > deadline.load(Ordering::Relaxed);
        if let Err(error) = connection.progress_handler(STEPS, Some(over)) {
            tracing::error!(%error, "long statements cannot be stopped");
        }
        Self {
            inner: Arc::new(Mutex::new(Inner {
                database,
                connection: Some(connection),
                turn: None,
                added_bytes: None,
                moved: HashSet::new(),
                deadline_ns,
                base,
            })),
        }
    }

    /// Runs the first statement of `sql`; what follows it is not run.
    ///
    /// # Errors
    /// In SQLite's words, or because of a limit. An error inside a transaction
    /// leaves it open, as SQLite does.
    pub async fn execute(&self, sql: String, parameters: Vec<Value>) -> Result<Rows, SqliteError> {
        let mut inner = self.inner.clone().lock_owned().await;
        match inner.cost(&sql, &parameters)? {
            Cost::Read if inner.moved.contains(&sql) => run_aside(inner, sql, parameters).await,
            Cost::Read => match inner.run(&sql, &parameters, INLINE_MAX) {
                Err(SqliteError::TooSlow(_)) => {
                    if inner.moved.len() < MOVED_MAX {
                        inner.moved.insert(sql.clone());
                    }
                    run_aside(inner, sql, parameters).await
                }
                outcome => outcome,
            },
            Cost::End => run_aside(inner, sql, parameters).await,
            Cost::Begin => {
                inner.take_turn().await?;
                match inner.begin_at_once(&sql) {
                    Err(SqliteError::Locked) => run_aside(inner, sql, parameters).await,
                    outcome => outcome,
                }
            }
            Cost::Add => {
                let outcome = inner.run(&sql, &parameters, inner.database.limits.statement());
                // A failure may have rolled the transaction back.
                inner.give_turn_back();
                outcome
            }
            Cost::Write => {
                inner.take_turn().await?;
                run_aside(inner, sql, parameters).await
            }
        }
    }

    /// Runs every statement of `sql`, whose results are thrown away.
    ///
    /// # Errors
    /// At the first statement that fails; those before it have been run.
    pub async fn execute_all(&self, sql: &str) -> Result<(), SqliteError> {
        let mut inner = self.inner.clone().lock_owned().await;
        inner.take_turn().await?;
        let outcome = inner.connection()?.execute_batch(sql);
        inner.give_turn_back();
        Ok(outcome?)
    }

    /// The row that the last insert made.
    pub async fn last_insert_rowid(&self) -> i64 {
        let inner = self.inner.lock().await;
        inner
            .connection
            .as_ref()
            .map_or(0, Connection::last_insert_rowid)
    }

    /// How many rows the last statement changed.
    pub async fn changes(&self) -> u64 {
        let inner = self.inner.lock().await;
        inner.connection.as_ref().map_or(0, Connection::changes)
    }

    /// Rolls back what is open, unless a statement is running.
    pub fn roll_back(&self) {
        if let Ok(mut inner) = self.inner.try_lock() {
            inner.roll_back();
        }
    }
}

/// Runs a statement on a thread that may wait for the disk. It goes on to its
/// end also when the caller has gone.
async fn run_aside(
    mut inner: OwnedMutexGuard<Inner>,
    sql: String,
    parameters: Vec<Value>,
) -> Result<Rows, SqliteError> {
    let limit = inner.database.limits.statement();
    tokio::task::spawn_blocking(move || {
        let outcome = inner.run(&sql, &parameters, limit);
        inner.give_turn_back();
        outcome
    })
    .await
    .unwrap_or_else(|error| {
        Err(SqliteError::Other(format!(
            "the statement was lost: {error}"
        )))
    })
}

impl Inner {
    fn connection(&self) -> Result<&Connection, SqliteError> {
        self.connection
            .as_ref()
            .ok_or_else(|| SqliteError::Other("the connection is closed".to_owned()))
    }

    fn cost(&mut self, sql: &str, parameters: &[Value]) -> Result<Cost, SqliteError> {
        let reads = self.connection()?.prepare_cached(sql)?.readonly();
        Ok(match (first_word(sql).as_str(), reads) {
            ("commit" | "end" | "release" | "rollback", _) => Cost::End,
            (_, true) => Cost::Read,
            ("begin", false) => Cost::Begin,
            ("insert", false) if !mentions(sql, "select") && !mentions(sql, "replace") => {
                let bytes = parameters.iter().map(Value::size_bytes).sum::<usize>() + sql.len();
                match &mut self.added_bytes {
                    Some(added) if *added + bytes <= ADDED_INLINE_BYTES_MAX => {
                        *added += bytes;
                        Cost::Add
                    }
                    _ => Cost::Write,
                }
            }
            (_, false) => Cost::Write,
        })
    }

    /// Begins unless another process is writing: that is waited for elsewhere.
    fn begin_at_once(&mut self, sql: &str) -> Result<Rows, SqliteError> {
        let limits = &self.database.limits;
        let connection = self.connection()?;
        connection.busy_timeout(Duration::ZERO)?;
        let outcome = self.run(sql, &[], limits.statement());
        connection.busy_timeout(limits.busy())?;
        if outcome.is_ok() {
            self.added_bytes = Some(0);
        }
        if !matches!(outcome, Err(SqliteError::Locked)) {
            self.give_turn_back();
        }
        outcome
    }

    async fn take_turn(&mut self) -> Result<(), SqliteError> {
        if self.turn.is_none() {
            let writer = self.database.writer.clone();
            let turn = tokio::time::timeout(self.database.limits.busy(), writer.acquire_owned());
            self.turn = turn.await.map_err(|_| SqliteError::Locked)?.ok();
        }
        Ok(())
    }

    /// Lets the next writer go on when no transaction is open.
    fn give_turn_back(&mut self) {
        if self
            .connection
            .as_ref()
            .is_none_or(Connection::is_autocommit)
        {
            self.turn = None;
            self.added_bytes = None;
        }
    }

    fn run(&self, sql: &str, parameters: &[Value], limit: Duration) -> Result<Rows, SqliteError> {
        let limit_ns = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        let deadline = elapsed_ns(self.base).saturating_add(limit_ns);
        self.deadline_ns.store(deadline, Ordering::Relaxed);
        let outcome = self.read_rows(sql, parameters);
        self.deadline_ns.store(u64::MAX, Ordering::Relaxed);
        outcome.map_err(|error| match error {
            Stopped::Sqlite(error)
                if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) =>
            {
                SqliteError::TooSlow(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX))
            }
            Stopped::Sqlite(error) => error.into(),
            Stopped::Other(error) => error,
        })
    }

    fn read_rows(&self, sql: &str, parameters: &[Value]) -> Result<Rows, Stopped> {
        let bytes_max = self.database.limits.result_bytes_max;
        let connection = self.connection().map_err(Stopped::Other)?;
        let mut statement = connection.prepare_cached(sql)?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let width = columns.len();
        let mut bytes = 0usize;
        let mut result = Rows {
            columns,
            rows: Vec::new(),
        };
        let mut rows = statement.query(params_from_iter(parameters))?;
        while let Some(row) = rows.next()? {
            let mut values = Vec::with_capacity(width);
            for index in 0..width {
                let value = Value::read(row.get_ref(index)?).map_err(Stopped::Other)?;
                bytes = bytes.saturating_add(value.size_bytes());
                values.push(value);
            }
            if bytes > bytes_max {
                return Err(Stopped::Other(SqliteError::TooLarge(bytes_max)));
            }
            result.rows.push(values);
        }
        Ok(result)
    }

    fn roll_back(&mut self) {
        if let Some(connection) = &self.connection
            && !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::warn!(%error, "an open transaction cannot be rolled back");
        }
        self.give_turn_back();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.roll_back();
        if let Some(connection) = self.connection.take()
            && connection.is_autocommit()
        {
            self.database.give_back(connection);
        }
    }
}

enum Stopped {
    Sqlite(rusqlite::Error),
    Other(SqliteError),
}

impl From<rusqlite::Error> for Stopped {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Value {
    fn read(value: ValueRef<'_>) -> Result<Self, SqliteError> {
        Ok(match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(integer) => Self::Integer(integer),
            ValueRef::Real(real) => Self::Real(real),
            ValueRef::Text(text) => Self::Text(
                String::from_utf8(text.to_vec())
                    .map_err(|_| SqliteError::Other("a text value is not UTF-8".to_owned()))?,
            ),
            ValueRef::Blob(blob) => Self::Blob(blob.to_vec()),
        })
    }

    fn size_bytes(&self) -> usize {
        match self {
            Self::Null => 1,
            Self::Integer(_) | Self::Real(_) => 8,
            Self::Text(text) => text.len(),
            Self::Blob(blob) => blob.len(),
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Real(real) => ValueRef::Real(*real),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(blob) => ValueRef::Blob(blob),
        }))
    }
}

/// The keyword that a statement begins with, in small letters.
fn first_word(sql: &str) -> String {
    let letters = past_comments(sql).chars();
    let word = letters.take_while(char::is_ascii_alphabetic);
    word.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// The statement without what may stand before it.
fn past_comments(sql: &str) -> &str {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == ';');
        let end = if rest.starts_with("--") {
            rest.find('\n')
        } else if rest.starts_with("/*") {
            rest.find("*/").map(|star| star + 1)
        } else {
            return rest;
        };
        rest = end.and_then(|end| rest.get(end + 1..)).unwrap_or_default();
    }
}

/// Whether a word stands anywhere in a statement, be it in a text.
fn mentions(sql: &str, word: &str) -> bool {
    let mut windows = sql.as_bytes().windows(word.len());
    windows.any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

fn elapsed_ns(base: Instant) -> u64 {
    u64::try_from(base.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn database() -> (tempfile::TempDir, Session) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.db");
        let database = Database::file(&path, crate::SqliteLimits::default()).unwrap();
        let session = database.session().unwrap();
        session
            .execute_all("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT) STRICT")
            .await
            .unwrap();
        (folder, session)
    }

    #[tokio::test]
    async fn a_statement_with_a_bound_limit_is_prepared_once() {
        let (_folder, session) = database().await;
        let page = "SELECT a FROM t WHERE b = ?1 ORDER BY a LIMIT ?2";
        for limit in 1..5 {
            let values = vec![Value::Text("x".to_owned()), Value::Integer(limit)];
            session.execute(page.to_owned(), values).await.unwrap();
        }
        let inner = session.inner.lock().await;
        let statement = inner.connection().unwrap().prepare_cached(page).unwrap();
        assert_eq!(statement.get_status(rusqlite::StatementStatus::Run), 4);
        assert_eq!(
            statement.get_status(rusqlite::StatementStatus::RePrepare),
            0
        );
    }

    #[tokio::test]
    async fn a_query_that_was_too_slow_once_does_not_begin_where_requests_are_served() {
        let (_folder, session) = database().await;
        let slow = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
                    WHERE i < ?1) SELECT count(*) AS count FROM n";
        for count in [3_000_000, 10] {
            let values = vec![Value::Integer(count)];
            let rows = session.execute(slow.to_owned(), values).await.unwrap();
            assert_eq!(rows.rows, [[Value::Integer(count)]]);
        }
        assert!(session.inner.lock().await.moved.contains(slow));
    }

    #[test]
    fn a_statement_is_known_by_its_keyword_behind_comments() {
        for sql in [
            "COMMIT",
            " commit;",
            "-- done\nCOMMIT",
            "/* a * b */ ; --\n\tCommit",
        ] {
            assert_eq!(first_word(sql), "commit", "{sql}");
        }
        for sql in ["", "--", "/*", "/* COMMIT", "-- COMMIT"] {
            assert_eq!(first_word(sql), "", "{sql}");
        }
    }
}
