//! Bounds, and servers, connections and statements that end before their time.

use serde_json::json;
use system_tests::{Application, Host, Postgres, eventually, probe};

use super::{ask, host, host_with, run};

#[tokio::test]
async fn a_server_that_comes_back_is_used_again() {
    let mut postgres = Postgres::start().await;
    let host = host(&postgres).await;
    assert!(run(&host, &postgres, &["SELECT 1"]).await[0]["rows"].is_array());
    postgres.kill();
    let seen = run(&host, &postgres, &["SELECT 1"]).await;
    let text = seen["connection-failed"].as_str().unwrap();
    assert!(text.contains("refused"), "{text}");
    assert!(!text.contains("of the tests"), "{text}");
    assert!(postgres.restart().await);
    let seen = run(&host, &postgres, &["SELECT 1"]).await;
    assert!(seen[0]["rows"].is_array(), "{seen}");
}

#[tokio::test]
async fn a_handle_whose_connection_was_lost_fails_until_the_next_call() {
    let postgres = Postgres::start().await;
    let host = host(&postgres).await;
    postgres.sql("CREATE TABLE t (a int8)").await;
    let seen = run(
        &host,
        &postgres,
        &[
            "BEGIN",
            "SELECT pg_terminate_backend(pg_backend_pid())",
            "INSERT INTO t VALUES (1)",
            "COMMIT",
        ],
    )
    .await;
    for index in [2, 3] {
        assert!(seen[index]["connection-failed"].is_string(), "{seen}");
    }
    let seen = run(&host, &postgres, &["SELECT count(*) FROM t"]).await;
    assert_eq!(seen[0]["rows"], json!([[{ "int64": 0 }]]));
}

#[tokio::test]
async fn a_result_that_is_too_large_is_refused_and_its_connection_goes_on() {
    let postgres = Postgres::start().await;
    let host = host(&postgres).await;
    let seen = run(
        &host,
        &postgres,
        &[
            "SELECT pg_backend_pid()",
            "SELECT repeat('x', 1048576) FROM generate_series(1, 100000)",
            "SELECT pg_backend_pid()",
        ],
    )
    .await;
    let too_large = "query result exceeds limit of 134217728 bytes";
    assert_eq!(seen[1]["query-failed"], too_large);
    assert_eq!(seen[0], seen[2]);
    // One value comes whole, and there is nothing left to stop.
    let seen = run(&host, &postgres, &["SELECT repeat('x', 150000000)"]).await;
    assert_eq!(seen[0]["query-failed"], too_large);
    let seen = run(&host, &postgres, &["SELECT 1"]).await;
    assert!(seen[0]["rows"].is_array(), "{seen}");
}

#[tokio::test]
async fn a_statement_whose_guest_is_gone_is_stopped() {
    let postgres = Postgres::start().await;
    let more = format!(
        "allowed_outbound_hosts = [\"postgres://{}\"]\n\
         [component.all.tool.suoke]\ndeadline_ms = 1000",
        postgres.address()
    );
    let host = Host::start(&Application::new(&probe("all", &more)), &[]).await;
    let plan = json!({ "address": postgres.url(), "steps": [{ "sql": "SELECT pg_sleep(3600)" }] });
    let answer = host.post("/all/probe/postgres", plan.to_string()).await;
    answer.expect(504);
    eventually("the statement is stopped", async || {
        let running = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(3600)' AND pid <> pg_backend_pid()";
        postgres.sql(running).await.is_empty().then_some(())
    })
    .await;
    let seen = run(&host, &postgres, &["SELECT 1"]).await;
    assert!(seen[0]["rows"].is_array(), "{seen}");
}

#[tokio::test]
async fn an_instance_gets_so_many_connections_and_they_come_back() {
    let postgres = Postgres::start().await;
    let host = host(&postgres).await;
    let plan = json!({ "address": postgres.url() }).to_string();
    for _ in 0..8 {
        let seen = host.post("/all/probe/postgres-many", plan.clone()).await;
        let seen = seen.expect(200).json();
        assert_eq!(seen["opened"], 16, "{seen}");
    }
}

