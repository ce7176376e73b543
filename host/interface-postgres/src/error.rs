//! Failures of the driver as guests see them.

use tokio_postgres::error::DbError;

use crate::bindings::spin::postgres::postgres::{DbError as WitDbError, Error, QueryError};

/// A failure with everything that caused it: `error connecting to server: Connection refused`.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

/// `query-failed` with a text.
pub(crate) fn query_failed(text: impl Into<String>) -> Error {
    Error::QueryFailed(QueryError::Text(text.into()))
}

/// What a statement has ended with: all that the server has said, if it has.
pub(crate) fn statement_failed(error: &tokio_postgres::Error) -> Error {
    match error.as_db_error() {
        Some(said) => Error::QueryFailed(QueryError::DbError(db_error(said))),
        None => query_failed(chain(error)),
    }
}

fn db_error(said: &DbError) -> WitDbError {
    let line = said.line().map(|line| line.to_string());
    let extras = [
        ("column", said.column()),
        ("constraint", said.constraint()),
        ("routine", said.routine()),
        ("hint", said.hint()),
        ("table", said.table()),
        ("datatype", said.datatype()),
        ("schema", said.schema()),
        ("file", said.file()),
        ("line", line.as_deref()),
        ("where_", said.where_()),
    ];
    let extras = extras
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    WitDbError {
        as_text: said.to_string(),
        severity: said.severity().to_owned(),
        code: said.code().code().to_owned(),
        message: said.message().to_owned(),
        detail: said.detail().map(str::to_owned),
        extras: extras.collect(),
    }
}
