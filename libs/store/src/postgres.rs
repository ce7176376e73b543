//! A label in PostgreSQL: one schema of the database that `database_url` names.

mod driver;
#[cfg(all(not(target_family = "wasm"), feature = "native"))]
mod native;

#[cfg(all(not(target_family = "wasm"), feature = "native"))]
pub(crate) use native::Administrator;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::connection::Lock;
use crate::dialect;
use crate::error::StoreError;
use crate::row::Rows;
use crate::token;
use crate::value::Value;

/// How long a statement waits for a lock, as the busy timeout of SQLite.
const LOCK_MS_MAX: u32 = 10_000;
/// A transaction in which nothing happens for so long is ended: whoever began it is gone.
const IDLE_IN_TRANSACTION_MS_MAX: u32 = 60_000;

/// A connection whose search path is the schema of a label.
pub(crate) struct Connection {
    schema: String,
    client: RefCell<Rc<driver::Client>>,
    /// Where to go on when a replica is lost.
    fallback: RefCell<Option<String>>,
    /// What the last statement without rows touched.
    changes: Cell<u64>,
    /// Why the transaction can no longer be committed.
    failed: RefCell<Option<StoreError>>,
    is_in_transaction: Cell<bool>,
}

impl Connection {
    /// Connects to the schema of a label.
    pub(crate) async fn open(url: &str, schema: &str) -> Result<Self, StoreError> {
        let client = driver::Client::open(&address(url, schema)?).await?;
        Ok(Self::new(schema, client, None))
    }

    /// Connects to a replica, for statements that only read; to the primary when the
    /// replica cannot be reached, now or later.
    #[cfg(any(target_family = "wasm", test))]
    pub(crate) async fn open_for_reading(
        url: &str,
        primary_url: &str,
        schema: &str,
    ) -> Result<Self, StoreError> {
        let primary = address(primary_url, schema)?;
        match driver::Client::open(&address(url, schema)?).await {
            Ok(client) => Ok(Self::new(schema, client, Some(primary))),
            Err(_) => {
                let client = driver::Client::open(&primary).await?;
                Ok(Self::new(schema, client, None))
            }
        }
    }

    fn new(schema: &str, client: driver::Client, fallback: Option<String>) -> Self {
        Self {
            schema: schema.to_owned(),
            client: RefCell::new(Rc::new(client)),
            fallback: RefCell::new(fallback),
            changes: Cell::new(0),
            failed: RefCell::new(None),
            is_in_transaction: Cell::new(false),
        }
    }

    /// The schema of the label.
    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    /// Whether statements go to the primary.
    #[cfg(any(target_family = "wasm", test))]
    pub(crate) fn is_primary(&self) -> bool {
        self.fallback.borrow().is_none()
    }

    pub(crate) async fn run(&self, sql: &str, values: Vec<Value>) -> Result<Rows, StoreError> {
        let mut done = self.run_once(sql, &values).await;
        if done.as_ref().is_err_and(is_of_replica) && self.fall_back().await {
            done = self.run_once(sql, &values).await;
        }
        if let Err(error) = &done
            && self.is_in_transaction.get()
        {
            self.failed
                .borrow_mut()
                .get_or_insert_with(|| error.clone());
        }
        done
    }

    async fn run_once(&self, sql: &str, values: &[Value]) -> Result<Rows, StoreError> {
        let client = Rc::clone(&self.client.borrow());
        let translated = dialect::translate(sql, values);
        let values = translated
            .places
            .iter()
            .filter_map(|place| values.get(*place));
        let values = values.cloned().map(storable).collect();
        if translated.gives_rows {
            let rows = client.query(&translated.text, values).await?;
            self.changes
                .set(u64::try_from(rows.values.len()).unwrap_or(u64::MAX));
            return Ok(rows);
        }
        self.changes
            .set(client.execute(&translated.text, values).await?);
        if is_roll_back_to(sql) {
            self.failed.take();
        }
        Ok(Rows::default())
    }

    /// Turns from a lost replica to the primary; false when there is nowhere to turn to.
    async fn fall_back(&self) -> bool {
        let Some(address) = self.fallback.take() else {
            return false;
        };
        let Ok(client) = driver::Client::open(&address).await else {
            return false;
        };
        self.client.replace(Rc::new(client));
        true
    }

    pub(crate) fn changes(&self) -> u64 {
        self.changes.get()
    }

