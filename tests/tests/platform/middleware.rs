//! Components that stand in front of others.

use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use system_tests::{Application, Host, channel, eventually, wasm, whole};

const STAMP: &str = "{ component = \"stamp\", inherit_configuration = true }";
const REFUSE: &str = "{ component = \"refuse\" }";

/// A trigger of a component with these elements in front.
fn trigger(id: &str, component: &str, route: &str, middleware: &str) -> String {
    format!(
        "[[trigger.http]]\nid = \"{id}\"\nroute = {route}\ncomponent = \"{component}\"\n\
         dependencies.middleware = [{middleware}]\n"
    )
}

/// The probe as a component, and `more` of its keys.
fn probe(id: &str, more: &str) -> String {
    let source = wasm("guest-probe");
    format!("[component.{id}]\nsource = {source:?}\nvariables = {{ stamp = \"{id}\" }}\n{more}\n")
}

/// The middleware, as components of the application.
fn middleware() -> String {
    let component = |name: &str| {
        let source = wasm(&format!("guest-middleware-{name}"));
        format!("[component.{name}]\nsource = {source:?}\n")
    };
    ["pass", "stamp", "refuse"].map(component).concat()
}

async fn start(parts: &[String]) -> Host {
    let manifest = format!("{}{}", parts.concat(), middleware());
    Host::start(&Application::new(&manifest), &[]).await
}

/// The values of a header that the component received.
fn values<'a>(seen: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = seen["headers"].as_array().unwrap().iter();
    let of_name = headers.filter(|header| header[0] == name);
    of_name.map(|header| header[1].as_str().unwrap()).collect()
}

#[tokio::test]
async fn requests_pass_the_middleware_of_their_trigger_from_the_outside_in() {
    let host = start(&[
        trigger("open", "shop", "\"/open/...\"", STAMP),
        trigger(
            "closed",
            "shop",
            "\"/closed/...\"",
            &format!("{STAMP}, {REFUSE}"),
        ),
        trigger("bare", "shop", "\"/bare/...\"", ""),
        probe("shop", ""),
    ])
    .await;
    let open = host.get("/open/probe/headers").await.expect(200);
    assert_eq!(open.header("x-stamped"), "shop");
    assert_eq!(values(&open.json(), "x-stamp"), ["shop"]);
    let closed = host.get("/closed/probe/headers").await.expect(403);
    assert_eq!(closed.header("x-stamped"), "shop");
    let bare = host.get("/bare/probe/headers").await.expect(200);
    assert_eq!(bare.header("x-stamped"), "");
    assert!(values(&bare.json(), "x-stamp").is_empty());
}

#[tokio::test]
async fn operators_see_the_component_and_not_what_stands_in_front() {
    let host = start(&[
        trigger("open", "shop", "\"/open/...\"", STAMP),
        trigger("closed", "shop", "\"/closed/...\"", REFUSE),
        probe("shop", ""),
    ])
    .await;
    host.get("/open/probe/hello").await.expect(200);
    host.get("/closed/probe/hello").await.expect(403);
    let seen = host.ask_admin("/components").await.expect(200).json();
    let components = seen["components"].as_array().unwrap();
    assert_eq!(components.len(), 1, "{seen}");
    assert_eq!(components[0]["id"], "shop");
    let triggers = json!(["http /open/...", "http /closed/..."]);
    assert_eq!(components[0]["triggers"], triggers);
    for status in ["2xx", "4xx"] {
        let series = format!(
            "http_request_duration_seconds_count{{component=\"shop\",status=\"{status}\"}}"
        );
        eventually("the request is counted", async || {
            (host.metric(&series).await == 1.0).then_some(())
        })
        .await;
    }
    let metrics = host.ask_admin("/metrics").await.expect(200);
    let metrics = metrics.text();
    assert!(!metrics.contains("shop-for-"), "{metrics}");
}

