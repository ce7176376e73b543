//! What a component may use.

use serde_json::json;
use system_tests::{Application, Host, probe, wasm};

#[tokio::test]
async fn a_component_sees_its_own_environment_and_nothing_of_the_hosts() {
    let application = Application::new(&probe("all", "environment = { A = \"1\" }"))
        .environment("SECRET_OF_THE_HOST", "x");
    let host = Host::start(&application, &["--env", "B=2"]).await;
    let seen = host.get("/all/probe/environment").await.expect(200).json();
    assert_eq!(seen, json!([["A", "1"], ["B", "2"]]));
}

#[tokio::test]
async fn a_component_reads_the_files_of_the_manifest() {
    let files = "files = [{ source = \"site\", destination = \"/\" }]";
    let application = Application::new(&probe("all", files)).with("site/hello.txt", "from a file");
    let host = Host::start(&application, &[]).await;
    assert_eq!(
        host.get("/all/probe/file").await.expect(200).json(),
        "from a file"
    );
    let without = Host::start(&Application::new(&probe("all", "")), &[]).await;
    without.get("/all/probe/file").await.expect(500);
}

#[tokio::test]
async fn a_key_value_store_keeps_what_is_put_into_it() {
    let application = Application::new(&probe("all", "key_value_stores = [\"default\"]"));
    let state = application.path("state");
    let arguments = ["--state-dir", state.to_str().unwrap()];
    for _ in 0..2 {
        let host = Host::start(&application, &arguments).await;
        let seen = host.get("/all/probe/key-value").await.expect(200).json();
        assert_eq!(
            seen,
            json!({ "a": [49], "deleted": null, "exists": true, "keys": ["b"] })
        );
        host.stop().await;
    }
}

#[tokio::test]
async fn a_store_that_the_manifest_does_not_name_is_denied() {
    let host = Host::start(&Application::new(&probe("all", "")), &[]).await;
    let error = host
        .get("/all/probe/key-value-denied")
        .await
        .expect(200)
        .text();
    assert!(error.contains("AccessDenied"), "{error}");
    host.get("/all/probe/key-value").await.expect(500);
    host.get("/all/probe/sqlite").await.expect(500);
}

#[tokio::test]
async fn sqlite_runs_transactions_and_explains_errors() {
    let application = Application::new(&probe("all", "sqlite_databases = [\"default\"]"));
    let host = Host::start(&application, &[]).await;
    let seen = host.get("/all/probe/sqlite").await.expect(200).json();
    assert_eq!(seen["texts"], json!(["甲", "乙"]));
    assert_eq!(seen["changes"], 2);
    assert!(
        seen["error"].as_str().unwrap().contains("no such table"),
        "{seen}"
    );
}

#[tokio::test]
async fn a_transaction_left_open_is_rolled_back_before_the_next_call() {
    let application = Application::new(&probe("all", "sqlite_databases = [\"default\"]"));
    let host = Host::start(&application, &[]).await;
    for _ in 0..5 {
        host.get("/all/probe/sqlite-open-transaction")
            .await
            .expect(200);
        let seen = host.get("/all/probe/sqlite").await.expect(200).json();
        assert_eq!(seen["texts"], json!(["甲", "乙"]));
    }
}

#[tokio::test]
async fn writers_of_one_database_take_turns() {
    let application = Application::new(&probe("all", "sqlite_databases = [\"default\"]"));
    let host = Host::start(&application, &[]).await;
    host.get("/all/probe/sqlite").await.expect(200);
    let calls = (0..40).map(|_| host.get("/all/probe/sqlite"));
    for answer in futures::future::join_all(calls).await {
        assert_eq!(answer.expect(200).json()["texts"], json!(["甲", "乙"]));
    }
}

#[tokio::test]
async fn a_component_sees_its_variables_and_no_others() {
    let component = "[component.all.variables]\ngreeting = \"{{ polite }} day\"";
    let variables = "[variables]\npolite = { default = \"bad\" }\nother = { default = \"x\" }\n";
    let manifest = format!("{variables}{}", probe("all", component));
    let ask = async |application: Application, arguments: &[&str]| {
        let host = Host::start(&application, arguments).await;
        let unknown = host.get("/all/probe/variable-unknown").await.expect(200);
        assert!(unknown.text().contains("Undefined"), "{}", unknown.text());
        host.get("/all/probe/variable").await.expect(200).json()
    };
    let application = || Application::new(&manifest);
    assert_eq!(ask(application(), &[]).await, "bad day");
    let good = application().environment("SPIN_VARIABLE_POLITE", "good");
    assert_eq!(ask(good, &[]).await, "good day");
    let both = application().environment("SPIN_VARIABLE_POLITE", "good");
    assert_eq!(ask(both, &["--variable", "polite=best"]).await, "best day");
    let from_file = application().with("value", "filed");
    let argument = format!("polite=@{}", from_file.path("value").display());
    assert_eq!(
        ask(from_file, &["--variable", &argument]).await,
        "filed day"
    );
}

