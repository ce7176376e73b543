//! Where a component may connect to, and how components call each other.

use serde_json::{Value, json};
use system_tests::{Application, Host, probe, whole};

/// Lets `component` ask for a URL; what it got, or its error.
async fn ask(host: &Host, component: &str, to: &str) -> Value {
    let path = format!("/{component}/probe/outbound");
    let request = host.request("GET", &path).header("x-to", to);
    host.send(request.body(whole("")).unwrap())
        .await
        .expect(200)
        .json()
}

fn probe_that_calls(id: &str, allowed: &[&str]) -> String {
    probe(id, &format!("allowed_outbound_hosts = {allowed:?}"))
}

#[tokio::test]
async fn components_call_each_other_without_leaving_the_process() {
    let manifest = [
        probe_that_calls("first", &["http://second.spin.internal"]),
        probe_that_calls("second", &["http://third.spin.internal"]),
        probe_that_calls("wildcard", &["http://*.spin.internal"]),
    ]
    .concat();
    let host = Host::start(&Application::new(&manifest), &[]).await;
    let greeting = json!({ "status": 200, "body": "hello" });
    for caller in ["first", "wildcard"] {
        let seen = ask(&host, caller, "http://second.spin.internal/probe/hello").await;
        assert_eq!(seen, greeting, "{caller}");
    }
    let headers = ask(
        &host,
        "first",
        "http://second.spin.internal/probe/headers?q=1",
    )
    .await;
    let headers: Value = serde_json::from_str(headers["body"].as_str().unwrap()).unwrap();
    let path_info = json!(["spin-path-info", "/probe/headers"]);
    assert!(
        headers["headers"].as_array().unwrap().contains(&path_info),
        "{headers}"
    );

    let denied = ask(&host, "first", "http://wildcard.spin.internal/probe/hello").await;
    assert!(
        denied["error"].as_str().unwrap().contains("Denied"),
        "{denied}"
    );
    let unknown = ask(&host, "wildcard", "http://nobody.spin.internal/").await;
    assert!(unknown["error"].is_string(), "{unknown}");
    let failing = ask(&host, "first", "http://second.spin.internal/probe/trap").await;
    assert!(failing["error"].is_string(), "{failing}");
}

#[tokio::test]
async fn a_private_component_answers_the_others() {
    let source = system_tests::wasm("guest-probe");
    let manifest = format!(
        "{}[component.hidden]\nsource = {source:?}\n\
         [[trigger.http]]\nroute = {{ private = true }}\ncomponent = \"hidden\"\n",
        probe_that_calls("caller", &["http://hidden.spin.internal"])
    );
    let host = Host::start(&Application::new(&manifest), &[]).await;
    let seen = ask(&host, "caller", "http://hidden.spin.internal/probe/hello").await;
    assert_eq!(seen, json!({ "status": 200, "body": "hello" }));
}

#[tokio::test]
async fn many_calls_between_components_run_at_once() {
    let manifest = [
        probe_that_calls("first", &["http://second.spin.internal"]),
        probe("second", ""),
    ]
    .concat();
    let host = Host::start(&Application::new(&manifest), &[]).await;
    let calls = (0..50).map(|_| ask(&host, "first", "http://second.spin.internal/probe/stream"));
    for seen in futures::future::join_all(calls).await {
        assert_eq!(seen["body"], "part 0\npart 1\npart 2\npart 3\npart 4\n");
    }
}

#[tokio::test]
async fn a_component_reaches_its_own_application_when_it_may() {
    let manifest = [
        probe_that_calls("allowed", &["http://self"]),
        probe_that_calls("denied", &[]),
    ]
    .concat();
    let host = Host::start(&Application::new(&manifest), &[]).await;
    let seen = ask(&host, "allowed", "http://self.alt/denied/probe/hello").await;
    assert_eq!(seen, json!({ "status": 200, "body": "hello" }));
    let seen = ask(&host, "denied", "http://self.alt/allowed/probe/hello").await;
    assert!(seen["error"].as_str().unwrap().contains("Denied"), "{seen}");
}

#[tokio::test]
async fn a_destination_that_is_not_allowed_is_denied_and_logged() {
    let manifest = probe_that_calls("all", &["http://127.0.0.1:1"]);
    let host = Host::start(&Application::new(&manifest), &[]).await;
    let to = format!("{}/health/live", host.admin());
    let seen = ask(&host, "all", &to).await;
    assert!(seen["error"].as_str().unwrap().contains("Denied"), "{seen}");
    let line = host.logged("outbound request denied").await;
    assert_eq!(line["component"], "all");
    let destination = line["destination"].as_str().unwrap();
    assert!(destination.starts_with("http://127.0.0.1:"), "{line}");
}

#[tokio::test]
async fn wildcards_do_not_lead_into_private_networks_but_names_do() {
    let manifest = [
        probe_that_calls("wildcard", &["http://*:*", "https://*:*"]),
        probe_that_calls("named", &["http://127.0.0.1:*", "http://localhost:*"]),
    ]
    .concat();
    let host = Host::start(&Application::new(&manifest), &[]).await;
    let port = host.admin().rsplit_once(':').unwrap().1.to_owned();
    for address in ["127.0.0.1", "localhost"] {
        let to = format!("http://{address}:{port}/health/live");
        let named = ask(&host, "named", &to).await;
        assert_eq!(named, json!({ "status": 200, "body": "alive\n" }), "{to}");
        let wildcard = ask(&host, "wildcard", &to).await;
        let error = wildcard["error"].as_str().unwrap();
        assert!(error.contains("Prohibited"), "{to}: {error}");
    }
    for address in [
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
    ] {
        let to = format!("http://{address}:{port}/health/live");
        let wildcard = ask(&host, "wildcard", &to).await;
        assert!(wildcard["error"].is_string(), "{to}: {wildcard}");
    }
}

#[tokio::test]
async fn blocked_networks_go_before_names() {
    let redis = system_tests::Redis::start().await;
    let url = redis.url();
    let more = format!(
        "allowed_outbound_hosts = [\"{url}\", \"http://127.0.0.1:*\"]\n\
         [component.all.variables]\nredis_url = \"{url}\""
    );
    let config = "[outbound_networking]\nblock_networks = [\"127.0.0.0/8\"]\n";
    let application = Application::new(&probe("all", &more)).with("runtime-config.toml", config);
    let host = Host::start(&application, &[]).await;
    let seen = ask(&host, "all", &format!("{}/health/live", host.admin())).await;
    let error = seen["error"].as_str().unwrap();
    assert!(error.contains("Prohibited"), "{error}");
    host.get("/all/probe/redis").await.expect(500);
    host.logged("cannot connect to a Redis server").await;
}