#[tokio::test]
async fn bodies_stream_through_middleware_in_both_directions() {
    let chain = format!("{STAMP}, {{ component = \"pass\" }}, {STAMP}");
    let host = start(&[
        trigger("all", "shop", "\"/...\"", &chain),
        probe("shop", ""),
    ])
    .await;
    let (mut sender, body) = channel();
    let request = host.request("POST", "/probe/pipe").body(body).unwrap();
    sender.send_data(Bytes::from("first")).await.unwrap();
    let mut response = host.client().open(request).await;
    assert_eq!(response.headers()["x-stamped"], "shop");
    for part in ["first", "second"] {
        if part == "second" {
            sender.send_data(Bytes::from(part)).await.unwrap();
        }
        let frame = response.body_mut().frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), part);
    }
    drop(sender);
    assert!(response.body_mut().frame().await.is_none());
    let sent: Vec<u8> = (0..8_000_000u32).map(|n| (n % 251) as u8).collect();
    let answer = host.post("/probe/echo", sent.clone()).await.expect(200);
    assert!(answer.body == sent, "{} bytes came back", answer.body.len());
}

#[tokio::test]
async fn a_call_from_another_component_has_the_address_of_nobody() {
    let hosts = "allowed_outbound_hosts = [\"http://shop.spin.internal\"]";
    let host = start(&[
        trigger("shop", "shop", "\"/shop/...\"", REFUSE),
        trigger("caller", "caller", "\"/caller/...\"", ""),
        probe("shop", ""),
        probe("caller", hosts),
    ])
    .await;
    // The middleware refuses whoever has an address of their own.
    host.get("/shop/probe/hello").await.expect(403);
    let forged = host
        .request("GET", "/shop/probe/hello")
        .header("spin-client-addr", "0.0.0.0:0")
        .body(whole(""));
    host.send(forged.unwrap()).await.expect(403);
    let request = host
        .request("GET", "/caller/probe/outbound")
        .header("x-to", "http://shop.spin.internal/probe/headers");
    let answer = host.send(request.body(whole("")).unwrap()).await;
    let answer = answer.expect(200).json();
    assert_eq!(answer["status"], 200, "{answer}");
    let seen: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(values(&seen, "spin-client-addr"), ["0.0.0.0:0"]);
    assert_eq!(values(&seen, "spin-path-info"), ["/probe/headers"]);
}

#[tokio::test]
async fn a_private_trigger_lets_other_components_past_the_middleware() {
    let hosts = "allowed_outbound_hosts = [\"http://shop.spin.internal\"]";
    let host = start(&[
        trigger("public", "shop", "\"/shop/...\"", STAMP),
        trigger("private", "shop", "{ private = true }", ""),
        trigger("caller", "caller", "\"/caller/...\"", ""),
        probe("shop", ""),
        probe("caller", hosts),
    ])
    .await;
    let public = host.get("/shop/probe/headers").await.expect(200);
    assert_eq!(values(&public.json(), "x-stamp"), ["shop"]);
    let request = host
        .request("GET", "/caller/probe/outbound")
        .header("x-to", "http://shop.spin.internal/probe/headers");
    let answer = host.send(request.body(whole("")).unwrap()).await;
    let answer = answer.expect(200).json();
    let seen: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert!(values(&seen, "x-stamp").is_empty(), "{seen}");
}

#[tokio::test]
async fn what_a_middleware_does_not_inherit_stops_the_call() {
    let host = start(&[
        trigger("denied", "shop", "\"/...\"", "{ component = \"stamp\" }"),
        probe("shop", ""),
    ])
    .await;
    host.get("/probe/hello").await.expect(500);
    let logged = host.logged("component failed").await;
    assert_eq!(logged["component"], "shop");
    assert_eq!(logged["kind"], "trap");
}

#[tokio::test]
async fn what_is_no_middleware_is_named_with_its_place() {
    let manifest = format!(
        "{}{}{}",
        trigger("all", "shop", "\"/...\"", "{ component = \"other\" }"),
        probe("shop", ""),
        format_args!("[component.other]\nsource = {:?}\n", wasm("guest-probe")),
    );
    let failed = Host::fails(&Application::new(&manifest), &[]).await;
    failed.says(&[
        "component \"shop\"",
        "spin.toml:9:28",
        "middleware \"other\"",
        "it must import and export \"wasi:http/handler@0.3.0\"",
    ]);
}
