//! What a component may do with a PostgreSQL server.

use serde_json::{Value, json};
use system_tests::{Application, Host, Postgres, eventually, probe};

/// A component that may use a server, on a host with this much more in its settings.
async fn host_with(postgres: &Postgres, settings: &str) -> Host {
    let more = format!(
        "allowed_outbound_hosts = [\"postgres://{}\", \"postgres://localhost:{}\"]",
        postgres.address(),
        postgres.address().rsplit(':').next().unwrap()
    );
    let application = Application::new(&probe("all", &more)).with("runtime-config.toml", settings);
    Host::start(&application, &[]).await
}

async fn host(postgres: &Postgres) -> Host {
    host_with(postgres, "").await
}

async fn ask(host: &Host, plan: &Value) -> Value {
    let answer = host.post("/all/probe/postgres", plan.to_string()).await;
    answer.expect(200).json()
}

/// Runs statements without parameters on one connection; their answers.
async fn run(host: &Host, postgres: &Postgres, statements: &[&str]) -> Value {
    let steps: Vec<_> = statements.iter().map(|sql| json!({ "sql": sql })).collect();
    ask(host, &json!({ "address": postgres.url(), "steps": steps })).await
}

/// Every kind of parameter with the type of the server that takes it, and how its
/// column is called.
fn kinds() -> Vec<(Value, &'static str, &'static str)> {
    let range = |lower: Value, upper: Value| json!([[lower, "inclusive"], [upper, "exclusive"]]);
    vec![
        (json!({ "boolean": true }), "bool", "Boolean"),
        (json!({ "int16": -32768 }), "int2", "Int16"),
        (json!({ "int32": i32::MIN }), "int4", "Int32"),
        (json!({ "int64": i64::MIN }), "int8", "Int64"),
        (json!({ "floating32": 0.5 }), "float4", "Floating32"),
        (json!({ "floating64": -1.25e300 }), "float8", "Floating64"),
        (json!({ "str": "甲 '乙'" }), "text", "Str"),
        (json!({ "str": "甲" }), "varchar", "Str"),
        (json!({ "binary": [0, 255, 39] }), "bytea", "Binary"),
        (json!({ "date": [-44, 3, 15] }), "date", "Date"),
        (json!({ "time": [23, 59, 59, 999_999_000] }), "time", "Time"),
        (
            json!({ "datetime": [2024, 2, 29, 12, 30, 1, 5_000] }),
            "timestamp",
            "Datetime",
        ),
        (
            json!({ "uuid": "0190f3a8-7b1c-7cde-8f00-123456789abc" }),
            "uuid",
            "Uuid",
        ),
        (
            json!({ "jsonb": "{\"a\": [1, null, \"甲\"]}" }),
            "jsonb",
            "Jsonb",
        ),
        (
            json!({ "decimal": "-123456789012345678901234567890.0000000001" }),
            "numeric",
            "Decimal",
        ),
        (json!({ "decimal": "0.00" }), "numeric", "Decimal"),
        (json!({ "decimal": "NaN" }), "numeric", "Decimal"),
        (
            json!({ "range-int32": range(json!(-1), json!(5)) }),
            "int4range",
            "RangeInt32",
        ),
        (
            json!({ "range-int64": [[i64::MIN, "inclusive"], null] }),
            "int8range",
            "RangeInt64",
        ),
        (
            json!({ "range-decimal": [["0.5", "exclusive"], ["1.50", "inclusive"]] }),
            "numrange",
            "RangeDecimal",
        ),
        (
            json!({ "array-int32": [1, null, -3] }),
            "int4[]",
            "ArrayInt32",
        ),
        (json!({ "array-int32": [] }), "int4[]", "ArrayInt32"),
        (
            json!({ "array-int64": [i64::MAX, null] }),
            "int8[]",
            "ArrayInt64",
        ),
        (
            json!({ "array-decimal": ["1.10", null] }),
            "numeric[]",
            "ArrayDecimal",
        ),
        (
            json!({ "array-str": ["甲", null, ""] }),
            "text[]",
            "ArrayStr",
        ),
        (
            json!({ "interval": [-1_000_001, 40, -14] }),
            "interval",
            "Interval",
        ),
    ]
}

#[tokio::test]
async fn values_of_every_kind_come_back_as_they_were_sent() {
    let postgres = Postgres::start().await;
    let host = host(&postgres).await;
    let select = |kinds: &[(Value, &str, &str)]| {
        let casts = kinds.iter().enumerate();
        let casts = casts.map(|(index, (_, ty, _))| format!("${}::{ty} AS c{index}", index + 1));
        format!("SELECT {}", casts.collect::<Vec<_>>().join(", "))
    };
    let kinds = kinds();
    let sent: Vec<_> = kinds.iter().map(|(value, ..)| value).collect();
    let nulls: Vec<_> = kinds.iter().map(|_| Value::Null).collect();
    let columns = kinds.iter().enumerate();
    let columns: Vec<_> = columns
        .map(|(index, (.., name))| json!([format!("c{index}"), format!("DbDataType::{name}")]))
        .collect();
    for sync in [false, true] {
        let plan = json!({ "address": postgres.url(), "sync": sync, "steps": [
            { "sql": select(&kinds), "parameters": sent },
            { "sql": select(&kinds), "parameters": nulls },
        ] });
        let seen = ask(&host, &plan).await;
        assert_eq!(seen[0]["columns"], json!(columns));
        assert_eq!(seen[0]["rows"], json!([sent]));
        assert_eq!(seen[1]["rows"], json!([nulls]));
    }
}

