//! The store on a real SQLite.

use futures::executor::block_on;
use proptest::prelude::*;

use crate::{Database, FromRow, Row, Sql, StoreError, Transaction, Value, params};

const LABELS: [&str; 5] = ["ai", "care", "health", "identity", "platform"];

async fn care() -> Database {
    Database::open_in_memory("care").await.unwrap()
}

async fn add(sql: &impl Sql, id: &str) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO event_sequences (aggregate, last) VALUES (?1, 1)",
        params![id],
    )
    .await
}

async fn count(sql: &impl Sql) -> i64 {
    sql.query_one("SELECT count(*) FROM event_sequences", params![])
        .await
        .unwrap()
}

#[test]
fn every_label_migrates_and_has_the_same_event_tables() {
    // How tables are remembered.
    let text = if Database::tests_use_postgres() {
        "SELECT table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns \
         WHERE table_schema = current_schema() AND table_name LIKE 'event%' \
         ORDER BY table_name, ordinal_position"
    } else {
        "SELECT sql FROM sqlite_master WHERE tbl_name LIKE 'event%' AND sql IS NOT NULL ORDER BY name"
    };
    let mut shapes = Vec::new();
    for label in LABELS {
        let db = block_on(Database::open_in_memory(label)).unwrap();
        let tables: Vec<String> = block_on(db.query(text, params![])).unwrap();
        shapes.push(tables);
    }
    assert!(!shapes[0].is_empty());
    assert!(shapes.iter().all(|shape| *shape == shapes[0]));
}

#[test]
fn migrations_are_applied_once_and_survive_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("care.db");
    block_on(async {
        let db = Database::open_file("care", &path).await.unwrap();
        add(&db, "a").await.unwrap();
        drop(db);
        let db = Database::open_file("care", &path).await.unwrap();
        assert_eq!(count(&db).await, 1);
        let versions: Vec<i64> = db
            .query(
                "SELECT version FROM schema_migrations WHERE version > 0 ORDER BY version",
                params![],
            )
            .await
            .unwrap();
        let count = i64::try_from(versions.len()).unwrap();
        assert!(count > 1 && versions.into_iter().eq(1..=count));
    });
}

#[test]
fn two_openers_at_once_migrate_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("care.db");
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || block_on(Database::open_file("care", &path)).map(|_| ()))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap().unwrap();
    }
}

#[test]
fn a_changed_migration_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("care.db");
    block_on(async {
        let db = Database::open_file("care", &path).await.unwrap();
        db.execute(
            "UPDATE schema_migrations SET checksum = 'x' WHERE version = 2",
            params![],
        )
        .await
        .unwrap();
        let error = Database::open_file("care", &path).await.err().unwrap();
        assert!(
            matches!(error, StoreError::Migration { version: 2, .. }),
            "{error}"
        );
        assert!(
            error
                .to_string()
                .contains("changed after it had been applied")
        );
    });
}

#[test]
fn a_gap_is_refused_and_a_newer_version_is_tolerated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("care.db");
    block_on(async {
        let db = Database::open_file("care", &path).await.unwrap();
        db.execute(
            "INSERT INTO schema_migrations (version, name, checksum) VALUES (999, 'later', 'x')",
            params![],
        )
        .await
        .unwrap();
        assert!(Database::open_file("care", &path).await.is_ok());
        db.execute("DELETE FROM schema_migrations WHERE version = 2", params![])
            .await
            .unwrap();
        let error = Database::open_file("care", &path).await.err().unwrap();
        assert!(
            error.to_string().contains("numbers only go forward"),
            "{error}"
        );
    });
}

#[test]
fn a_transaction_commits_or_leaves_nothing() {
    block_on(async {
        let mut db = care().await;
        let done: Result<&str, StoreError> = db
            .transaction(async |tx| {
                add(tx, "a").await?;
                Ok("done")
            })
            .await;
        assert_eq!(done, Ok("done"));
        let failed: Result<(), StoreError> = db
            .transaction(async |tx| {
                add(tx, "b").await?;
                Err(StoreError::Full)
            })
            .await;
        assert_eq!(failed, Err(StoreError::Full));
        assert_eq!(count(&db).await, 1);
        let again = db.transaction(async |tx| add(tx, "b").await).await;
        assert_eq!(again, Ok(()));
    });
}

#[test]
fn a_unique_violation_is_recognised_and_rolled_back() {
    block_on(async {
        let mut db = care().await;
        add(&db, "a").await.unwrap();
        let error = db
            .transaction(async |tx| {
                add(tx, "b").await?;
                add(tx, "a").await
            })
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Constraint(_)), "{error}");
        assert_eq!(count(&db).await, 1);
    });
}

