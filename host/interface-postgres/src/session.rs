//! A connection as a guest holds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool::managed::Object;
use futures::TryStreamExt as _;
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::{CancelToken, RowStream, Statement};

use crate::bindings::spin::postgres::postgres::{
    Column, DbValue, Error, ParameterValue, QueryError,
};
use crate::error::{query_failed, statement_failed};
use crate::parameter::{Parameter, parameters};
use crate::server::{Connection, Manager, Server};
use crate::statement::Kind;
use crate::tls::Tls;
use crate::value::{Cell, data_type, size_bytes};
use crate::{Shared, Stats};

/// Makes a connection as good as new but for its prepared statements: what a
/// guest has set, locked, listened to or made for its session is gone.
const CLEAN: &str = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; \
     SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";
/// How long that may take, and a cancelled statement to end.
const CLEAN_MAX: Duration = Duration::from_secs(5);

/// A connection that a guest has open. It is taken from the pool for the guest
/// alone, and goes back when the guest drops it or its call ends.
#[derive(Clone)]
pub struct Session {
    source: Arc<Source>,
    slot: Arc<Mutex<Slot>>,
    call_ended: Arc<AtomicBool>,
}

/// Where a session's connections come from.
struct Source {
    shared: Arc<Shared>,
    server: Arc<Server>,
    /// How many connections the component may have.
    permits: Arc<Semaphore>,
}

enum Slot {
    /// A connection is taken when it is needed.
    Empty,
    Held(Box<Held>),
    /// The connection was lost with what the guest had set up on it; another one
    /// would do something else than the guest means.
    Lost,
}

/// A connection out of the pool. It goes back when this is dropped.
struct Held {
    connection: Option<Object<Manager>>,
    in_transaction: bool,
    source: Arc<Source>,
    permit: Option<OwnedSemaphorePermit>,
}

/// What a statement has given.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<DbValue>>,
    pub(crate) affected: u64,
}

/// How a statement has failed.
struct Failure {
    error: Error,
    /// Whether the connection is in a state that is known.
    usable: bool,
}

impl Session {
    /// A session with a connection.
    ///
    /// # Errors
    /// `connection-failed` when none can be had.
    pub(crate) async fn open(
        shared: Arc<Shared>,
        server: Arc<Server>,
        permits: Arc<Semaphore>,
    ) -> Result<Self, Error> {
        let source = Arc::new(Source {
            shared,
            server,
            permits,
        });
        let held = source.take().await?;
        Ok(Self {
            source,
            slot: Arc::new(Mutex::new(Slot::Held(Box::new(held)))),
            call_ended: Arc::default(),
        })
    }

    /// Runs a statement and gives its rows.
    ///
    /// # Errors
    /// As the server says it, or when a bound is reached.
    pub(crate) async fn query(
        &self,
        sql: String,
        values: Vec<ParameterValue>,
    ) -> Result<Answer, Error> {
        self.run(&sql, values, true).await
    }

    /// Runs a statement and counts the rows that it has touched.
    ///
    /// # Errors
    /// As the server says it, or when a bound is reached.
    pub(crate) async fn execute(
        &self,
        sql: String,
        values: Vec<ParameterValue>,
    ) -> Result<u64, Error> {
        Ok(self.run(&sql, values, false).await?.affected)
    }

    /// Gives the connection back: what the guest left open must not reach its
    /// next caller.
    pub(crate) fn end_call(&self) {
        match self.slot.try_lock() {
            Ok(mut slot) => *slot = Slot::Empty,
            // Somebody still waits for a statement; they or the next will see it.
            Err(_) => self.call_ended.store(true, Ordering::Relaxed),
        }
    }

    async fn run(
        &self,
        sql: &str,
        values: Vec<ParameterValue>,
        keep_rows: bool,
    ) -> Result<Answer, Error> {
        let parameters = parameters(values)?;
        let kind = Kind::of(sql);
        if kind == Kind::Copy {
            return Err(query_failed(
                "COPY is not offered to components: use INSERT and SELECT",
            ));
        }
        if sql.contains('\0') {
            return Err(query_failed("the statement holds a NUL character"));
        }
        let mut slot = self.slot.clone().lock_owned().await;
        if self.call_ended.swap(false, Ordering::Relaxed) {
            *slot = Slot::Empty;
        }
        if matches!(*slot, Slot::Empty) {
            *slot = Slot::Held(Box::new(self.source.take().await?));
        }
        let mut running = Running {
            slot,
            interrupted: true,
        };
        let Slot::Held(held) = &mut *running.slot else {
            running.interrupted = false;
            return Err(Error::ConnectionFailed(
                "the connection was lost; open another one".to_owned(),
            ));
        };
        let outcome = held.run(sql, &parameters, keep_rows).await;
        running.interrupted = false;
        match outcome {
            Ok(answer) => {
                held.note(kind);
                Ok(answer)
            }
            Err(failure) => {
                if !failure.usable {
                    running.lose();
                }
                Err(failure.error)
            }
        }
    }
}

