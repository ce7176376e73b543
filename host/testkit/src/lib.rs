//! Loads one small component for the tests of host crates.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use host_app::Component;
use host_engine::{Engine, EngineOptions, Function, FunctionParts, Interface, OutputSink};
use host_telemetry::Metrics;

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
    let engine = Engine::new(&EngineOptions::default(), interfaces).unwrap();
    let (output, metrics) = (Arc::new(Lines::default()), Metrics::new());
    let parts = FunctionParts {
        id: component.id.as_str().into(),
        limits: component.limits.clone(),
        environment: component.environment.clone().into_iter().collect(),
        mounts: Vec::new(),
        output: output.clone(),
        metrics: metrics.component(&component.id),
    };
    let function = Arc::new(engine.load(component, parts).unwrap());
    Loaded {
        function,
        output,
        metrics,
    }
}