    /// Begins a transaction that keeps out what it must not meet.
    pub(crate) async fn begin(&self, lock: Lock<'_>) -> Result<(), StoreError> {
        self.run("BEGIN", Vec::new()).await?;
        self.failed.take();
        self.is_in_transaction.set(true);
        let (text, values) = match lock {
            Lock::Label => (LOCK_LABEL, Vec::new()),
            Lock::Scope(scope) => (LOCK_SCOPE, vec![Value::from(scope)]),
        };
        let locked = self.run(text, values).await;
        if locked.is_err() {
            self.roll_back().await;
        }
        locked.map(|_| ())
    }

    /// Commits, unless a statement has failed: PostgreSQL would roll back and call it
    /// done.
    pub(crate) async fn commit(&self) -> Result<(), StoreError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.run("COMMIT", Vec::new()).await?;
        self.is_in_transaction.set(false);
        Ok(())
    }

    pub(crate) async fn roll_back(&self) {
        self.is_in_transaction.set(false);
        // The server does it when the connection is lost.
        let _ = self.run("ROLLBACK", Vec::new()).await;
    }
}

/// Locks are of the database: the schema tells labels apart. Asking `IS NULL` gives a
/// type that every host knows.
const LOCK_LABEL: &str = "SELECT pg_advisory_xact_lock(\
     hashtextextended('suoke label ' || current_schema(), 0)) IS NULL";
const LOCK_SCOPE: &str = "SELECT pg_advisory_xact_lock_shared(\
     hashtextextended('suoke label ' || current_schema(), 0)) IS NULL, pg_advisory_xact_lock(\
     hashtextextended('suoke scope ' || current_schema() || ' ' || ?1, 0)) IS NULL";

fn is_roll_back_to(sql: &str) -> bool {
    let mut words = token::tokens(sql).filter(|one| !token::is_blank(one));
    words.next().is_some_and(|word| token::is(word, "ROLLBACK"))
        && words.next().is_some_and(|word| token::is(word, "TO"))
}

/// PostgreSQL has no NUL in texts.
fn storable(value: Value) -> Value {
    match value {
        Value::Text(text) if text.contains('\0') => Value::Text(text.replace('\0', "\u{fffd}")),
        other => other,
    }
}

/// Where to connect: `url` with the schema as search path. It is part of the address so
/// that pooled connections of different labels never meet.
fn address(url: &str, schema: &str) -> Result<String, StoreError> {
    let set = || StoreError::Unavailable {
        label: schema.to_owned(),
        reason: "database_url must not set options: they name the schema; \
                 set what you need for the role, with ALTER ROLE … SET"
            .to_owned(),
    };
    let options = format!(
        "-c search_path={schema} -c lock_timeout={LOCK_MS_MAX} \
         -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS_MAX}"
    );
    if !schema
        .chars()
        .all(|one| one.is_ascii_alphanumeric() || one == '_')
    {
        return Err(StoreError::Unavailable {
            label: schema.to_owned(),
            reason: "a schema has a name of letters, digits and _".to_owned(),
        });
    }
    if !url.contains("://") {
        if has_options(url) {
            return Err(set());
        }
        return Ok(format!("{url} options='{options}'"));
    }
    let options = options.replace(' ', "%20").replace('=', "%3D");
    // A password may hold a question mark. It ends at the first `@`, as for the driver.
    let behind = url.split_once('@').map_or(url, |(_, behind)| behind);
    let Some((_, query)) = behind.split_once('?') else {
        return Ok(format!("{url}?options={options}"));
    };
    if query.split('&').any(|one| one.starts_with("options=")) {
        return Err(set());
    }
    let and = if query.is_empty() || query.ends_with('&') {
        ""
    } else {
        "&"
    };
    Ok(format!("{url}{and}options={options}"))
}

/// Whether an address of the form `host=… user=…` sets `options`.
fn has_options(address: &str) -> bool {
    let mut rest = address.trim_start();
    while let Some((key, value)) = rest.split_once('=') {
        if key.trim() == "options" {
            return true;
        }
        rest = past_value(value.trim_start()).trim_start();
    }
    false
}

/// What is behind a value, which may be quoted, and hold what a backslash hides.
fn past_value(text: &str) -> &str {
    let is_quoted = text.starts_with('\'');
    let mut letters = text.char_indices().skip(usize::from(is_quoted));
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => {
                letters.next();
            }
            '\'' if is_quoted => return text.get(at + 1..).unwrap_or_default(),
            space if !is_quoted && space.is_whitespace() => {
                return text.get(at..).unwrap_or_default();
            }
            _ => {}
        }
    }
    ""
}

