//! The functions that guests call.

use host_engine::State;
use host_sqlite::{Rows, Session, SqliteError};
use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use crate::bindings::spin::sqlite::sqlite::{
    Error, Host, HostConnection, HostConnectionWithStore, QueryResult, RowResult, Value,
};
use crate::{CONNECTIONS_MAX, Own, View};

type Call<'a> = &'a Accessor<State, Own>;
type Outcome<T> = wasmtime::Result<Result<T, Error>>;

/// Columns, rows as a stream, and how the stream ended.
type Streamed = (
    Vec<String>,
    StreamReader<RowResult>,
    FutureReader<Result<(), Error>>,
);

impl From<SqliteError> for Error {
    fn from(error: SqliteError) -> Self {
        match error {
            SqliteError::Full => Self::DatabaseFull,
            other => Self::Io(other.to_string()),
        }
    }
}

impl Host for View<'_> {}

impl View<'_> {
    fn open(&mut self, label: &str) -> Outcome<Resource<Session>> {
        let Some(database) = self.granted.databases.get(label) else {
            return Ok(Err(Error::AccessDenied));
        };
        if self.granted.open.len() >= CONNECTIONS_MAX {
            return Ok(Err(Error::Io(format!(
                "{CONNECTIONS_MAX} connections are open already; drop those that are not used"
            ))));
        }
        let session = match database.session() {
            Ok(session) => session,
            Err(error) => return Ok(Err(error.into())),
        };
        let resource = self.table.push(session.clone())?;
        self.granted.open.push((resource.rep(), session));
        Ok(Ok(resource))
    }
}

impl HostConnection for View<'_> {
    async fn open(&mut self, label: String) -> Outcome<Resource<Session>> {
        self.open(&label)
    }

    async fn execute(
        &mut self,
        this: Resource<Session>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Outcome<QueryResult> {
        let session = self.table.get(&this)?.clone();
        Ok(match session.execute(statement, to_sql(parameters)).await {
            Ok(rows) => {
                let (columns, rows) = from_sql(rows);
                Ok(QueryResult { columns, rows })
            }
            Err(error) => Err(error.into()),
        })
    }

    async fn last_insert_rowid(&mut self, this: Resource<Session>) -> wasmtime::Result<i64> {
        Ok(self.table.get(&this)?.clone().last_insert_rowid().await)
    }

    async fn changes(&mut self, this: Resource<Session>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&this)?.clone().changes().await)
    }

    async fn drop(&mut self, this: Resource<Session>) -> wasmtime::Result<()> {
        let rep = this.rep();
        self.granted.open.retain(|(open, _)| *open != rep);
        self.table.delete(this)?;
        Ok(())
    }
}

fn session(call: Call<'_>, this: &Resource<Session>) -> wasmtime::Result<Session> {
    call.with(|mut access| Ok(access.get().table.get(this)?.clone()))
}

impl HostConnectionWithStore<State> for Own {
    async fn open_async(call: Call<'_>, label: String) -> Outcome<Resource<Session>> {
        call.with(|mut access| access.get().open(&label))
    }

    async fn execute_async(
        call: Call<'_>,
        this: Resource<Session>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Outcome<Streamed> {
        let rows = match session(call, &this)?
            .execute(statement, to_sql(parameters))
            .await
        {
            Ok(rows) => rows,
            Err(error) => return Ok(Err(error.into())),
        };
        let (columns, rows) = from_sql(rows);
        call.with(|mut access| {
            let rows = StreamReader::new(&mut access, rows)?;
            let ended = FutureReader::new(&mut access, async { wasmtime::error::Ok(Ok(())) })?;
            Ok(Ok((columns, rows, ended)))
        })
    }

    async fn last_insert_rowid_async(
        call: Call<'_>,
        this: Resource<Session>,
    ) -> wasmtime::Result<i64> {
        Ok(session(call, &this)?.last_insert_rowid().await)
    }

    async fn changes_async(call: Call<'_>, this: Resource<Session>) -> wasmtime::Result<u64> {
        Ok(session(call, &this)?.changes().await)
    }
}

fn to_sql(values: Vec<Value>) -> Vec<host_sqlite::Value> {
    let convert = |value| match value {
        Value::Null => host_sqlite::Value::Null,
        Value::Integer(integer) => host_sqlite::Value::Integer(integer),
        Value::Real(real) => host_sqlite::Value::Real(real),
        Value::Text(text) => host_sqlite::Value::Text(text),
        Value::Blob(blob) => host_sqlite::Value::Blob(blob),
    };
    values.into_iter().map(convert).collect()
}

fn from_sql(rows: Rows) -> (Vec<String>, Vec<RowResult>) {
    let convert = |value| match value {
        host_sqlite::Value::Null => Value::Null,
        host_sqlite::Value::Integer(integer) => Value::Integer(integer),
        host_sqlite::Value::Real(real) => Value::Real(real),
        host_sqlite::Value::Text(text) => Value::Text(text),
        host_sqlite::Value::Blob(blob) => Value::Blob(blob),
    };
    let row = |values: Vec<host_sqlite::Value>| RowResult {
        values: values.into_iter().map(convert).collect(),
    };
    (rows.columns, rows.rows.into_iter().map(row).collect())
}
