//! What a component may do with a PostgreSQL server.

mod bounds;
mod tls;
mod values;

use serde_json::{Value, json};
use system_tests::{Application, Host, Postgres, probe};

/// Lets a component use a server by its address and by its name.
fn named_hosts(postgres: &Postgres) -> String {
    format!(
        "allowed_outbound_hosts = [\"postgres://{}\", \"postgres://localhost:{}\"]",
        postgres.address(),
        postgres.address().rsplit(':').next().unwrap()
    )
}

/// A component that may use a server, on a host with this much more in its settings.
async fn host_with(postgres: &Postgres, settings: &str) -> Host {
    let application = Application::new(&probe("all", &named_hosts(postgres)))
        .with("runtime-config.toml", settings);
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