/// A `numeric` as text: what is whole and fits is an integer, such as a sum of integers.
fn numeric(text: &str) -> Value {
    let whole = match text.split_once('.') {
        Some((whole, rest)) if rest.bytes().all(|digit| digit == b'0') => Some(whole),
        Some(_) => None,
        None => Some(text),
    };
    let whole = whole.and_then(|whole| whole.parse().ok());
    match whole {
        Some(number) => Value::Integer(number),
        None => text
            .parse()
            .map_or_else(|_| Value::Text(text.to_owned()), Value::Real),
    }
}

/// Whether the primary may answer what a replica did not: it is lost, or has stopped the
/// statement because of what the primary sent.
fn is_of_replica(error: &StoreError) -> bool {
    match error {
        StoreError::Unavailable { .. } => true,
        StoreError::Busy { reason, .. } => ["(40001", "(40P01"]
            .iter()
            .any(|conflict| reason.contains(conflict)),
        _ => false,
    }
}

/// What PostgreSQL refused, by its code. Errors are logged: of what the server says, they
/// have nothing that may hold values of a row or a parameter, such as its details.
fn refused(code: &str, message: &str, constraint: Option<&str>) -> StoreError {
    // What cannot be read as a number or an instant is quoted.
    let end = if code.starts_with("22") {
        message.find([':', '"'])
    } else {
        None
    };
    let message = message.get(..end.unwrap_or(message.len())).unwrap_or("");
    let constraint = constraint.map_or_else(String::new, |name| format!(", constraint {name}"));
    let message = format!("{} ({code}{constraint})", message.trim_end());
    match code {
        "53100" => StoreError::Full,
        // Waited too long, deadlock, cannot be serialised, cancelled, too many
        // connections or transactions.
        "55P03" | "40P01" | "40001" | "57014" | "53300" | "25P03" => StoreError::busy(message),
        _ if code.starts_with("23") => StoreError::Constraint(message),
        // Connections that are or were lost, and servers that stop or start.
        _ if code.starts_with("08") || code.starts_with("57P") || code.starts_with("28") => {
            lost(message)
        }
        _ => StoreError::Statement(message),
    }
}

/// What the host says of a statement when the server has said nothing.
#[cfg(any(target_family = "wasm", test))]
fn said_by_host(reason: String) -> StoreError {
    let has = |signs: &[&str]| signs.iter().any(|sign| reason.contains(sign));
    if reason.starts_with("the statement was stopped after") {
        StoreError::busy(reason)
    } else if has(&[
        "connection closed",
        "error communicating",
        "error connecting",
    ]) {
        lost(reason)
    } else {
        StoreError::Statement(reason)
    }
}