#[tokio::test]
async fn instants_become_utc_and_what_has_no_form_is_unsupported() {
    let postgres = Postgres::start().await;
    let host = host(&postgres).await;
    let plan = json!({ "address": postgres.url(), "steps": [
        { "sql": "SELECT $1::timestamptz", "parameters": [{ "timestamp": 86_401 }] },
        { "sql": "SELECT 'infinity'::date, 'empty'::int4range, '{{1},{2}}'::int4[], '{}'::json" },
        { "sql": "SELECT 1 AS one WHERE false" },
    ] });
    let seen = ask(&host, &plan).await;
    assert_eq!(
        seen[0]["rows"],
        json!([[{ "datetime": [1970, 1, 2, 0, 0, 1, 0] }]])
    );
    for value in seen[1]["rows"][0].as_array().unwrap() {
        assert!(value["unsupported"].is_array(), "{value}");
    }
    assert_eq!(seen[1]["columns"][3][1], "DbDataType::Other(\"json\")");
    assert_eq!(
        seen[2],
        json!({ "columns": [["one", "DbDataType::Int32"]], "rows": [] })
    );
}

#[tokio::test]
async fn servers_that_are_not_listed_are_refused_before_anything_is_sent() {
    let postgres = Postgres::start().await;
    let host = host(&postgres).await;
    let port = postgres.address().rsplit(':').next().unwrap().to_owned();
    for (address, text) in [
        (
            "postgres://me:secret@db.example/life".to_owned(),
            "address postgres://db.example:5432 is not permitted".to_owned(),
        ),
        (
            format!("host=localhost hostaddr=127.0.0.2 port={port} user=suoke"),
            format!("address postgres://127.0.0.2:{port} is not permitted"),
        ),
        (
            "host=/run/postgresql user=suoke".to_owned(),
            "Unix sockets are not supported on WebAssembly".to_owned(),
        ),
    ] {
        for root in [Value::Null, json!(certificate().0)] {
            let plan = json!({ "address": address, "ca_root": root, "steps": [] });
            let seen = ask(&host, &plan).await;
            assert_eq!(seen, json!({ "connection-failed": text }));
        }
    }
}

#[tokio::test]
async fn a_wildcard_does_not_lead_into_a_private_network() {
    let postgres = Postgres::start().await;
    let more = "allowed_outbound_hosts = [\"postgres://*:*\"]";
    let host = Host::start(&Application::new(&probe("all", more)), &[]).await;
    let seen = run(&host, &postgres, &["SELECT 1"]).await;
    let text = seen["connection-failed"].as_str().unwrap();
    assert!(text.contains("blocked network"), "{text}");
}

#[tokio::test]
async fn errors_of_the_server_come_with_their_code() {
    let postgres = Postgres::start().await;
    let host = host(&postgres).await;
    let plan = json!({ "address": postgres.url(), "steps": [
        { "sql": "SELEC 1" },
        { "sql": "CREATE TABLE t (a int8 PRIMARY KEY)", "execute": true },
        { "sql": "INSERT INTO t VALUES ($1)", "parameters": [{ "int64": 1 }], "execute": true },
        { "sql": "INSERT INTO t VALUES ($1)", "parameters": [{ "int64": 1 }], "execute": true },
        { "sql": "INSERT INTO t VALUES ($1)", "parameters": [{ "int32": 1 }], "execute": true },
        { "sql": "INSERT INTO t VALUES ($1)", "parameters": [], "execute": true },
        { "sql": "SELECT $1::uuid", "parameters": [{ "uuid": "x" }] },
        { "sql": "COPY t FROM STDIN" },
        { "sql": "SELECT 1; BEGIN" },
        { "sql": "SELECT a FROM t" },
    ] });
    let seen = ask(&host, &plan).await;
    assert_eq!(seen[0]["db-error"]["code"], "42601");
    assert_eq!(seen[1], 0);
    assert_eq!(seen[2], 1);
    let unique = &seen[3]["db-error"];
    assert_eq!(unique["code"], "23505");
    assert_eq!(unique["severity"], "ERROR");
    assert_eq!(unique["detail"], "Key (a)=(1) already exists.");
    let extras = unique["extras"].as_array().unwrap();
    assert!(
        extras.contains(&json!(["constraint", "t_pkey"])),
        "{unique}"
    );
    let text = |index: usize, kind: &str| seen[index][kind].as_str().unwrap().to_owned();
    assert!(
        text(4, "query-failed").contains("write the cast ::int4"),
        "{seen}"
    );
    assert!(
        text(5, "query-failed").contains("expected 1 parameters"),
        "{seen}"
    );
    assert_eq!(text(6, "bad-parameter"), "parameter 1: it is no UUID");
    assert!(text(7, "query-failed").contains("COPY"), "{seen}");
    assert_eq!(seen[8]["db-error"]["code"], "42601");
    assert_eq!(seen[9]["rows"], json!([[{ "int64": 1 }]]));
}

