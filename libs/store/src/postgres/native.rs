//! PostgreSQL in native tests: a client with a thread of its own, so that it works
//! whoever polls the test's futures.

use std::sync::mpsc;
use std::thread;

use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use tokio_postgres::{Error, NoTls, Row};

use crate::ddl;
use crate::error::StoreError;
use crate::postgres::{lost, numeric, refused};
use crate::row::Rows;
use crate::value::Value;

/// What the thread is asked to do, and where the answer goes.
struct Task {
    text: String,
    values: Vec<Value>,
    answer: mpsc::Sender<Result<Answer, Error>>,
}

struct Answer {
    columns: Vec<String>,
    rows: Vec<Row>,
    changes: u64,
}

/// An open connection.
pub(crate) struct Client {
    tasks: Option<mpsc::Sender<Task>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Client {
    #[expect(clippy::unused_async, reason = "the same shape as in a component")]
    pub(crate) async fn open(address: &str) -> Result<Self, StoreError> {
        Self::open_now(address)
    }

    pub(crate) fn open_now(address: &str) -> Result<Self, StoreError> {
        let (tasks, received) = mpsc::channel();
        let (opened, is_open) = mpsc::channel();
        let address = address.to_owned();
        let thread = thread::spawn(move || work(&address, &received, &opened));
        is_open
            .recv()
            .map_err(|error| lost(error.to_string()))?
            .map_err(failed)?;
        Ok(Self {
            tasks: Some(tasks),
            thread: Some(thread),
        })
    }

    fn ask(&self, text: &str, values: Vec<Value>) -> Result<Answer, StoreError> {
        let (answer, answered) = mpsc::channel();
        let task = Task {
            text: text.to_owned(),
            values,
            answer,
        };
        let gone = || lost("its thread has ended".to_owned());
        let tasks = self.tasks.as_ref().ok_or_else(gone)?;
        tasks.send(task).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?.map_err(failed)
    }

    #[expect(clippy::unused_async, reason = "the same shape as in a component")]
    pub(crate) async fn query(&self, sql: &str, values: Vec<Value>) -> Result<Rows, StoreError> {
        let answer = self.ask(sql, values)?;
        let rows: Result<Vec<Vec<Value>>, Error> = answer.rows.iter().map(values_of).collect();
        Ok(Rows {
            columns: answer.columns,
            values: rows.map_err(failed)?,
        })
    }

    /// Tests make triggers as SQLite has them.
    #[expect(clippy::unused_async, reason = "the same shape as in a component")]
    pub(crate) async fn execute(&self, sql: &str, values: Vec<Value>) -> Result<u64, StoreError> {
        if !sql.starts_with("CREATE TRIGGER") || sql.contains("EXECUTE FUNCTION") {
            return self.ask(sql, values).map(|answer| answer.changes);
        }
        for statement in ddl::translate(sql) {
            self.ask(&statement, Vec::new())?;
        }
        Ok(0)
    }
}

/// Empties and drops the schemas of tests.
pub(crate) struct Administrator(Client);

impl Administrator {
    pub(crate) fn open(url: &str) -> Result<Self, StoreError> {
        Client::open_now(url).map(Self)
    }

    pub(crate) fn drop_schema(&self, schema: &str) -> Result<(), StoreError> {
        let text = format!("DROP SCHEMA {schema} CASCADE");
        self.0.ask(&text, Vec::new()).map(|_| ())
    }