impl Source {
    /// A connection of the pool, if the component may have one more.
    async fn take(self: &Arc<Self>) -> Result<Held, Error> {
        let options = &self.shared.options;
        let wait = Duration::from_millis(options.wait_ms_max);
        let permit = tokio::time::timeout(wait, self.permits.clone().acquire_owned());
        let Ok(Ok(permit)) = permit.await else {
            Stats::count(&self.shared.stats.waits_timed_out);
            return Err(Error::ConnectionFailed(format!(
                "too many connections: all {} of the component are in use",
                options.connections_per_component_max
            )));
        };
        let connection = self.server.connection(&self.shared.stats).await?;
        Ok(Held {
            connection: Some(connection),
            in_transaction: false,
            source: self.clone(),
            permit: Some(permit),
        })
    }
}

/// A statement on its way. When the guest that waits for it goes away, the
/// statement is stopped and its connection is used no more.
struct Running {
    slot: OwnedMutexGuard<Slot>,
    interrupted: bool,
}

impl Running {
    fn lose(&mut self) {
        if let Slot::Held(mut held) = std::mem::replace(&mut *self.slot, Slot::Lost) {
            held.abandon();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.interrupted {
            self.lose();
        }
    }
}

impl Held {
    async fn run(
        &mut self,
        sql: &str,
        parameters: &[Parameter],
        keep_rows: bool,
    ) -> Result<Answer, Failure> {
        let source = self.source.clone();
        let options = &source.shared.options;
        let Some(connection) = self.connection.as_deref_mut() else {
            return Err(Failure::lost("the connection was lost"));
        };
        let cancel = Cancel {
            token: connection.client.cancel_token(),
            tls: source.server.tls.clone(),
        };
        let work = Work {
            connection,
            retry: !self.in_transaction,
            cancel: &cancel,
            keep_rows,
            bytes_max: options.result_bytes_max,
        };
        let mut work = std::pin::pin!(work.run(sql, parameters));
        let deadline = Duration::from_millis(options.statement_ms_max);
        if let Ok(outcome) = tokio::time::timeout(deadline, &mut work).await {
            return outcome;
        }
        Stats::count(&source.shared.stats.statements_stopped);
        let ended = tokio::time::timeout(CLEAN_MAX, async {
            cancel.send().await;
            work.as_mut().await
        });
        // Only a statement that was stopped by this has not outrun it: else the
        // next one might be stopped instead.
        let stopped = match ended.await {
            Ok(Err(failure)) => failure.usable && is_cancelled(&failure.error),
            _ => false,
        };
        Err(Failure {
            error: query_failed(format!(
                "the statement was stopped after {} ms",
                options.statement_ms_max
            )),
            usable: stopped,
        })
    }

    /// What a statement that went well has done to the connection.
    fn note(&mut self, kind: Kind) {
        match kind {
            Kind::Begin => self.in_transaction = true,
            Kind::End => self.in_transaction = false,
            Kind::Copy | Kind::Other => {}
        }
    }

    /// Stops what is running and closes the connection.
    fn abandon(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        Stats::count(&self.source.shared.stats.abandoned);
        let connection = Object::take(connection);
        let cancel = Cancel {
            token: connection.client.cancel_token(),
            tls: self.source.server.tls.clone(),
        };
        let permit = self.permit.take();
        self.source.server.runtime.spawn(async move {
            // The server would go on without being told.
            let _ = tokio::time::timeout(CLEAN_MAX, cancel.send()).await;
            drop((connection, permit));
        });
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if self.in_transaction {
            Stats::count(&self.source.shared.stats.transactions_left_open);
        }
        let (in_transaction, permit) = (self.in_transaction, self.permit.take());
        self.source.server.runtime.spawn(async move {
            let cleaned = tokio::time::timeout(CLEAN_MAX, clean(&connection, in_transaction)).await;
            if !matches!(cleaned, Ok(Ok(()))) {
                // Out of the pool: it is closed.
                drop(Object::take(connection));
            }
            drop(permit);
        });
    }
}

async fn clean(connection: &Connection, in_transaction: bool) -> Result<(), tokio_postgres::Error> {
    if in_transaction {
        connection.client.batch_execute("ROLLBACK").await?;
    }
    connection.client.batch_execute(CLEAN).await
}

/// Asks the server to stop what a connection is running.
struct Cancel {
    token: CancelToken,
    tls: Tls,
}

impl Cancel {
    async fn send(&self) {
        if let Err(error) = self.token.cancel_query(self.tls.clone()).await {
            tracing::warn!(%error, "a statement cannot be stopped");
        }
    }
}

/// One statement.
struct Work<'a> {
    connection: &'a mut Connection,
    /// Whether the statement may be prepared again if the server has forgotten it.
    retry: bool,
    cancel: &'a Cancel,
    keep_rows: bool,
    bytes_max: usize,
}

