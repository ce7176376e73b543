//! Middleware takes a component's requests first, with the capabilities that it
//! inherits and no others.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use host_app::{Component, Inherit, Middleware, Template};
use host_engine::{EngineOptions, Interface, LoadError};
use host_interface_key_value::KeyValue;
use host_interface_postgres::{Postgres, PostgresOptions};
use host_interface_redis::{OutboundRedis, OutboundRedisOptions};
use host_interface_sqlite::Sqlite;
use host_interface_variables::Variables;
use host_testkit::{Loaded, send, serve, try_load, wasm};
use http::{Request, Response};
use serde_json::Value;

/// Everything that the guests import; there are no stores.
fn interfaces() -> Vec<Arc<dyn Interface>> {
    vec![
        Arc::new(KeyValue::new(BTreeMap::new())),
        Arc::new(Sqlite::new(BTreeMap::new())),
        Arc::new(Variables::new(Arc::new(|_: &str| None))),
        Arc::new(OutboundRedis::new(
            OutboundRedisOptions::default(),
            |_: &str| None,
        )),
        Arc::new(Postgres::new(PostgresOptions::default(), |_: &str| None)),
    ]
}

fn middleware(package: &str, inherit: Inherit) -> Middleware {
    Middleware {
        name: package.to_owned(),
        place: "spin.toml:9:28".to_owned(),
        source: wasm(package),
        inherit,
    }
}

fn pass() -> Middleware {
    middleware("guest-middleware-pass", Inherit::Nothing)
}

fn refuse() -> Middleware {
    middleware("guest-middleware-refuse", Inherit::Everything)
}

fn stamp() -> Middleware {
    middleware("guest-middleware-stamp", Inherit::Everything)
}

/// The probe behind these, the outermost first.
fn probe(middleware: Vec<Middleware>) -> Component {
    Component {
        id: "probe".to_owned(),
        source: wasm("guest-probe"),
        variables: BTreeMap::from([("stamp".to_owned(), Template::parse("seen").unwrap())]),
        middleware,
        ..Component::default()
    }
}

fn load(component: &Component) -> Result<Loaded, LoadError> {
    let options = EngineOptions {
        pooling: false,
        ..EngineOptions::default()
    };
    try_load(component, &options, interfaces())
}

