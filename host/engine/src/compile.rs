//! The engine, its limits, and compiled code kept on disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::compose::{self, Layer, Parts, Plug};
use crate::error::LoadError;
use crate::function::{Function, FunctionParts};
use crate::interface::Interface;
use crate::state::State;

/// Guests in one instance that room is kept for: a function, what is plugged into
/// it or stands in front of it, and what denies those their capabilities. An
/// instance of more takes the room of another.
const GUESTS_PER_INSTANCE: u32 = 4;

/// Core instances, and tables, of one guest: its own and those that link it.
const CORES_PER_GUEST: u32 = 4;

/// How often a running guest is asked whether it may go on.
const EPOCH_TICK: Duration = Duration::from_millis(5);

/// How the engine is set up.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Folder of compiled code; `None` compiles at every start.
    pub cache_dir: Option<PathBuf>,
    /// Instances of all components alive at the same time.
    pub instances_max: u32,
    /// Whether memory for instances is reserved in advance.
    pub pooling: bool,
    /// Whether code carries what a debugger needs.
    pub debug_info: bool,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            cache_dir: None,
            instances_max: 1000,
            pooling: true,
            debug_info: false,
        }
    }
}

/// Compiles components and links them to the host's interfaces.
pub struct Engine {
    engine: wasmtime::Engine,
    linker: Linker<State>,
    interfaces: Vec<Arc<dyn Interface>>,
    cache_dir: Option<PathBuf>,
}

impl Engine {
    /// An engine that offers WASI 0.2 and 0.3 and the given interfaces.
    ///
    /// # Errors
    /// When the machine cannot run the engine or two interfaces clash.
    pub fn new(
        options: &EngineOptions,
        interfaces: Vec<Arc<dyn Interface>>,
    ) -> Result<Self, LoadError> {
        let broken = |error: wasmtime::Error| LoadError::Engine(format!("{error:#}"));
        let engine = make_engine(options).map_err(broken)?;
        let linker = make_linker(&engine, &interfaces).map_err(broken)?;
        tick_epochs(&engine);
        if let Some(folder) = &options.cache_dir {
            make_private(folder).map_err(|error| {
                LoadError::Engine(format!(
                    "cannot use the cache folder {}: {error}",
                    folder.display()
                ))
            })?;
        }
        Ok(Self {
            engine,
            linker,
            interfaces,
            cache_dir: options.cache_dir.clone(),
        })
    }

    /// Reads, composes, compiles and links one component.
    ///
    /// # Errors
    /// When the file is missing or corrupt, a dependency does not fit, an import
    /// is not offered, or an interface refuses what the component asks for.
    pub fn load(
        &self,
        component: &host_app::Component,
        parts: FunctionParts,
    ) -> Result<Function, LoadError> {
        let compiled = self.compiled(component)?;
        let pre =
            self.linker
                .instantiate_pre(&compiled)
                .map_err(|error| LoadError::Unlinkable {
                    component: component.id.clone(),
                    reason: format!("{error:#}"),
                })?;
        let grants = self
            .interfaces
            .iter()
            .map(|interface| interface.configure(component))
            .collect::<Result<_, _>>()
            .map_err(|reason| LoadError::Refused {
                component: component.id.clone(),
                reason,
            })?;
        Ok(Function::new(parts, pre, grants))
    }

    fn compiled(&self, component: &host_app::Component) -> Result<Component, LoadError> {
        let parts = read_parts(component)?;
        let Some(folder) = &self.cache_dir else {
            return self.compile(component, &compose::compose(component, parts)?);
        };
        let cached = folder.join(format!("{}.cwasm", cache_key(&self.engine, &parts)));
        if let Some(compiled) = self.read_cache(&cached) {
            return Ok(compiled);
        }
        let bytes = compose::compose(component, parts)?;
        let compiled = self.compile(component, &bytes)?;
        self.write_cache(&cached, &compiled);
        // Mapped from its file, code takes no more memory than what runs of it.
        Ok(self.read_cache(&cached).unwrap_or(compiled))
    }

    fn compile(
        &self,
        component: &host_app::Component,
        bytes: &[u8],
    ) -> Result<Component, LoadError> {
        Component::new(&self.engine, bytes).map_err(|error| LoadError::Corrupt {
            component: component.id.clone(),
            path: component.source.clone(),
            reason: format!("{error:#}"),
        })
    }

