//! What the command line decides.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use host_engine::EngineOptions;
use host_trigger_http::HttpOptions;

use crate::output::Follow;

/// How a host runs, beside the application and its settings.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// How HTTP is served.
    pub http: HttpOptions,
    /// How components are compiled and run.
    pub engine: EngineOptions,
    /// Where operators ask for metrics and health.
    pub admin_listen: SocketAddr,
    /// Values of application variables that come before all others.
    pub variables: BTreeMap<String, String>,
    /// Folder of the default stores and of copied files.
    pub state_dir: Option<PathBuf>,
    /// Folder of the components' output.
    pub log_dir: Option<PathBuf>,
    /// Whether earlier output is thrown away.
    pub truncate_logs: bool,
    /// Which components' output is shown.
    pub follow: Follow,
    /// A bound on the memory of every instance, below the component's own.
    pub instance_memory_bytes_max: Option<usize>,
}

impl Default for HostOptions {
    fn default() -> Self {
        Self {
            http: HttpOptions::default(),
            engine: EngineOptions::default(),
            admin_listen: SocketAddr::from(([127, 0, 0, 1], 3001)),
            variables: BTreeMap::new(),
            state_dir: None,
            log_dir: None,
            truncate_logs: false,
            follow: Follow::default(),
            instance_memory_bytes_max: None,
        }
    }
}