async fn ask(
    middleware: Vec<Middleware>,
    action: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response<String> {
    let loaded = load(&probe(middleware)).unwrap();
    let mut request = Request::post(format!("http://host/probe/{action}?q=1"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(&serve(&loaded), request, body).await
}

/// The request as the component behind the middleware saw it.
async fn seen(middleware: Vec<Middleware>, headers: &[(&str, &str)]) -> Value {
    let answer = ask(middleware, "headers", headers, "").await;
    assert_eq!(answer.status(), 200, "{}", answer.body());
    serde_json::from_str(answer.body()).unwrap()
}

/// The values of a header in what the component saw.
fn values<'v>(seen: &'v Value, name: &str) -> Vec<&'v str> {
    let pairs = seen["headers"].as_array().unwrap().iter();
    pairs
        .filter(|pair| pair[0] == name)
        .map(|pair| pair[1].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_middleware_that_passes_changes_nothing() {
    let headers = [("x-custom", "1"), ("x-let-in", "yes")];
    let alone = seen(Vec::new(), &headers).await;
    assert_eq!(seen(vec![pass()], &headers).await, alone);
    assert_eq!(seen(vec![pass(), pass(), pass()], &headers).await, alone);
    assert_eq!(values(&alone, "spin-client-addr"), ["127.0.0.1:1"]);
    let answer = ask(vec![pass()], "status", &[], "").await;
    assert_eq!(answer.status(), 418);
}

#[tokio::test]
async fn a_middleware_changes_the_request_and_the_answer() {
    let alone = seen(Vec::new(), &[("x-custom", "1")]).await;
    let stamped = seen(vec![stamp()], &[("x-custom", "1")]).await;
    assert_eq!(values(&stamped, "x-stamp"), ["seen"]);
    assert_eq!(values(&stamped, "x-custom"), ["1"]);
    for what in ["method", "uri"] {
        assert_eq!(stamped[what], alone[what]);
    }
    let answer = ask(vec![stamp()], "status", &[], "").await;
    assert_eq!(answer.status(), 418);
    assert_eq!(answer.headers()["x-stamped"], "seen");
}

#[tokio::test]
async fn a_middleware_answers_in_place_of_the_component() {
    let refused = ask(vec![refuse()], "hello", &[], "").await;
    assert_eq!(
        (refused.status().as_u16(), refused.body().as_str()),
        (403, "")
    );
    let let_in = ask(vec![refuse()], "hello", &[("x-let-in", "yes")], "").await;
    assert_eq!(let_in.body(), "hello");
}

#[tokio::test]
async fn the_first_middleware_is_the_outermost() {
    let outside = ask(vec![stamp(), refuse()], "hello", &[], "").await;
    assert_eq!(outside.status(), 403);
    assert_eq!(outside.headers()["x-stamped"], "seen");
    let inside = ask(vec![refuse(), stamp()], "hello", &[], "").await;
    assert_eq!(inside.status(), 403);
    assert!(!inside.headers().contains_key("x-stamped"));
    let both = seen(vec![stamp(), pass(), stamp()], &[]).await;
    assert_eq!(values(&both, "x-stamp"), ["seen", "seen"]);
}

#[tokio::test]
async fn bodies_stream_through_middleware_that_changes_heads() {
    let sent = "0123456789".repeat(30_000);
    for middleware in [vec![pass()], vec![stamp()], vec![stamp(), pass(), stamp()]] {
        for action in ["pipe", "echo"] {
            let answer = ask(middleware.clone(), action, &[], &sent).await;
            assert_eq!(answer.status(), 200);
            assert!(*answer.body() == sent, "{action}: {middleware:?}");
        }
        let parts = ask(middleware, "stream", &[], "").await.into_body();
        assert_eq!(parts.lines().count(), 5);
    }
}

#[tokio::test]
async fn a_middleware_uses_only_what_it_inherits() {
    for (inherit, status) in [
        (Inherit::Everything, 200),
        (Inherit::Sets(vec!["variables".to_owned()]), 200),
        (Inherit::Nothing, 500),
        (Inherit::Sets(vec!["key_value_stores".to_owned()]), 500),
    ] {
        let stamp = middleware("guest-middleware-stamp", inherit.clone());
        let answer = ask(vec![stamp], "hello", &[], "").await;
        assert_eq!(answer.status(), status, "{inherit:?}");
    }
}

#[tokio::test]
async fn what_the_component_may_is_not_taken_from_it() {
    let pass = middleware("guest-middleware-pass", Inherit::Nothing);
    let loaded = load(&Component {
        variables: BTreeMap::from([("greeting".to_owned(), Template::parse("hi").unwrap())]),
        ..probe(vec![pass])
    })
    .unwrap();
    let request = Request::post("http://host/probe/variable");
    assert_eq!(send(&serve(&loaded), request, "").await.body(), "\"hi\"");
}

#[tokio::test]
async fn compiled_code_is_kept_apart_by_what_stands_in_front() {
    let folder = tempfile::tempdir().unwrap();
    let options = EngineOptions {
        cache_dir: Some(folder.path().to_owned()),
        pooling: false,
        ..EngineOptions::default()
    };
    let denied = middleware("guest-middleware-stamp", Inherit::Nothing);
    for _ in 0..2 {
        for (middleware, status) in [
            (vec![], 200),
            (vec![stamp()], 200),
            (vec![denied.clone()], 500),
            (vec![refuse()], 403),
            (vec![stamp(), refuse()], 403),
            (vec![refuse(), stamp()], 403),
        ] {
            let loaded = try_load(&probe(middleware), &options, interfaces()).unwrap();
            let request = Request::post("http://host/probe/hello");
            let answer = send(&serve(&loaded), request, "").await;
            assert_eq!(answer.status(), status);
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 6);
}

#[tokio::test]
async fn all_promised_instances_can_run_behind_middleware() {
    let options = EngineOptions {
        instances_max: 2,
        ..EngineOptions::default()
    };
    let loaded = try_load(&probe(vec![stamp(), pass()]), &options, interfaces()).unwrap();
    let app = serve(&loaded);
    let slow = || Request::post("http://host/probe/slow");
    let (one, two) = tokio::join!(send(&app, slow(), ""), send(&app, slow(), ""));
    assert_eq!(
        (one.body().as_str(), two.body().as_str()),
        ("\"done\"", "\"done\"")
    );
}

/// The reason why a component cannot be loaded.
fn refused(component: &Component) -> String {
    let error = load(component).err().unwrap().to_string();
    for word in ["\"probe\"", "spin.toml:9:28"] {
        assert!(error.contains(word), "{error}");
    }
    error
}

#[tokio::test]
async fn what_cannot_stand_in_front_is_refused_by_name_and_place() {
    for (package, missing) in [("guest-probe", "import"), ("guest-lib-reader", "import")] {
        let error = refused(&probe(vec![pass(), middleware(package, Inherit::Nothing)]));
        let reason = format!(
            "middleware {package:?}: it must import and export \"wasi:http/handler@0.3.0\", and has no such {missing}"
        );
        assert!(error.contains(&reason), "{error}");
    }
}

#[tokio::test]
async fn a_component_of_wasi_2_cannot_stand_behind() {
    let component = Component {
        source: wasm("guest-wasi2"),
        ..probe(vec![pass()])
    };
    let error = refused(&component);
    assert!(
        error.contains("the component behind it must export"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_no_component_is_refused_as_middleware() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.wasm");
    std::fs::write(&path, "nonsense").unwrap();
    let broken = |source: PathBuf| Middleware { source, ..pass() };
    let error = refused(&probe(vec![broken(path)]));
    assert!(error.contains("not a valid component"), "{error}");
    let missing = folder.path().join("missing.wasm");
    let error = load(&probe(vec![broken(missing)])).err().unwrap();
    assert!(error.to_string().contains("missing.wasm"), "{error}");
}
