//! What many sessions on one file may rely on.
#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test fail as the test does"
)]

use std::sync::Arc;

use host_sqlite::{Database, SqliteError, SqliteLimits, Value};

fn database(limits: SqliteLimits) -> (tempfile::TempDir, Arc<Database>) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::file(&folder.path().join("a/b.db"), limits).unwrap();
    (folder, database)
}

async fn run(session: &host_sqlite::Session, sql: &str) -> Result<host_sqlite::Rows, SqliteError> {
    session.execute(sql.to_owned(), Vec::new()).await
}

#[tokio::test(flavor = "current_thread")]
async fn writers_on_one_thread_take_turns_instead_of_waiting_for_each_other_for_ever() {
    let (_folder, database) = database(SqliteLimits::default());
    let setup = database.session().unwrap();
    run(&setup, "CREATE TABLE counter (n INTEGER)")
        .await
        .unwrap();
    run(&setup, "INSERT INTO counter VALUES (0)").await.unwrap();
    let writers: Vec<_> = (0..20)
        .map(|_| {
            let database = database.clone();
            tokio::spawn(async move {
                let session = database.session().unwrap();
                run(&session, "BEGIN IMMEDIATE").await.unwrap();
                let rows = run(&session, "SELECT n FROM counter").await.unwrap();
                let Value::Integer(n) = rows.rows[0][0] else {
                    panic!()
                };
                tokio::task::yield_now().await;
                let next = vec![Value::Integer(n + 1)];
                session
                    .execute("UPDATE counter SET n = ?1".into(), next)
                    .await
                    .unwrap();
                run(&session, "COMMIT").await.unwrap();
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let rows = run(&setup, "SELECT n FROM counter").await.unwrap();
    assert_eq!(rows.rows, [[Value::Integer(20)]]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_transaction_waits_for_a_writer_in_another_process_and_for_no_other_task() {
    let (folder, database) = database(SqliteLimits::default());
    let session = database.session().unwrap();
    run(&session, "CREATE TABLE t (n)").await.unwrap();
    let foreign = rusqlite::Connection::open(folder.path().join("a/b.db")).unwrap();
    foreign.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting = tokio::spawn(async move {
        run(&session, "BEGIN IMMEDIATE").await.unwrap();
        run(&session, "INSERT INTO t VALUES (1), (2)")
            .await
            .unwrap();
        assert!(
            run(&session, "INSERT INTO t VALUES (nothing)")
                .await
                .is_err()
        );
        run(&session, "COMMIT").await.unwrap();
        run(&session, "SELECT n FROM t").await.unwrap().rows.len()
    });
    // This thread goes on although the other connection has to wait.
    for _ in 0..20 {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        assert!(!waiting.is_finished());
    }
    foreign.execute_batch("COMMIT").unwrap();
    assert_eq!(waiting.await.unwrap(), 2);
}

#[tokio::test]
async fn whoever_is_in_no_transaction_any_more_keeps_nobody_from_writing() {
    let limits = SqliteLimits {
        busy_ms_max: 20,
        ..SqliteLimits::default()
    };
    let (_folder, database) = database(limits);
    let (first, second) = (database.session().unwrap(), database.session().unwrap());
    run(&first, "CREATE TABLE t (n UNIQUE ON CONFLICT ROLLBACK)")
        .await
        .unwrap();
    for end in ["INSERT INTO t VALUES (1)", "-- the end\nROLLBACK"] {
        run(&first, "BEGIN IMMEDIATE").await.unwrap();
        run(&first, "INSERT INTO t VALUES (1)").await.unwrap();
        // The one fails and rolls back, the other does so as it is told.
        let _ = run(&first, end).await;
        run(&second, "CREATE TABLE IF NOT EXISTS other (n)")
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_transaction_may_add_more_than_memory_holds() {
    let (_folder, database) = database(SqliteLimits::default());
    let session = database.session().unwrap();
    run(&session, "CREATE TABLE t (b)").await.unwrap();
    run(&session, "BEGIN IMMEDIATE").await.unwrap();
    for _ in 0..60 {
        let large = vec![Value::Blob(vec![7; 100_000])];
        session
            .execute("INSERT INTO t VALUES (?1)".into(), large)
            .await
            .unwrap();
    }
    run(&session, "COMMIT").await.unwrap();
    let rows = run(&session, "SELECT count(*) FROM t").await.unwrap();
    assert_eq!(rows.rows, [[Value::Integer(60)]]);
}

#[tokio::test]
async fn what_a_session_leaves_open_is_rolled_back_and_others_go_on() {
    let (_folder, database) = database(SqliteLimits::default());
    let session = database.session().unwrap();
    run(&session, "CREATE TABLE t (n)").await.unwrap();
    run(&session, "BEGIN IMMEDIATE").await.unwrap();
    run(&session, "INSERT INTO t VALUES (1)").await.unwrap();
    drop(session);
    let next = database.session().unwrap();
    assert!(run(&next, "SELECT * FROM t").await.unwrap().rows.is_empty());
    run(&next, "INSERT INTO t VALUES (2)").await.unwrap();
}

#[tokio::test]
async fn a_writer_that_waits_too_long_is_told_that_the_database_is_locked() {
    let (_folder, database) = database(SqliteLimits {
        busy_ms_max: 20,
        ..SqliteLimits::default()
    });
    let first = database.session().unwrap();
    run(&first, "CREATE TABLE t (n)").await.unwrap();
    run(&first, "BEGIN IMMEDIATE").await.unwrap();
    let second = database.session().unwrap();
    let error = run(&second, "INSERT INTO t VALUES (1)").await.unwrap_err();
    assert_eq!(error.to_string(), "database is locked");
    run(&first, "COMMIT").await.unwrap();
    run(&second, "INSERT INTO t VALUES (1)").await.unwrap();
}

#[tokio::test]
async fn other_files_and_settings_are_out_of_reach() {
    let (folder, database) = database(SqliteLimits::default());
    let session = database.session().unwrap();
    let other = folder.path().join("other.db");
    for sql in [
        format!("ATTACH '{}' AS other", other.display()),
        "PRAGMA journal_mode = DELETE".to_owned(),
        "PRAGMA writable_schema = 1".to_owned(),
        "SELECT load_extension('x')".to_owned(),
    ] {
        assert!(run(&session, &sql).await.is_err(), "{sql} was allowed");
    }
    assert!(!other.exists());
    run(&session, "PRAGMA table_info(t)").await.unwrap();
}

#[tokio::test]
async fn results_and_running_time_are_bounded() {
    let limits = SqliteLimits {
        statement_ms_max: 50,
        result_bytes_max: 1000,
        ..SqliteLimits::default()
    };
    let (_folder, database) = database(limits);
    let session = database.session().unwrap();
    let large = "SELECT zeroblob(2000)";
    assert!(matches!(
        run(&session, large).await,
        Err(SqliteError::TooLarge(1000))
    ));
    let endless =
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c";
    assert!(matches!(
        run(&session, endless).await,
        Err(SqliteError::TooSlow(50))
    ));
    run(&session, "SELECT 1").await.unwrap();
}

#[tokio::test]
async fn values_of_every_type_come_back_as_they_went_in() {
    let database = Database::memory("values", SqliteLimits::default()).unwrap();
    let session = database.session().unwrap();
    let values = vec![
        Value::Null,
        Value::Integer(i64::MIN),
        Value::Real(0.1),
        Value::Text("血压".to_owned()),
        Value::Blob(vec![0, 255]),
    ];
    let rows = session
        .execute("SELECT ?1, ?2, ?3, ?4, ?5".into(), values.clone())
        .await
        .unwrap();
    assert_eq!(rows.rows, [values]);
    let broken = run(&session, "SELECT CAST(x'ff' AS TEXT)")
        .await
        .unwrap_err();
    assert_eq!(broken.to_string(), "a text value is not UTF-8");
}

#[tokio::test]
async fn a_database_in_memory_is_one_for_all_its_sessions() {
    let database = Database::memory("shared", SqliteLimits::default()).unwrap();
    let first = database.session().unwrap();
    run(&first, "CREATE TABLE t (n)").await.unwrap();
    drop(first);
    run(&database.session().unwrap(), "SELECT * FROM t")
        .await
        .unwrap();
}