    #[expect(
        unsafe_code,
        reason = "the cache folder is private to this user and files appear in it whole, by rename"
    )]
    fn read_cache(&self, path: &Path) -> Option<Component> {
        if !path.exists() {
            return None;
        }
        // SAFETY: only this host writes into the folder, under a name that
        // depends on the input and on the compiler's version and settings.
        match unsafe { Component::deserialize_file(&self.engine, path) } {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "compiled code cannot be read; compiling again");
                None
            }
        }
    }

    /// Keeps compiled code for the next start; failing to is no failure.
    fn write_cache(&self, path: &Path, component: &Component) {
        // Two components of the same code may be written at the same time.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
        let written = component
            .serialize()
            .map_err(std::io::Error::other)
            .and_then(|code| fs::write(&temporary, code))
            .and_then(|()| fs::rename(&temporary, path));
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "compiled code cannot be kept");
        }
    }
}

/// Reads the files of a component and of everything it is composed with.
fn read_parts(component: &host_app::Component) -> Result<Parts<'_>, LoadError> {
    let plugs = component.dependencies.iter().map(|dependency| {
        Ok(Plug {
            dependency,
            bytes: read(component, &dependency.source)?,
        })
    });
    let layers = component.middleware.iter().map(|middleware| {
        Ok(Layer {
            middleware,
            bytes: read(component, &middleware.source)?,
        })
    });
    Ok(Parts {
        root: read(component, &component.source)?,
        plugs: plugs.collect::<Result<_, LoadError>>()?,
        layers: layers.collect::<Result<_, LoadError>>()?,
    })
}

fn read(component: &host_app::Component, path: &Path) -> Result<Vec<u8>, LoadError> {
    fs::read(path).map_err(|error| LoadError::Unreadable {
        component: component.id.clone(),
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// A name for compiled code that changes with everything it depends on.
fn cache_key(engine: &wasmtime::Engine, parts: &Parts<'_>) -> String {
    use std::hash::{Hash, Hasher};

    /// Feeds a hash into SHA-256, so that nothing of it is lost.
    struct Into256(Sha256);
    impl Hasher for Into256 {
        fn finish(&self) -> u64 {
            0
        }
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
    }

    let mut hasher = Into256(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    compose::version().hash(&mut hasher);
    parts.root.hash(&mut hasher);
    for plug in &parts.plugs {
        format!(
            "{:?}",
            (
                &plug.dependency.name,
                &plug.dependency.export,
                &plug.dependency.inherit
            )
        )
        .hash(&mut hasher);
        plug.bytes.hash(&mut hasher);
    }
    for layer in &parts.layers {
        format!("middleware {:?}", layer.middleware.inherit).hash(&mut hasher);
        layer.bytes.hash(&mut hasher);
    }
    let digest = hasher.0.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

fn make_engine(options: &EngineOptions) -> wasmtime::Result<wasmtime::Engine> {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.wasm_component_model_async(true);
    config.epoch_interruption(true);
    config.cranelift_opt_level(OptLevel::Speed);
    config.parallel_compilation(true);
    config.memory_init_cow(true);
    config.debug_info(options.debug_info);
    if !options.pooling {
        return wasmtime::Engine::new(&config);
    }
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool_config(options)));
    wasmtime::Engine::new(&config).or_else(|error| {
        tracing::warn!(error = %format!("{error:#}"), "memory for instances cannot be reserved; allocating on demand");
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        wasmtime::Engine::new(&config)
    })
}

fn pool_config(options: &EngineOptions) -> PoolingAllocationConfig {
    let instances = options.instances_max;
    let guests = instances.saturating_mul(GUESTS_PER_INSTANCE);
    let cores = guests.saturating_mul(CORES_PER_GUEST);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(cores)
        .total_memories(guests)
        .total_tables(cores)
        .total_stacks(guests.saturating_mul(2))
        .max_core_instances_per_component(200)
        .max_memories_per_component(32)
        .max_tables_per_component(64)
        .max_component_instance_size(10 << 20)
        .max_core_instance_size(10 << 20)
        .table_elements(100_000)
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(64 << 10)
        .async_stack_keep_resident(64 << 10);
    pool
}

fn make_linker(
    engine: &wasmtime::Engine,
    interfaces: &[Arc<dyn Interface>],
) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    for interface in interfaces {
        interface.link(&mut linker)?;
    }
    Ok(linker)
}

/// Moves the epoch on until the engine is dropped.
fn tick_epochs(engine: &wasmtime::Engine) {
    let engine = engine.weak();
    std::thread::Builder::new()
        .name("epoch".to_owned())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(EPOCH_TICK);
            }
        })
        .map_or_else(
            |error| tracing::error!(%error, "guests cannot be stopped when they run too long"),
            drop,
        );
}
