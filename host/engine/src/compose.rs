//! Plugs dependencies into the imports of a component, and puts middleware in
//! front of it.

use host_app::{Component, Dependency, Inherit, Middleware};
use wac_graph::types::{Package, are_semver_compatible};
use wac_graph::{CompositionGraph, EncodeOptions, NodeId, PackageId};
use wit_component::{ComponentEncoder, DecodedWasm, StringEncoding, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, WorldKey};

use crate::error::LoadError;

/// What takes requests, and what a middleware passes them on to.
const HANDLER: &str = "wasi:http/handler@0.3.0";

/// The interfaces behind each capability that a dependency may inherit, by the
/// beginning of their names.
const CAPABILITIES: [(&str, &[&str]); 7] = [
    ("ai_models", &["fermyon:spin/llm"]),
    (
        "allowed_outbound_hosts",
        &[
            "fermyon:spin/http",
            "fermyon:spin/mysql",
            "fermyon:spin/mqtt",
            "fermyon:spin/postgres",
            "fermyon:spin/redis",
            "spin:mqtt/",
            "spin:mysql/",
            "spin:postgres/",
            "spin:redis/redis",
            "wasi:http/client",
            "wasi:http/outgoing-handler",
            "wasi:sockets/ip-name-lookup",
            "wasi:sockets/tcp",
            "wasi:sockets/udp",
        ],
    ),
    ("environment", &["wasi:cli/environment"]),
    ("files", &["wasi:filesystem/preopens"]),
    (
        "key_value_stores",
        &[
            "fermyon:spin/key-value",
            "spin:key-value/",
            "wasi:keyvalue/",
        ],
    ),
    ("sqlite_databases", &["fermyon:spin/sqlite", "spin:sqlite/"]),
    (
        "variables",
        &[
            "fermyon:spin/config",
            "fermyon:spin/variables",
            "spin:variables/",
            "wasi:config/",
        ],
    ),
];

/// How components are put together. Whoever changes what comes out of it for
/// the same parts counts it up: compiled code of before is then not taken.
const COMPOSITION: u32 = 1;

/// What changes whenever the same parts become another component.
pub(crate) fn version() -> String {
    format!("{COMPOSITION} {CAPABILITIES:?}")
}

/// A dependency and the bytes of the component that provides it.
pub(crate) struct Plug<'a> {
    pub(crate) dependency: &'a Dependency,
    pub(crate) bytes: Vec<u8>,
}

/// A middleware and the bytes of its component.
pub(crate) struct Layer<'a> {
    pub(crate) middleware: &'a Middleware,
    pub(crate) bytes: Vec<u8>,
}

/// Everything that becomes one component.
pub(crate) struct Parts<'a> {
    pub(crate) root: Vec<u8>,
    pub(crate) plugs: Vec<Plug<'a>>,
    /// The outermost first.
    pub(crate) layers: Vec<Layer<'a>>,
}

/// Plugs every dependency into the imports of the root it is meant for, and puts
/// the middleware in front of its handler of requests. Whatever else the root
/// exports stays.
///
/// # Errors
/// Naming the dependency, when it matches no import, lacks the export, takes an
/// import that another dependency has, or is not a component; naming the
/// middleware, when it or the root is no handler of requests.
pub(crate) fn compose(component: &Component, parts: Parts<'_>) -> Result<Vec<u8>, LoadError> {
    if parts.plugs.is_empty() && parts.layers.is_empty() {
        return Ok(parts.root);
    }
    let broken = |dependency: &str, reason| LoadError::Dependency {
        component: component.id.clone(),
        dependency: dependency.to_owned(),
        reason,
    };
    let mut composition =
        Composition::new(parts.root).map_err(|reason| broken(&component.id, reason))?;
    for plug in &parts.plugs {
        composition
            .plug(plug)
            .map_err(|reason| broken(&plug.dependency.name, reason))?;
    }
    // From the inside out.
    for layer in parts.layers.iter().rev() {
        composition
            .wrap(layer)
            .map_err(|reason| LoadError::Middleware {
                component: component.id.clone(),
                place: layer.middleware.place.clone(),
                middleware: layer.middleware.name.clone(),
                reason,
            })?;
    }
    composition
        .encode()
        .map_err(|reason| broken(&component.id, reason))
}

struct Composition {
    graph: CompositionGraph,
    root: PackageId,
    instance: NodeId,
    /// Parts beside the root.
    added: usize,
    /// The handler of the outermost middleware so far.
    handler: Option<NodeId>,
}

