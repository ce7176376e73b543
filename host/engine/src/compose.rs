//! Plugs dependencies into the imports of a component.

use host_app::{Dependency, Inherit};
use wac_graph::types::{Package, are_semver_compatible};
use wac_graph::{CompositionGraph, EncodeOptions, NodeId, PackageId};
use wit_component::{ComponentEncoder, DecodedWasm, StringEncoding, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, WorldKey};

use crate::error::LoadError;

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

/// A dependency and the bytes of the component that provides it.
pub(crate) struct Plug<'a> {
    pub(crate) dependency: &'a Dependency,
    pub(crate) bytes: Vec<u8>,
}

/// Plugs every dependency into the imports of `root` it is meant for.
///
/// # Errors
/// Naming the dependency, when it matches no import, lacks the export, takes an
/// import that another dependency has, or is not a component.
pub(crate) fn compose(
    component: &str,
    root: Vec<u8>,
    plugs: &[Plug<'_>],
) -> Result<Vec<u8>, LoadError> {
    let mut composition = Composition::new(root).map_err(|reason| LoadError::Dependency {
        component: component.to_owned(),
        dependency: component.to_owned(),
        reason,
    })?;
    for plug in plugs {
        composition
            .plug(plug)
            .map_err(|reason| LoadError::Dependency {
                component: component.to_owned(),
                dependency: plug.dependency.name.clone(),
                reason,
            })?;
    }
    composition
        .encode()
        .map_err(|reason| LoadError::Dependency {
            component: component.to_owned(),
            dependency: component.to_owned(),
            reason,
        })
}

struct Composition {
    graph: CompositionGraph,
    root: PackageId,
    instance: NodeId,
    plugged: usize,
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
            plugged: 0,
        })
    }

    fn plug(&mut self, plug: &Plug<'_>) -> Result<(), String> {
        let dependency = plug.dependency;
        let imports = self.imports_for(&dependency.name);
        if imports.is_empty() {
            return Err("it matches no import of the component; name the package or interface as the component imports it".to_owned());
        }
        let bytes = deny(&plug.bytes, &dependency.inherit)?;
        let name = format!("suoke:dependency{}", self.plugged);
        self.plugged += 1;
        let package = register(&mut self.graph, &name, bytes)?;
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

    /// The imports of the root that a dependency of this name satisfies.
    fn imports_for(&self, name: &str) -> Vec<String> {
        let world = self.graph[self.root].ty();
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
        self.graph.types()[world]
            .imports
            .keys()
            .filter(|import| matches(import))
            .cloned()
            .collect()
    }

    fn exports(&self, package: PackageId) -> Vec<String> {
        let world = self.graph[package].ty();
        self.graph.types()[world].exports.keys().cloned().collect()
    }

    fn encode(mut self) -> Result<Vec<u8>, String> {
        for name in self.exports(self.root) {
            let export = self
                .graph
                .alias_instance_export(self.instance, &name)
                .map_err(|error| error.to_string())?;
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
