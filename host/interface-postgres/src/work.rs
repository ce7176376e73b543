//! One statement on a connection: prepared, run, its rows taken within the bound.

use futures::TryStreamExt as _;
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::{CancelToken, RowStream, Statement};

use crate::bindings::spin::postgres::postgres::{Column, DbValue, Error, QueryError};
use crate::error::{query_failed, statement_failed};
use crate::parameter::Parameter;
use crate::server::Connection;
use crate::tls::Tls;
use crate::value::{Cell, data_type, size_bytes};

/// What a statement has given.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<DbValue>>,
    pub(crate) affected: u64,
}

/// How a statement has failed.
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// Whether the connection is in a state that is known.
    pub(crate) usable: bool,
}

/// Asks the server to stop what a connection is running.
pub(crate) struct Cancel {
    pub(crate) token: CancelToken,
    pub(crate) tls: Tls,
}

impl Cancel {
    /// Asks, and does not wait for the statement to end.
    pub(crate) async fn send(&self) {
        if let Err(error) = self.token.cancel_query(self.tls.clone()).await {
            tracing::warn!(%error, "a statement cannot be stopped");
        }
    }
}

/// One statement.
pub(crate) struct Work<'a> {
    pub(crate) connection: &'a mut Connection,
    /// Whether the statement may be run again if the server has forgotten it: within a
    /// transaction nothing can be done after a failure.
    pub(crate) retry: bool,
    pub(crate) cancel: &'a Cancel,
    pub(crate) keep_rows: bool,
    pub(crate) bytes_max: usize,
}

impl Work<'_> {
    /// Runs the statement.
    pub(crate) async fn run(
        mut self,
        sql: &str,
        parameters: &[Parameter],
    ) -> Result<Answer, Failure> {
        let statement = self.prepared(sql).await?;
        check(&statement, parameters)?;
        let stream = match self.start(&statement, parameters).await {
            Err(error) if is_outdated(&error) => {
                // Whatever comes next must not meet it again.
                self.connection.statements.clear();
                if !self.retry {
                    return Err(error.into());
                }
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
    pub(crate) fn lost(reason: &str) -> Self {
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

/// Whether the server has stopped a statement because it was asked to.
pub(crate) fn is_cancelled(error: &Error) -> bool {
    matches!(error, Error::QueryFailed(QueryError::DbError(said))
        if said.code == SqlState::QUERY_CANCELED.code())
}