    /// Deletes all rows, whatever refers to them, and lets counters begin anew.
    pub(crate) fn empty_schema(&self, schema: &str) -> Result<(), StoreError> {
        let text = format!(
            "DO $empty$ DECLARE one record; BEGIN \
             SET LOCAL session_replication_role = replica; \
             FOR one IN SELECT oid::regclass AS name, relkind AS kind FROM pg_class \
             WHERE relnamespace = '{schema}'::regnamespace AND NOT relispartition \
             AND relkind IN ('r', 'p', 'S') AND relname <> 'schema_migrations' LOOP \
             EXECUTE CASE one.kind WHEN 'S' THEN format('ALTER SEQUENCE %s RESTART', one.name) \
             ELSE format('DELETE FROM %s', one.name) END; END LOOP; END $empty$"
        );
        self.0.ask(&text, Vec::new()).map(|_| ())
    }
}

impl Drop for Client {
    /// Waits for the connection to be closed: its locks are free then.
    fn drop(&mut self) {
        drop(self.tasks.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn work(address: &str, tasks: &mpsc::Receiver<Task>, opened: &mpsc::Sender<Result<(), Error>>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return;
    };
    runtime.block_on(async {
        let (client, connection) = match tokio_postgres::connect(address, NoTls).await {
            Ok(connected) => connected,
            Err(error) => {
                let _ = opened.send(Err(error));
                return;
            }
        };
        let connection = tokio::spawn(connection);
        let _ = opened.send(Ok(()));
        // Nothing else runs on this thread while it waits.
        while let Ok(task) = tasks.recv() {
            let done = run(&client, &task.text, &task.values).await;
            let _ = task.answer.send(done);
        }
        drop(client);
        let _ = connection.await;
    });
}

async fn run(
    client: &tokio_postgres::Client,
    text: &str,
    values: &[Value],
) -> Result<Answer, Error> {
    let statement = client.prepare(text).await?;
    let columns = statement.columns().iter();
    let columns: Vec<String> = columns.map(|column| column.name().to_owned()).collect();
    let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
    let (mut rows, mut changes) = (Vec::new(), 0);
    if columns.is_empty() {
        changes = client.execute(&statement, &values).await?;
    } else {
        rows = client.query(&statement, &values).await?;
    }
    Ok(Answer {
        columns,
        rows,
        changes,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "used as map_err(failed)")]
fn failed(error: Error) -> StoreError {
    match error.as_db_error() {
        Some(refusal) => refused(
            refusal.code().code(),
            refusal.message(),
            refusal.constraint(),
        ),
        None if error.is_closed() => lost(error.to_string()),
        None => {
            let reason = std::error::Error::source(&error).map(ToString::to_string);
            let text = format!("{error}: {}", reason.unwrap_or_default());
            // Whoever cannot be reached says so in connect.
            if text.contains("connect") {
                lost(text)
            } else {
                StoreError::Statement(text)
            }
        }
    }
}

fn values_of(row: &Row) -> Result<Vec<Value>, Error> {
    (0..row.len())
        .map(|at| {
            row.try_get::<_, Option<Value>>(at)
                .map(|value| value.unwrap_or(Value::Null))
        })
        .collect()
}

type Anything = Box<dyn std::error::Error + Sync + Send>;

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Anything> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) => number.to_sql(kind, out),
            Self::Real(number) => number.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Blob(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Anything> {
        Ok(match *kind {
            Type::BOOL => Self::Integer(bool::from_sql(kind, raw)?.into()),
            Type::INT2 => Self::Integer(i16::from_sql(kind, raw)?.into()),
            Type::INT4 => Self::Integer(i32::from_sql(kind, raw)?.into()),
            Type::INT8 => Self::Integer(i64::from_sql(kind, raw)?),
            Type::FLOAT4 => Self::Real(f32::from_sql(kind, raw)?.into()),
            Type::FLOAT8 => Self::Real(f64::from_sql(kind, raw)?),
            Type::BYTEA => Self::Blob(raw.to_vec()),
            Type::NUMERIC => numeric(&numeric_text(raw).ok_or("a numeric that is cut off")?),
            Type::TEXT | Type::VARCHAR | Type::NAME | Type::BPCHAR | Type::UNKNOWN => {
                Self::Text(String::from_utf8(raw.to_vec())?)
            }
            _ => return Err(format!("the store does not know the type {kind}").into()),
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A `numeric` as it comes over the wire: groups of four decimal digits.
fn numeric_text(raw: &[u8]) -> Option<String> {
    let mut words = raw.chunks_exact(2).map(|pair| match pair {
        [high, low] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    });
    let groups = words.next()?;
    let weight = i32::from(words.next()?.cast_signed());
    let sign = words.next()?;
    let scale = usize::from(words.next()?);
    if sign == 0xC000 {
        return Some("NaN".to_owned());
    }
    let mut text = String::from(if sign == 0x4000 { "-" } else { "" });
    let digits: Vec<u16> = words.take(groups.into()).collect();
    let group = |at: i32| {
        let at = usize::try_from(weight - at).ok();
        at.and_then(|at| digits.get(at)).copied().unwrap_or(0)
    };
    let whole: String = (0..=weight)
        .rev()
        .map(|at| format!("{:04}", group(at)))
        .collect();
    let whole = whole.trim_start_matches('0');
    text.push_str(if whole.is_empty() { "0" } else { whole });
    if scale > 0 {
        let last = -i32::try_from(scale.div_ceil(4)).ok()?;
        let rest: String = (last..0)
            .rev()
            .map(|at| format!("{:04}", group(at)))
            .collect();
        text.push('.');
        text.push_str(rest.get(..scale)?);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numerics_are_read_from_the_wire() {
        let raw = |words: &[u16]| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            numeric_text(&bytes)
        };
        assert_eq!(raw(&[0, 0, 0, 0]).as_deref(), Some("0"));
        assert_eq!(raw(&[2, 1, 0, 0, 12, 34]).as_deref(), Some("120034"));
        assert_eq!(raw(&[1, 1, 0, 0, 12]).as_deref(), Some("120000"));
        assert_eq!(raw(&[2, 0, 0x4000, 3, 1, 5000]).as_deref(), Some("-1.500"));
        assert_eq!(raw(&[1, 0xFFFF, 0, 2, 2500]).as_deref(), Some("0.25"));
        assert_eq!(raw(&[1, 0xFFFE, 0, 6, 1]).as_deref(), Some("0.000000"));
        assert_eq!(raw(&[0, 0, 0xC000, 0]).as_deref(), Some("NaN"));
    }
}
