//! Why an application does not start.

use std::net::SocketAddr;
use std::path::PathBuf;

use host_engine::LoadError;
use host_trigger_cron::CronError;
use host_trigger_http::{ListenError, RouteError};

/// What keeps an application from starting.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Variables without a value.
    #[error(
        "no value for the required variable(s) {}; set SPIN_VARIABLE_{} or pass --variable {}=VALUE",
        .0.join(", "),
        .0.first().map(|name| name.to_uppercase()).unwrap_or_default(),
        .0.first().cloned().unwrap_or_default()
    )]
    Variables(Vec<String>),
    /// A template that does not resolve.
    #[error("{what}: {reason}")]
    Template {
        /// Where it stands.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A variables provider that does not work.
    #[error("variables: {0}")]
    Provider(String),
    /// A secret of Vault that cannot be read.
    #[error("variable {variable:?}: cannot read {path} from Vault at {url}: {reason}")]
    Vault {
        /// The variable.
        variable: String,
        /// The mount, the prefix and the name.
        path: String,
        /// The server.
        url: String,
        /// Why not.
        reason: String,
    },
    /// A store that cannot be opened.
    #[error("{section} {label:?}: cannot open {place}: {reason}")]
    Store {
        /// The table of the runtime configuration.
        section: &'static str,
        /// The label.
        label: String,
        /// The file.
        place: String,
        /// Why not.
        reason: String,
    },
    /// The embedded Redis server cannot keep its keys.
    #[error("embedded_redis: cannot open {place}: {reason}")]
    EmbeddedRedis {
        /// Its file.
        place: String,
        /// Why not.
        reason: String,
    },
    /// A folder that cannot be used.
    #[error("cannot use the folder {path}: {reason}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        reason: std::io::Error,
    },
    /// A component's files that cannot be made ready.
    #[error("component {component:?}: its files cannot be made ready: {reason}")]
    Files {
        /// The component.
        component: String,
        /// Why not.
        reason: std::io::Error,
    },
    /// A statement of `--sqlite` or a value of `--key-value` that fails.
    #[error("{flag} {text:?}: {reason}")]
    Setup {
        /// The flag.
        flag: &'static str,
        /// Its value.
        text: String,
        /// Why not.
        reason: String,
    },
    /// A component that cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A route that cannot be served.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// A schedule that cannot be kept.
    #[error(transparent)]
    Cron(#[from] CronError),
    /// A server for leases that cannot be one.
    #[error("[cron] lease: it is not usable: {0}; write it as `redis://host:port`")]
    Lease(String),
    /// A log of firings that cannot be opened.
    #[error("cannot keep the log of scheduled firings in {place}: {reason}")]
    FiringLog {
        /// The file.
        place: String,
        /// Why not.
        reason: String,
    },
    /// A Redis trigger that cannot be started.
    #[error(transparent)]
    Redis(#[from] host_trigger_redis::RedisTriggerError),
    /// The socket for requests.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The socket for operators.
    #[error(
        "cannot listen on {address} for operators: {reason}; choose another address with --admin-listen"
    )]
    Admin {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        reason: std::io::Error,
    },
    /// A thread that loads components died.
    #[error("a component could not be loaded: {0}")]
    Loader(String),
}