impl Work<'_> {
    async fn run(mut self, sql: &str, parameters: &[Parameter]) -> Result<Answer, Failure> {
        let statement = self.prepared(sql).await?;
        check(&statement, parameters)?;
        let stream = match self.start(&statement, parameters).await {
            Err(error) if self.retry && is_outdated(&error) => {
                self.connection.statements.clear();
                let statement = self.prepared(sql).await?;
                self.start(&statement, parameters).await
            }
            other => other,
        }?;
        if !self.keep_rows {
            return count(stream).await;
        }
        let column = |column: &tokio_postgres::Column| Column {
            name: column.name().to_owned(),
            data_type: data_type(column.type_()),
        };
        let columns = statement.columns().iter().map(column).collect();
        self.collect(stream, columns).await
    }

    async fn prepared(&mut self, sql: &str) -> Result<Statement, tokio_postgres::Error> {
        if let Some(statement) = self.connection.statements.get(sql) {
            return Ok(statement);
        }
        let statement = self.connection.client.prepare(sql).await?;
        self.connection.statements.keep(sql, &statement);
        Ok(statement)
    }

    async fn start(
        &self,
        statement: &Statement,
        parameters: &[Parameter],
    ) -> Result<RowStream, tokio_postgres::Error> {
        self.connection
            .client
            .query_raw(statement, parameters)
            .await
    }

    async fn collect(&self, stream: RowStream, columns: Vec<Column>) -> Result<Answer, Failure> {
        let mut stream = std::pin::pin!(stream);
        let mut answer = Answer {
            columns,
            ..Answer::default()
        };
        let mut bytes = 0_usize;
        while let Some(row) = stream.try_next().await? {
            let mut values = Vec::with_capacity(row.len());
            for index in 0..row.len() {
                let Cell(value) = row.try_get(index)?;
                bytes = bytes.saturating_add(size_bytes(&value));
                values.push(value);
            }
            if bytes > self.bytes_max {
                drop(answer);
                return Err(self.too_large(stream).await);
            }
            answer.rows.push(values);
        }
        answer.affected = stream.rows_affected().unwrap_or(0);
        Ok(answer)
    }

    /// Stops a statement that gives too much.
    async fn too_large(&self, mut stream: std::pin::Pin<&mut RowStream>) -> Failure {
        self.cancel.send().await;
        let ended = loop {
            match stream.try_next().await {
                Ok(Some(_)) => {}
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        Failure {
            error: query_failed(format!(
                "query result exceeds limit of {} bytes",
                self.bytes_max
            )),
            // A statement that has ended by itself leaves the stop to the next one.
            usable: ended.is_some_and(|error| error.code() == Some(&SqlState::QUERY_CANCELED)),
        }
    }
}

async fn count(stream: RowStream) -> Result<Answer, Failure> {
    let mut stream = std::pin::pin!(stream);
    while stream.try_next().await?.is_some() {}
    Ok(Answer {
        affected: stream.rows_affected().unwrap_or(0),
        ..Answer::default()
    })
}

impl Failure {
    fn lost(reason: &str) -> Self {
        Self {
            error: Error::ConnectionFailed(reason.to_owned()),
            usable: false,
        }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self {
            // What the server says ends the statement; anything else, the connection.
            usable: error
                .as_db_error()
                .is_some_and(|said| said.parsed_severity() == Some(Severity::Error)),
            error: statement_failed(&error),
        }
    }
}

/// Checks parameters before any of them is sent.
fn check(statement: &Statement, parameters: &[Parameter]) -> Result<(), Failure> {
    let refused = |text: String| {
        Err(Failure {
            error: query_failed(text),
            usable: true,
        })
    };
    let wanted = statement.params();
    if wanted.len() != parameters.len() {
        return refused(format!(
            "expected {} parameters but got {}",
            wanted.len(),
            parameters.len()
        ));
    }
    for (index, (parameter, ty)) in parameters.iter().zip(wanted).enumerate() {
        if let Err(reason) = parameter.check(ty) {
            return refused(format!(
                "error serializing parameter {}: {reason}",
                index + 1
            ));
        }
    }
    Ok(())
}

/// Whether a statement failed because something else than before is behind it:
/// a table has changed, or somebody has thrown prepared statements away.
fn is_outdated(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|said| {
        *said.code() == SqlState::INVALID_SQL_STATEMENT_NAME
            || (*said.code() == SqlState::FEATURE_NOT_SUPPORTED
                && said.routine() == Some("RevalidateCachedQuery"))
    })
}

fn is_cancelled(error: &Error) -> bool {
    matches!(error, Error::QueryFailed(QueryError::DbError(said))
        if said.code == SqlState::QUERY_CANCELED.code())
}