#[tokio::test]
async fn a_transaction_goes_over_several_statements() {
    let postgres = Postgres::start().await;
    let host = host(&postgres).await;
    postgres.sql("CREATE TABLE t (a int8)").await;
    let seen = run(
        &host,
        &postgres,
        &[
            "BEGIN",
            "INSERT INTO t VALUES (1)",
            "ROLLBACK",
            "BEGIN",
            "INSERT INTO t VALUES (2)",
            "COMMIT",
            "SELECT a FROM t",
        ],
    )
    .await;
    assert_eq!(seen[6]["rows"], json!([[{ "int64": 2 }]]));
}

#[tokio::test]
async fn what_a_guest_leaves_open_reaches_nobody_else() {
    let postgres = Postgres::start().await;
    // One connection: everybody gets the same.
    let host = host_with(&postgres, "[outbound_pg]\nmax_connections = 1").await;
    postgres.sql("CREATE TABLE t (a int8)").await;
    let left = [
        "SET search_path = nowhere",
        "CREATE TEMP TABLE mine (a int8)",
        "SELECT pg_advisory_lock(7)",
        "BEGIN",
        "INSERT INTO public.t VALUES (1)",
    ];
    for forget in [true, false] {
        let steps: Vec<_> = left.iter().map(|sql| json!({ "sql": sql })).collect();
        let plan = json!({ "address": postgres.url(), "steps": steps, "forget": forget });
        let seen = ask(&host, &plan).await;
        assert_eq!(seen.as_array().unwrap().len(), left.len(), "{seen}");
        assert!(!seen.to_string().contains("error"), "{seen}");
        let seen = run(
            &host,
            &postgres,
            &[
                "SELECT count(*) FROM t",
                "SHOW search_path",
                "SELECT to_regclass('mine') IS NULL",
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
                "SELECT pg_backend_pid()",
            ],
        )
        .await;
        assert_eq!(seen[0]["rows"], json!([[{ "int64": 0 }]]));
        assert_eq!(seen[1]["rows"], json!([[{ "str": "\"$user\", public" }]]));
        assert_eq!(seen[2]["rows"], json!([[{ "boolean": true }]]));
        assert_eq!(seen[3]["rows"], json!([[{ "int64": 0 }]]));
    }
    let event = |event: &str| format!("host_events_total{{source=\"postgres\",event=\"{event}\"}}");
    assert_eq!(host.metric(&event("transactions_left_open")).await, 2.0);
    assert_eq!(host.metric(&event("connections")).await, 1.0);
}

#[tokio::test]
async fn guests_at_the_same_time_have_connections_of_their_own() {
    let postgres = Postgres::start().await;
    let host = host(&postgres).await;
    postgres
        .sql("CREATE TABLE t (a int8 PRIMARY KEY, n int8); INSERT INTO t VALUES (1, 0)")
        .await;
    let statements = [
        "BEGIN",
        "SELECT n FROM t WHERE a = 1 FOR UPDATE",
        "UPDATE t SET n = n + 1 WHERE a = 1",
        "COMMIT",
    ];
    let calls = (0..40).map(|_| run(&host, &postgres, &statements));
    for seen in futures::future::join_all(calls).await {
        assert!(seen[3]["rows"].is_array(), "{seen}");
    }
    let rows = postgres.sql("SELECT n FROM t").await;
    assert_eq!(rows, [[Some("40".to_owned())]]);
}

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
    assert_eq!(
        seen[1]["query-failed"],
        "query result exceeds limit of 134217728 bytes"
    );
    assert_eq!(seen[0], seen[2]);
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

/// A certificate for `localhost` that vouches for itself, and its key.
fn certificate() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[tokio::test]
async fn encrypted_connections_need_a_certificate_that_is_trusted() {
    let (certificate, key) = certificate();
    let postgres = Postgres::start_encrypted(&certificate, &key).await;
    let host = host(&postgres).await;
    let encrypted = postgres
        .url()
        .replace("127.0.0.1", "localhost")
        .replace("sslmode=disable", "sslmode=require");
    let is_encrypted =
        json!([{ "sql": "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()" }]);
    let ask_with = async |root: Value| {
        let plan = json!({ "address": encrypted, "ca_root": root, "steps": is_encrypted });
        ask(&host, &plan).await
    };
    let seen = ask_with(json!(certificate)).await;
    assert_eq!(seen[0]["rows"], json!([[{ "boolean": true }]]));
    let seen = ask_with(Value::Null).await;
    let text = seen["connection-failed"].as_str().unwrap();
    assert!(text.contains("certificate"), "{text}");
    let seen = ask_with(json!("no certificate")).await;
    let text = seen["other"].as_str().unwrap();
    assert!(text.starts_with("invalid root certificate"), "{text}");
}
