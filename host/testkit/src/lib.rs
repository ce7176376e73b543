//! Loads one small component for the tests of host crates.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use host_app::{App, Component, HttpRoute, HttpTarget, HttpTrigger, Trigger, TriggerSpec};
use host_engine::{
    Engine, EngineOptions, Function, FunctionParts, Interface, LoadError, OutputSink,
};
use host_interface_key_value::KeyValue;
use host_interface_postgres::{Postgres, PostgresOptions};
use host_interface_redis::{OutboundRedis, OutboundRedisOptions};
use host_interface_sqlite::Sqlite;
use host_interface_variables::Variables;
use host_telemetry::Metrics;
use host_trigger_http::{HttpApp, HttpFunction, Peer};
use http::{HeaderValue, Request};
use http_body_util::{BodyExt, Full};

/// The wasm file of a guest under `tests/guests`, or of a component.
///
/// # Panics
/// When it has not been built: `scripts/test` builds it first.
pub fn wasm(package: &str) -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let folder = std::env::var_os("SUOKE_WASM_DIR").map_or_else(
        || PathBuf::from(root).join("target/wasm32-wasip2/guest"),
        PathBuf::from,
    );
    let path = folder.join(format!("{}.wasm", package.replace('-', "_")));
    assert!(
        path.is_file(),
        "{} is missing: run scripts/build-components first",
        path.display()
    );
    path
}

/// Keeps the lines that components write.
#[derive(Default)]
pub struct Lines(pub Mutex<Vec<String>>);

impl OutputSink for Lines {
    fn line(&self, component: &str, stream: &'static str, line: &str) {
        let mut lines = self.0.lock().unwrap();
        lines.push(format!("{component} {stream}: {line}"));
    }
}

/// A component ready to run, and what can be observed of it.
pub struct Loaded {
    /// The component.
    pub function: Arc<Function>,
    /// What it wrote.
    pub output: Arc<Lines>,
    /// Its metrics.
    pub metrics: Metrics,
}

/// Loads a component with the given interfaces; no code cache.
///
/// # Panics
/// When the component cannot be loaded.
pub fn load(component: &Component, interfaces: Vec<Arc<dyn Interface>>) -> Loaded {
    try_load(component, &EngineOptions::default(), interfaces).unwrap()
}

/// Loads a component, which may fail.
///
/// # Errors
/// As [`Engine::new`] and [`Engine::load`].
pub fn try_load(
    component: &Component,
    options: &EngineOptions,
    interfaces: Vec<Arc<dyn Interface>>,
) -> Result<Loaded, LoadError> {
    let engine = Engine::new(options, interfaces)?;
    let (output, metrics) = (Arc::new(Lines::default()), Metrics::new());
    let parts = FunctionParts {
        id: component.id.as_str().into(),
        limits: component.limits.clone(),
        environment: component.environment.clone().into_iter().collect(),
        mounts: Vec::new(),
        output: output.clone(),
        metrics: metrics.component(&component.id),
    };
    let function = Arc::new(engine.load(component, parts)?);
    Ok(Loaded {
        function,
        output,
        metrics,
    })
}

/// The probe, the guest that does what a test asks for, answering requests.
pub struct Probe {
    /// The application whose only component it is.
    pub app: Arc<HttpApp>,
    /// What can be observed of it.
    pub loaded: Loaded,
}

impl Probe {
    /// Loads the probe as `component`, whose source does not matter. It needs
    /// more interfaces than a test does: those have nothing in them.
    ///
    /// # Panics
    /// When it cannot be loaded.
    pub fn new(component: Component, key_value: KeyValue, sqlite: Sqlite) -> Self {
        let interfaces: Vec<Arc<dyn Interface>> = vec![
            Arc::new(key_value),
            Arc::new(sqlite),
            Arc::new(Variables::new(Arc::new(|_: &str| None))),
            Arc::new(OutboundRedis::new(
                OutboundRedisOptions::default(),
                |_: &str| None,
            )),
            Arc::new(Postgres::new(PostgresOptions::default(), |_: &str| None)),
        ];
        let component = Component {
            id: "probe".to_owned(),
            source: wasm("guest-probe"),
            ..component
        };
        let loaded = load(&component, interfaces);
        Self {
            app: serve(&loaded),
            loaded,
        }
    }

    /// Sends a body to `/probe/<action>`; the status and the text of the answer.
    ///
    /// # Panics
    /// When the answer breaks off or is no text.
    pub async fn ask(&self, action: &str, body: &str) -> (u16, String) {
        let request = Request::post(format!("http://host/probe/{action}"));
        let answer = send(&self.app, request, body).await;
        (answer.status().as_u16(), answer.into_body())
    }
}

/// An application whose only component answers every request.
///
/// # Panics
/// When it answers none.
pub fn serve(loaded: &Loaded) -> Arc<HttpApp> {
    let id = loaded.function.id().to_string();
    let function = HttpFunction::new(loaded.function.clone()).unwrap();
    let app = App {
        triggers: vec![Trigger {
            id: id.clone(),
            spec: TriggerSpec::Http(HttpTrigger {
                target: HttpTarget::Component(id.clone()),
                route: HttpRoute::Pattern("/...".to_owned()),
            }),
        }],
        ..App::default()
    };
    let functions = HashMap::from([(id, Arc::new(function))]);
    Arc::new(HttpApp::new(&app, functions).unwrap())
}

/// Sends a request from outside; the answer with its whole body.
///
/// # Panics
/// When the request is none, or the answer breaks off or is no text.
pub async fn send(
    app: &HttpApp,
    request: http::request::Builder,
    body: &str,
) -> http::Response<String> {
    let body = Full::new(Bytes::from(body.to_owned()));
    let peer = Peer {
        address: Some(HeaderValue::from_static("127.0.0.1:1")),
        scheme: http::uri::Scheme::HTTP,
    };
    let answer = app.handle(request.body(body).unwrap(), &peer).await;
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    http::Response::from_parts(parts, String::from_utf8(body.to_vec()).unwrap())
}