#[test]
fn rows_decode_with_clear_errors() {
    #[derive(Debug, PartialEq)]
    struct Found {
        id: String,
        age: Option<i64>,
        ok: bool,
    }
    crate::from_row!(Found { id, age, ok });
    block_on(async {
        let db = care().await;
        let found: Found = db
            .query_one("SELECT 'u1' AS id, NULL AS age, 1 AS ok", params![])
            .await
            .unwrap();
        assert_eq!(
            found,
            Found {
                id: "u1".into(),
                age: None,
                ok: true
            }
        );
        let message = async |sql: &'static str| {
            let result: Result<Found, StoreError> = db.query_one(sql, params![]).await;
            result.unwrap_err().to_string()
        };
        assert_eq!(
            message("SELECT 'u1' AS id, 1 AS ok").await,
            "no column \"age\" in the result"
        );
        assert_eq!(
            message("SELECT 7 AS id, 1 AS age, 1 AS ok").await,
            "column \"id\": expected text, found integer"
        );
        assert_eq!(
            message("SELECT 'a' AS id, 1 AS age, 2 AS ok").await,
            "column \"ok\": expected integer 0 or 1, found integer"
        );
        assert_eq!(
            message("SELECT 'a' AS id WHERE 1 = 0").await,
            "expected one row, found 0"
        );
    });
}

#[test]
fn changes_are_counted() {
    block_on(async {
        let db = care().await;
        add(&db, "a").await.unwrap();
        add(&db, "b").await.unwrap();
        let touched = db
            .execute_counted("UPDATE event_sequences SET last = 2", params![])
            .await;
        assert_eq!(touched, Ok(2));
    });
}

#[test]
fn a_label_needs_a_host() {
    let error = block_on(Database::open("care")).err().unwrap();
    assert!(matches!(error, StoreError::Unavailable { .. }));
}

/// PostgreSQL has no NUL in texts: the store puts the replacement character there.
fn any_text() -> impl Strategy<Value = String> {
    ".*".prop_map(|text| match Database::tests_use_postgres() {
        true => text.replace('\0', ""),
        false => text,
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::Integer),
        (-1e300..1e300).prop_map(Value::Real),
        any_text().prop_map(Value::Text),
        proptest::collection::vec(any::<u8>(), 0..64).prop_map(Value::Blob),
    ]
}

#[test]
fn every_value_survives_the_database() {
    let db = block_on(care());
    proptest!(|(value in any_value())| {
        let row: Row = block_on(db.query_one("SELECT ?1 AS v", vec![value.clone()])).unwrap();
        // SQLite's text ends at NUL for some functions, but a bound value does not.
        prop_assert_eq!(Value::from_row_value(&row), value);
    });
}

impl Value {
    fn from_row_value(row: &Row) -> Self {
        row.get("v").unwrap()
    }
}

#[test]
fn scalars_decode_from_the_first_column() {
    let db = block_on(care());
    let rows: Vec<Row> = block_on(db.query("SELECT 5, 'x'", params![])).unwrap();
    assert_eq!(i64::from_row(&rows[0]), Ok(5));
    assert!(String::from_row(&rows[0]).is_err());
}

/// Adds 1 to a number in two statements, which loses sums where others do it meanwhile.
async fn count_up(tx: &Transaction<'_>, id: &str) -> Result<(), StoreError> {
    let last: i64 = tx
        .query_one(
            "SELECT last FROM event_sequences WHERE aggregate = ?1",
            params![id],
        )
        .await?;
    std::thread::yield_now();
    tx.execute(
        "UPDATE event_sequences SET last = ?2 WHERE aggregate = ?1",
        params![id, last + 1],
    )
    .await
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    const TIMES: i64 = 40;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("care.db");
    let db = block_on(Database::open_file("care", &path)).unwrap();
    for id in ["a", "b"] {
        block_on(add(&db, id)).unwrap();
    }
    // Two of each scope, and one that has all to itself.
    let scopes = [Some("a"), Some("a"), Some("b"), Some("b"), None];
    let threads = scopes.map(|scope| {
        let path = path.clone();
        std::thread::spawn(move || {
            let mut db = block_on(Database::open_file("care", &path)).unwrap();
            for _ in 0..TIMES {
                let done = match scope {
                    Some(id) => block_on(db.transaction_of(id, async |tx| count_up(tx, id).await)),
                    None => block_on(db.transaction(async |tx| {
                        count_up(tx, "a").await?;
                        count_up(tx, "b").await
                    })),
                };
                done.unwrap();
            }
        })
    });
    for thread in threads {
        thread.join().unwrap();
    }
    let counted: Vec<i64> =
        block_on(db.query("SELECT last FROM event_sequences ORDER BY 1", params![])).unwrap();
    assert_eq!(counted, [1 + 3 * TIMES; 2]);
}

