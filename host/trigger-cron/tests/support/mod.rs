//! Components of a test's own, written as text, and an engine that loads them.

use std::path::Path;
use std::sync::Arc;

use host_app::{Component, Limits};
use host_engine::{Engine, EngineOptions, Function, FunctionParts, Interface, OutputSink};
use host_telemetry::Metrics;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Makes a component from the text of a core module. `packages` are folders of
/// `wit/`; `wit` is what its own package holds: one world, and what that needs.
pub fn component(packages: &[&str], wit: &str, module: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let mut resolve = Resolve::default();
    for folder in packages {
        resolve.push_dir(root.join(folder)).unwrap();
    }
    let text = format!("package test:guest;\n{wit}");
    let package = resolve.push_str("guest.wit", &text).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let mut bytes = wat::parse_str(module).unwrap();
    embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8).unwrap();
    let encoder = ComponentEncoder::default().validate(true);
    encoder.module(&bytes).unwrap().encode().unwrap()
}

/// Keeps nothing of what a guest prints.
struct Silent;

impl OutputSink for Silent {
    fn line(&self, _component: &str, _stream: &'static str, _line: &str) {}
}

/// Loads a component into an engine of its own.
pub fn load(
    id: &str,
    bytes: &[u8],
    limits: Limits,
    interfaces: Vec<Arc<dyn Interface>>,
    metrics: &Metrics,
) -> Arc<Function> {
    let options = EngineOptions {
        pooling: false,
        ..EngineOptions::default()
    };
    let engine = Engine::new(&options, interfaces).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("component.wasm");
    std::fs::write(&source, bytes).unwrap();
    let component = Component {
        id: id.to_owned(),
        source,
        ..Component::default()
    };
    let parts = FunctionParts {
        id: id.into(),
        limits,
        environment: Vec::new(),
        mounts: Vec::new(),
        output: Arc::new(Silent),
        metrics: metrics.component(id),
    };
    Arc::new(engine.load(&component, parts).unwrap())
}
