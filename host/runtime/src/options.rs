//! What the command line decides.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use host_app::Limits;
use host_engine::EngineOptions;
use host_trigger_http::HttpOptions;

use crate::files::FileOptions;
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
    /// How components get their files.
    pub files: FileOptions,
    /// Bounds for all components, over those of the manifest.
    pub bounds: Bounds,
    /// Keys and values set in the store `default` before the start.
    pub key_values: Vec<(String, String)>,
    /// Statements run before the start: the label of the database and the SQL.
    pub statements: Vec<(String, String)>,
}

/// Bounds that the command line puts on every component.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Linear memory of one instance; the manifest may set less.
    pub memory_bytes_max: Option<usize>,
    /// Wall time of one call; the manifest may set less.
    pub deadline_ms: Option<u64>,
    /// Calls one instance may serve.
    pub reuse_count_max: Option<u32>,
    /// How long an unused instance is kept.
    pub idle_ms_max: Option<u64>,
}

impl Bounds {
    pub(crate) fn apply(&self, limits: &mut Limits) {
        if let Some(bytes_max) = self.memory_bytes_max {
            limits.memory_bytes_max = limits.memory_bytes_max.min(bytes_max);
        }
        if let Some(deadline_ms) = self.deadline_ms {
            limits.deadline_ms = limits.deadline_ms.min(deadline_ms);
        }
        if let Some(count_max) = self.reuse_count_max {
            limits.reuse.count_max = count_max;
        }
        if let Some(idle_ms_max) = self.idle_ms_max {
            limits.reuse.idle_ms_max = idle_ms_max;
        }
    }
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
            files: FileOptions::default(),
            bounds: Bounds::default(),
            key_values: Vec::new(),
            statements: Vec::new(),
        }
    }
}
