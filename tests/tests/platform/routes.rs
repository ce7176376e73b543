//! Which component answers, and what it is told of the request.

use serde_json::{Value, json};
use system_tests::{Application, Host, probe, wasm, whole};

/// A component that is reached through several routes.
async fn host() -> Host {
    let source = wasm("guest-probe");
    let mut manifest = format!("[component.probe]\nsource = {source:?}\n");
    for route in [
        "/exact/probe/headers",
        "/users/me/probe/headers",
        "/users/:user_id/probe/headers",
        "/users/...",
        "/base/:segment/...",
    ] {
        manifest += &format!("[[trigger.http]]\nroute = \"{route}\"\ncomponent = \"probe\"\n");
    }
    manifest += &format!(
        "[component.hidden]\nsource = {source:?}\n\
         [[trigger.http]]\nroute = {{ private = true }}\ncomponent = \"hidden\"\n"
    );
    manifest += r#"
        [[trigger.http]]
        route = "/fixed"
        static_response = { status_code = 203, headers = { x-fixed = "yes" }, body = "always the same" }
        [[trigger.http]]
        route = "/gone"
        static_response = { status_code = 410 }
    "#;
    Host::start(&Application::new(&manifest), &[]).await
}

/// The values of a header that the component received.
fn values<'a>(seen: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = seen["headers"].as_array().unwrap().iter();
    let of_name = headers.filter(|header| header[0] == name);
    of_name.map(|header| header[1].as_str().unwrap()).collect()
}

#[tokio::test]
async fn exact_routes_come_before_parameters_before_wildcards() {
    let host = host().await;
    for (path, route) in [
        ("/exact/probe/headers", "/exact/probe/headers"),
        ("/exact/probe/headers?q", "/exact/probe/headers"),
        ("/users/me/probe/headers", "/users/me/probe/headers"),
        ("/users/7/probe/headers", "/users/:user_id/probe/headers"),
        ("/users/7/8/probe/headers", "/users/..."),
        ("/base/a/b/probe/headers", "/base/:segment/..."),
    ] {
        let seen = host.get(path).await.expect(200).json();
        assert_eq!(values(&seen, "spin-matched-route"), [route], "{path}");
    }
}

#[tokio::test]
async fn each_spin_header_comes_once_and_from_the_host() {
    let host = host().await;
    let request = host
        .request("GET", "/base/x/y/probe/headers?q=1")
        .header("spin-client-addr", "6.6.6.6:6")
        .header("spin-path-match-segment", "forged")
        .header("spin-invented", "forged")
        .header("x-own", "kept");
    let answer = host.send(request.body(whole("")).unwrap()).await;
    let seen = answer.expect(200).json();
    let address = host.address();
    for (name, value) in [
        (
            "spin-full-url",
            format!("http://{address}/base/x/y/probe/headers?q=1"),
        ),
        ("spin-path-info", "/y/probe/headers".to_owned()),
        ("spin-matched-route", "/base/:segment/...".to_owned()),
        ("spin-raw-component-route", "/base/:segment/...".to_owned()),
        ("spin-component-route", "/base/:segment".to_owned()),
        ("spin-base-path", "/".to_owned()),
        ("spin-path-match-segment", "x".to_owned()),
        ("x-own", "kept".to_owned()),
    ] {
        assert_eq!(values(&seen, name), [value], "{name}");
    }
    let client = values(&seen, "spin-client-addr");
    assert_eq!(client.len(), 1);
    assert!(client[0].starts_with("127.0.0.1:"), "{client:?}");
    let headers = seen["headers"].as_array().unwrap();
    let spin = headers
        .iter()
        .filter(|header| header[0].as_str().unwrap().starts_with("spin-"));
    assert_eq!(spin.count(), 8);
    assert_eq!(seen["method"], "GET");
}

#[tokio::test]
async fn a_parameter_with_an_underscore_becomes_a_header_with_a_hyphen() {
    let host = host().await;
    let seen = host.get("/users/7/probe/headers").await.expect(200).json();
    assert_eq!(values(&seen, "spin-path-match-user-id"), ["7"]);
}

#[tokio::test]
async fn a_static_response_is_what_the_manifest_says() {
    let host = host().await;
    let fixed = host.get("/fixed").await.expect(203);
    assert_eq!(fixed.text(), "always the same");
    assert_eq!(fixed.header("x-fixed"), "yes");
    assert!(host.get("/gone").await.expect(410).body.is_empty());
}

#[tokio::test]
async fn a_private_component_has_no_route() {
    let host = host().await;
    for path in ["/hidden/probe/hello", "/hidden", "/probe/hello"] {
        assert!(host.get(path).await.expect(404).body.is_empty(), "{path}");
    }
    assert!(!host.stdout().contains("hidden"), "{}", host.stdout());
}

#[tokio::test]
async fn health_and_info_are_answered_by_the_host() {
    let host = Host::start(&Application::new(&probe("all", "")), &[]).await;
    assert_eq!(
        host.get("/.well-known/spin/health")
            .await
            .expect(200)
            .text(),
        "OK"
    );
    let info = host.get("/.well-known/spin/info").await.expect(200);
    assert_eq!(info.json(), json!({ "name": "tested", "version": "1.2.3" }));
    assert_eq!(info.header("content-type"), "application/json");
    let other = host.get("/.well-known/spin/other").await.expect(404);
    assert!(other.body.is_empty());
}

#[tokio::test]
async fn every_route_is_printed_at_the_start() {
    let host = host().await;
    let (stdout, url) = (host.stdout(), host.url());
    assert!(
        stdout.starts_with(&format!("Serving {url}\nAvailable Routes:\n")),
        "{stdout}"
    );
    for line in [
        format!("  probe: {url}/exact/probe/headers"),
        format!("  probe: {url}/users (wildcard)"),
    ] {
        assert!(
            stdout.lines().any(|printed| printed == line),
            "{line:?}: {stdout}"
        );
    }
}

#[tokio::test]
async fn errors_of_the_host_are_empty_or_problem_details() {
    let manifest = probe("all", "");
    let empty = Host::start(&Application::new(&manifest), &[]).await;
    let options = "[application.tool.suoke]\nproblem_details = true\n";
    let problems = Application::new(&format!("{options}{manifest}"));
    let problems = Host::start(&problems, &[]).await;
    for (method, path, status, code) in [
        ("GET", "/nowhere", 404, "no_route"),
        ("TRACE", "/all/probe/hello", 405, "method_not_allowed"),
        ("GET", "/all/probe/trap", 500, "trap"),
    ] {
        let ask = async |host: &Host| {
            let request = host.request(method, path).body(whole("")).unwrap();
            host.send(request).await.expect(status)
        };
        assert!(ask(&empty).await.body.is_empty(), "{path}");
        let problem = ask(&problems).await;
        assert_eq!(problem.header("content-type"), "application/problem+json");
        assert_eq!(problem.json()["status"], status);
        assert_eq!(problem.json()["code"], code);
        assert_eq!(problem.header("allow").is_empty(), status != 405);
    }
}