#[tokio::test]
async fn redis_inside_the_process_needs_no_server() {
    let manifest = format!(
        "[application.tool.suoke]\nembedded_redis = \"redis://127.0.0.1:1\"\n{}",
        probe(
            "all",
            "allowed_outbound_hosts = [\"redis://127.0.0.1:1\"]\n\
             [component.all.variables]\nredis_url = \"redis://127.0.0.1:1\""
        )
    );
    let host = Host::start(&Application::new(&manifest), &[]).await;
    for _ in 0..2 {
        let seen = host.get("/all/probe/redis").await.expect(200).json();
        assert_eq!(seen, json!({ "value": b"value", "counted": true }));
    }
    let banner = "Embedded Redis: connections to redis://127.0.0.1:1 stay in this process";
    assert!(host.stdout().contains(banner), "{}", host.stdout());
}

#[tokio::test]
async fn a_real_redis_server_answers_a_component() {
    let redis = system_tests::Redis::start().await;
    let url = redis.url();
    let more = format!(
        "allowed_outbound_hosts = [\"{url}\"]\n[component.all.variables]\nredis_url = \"{url}\""
    );
    let host = Host::start(&Application::new(&probe("all", &more)), &[]).await;
    let seen = host.get("/all/probe/redis").await.expect(200).json();
    assert_eq!(seen, json!({ "value": b"value", "counted": true }));
}

#[tokio::test]
async fn what_a_component_prints_is_logged_under_its_name() {
    let application = Application::new(&probe("all", ""));
    let logs = application.path("logs");
    let host = Host::start(&application, &["--log-dir", logs.to_str().unwrap()]).await;
    host.get("/all/probe/output").await.expect(200);
    let line = host.logged("a line to standard output").await;
    assert_eq!(line["component"], "all");
    assert_eq!(line["stream"], "stdout");
    host.logged("a line to standard error").await;
    let kept = std::fs::read_to_string(logs.join("all_stdout.txt")).unwrap();
    assert_eq!(kept, "a line to standard output\n");
}

#[tokio::test]
async fn instances_are_reused_unless_the_manifest_says_otherwise() {
    let fresh = "[component.fresh.tool.suoke]\nreuse = { count_max = 1 }";
    let manifest = format!("{}{}", probe("warm", ""), probe("fresh", fresh));
    let host = Host::start(&Application::new(&manifest), &["--workers", "1"]).await;
    for call in 1..=5 {
        assert_eq!(host.get("/warm/probe/calls").await.expect(200).json(), call);
        assert_eq!(host.get("/fresh/probe/calls").await.expect(200).json(), 1);
    }
}

/// A component whose library reads its key-value store, if it may.
fn library_user(id: &str, inherit: &str) -> String {
    let (user, library) = (wasm("guest-lib-user"), wasm("guest-lib-reader"));
    format!(
        "[[trigger.http]]\nroute = \"/{id}\"\ncomponent = \"{id}\"\n\
         [component.{id}]\nsource = {user:?}\nkey_value_stores = [\"default\"]\n\
         [component.{id}.dependencies]\n\
         \"test:library/reader@1.2.0\" = {{ path = {library:?}, inherit_configuration = {inherit} }}\n"
    )
}

#[tokio::test]
async fn a_library_reads_the_store_of_its_user_where_the_manifest_lets_it_inherit() {
    let manifest = [
        library_user("everything", "true"),
        library_user("stores", "[\"key_value_stores\"]"),
        library_user("other", "[\"variables\"]"),
        library_user("nothing", "false"),
    ]
    .concat();
    let host = Host::start(&Application::new(&manifest), &[]).await;
    let mut answers = Vec::new();
    for id in ["everything", "stores", "other", "nothing"] {
        answers.push(host.get(&format!("/{id}")).await.status.as_u16());
    }
    assert_eq!(answers, [200, 200, 500, 500]);
}