/// A server that cannot be reached.
fn lost(reason: String) -> StoreError {
    StoreError::Unavailable {
        label: "PostgreSQL".to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_part_of_the_address() {
        let options = "options=-c%20search_path%3Dcare%20-c%20lock_timeout%3D10000%20-c%20\
                       idle_in_transaction_session_timeout%3D60000";
        assert_eq!(
            address("postgres://h/d", "care").unwrap(),
            format!("postgres://h/d?{options}")
        );
        assert_eq!(
            address("postgres://h/d?sslmode=require", "care").unwrap(),
            format!("postgres://h/d?sslmode=require&{options}")
        );
        assert!(
            address("host=h dbname=d", "care")
                .unwrap()
                .starts_with("host=h dbname=d options='-c search_path=care ")
        );
        for url in [
            "postgres://u:a?b@h/d?",
            "postgres://u:a?b@h/d?application_name=a@b&",
        ] {
            assert_eq!(address(url, "care").unwrap(), format!("{url}{options}"));
        }
        assert_eq!(
            address("postgres://u:a?options=b@h/d", "care").unwrap(),
            format!("postgres://u:a?options=b@h/d?{options}")
        );
        for url in [
            "postgres://h/d?options=-c%20x%3Dy",
            "postgres://u:a?b@h/d?sslmode=require&options=-c%20x%3Dy",
            "host=h options='-c x=y'",
            "password='a b\\' c' options = x dbname=d",
        ] {
            let error = address(url, "care").unwrap_err();
            assert!(error.to_string().contains("ALTER ROLE"), "{error}");
        }
        for quoted in [
            "password='it''s options=1'",
            "password='\\' options=1'",
            "user=a\\ options",
        ] {
            assert!(address(quoted, "care").is_ok(), "{quoted}");
        }
    }

    #[test]
    fn numbers_are_integers_where_they_are_whole() {
        assert_eq!(numeric("9223372036854775807"), Value::Integer(i64::MAX));
        assert_eq!(numeric("-12.000"), Value::Integer(-12));
        assert_eq!(numeric("1.5"), Value::Real(1.5));
        assert_eq!(
            numeric("9223372036854775808"),
            Value::Real(9_223_372_036_854_775_808.0)
        );
        assert!(matches!(numeric("NaN"), Value::Real(number) if number.is_nan()));
    }

    #[test]
    fn a_replica_that_is_lost_is_replaced_by_the_primary() {
        let Some(url) = crate::testing::url() else {
            return;
        };
        let one = async |connection: &Connection, sql: &str| {
            let rows = connection.run(sql, Vec::new()).await.unwrap();
            rows.values.concat().pop().unwrap()
        };
        futures::executor::block_on(async {
            let nowhere = "host=/nowhere user=suoke";
            let opened = Connection::open_for_reading(nowhere, &url, "x")
                .await
                .unwrap();
            assert!(opened.is_primary());
            let replica = Connection::open_for_reading(&url, &url, "x").await.unwrap();
            assert!(!replica.is_primary());
            let Value::Integer(pid) = one(&replica, "SELECT pg_backend_pid()").await else {
                unreachable!("a number");
            };
            let end = format!("SELECT pg_terminate_backend({pid})");
            assert_eq!(one(&opened, &end).await, Value::Integer(1));
            assert_eq!(one(&replica, "SELECT 7").await, Value::Integer(7));
            assert!(replica.is_primary());
            // The primary has removed what the replica was reading.
            let replica = Connection::open_for_reading(&url, &url, "x").await.unwrap();
            let conflict = "DO $$ BEGIN RAISE 'conflict with recovery' USING ERRCODE = '40001'; \
                 END $$";
            assert!(replica.run(conflict, Vec::new()).await.is_err());
            assert!(replica.is_primary());
            let refused = Connection::open_for_reading(nowhere, nowhere, "x")
                .await
                .err();
            assert!(
                matches!(refused, Some(StoreError::Unavailable { .. })),
                "{refused:?}"
            );
        });
    }

    #[test]
    fn codes_become_errors_that_say_what_to_do() {
        let refused = |code: &str| refused(code, "m", None);
        let said = |code: &str| format!("m ({code})");
        assert_eq!(refused("53100"), StoreError::Full);
        assert_eq!(refused("40P01"), StoreError::busy(said("40P01")));
        assert_eq!(refused("23503"), StoreError::Constraint(said("23503")));
        assert_eq!(refused("42601"), StoreError::Statement(said("42601")));
        assert_eq!(refused("57P01"), lost(said("57P01")));
        let stopped = "the statement was stopped after 30000 ms".to_owned();
        assert_eq!(said_by_host(stopped.clone()), StoreError::busy(stopped));
        let closed = "connection closed".to_owned();
        assert_eq!(said_by_host(closed.clone()), lost(closed));
        let other = "expected 1 parameters".to_owned();
        assert_eq!(said_by_host(other.clone()), StoreError::Statement(other));
    }

    #[test]
    fn errors_have_no_values_of_rows_or_parameters() {
        let Some(url) = crate::testing::url() else {
            return;
        };
        futures::executor::block_on(async {
            let db = Connection::open(&url, "x").await.unwrap();
            let run = async |sql: &str, values| db.run(sql, values).await;
            let table = "CREATE TEMPORARY TABLE people (mail TEXT NOT NULL CONSTRAINT one_mail \
                 UNIQUE, age BIGINT CONSTRAINT some_age CHECK (age > 0))";
            run(table, Vec::new()).await.unwrap();
            let insert = "INSERT INTO people VALUES (?1, ?2)";
            let person = |age: i64| vec![Value::from("wang@example.org"), Value::from(age)];
            run(insert, person(30)).await.unwrap();
            let taken = run(insert, person(31)).await.unwrap_err().to_string();
            assert!(taken.contains("(23505, constraint one_mail)"), "{taken}");
            let wrong = run(insert, person(-7)).await.unwrap_err().to_string();
            assert!(wrong.contains("(23514, constraint some_age)"), "{wrong}");
            let cast = "SELECT CAST(?1 AS INTEGER)";
            let cast = run(cast, person(1)).await.unwrap_err().to_string();
            assert!(cast.contains("(22P02)"), "{cast}");
            for error in [taken, wrong, cast] {
                assert!(!error.contains("wang") && !error.contains("-7"), "{error}");
                assert!(!error.contains("DETAIL"), "{error}");
            }
        });
    }
}