impl Composition {
    fn new(bytes: Vec<u8>) -> Result<Self, String> {
        let mut graph = CompositionGraph::new();
        let root = register(&mut graph, "suoke:root", bytes)?;
        let instance = graph.instantiate(root);
        Ok(Self {
            graph,
            root,
            instance,
            added: 0,
            handler: None,
        })
    }

    fn plug(&mut self, plug: &Plug<'_>) -> Result<(), String> {
        let dependency = plug.dependency;
        let imports = self.imports_for(&dependency.name);
        if imports.is_empty() {
            return Err("it matches no import of the component; name the package or interface as the component imports it".to_owned());
        }
        let bytes = deny(&plug.bytes, &dependency.inherit)?;
        let package = self.add(bytes)?;
        let instance = self.graph.instantiate(package);
        for import in imports {
            let wanted = dependency.export.as_deref().unwrap_or(&import);
            let export = self
                .exports(package)
                .into_iter()
                .find(|export| export == wanted || are_semver_compatible(export, wanted))
                .ok_or_else(|| {
                    format!("it doesn't export {wanted:?} to satisfy the import {import:?}")
                })?;
            let alias = self
                .graph
                .alias_instance_export(instance, &export)
                .map_err(|error| error.to_string())?;
            self.graph
                .set_instantiation_argument(self.instance, &import, alias)
                .map_err(|error| format!("it cannot satisfy the import {import:?}: {error}"))?;
        }
        Ok(())
    }

    /// Puts a middleware in front of what is there.
    fn wrap(&mut self, layer: &Layer<'_>) -> Result<(), String> {
        let inner = match self.handler {
            Some(handler) => handler,
            None => self.handler_of_root()?,
        };
        let package = self.add(deny(&layer.bytes, &layer.middleware.inherit)?)?;
        let import = find_handler(self.imports(package)).ok_or_else(|| not_both("import"))?;
        let export = find_handler(self.exports(package)).ok_or_else(|| not_both("export"))?;
        let instance = self.graph.instantiate(package);
        self.graph
            .set_instantiation_argument(instance, &import, inner)
            .map_err(|error| format!("it cannot pass requests on: {error}"))?;
        let outer = self
            .graph
            .alias_instance_export(instance, &export)
            .map_err(|error| error.to_string())?;
        self.handler = Some(outer);
        Ok(())
    }

    fn handler_of_root(&mut self) -> Result<NodeId, String> {
        let name = find_handler(self.exports(self.root)).ok_or_else(|| {
            format!(
                "the component behind it must export {HANDLER:?}, and does not; build it with spin-sdk 7 (`#[http_service]`), or remove the middleware: components of WASI 0.2 cannot have one"
            )
        })?;
        self.graph
            .alias_instance_export(self.instance, &name)
            .map_err(|error| error.to_string())
    }

    fn add(&mut self, bytes: Vec<u8>) -> Result<PackageId, String> {
        let name = format!("suoke:part{}", self.added);
        self.added += 1;
        register(&mut self.graph, &name, bytes)
    }

    /// The imports of the root that a dependency of this name satisfies.
    fn imports_for(&self, name: &str) -> Vec<String> {
        let matches = |import: &str| {
            let (package, version) = split_version(name);
            let (import_package, import_version) = split_version(import);
            let same_name = import_package == package
                || (!package.contains('/')
                    && import_package
                        .strip_prefix(package)
                        .is_some_and(|rest| rest.starts_with('/')));
            let same_version = match (version, import_version) {
                (Some(_), Some(import_version)) => {
                    version == Some(import_version)
                        || are_semver_compatible(name, &format!("{package}@{import_version}"))
                }
                _ => true,
            };
            same_name && same_version
        };
        let mut imports = self.imports(self.root);
        imports.retain(|import| matches(import));
        imports
    }

    fn imports(&self, package: PackageId) -> Vec<String> {
        let world = self.graph[package].ty();
        self.graph.types()[world].imports.keys().cloned().collect()
    }

    fn exports(&self, package: PackageId) -> Vec<String> {
        let world = self.graph[package].ty();
        self.graph.types()[world].exports.keys().cloned().collect()
    }

