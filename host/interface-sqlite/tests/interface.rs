//! A real component uses the interface.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops where it fails"
)]

use std::collections::BTreeMap;

use host_app::Component;
use host_engine::Interface as _;
use host_interface_key_value::KeyValue;
use host_interface_sqlite::Sqlite;
use host_sqlite::{Database, SqliteLimits};
use host_testkit::Probe;
use serde_json::{Value, json};

/// A probe that may use an empty database, and the folder of its file.
fn probe() -> (Probe, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("probe.db");
    let database = Database::file(&path, SqliteLimits::default()).unwrap();
    let databases = BTreeMap::from([("default".to_owned(), database)]);
    let component = Component {
        sqlite_databases: vec!["default".to_owned()],
        ..Component::default()
    };
    let probe = Probe::new(
        component,
        KeyValue::new(BTreeMap::new()),
        Sqlite::new(databases),
    );
    (probe, folder)
}

async fn sql(probe: &Probe, statement: &str) -> Value {
    let (status, text) = probe.ask("sql", statement).await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The error that a statement ends with.
async fn error(probe: &Probe, statement: &str) -> String {
    let answer = sql(probe, statement).await;
    let error = answer["error"].as_str().map(str::to_owned);
    error.unwrap_or_else(|| panic!("{statement} succeeded: {answer}"))
}

#[tokio::test]
async fn values_of_every_kind_come_back_as_they_were_sent() {
    let (probe, _folder) = probe();
    let answer = sql(&probe, "SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e").await;
    assert_eq!(answer["columns"], json!(["a", "b", "c", "d", "e"]));
    let row = json!([
        { "integer": i64::MIN },
        { "real": 0.5 },
        { "text": "甲\u{0}" },
        { "blob": [0, 255] },
        null,
    ]);
    assert_eq!(answer["rows"], json!([row]));
}

#[tokio::test]
async fn thousands_of_rows_are_streamed() {
    let (probe, _folder) = probe();
    let statement = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i FROM n";
    let answer = sql(&probe, statement).await;
    let rows = answer["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 5000);
    assert_eq!(rows.last().unwrap(), &json!([{ "integer": 5000 }]));
}

#[tokio::test]
async fn changes_are_counted_and_kept() {
    let (probe, _folder) = probe();
    sql(&probe, "CREATE TABLE t (a)").await;
    let inserted = sql(&probe, "INSERT INTO t VALUES (1), (2), (3)").await;
    assert_eq!(inserted["changes"], 3);
    let counted = sql(&probe, "SELECT count(*) FROM t").await;
    assert_eq!(counted["rows"], json!([[{ "integer": 3 }]]));
}

#[tokio::test]
async fn other_files_are_out_of_reach() {
    let (probe, folder) = probe();
    let other = folder.path().join("other.db");
    for statement in [
        format!("ATTACH '{}' AS other", other.display()),
        format!("VACUUM INTO '{}'", other.display()),
        "SELECT load_extension('evil')".to_owned(),
        "PRAGMA writable_schema = ON".to_owned(),
        "PRAGMA journal_mode = DELETE".to_owned(),
        "PRAGMA temp_store_directory = '/tmp'".to_owned(),
        "SELECT readfile('/etc/passwd')".to_owned(),
    ] {
        error(&probe, &statement).await;
        assert!(!other.exists(), "{statement}");
    }
    sql(&probe, "CREATE TABLE t (a)").await;
}

#[tokio::test]
async fn errors_are_in_the_words_of_sqlite_and_leave_nothing_open() {
    let (probe, _folder) = probe();
    assert!(error(&probe, "SELEC 1").await.contains("syntax error"));
    assert!(
        error(&probe, "SELECT a FROM nowhere")
            .await
            .contains("no such table")
    );
    sql(&probe, "CREATE TABLE t (a UNIQUE)").await;
    sql(&probe, "INSERT INTO t VALUES (1)").await;
    assert!(
        error(&probe, "INSERT INTO t VALUES (1)")
            .await
            .contains("UNIQUE")
    );
    let counted = sql(&probe, "SELECT count(*) FROM t").await;
    assert_eq!(counted["rows"], json!([[{ "integer": 1 }]]));
}

#[tokio::test]
async fn a_transaction_left_open_is_gone_with_its_call() {
    let (probe, _folder) = probe();
    sql(&probe, "CREATE TABLE t (a)").await;
    sql(&probe, "BEGIN IMMEDIATE").await;
    // Another call, in the same instance.
    sql(&probe, "INSERT INTO t VALUES (1)").await;
    let (status, _) = probe.ask("sqlite-open-transaction", "").await;
    assert_eq!(status, 200);
    let inserted = sql(&probe, "INSERT INTO t VALUES (2)").await;
    assert_eq!(inserted["changes"], 1, "{inserted}");
}

#[tokio::test]
async fn connections_of_an_instance_are_bounded() {
    let (probe, _folder) = probe();
    for _ in 0..2 {
        let (status, text) = probe.ask("sqlite-many", "").await;
        assert_eq!(status, 200, "{text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["opened"], 256, "{text}");
    }
}

#[test]
fn a_label_that_is_not_configured_is_refused_with_those_that_are() {
    let database = Database::memory("labels", SqliteLimits::default()).unwrap();
    let databases = BTreeMap::from([("health".to_owned(), database)]);
    let component = Component {
        sqlite_databases: vec!["helth".to_owned()],
        ..Component::default()
    };
    let reason = Sqlite::new(databases).configure(&component).err().unwrap();
    for word in ["\"helth\"", "[sqlite_database.helth]", "health"] {
        assert!(reason.contains(word), "{reason}");
    }
}