#[test]
fn a_transaction_of_somebody_runs_beside_that_of_somebody_else() {
    if !Database::tests_use_postgres() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("care.db");
    block_on(async {
        let mut one = Database::open_file("care", &path).await.unwrap();
        let mut other = Database::open_file("care", &path).await.unwrap();
        let done: Result<(), StoreError> = one
            .transaction_of("a", async |tx| {
                add(tx, "a").await?;
                // It would wait for itself if it waited.
                other
                    .transaction_of("b", async |tx| add(tx, "b").await)
                    .await
            })
            .await;
        done.unwrap();
        assert_eq!(count(&one).await, 2);
    });
}

#[test]
fn a_failure_that_is_passed_over_is_not_committed_on_postgresql() {
    block_on(async {
        let mut db = care().await;
        let done: Result<(), StoreError> = db
            .transaction(async |tx| {
                add(tx, "a").await?;
                let error = add(tx, "a").await.unwrap_err();
                assert!(matches!(error, StoreError::Constraint(_)), "{error}");
                Ok(())
            })
            .await;
        let is_kept = !Database::tests_use_postgres();
        assert_eq!(done.is_ok(), is_kept);
        assert_eq!(count(&db).await, i64::from(is_kept));
        // With a savepoint it is passed over in both.
        let done: Result<(), StoreError> = db
            .transaction(async |tx| {
                add(tx, "b").await?;
                tx.execute("SAVEPOINT here", params![]).await?;
                assert!(add(tx, "b").await.is_err());
                tx.execute("ROLLBACK TO here", params![]).await?;
                add(tx, "c").await
            })
            .await;
        done.unwrap();
        assert_eq!(count(&db).await, i64::from(is_kept) + 2);
    });
}

#[test]
fn json_is_looked_into_in_the_same_way() {
    block_on(async {
        let db = care().await;
        let document = r#"{"a":{"b":"x\u0000"},"c":true,"d":null,"e":[1,2]}"#;
        let found: Vec<Option<String>> = db
            .query(
                "SELECT CAST(json_extract(?1, '$.c') AS TEXT) UNION ALL SELECT json_extract(?1, '$.d') \
                 UNION ALL SELECT json_extract(?1, '$.x.y') UNION ALL SELECT ?1 ->> 'd' \
                 UNION ALL SELECT CAST(?1 ->> 'c' AS TEXT)",
                params![document],
            )
            .await
            .unwrap();
        let one = || Some("1".to_owned());
        assert_eq!(found, [one(), None, None, None, one()]);
        let sums: Vec<i64> = db
            .query(
                "SELECT key * 10 + CAST(value ->> 1 AS INTEGER) FROM json_each(?1) ORDER BY key",
                params!["[[0,5],[0,7]]"],
            )
            .await
            .unwrap();
        assert_eq!(sums, [5, 17]);
        for (text, is_valid) in [
            ("{", false),
            ("", false),
            ("\"\\u0000\"", true),
            ("[]", true),
        ] {
            let found: bool = db
                .query_one("SELECT json_valid(?1)", params![text])
                .await
                .unwrap();
            assert_eq!(found, is_valid, "{text}");
        }
    });
}

#[test]
fn texts_compare_byte_by_byte_and_like_knows_no_case() {
    block_on(async {
        let db = care().await;
        for id in ["a", "B", "_", "王", "aa", "A"] {
            add(&db, id).await.unwrap();
        }
        let sorted: Vec<String> = db
            .query(
                "SELECT aggregate FROM event_sequences ORDER BY aggregate",
                params![],
            )
            .await
            .unwrap();
        assert_eq!(sorted, ["A", "B", "_", "a", "aa", "王"]);
        let alike: i64 = db
            .query_one(
                "SELECT count(*) FROM event_sequences WHERE aggregate LIKE ?1 ESCAPE '\\' \
                 AND aggregate > ?2",
                params!["A%", "A"],
            )
            .await
            .unwrap();
        assert_eq!(alike, 2);
    });
}

#[test]
fn months_get_partitions_once() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        let (before_2010, january, february) = (1, 1_767_225_600_000, 1_769_904_000_000);
        for _ in 0..2 {
            db.ensure_partitions("readings", &[before_2010, january, february, february + 1])
                .await
                .unwrap();
        }
        if !Database::tests_use_postgres() {
            return;
        }
        let parts: Vec<String> = db
            .query(
                "SELECT relid::text FROM pg_partition_tree('readings') WHERE isleaf ORDER BY 1",
                params![],
            )
            .await
            .unwrap();
        assert_eq!(
            parts,
            ["readings_2026_01", "readings_2026_02", "readings_other"]
        );
    });
}