#[tokio::test]
async fn who_gets_no_connection_in_time_is_told_so() {
    let postgres = Postgres::start().await;
    let none = host_with(&postgres, "[outbound_pg]\nmax_connections = 0").await;
    let seen = run(&none, &postgres, &["SELECT 1"]).await;
    let text = seen["connection-failed"].as_str().unwrap();
    assert!(text.starts_with("too many connections"), "{text}");
    let one = host_with(&postgres, "[outbound_pg]\nmax_connections = 1").await;
    let plan = json!({ "address": postgres.url() }).to_string();
    let seen = one.post("/all/probe/postgres-many", plan).await;
    let seen = seen.expect(200).json();
    assert_eq!(seen["opened"], 1);
    let text = seen["error"]["connection-failed"].as_str().unwrap();
    assert!(text.starts_with("too many connections"), "{text}");
}

#[tokio::test]
async fn an_unused_connection_makes_room_for_one_to_another_database() {
    let postgres = Postgres::start().await;
    let host = host_with(&postgres, "[outbound_pg]\nmax_connections = 1").await;
    for database in ["postgres", "template1", "postgres"] {
        let address = postgres
            .url()
            .replace("/postgres?", &format!("/{database}?"));
        let plan =
            json!({ "address": address, "steps": [{ "sql": "SELECT current_database()::text" }] });
        let seen = ask(&host, &plan).await;
        assert_eq!(seen[0]["rows"], json!([[{ "str": database }]]));
    }
}

#[tokio::test]
async fn statements_of_before_go_on_when_their_table_has_changed() {
    let postgres = Postgres::start().await;
    let host = host_with(&postgres, "[outbound_pg]\nmax_connections = 1").await;
    postgres
        .sql("CREATE TABLE t (a int8); INSERT INTO t VALUES (1)")
        .await;
    let select = ["SELECT * FROM t"];
    assert_eq!(
        run(&host, &postgres, &select).await[0]["rows"][0],
        json!([{ "int64": 1 }])
    );
    postgres.sql("ALTER TABLE t ADD b text").await;
    assert_eq!(
        run(&host, &postgres, &select).await[0]["rows"][0],
        json!([{ "int64": 1 }, null])
    );
    run(&host, &postgres, &["DEALLOCATE ALL"]).await;
    assert!(run(&host, &postgres, &select).await[0]["rows"].is_array());
}

#[tokio::test]
async fn a_plan_that_is_outdated_fails_one_transaction_and_no_more() {
    let postgres = Postgres::start().await;
    let host = host_with(&postgres, "[outbound_pg]\nmax_connections = 1").await;
    postgres.sql("CREATE TABLE t (a int8)").await;
    let select = ["BEGIN", "SELECT * FROM t", "COMMIT"];
    assert!(run(&host, &postgres, &select).await[1]["rows"].is_array());
    postgres.sql("ALTER TABLE t ADD b text").await;
    let seen = run(&host, &postgres, &select).await;
    assert_eq!(seen[1]["db-error"]["code"], "0A000", "{seen}");
    let seen = run(&host, &postgres, &select).await;
    assert_eq!(seen[1]["columns"][1][0], "b", "{seen}");
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_stopped_and_its_connection_goes_on() {
    let postgres = Postgres::start().await;
    let host = host_with(&postgres, "[outbound_pg]\nstatement_ms_max = 300").await;
    let slow = ["SELECT pg_sleep(3600)", "SELECT 1"];
    let seen = run(&host, &postgres, &slow).await;
    assert_eq!(
        seen[0]["query-failed"],
        "the statement was stopped after 300 ms"
    );
    assert!(seen[1]["rows"].is_array(), "{seen}");
}

#[tokio::test]
async fn what_succeeds_although_it_was_to_be_stopped_is_no_failure() {
    let postgres = Postgres::start().await;
    let host = host_with(&postgres, "[outbound_pg]\nstatement_ms_max = 300").await;
    postgres.sql("CREATE TABLE t (a int8)").await;
    let stubborn = "DO $$ BEGIN INSERT INTO t VALUES (1); BEGIN PERFORM pg_sleep(3600); \
         EXCEPTION WHEN query_canceled THEN NULL; END; END $$";
    let seen = run(&host, &postgres, &[stubborn, "SELECT 1"]).await;
    assert_eq!(seen[0]["rows"], json!([]), "{seen}");
    // Nobody knows whether the stop is still on its way.
    assert!(seen[1]["connection-failed"].is_string(), "{seen}");
    let seen = run(&host, &postgres, &["SELECT a FROM t"]).await;
    assert_eq!(seen[0]["rows"], json!([[{ "int64": 1 }]]));
}