    fn encode(mut self) -> Result<Vec<u8>, String> {
        for name in self.exports(self.root) {
            let export = match self.handler {
                Some(handler) if is_handler(&name) => handler,
                _ => self
                    .graph
                    .alias_instance_export(self.instance, &name)
                    .map_err(|error| error.to_string())?,
            };
            self.graph
                .export(export, &name)
                .map_err(|error| error.to_string())?;
        }
        // The engine validates what it compiles, with its own parser.
        let options = EncodeOptions {
            validate: false,
            ..EncodeOptions::default()
        };
        self.graph
            .encode(options)
            .map_err(|error| format!("it cannot be composed: {error:#}"))
    }
}

fn is_handler(name: &str) -> bool {
    name == HANDLER || are_semver_compatible(name, HANDLER)
}

fn find_handler(names: Vec<String>) -> Option<String> {
    names.into_iter().find(|name| is_handler(name))
}

fn not_both(missing: &str) -> String {
    format!(
        "it must import and export {HANDLER:?}, and has no such {missing}; build it as the world \"wasi:http/middleware@0.3.0\", or remove it"
    )
}

fn register(graph: &mut CompositionGraph, name: &str, bytes: Vec<u8>) -> Result<PackageId, String> {
    let package = Package::from_bytes(name, None, bytes, graph.types_mut())
        .map_err(|error| format!("it is not a valid component: {error:#}"))?;
    graph
        .register_package(package)
        .map_err(|error| error.to_string())
}

fn split_version(name: &str) -> (&str, Option<&str>) {
    match name.split_once('@') {
        Some((name, version)) => (name, Some(version)),
        None => (name, None),
    }
}

/// Takes from a component the capabilities it does not inherit: a call to one of
/// them stops the guest.
fn deny(bytes: &[u8], inherit: &Inherit) -> Result<Vec<u8>, String> {
    if *inherit == Inherit::Everything {
        return Ok(bytes.to_vec());
    }
    let invalid = |error: anyhow::Error| format!("it is not a valid component: {error:#}");
    let DecodedWasm::Component(mut resolve, world) =
        wit_component::decode(bytes).map_err(invalid)?
    else {
        return Err("it is a WIT package, not a component".to_owned());
    };
    let imports = resolve.worlds.get(world).map(|world| &world.imports);
    let denied: Vec<String> = imports
        .into_iter()
        .flat_map(|imports| imports.keys())
        .filter_map(|key| match key {
            WorldKey::Interface(id) => resolve.id_of(*id),
            WorldKey::Name(_) => None,
        })
        .filter(|import| is_denied(import, inherit))
        .collect();
    if denied.is_empty() {
        return Ok(bytes.to_vec());
    }
    let wall = wall(&mut resolve, &denied)
        .map_err(|error| format!("its capabilities cannot be denied: {error:#}"))?;
    let mut graph = CompositionGraph::new();
    let wall = register(&mut graph, "suoke:wall", wall)?;
    let inner = register(&mut graph, "suoke:inner", bytes.to_vec())?;
    wac_graph::plug(&mut graph, vec![wall], inner)
        .map_err(|error| format!("its capabilities cannot be denied: {error:#}"))?;
    let options = EncodeOptions {
        validate: false,
        ..EncodeOptions::default()
    };
    graph
        .encode(options)
        .map_err(|error| format!("its capabilities cannot be denied: {error:#}"))
}

fn is_denied(import: &str, inherit: &Inherit) -> bool {
    CAPABILITIES.iter().any(|(set, prefixes)| {
        let inherited = match inherit {
            Inherit::Everything => true,
            Inherit::Nothing => false,
            Inherit::Sets(sets) => sets.iter().any(|name| name == set),
        };
        !inherited && prefixes.iter().any(|prefix| import.starts_with(prefix))
    })
}

/// A component that exports the denied interfaces, every function a trap.
fn wall(resolve: &mut Resolve, denied: &[String]) -> anyhow::Result<Vec<u8>> {
    let exports: String = denied
        .iter()
        .map(|interface| format!("  export {interface};\n"))
        .collect();
    let text = format!("package suoke:wall;\nworld wall {{\n{exports}}}\n");
    let package = resolve.push_str("wall.wit", &text)?;
    let world = resolve.select_world(&[package], Some("wall"))?;
    let mut module =
        wit_component::dummy_module(resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default()
        .module(&module)?
        .validate(true)
        .encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_changes_with_what_is_denied() {
        let version = version();
        for (set, prefixes) in CAPABILITIES {
            assert!(version.contains(set), "{set}");
            assert!(prefixes.iter().all(|prefix| version.contains(prefix)));
        }
    }
}
