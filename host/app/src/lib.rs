//! The application as the host sees it: checked, immutable, without any I/O.
//!
//! `host-manifest` makes an [`App`] from `spin.toml`; everything that serves
//! requests reads it. Nothing here opens a file or a socket.

mod cron;
mod failure;
mod hosts;
mod limits;
mod networks;
mod template;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use cron::{CronPolicy, Missed, Overlap};
pub use failure::{Failure, FailureKind};
pub use hosts::{AllowedHosts, HostsError};
pub use limits::{InstanceReuse, Limits};
pub use networks::{Blocked, Networks, OutboundNetworks};
pub use template::{Template, TemplateError, is_variable_name};

/// A validated application.
#[derive(Clone, Debug, Default)]
pub struct App {
    /// `application.name`.
    pub name: String,
    /// `application.version`; empty when not given.
    pub version: String,
    /// `application.description`; empty when not given.
    pub description: String,
    /// The folder of the manifest: relative paths start here.
    pub root: PathBuf,
    /// `[application.tool.suoke]`.
    pub options: AppOptions,
    /// Application variables by name.
    pub variables: BTreeMap<String, Variable>,
    /// Components by id. One that triggers want different middleware before is
    /// here for each: under its own id, and as `COMPONENT-for-TRIGGER`.
    pub components: BTreeMap<String, Component>,
    /// What starts the components, in the order of the manifest.
    pub triggers: Vec<Trigger>,
}

/// Host-only settings of the application, from `[application.tool.suoke]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppOptions {
    /// The Redis address that is served inside the process.
    pub embedded_redis: Option<String>,
    /// Memory of its keys and values; `None` for the host's default.
    pub embedded_redis_memory_bytes_max: Option<usize>,
    /// Whether errors made by the host carry an `application/problem+json` body.
    pub problem_details: bool,
}

/// An application variable: `[variables]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variable {
    /// What the variable is for.
    pub description: Option<String>,
    /// The value when no provider gives one; `None` means required.
    pub default: Option<String>,
    /// Whether the value must never be shown.
    pub secret: bool,
}

/// What starts a component.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// `id`, or the name derived from the component.
    pub id: String,
    /// The kind of trigger and its own settings.
    pub spec: TriggerSpec,
}

/// The settings of one trigger.
#[derive(Clone, Debug)]
pub enum TriggerSpec {
    /// `[[trigger.http]]`
    Http(HttpTrigger),
    /// `[[trigger.redis]]`
    Redis(RedisTrigger),
    /// `[[trigger.cron]]`
    Cron(CronTrigger),
}

impl TriggerSpec {
    /// The component the trigger starts; `None` for a static response.
    pub fn component(&self) -> Option<&str> {
        match self {
            Self::Http(http) => match &http.target {
                HttpTarget::Component(id) => Some(id),
                HttpTarget::Static(_) => None,
            },
            Self::Redis(redis) => Some(&redis.component),
            Self::Cron(cron) => Some(&cron.component),
        }
    }
}

/// `[[trigger.http]]`
#[derive(Clone, Debug)]
pub struct HttpTrigger {
    /// Who answers.
    pub target: HttpTarget,
    /// Where.
    pub route: HttpRoute,
}

/// Who answers a request.
#[derive(Clone, Debug)]
pub enum HttpTarget {
    /// A component by id.
    Component(String),
    /// The host itself, always the same.
    Static(StaticResponse),
}

/// An answer written in the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticResponse {
    /// HTTP status, 200 by default.
    pub status_code: u16,
    /// Header names and values.
    pub headers: BTreeMap<String, String>,
    /// The body, if any.
    pub body: Option<String>,
}

/// Where a component listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpRoute {
    /// A pattern such as `/users/:id` or `/static/...`, as written.
    Pattern(String),
    /// Reachable only from other components of the application.
    Private,
}

/// `[[trigger.redis]]`
#[derive(Clone, Debug)]
pub struct RedisTrigger {
    /// The component that handles messages.
    pub component: String,
    /// The channel, with application variables.
    pub channel: Template,
    /// The server's address, with application variables.
    pub address: Template,
}

/// `[[trigger.cron]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronTrigger {
    /// The component that runs.
    pub component: String,
    /// Six fields, seconds first, in the time zone of the policy.
    pub expression: String,
    /// How it is kept.
    pub policy: CronPolicy,
}

/// One component and what it may use.
#[derive(Clone, Debug, Default)]
pub struct Component {
    /// The id in the manifest, whatever it is found under in [`App::components`].
    pub id: String,
    /// What it does; empty when not given.
    pub description: String,
    /// Path of its wasm file.
    pub source: PathBuf,
    /// Files it can read, in its own file system.
    pub files: Vec<FileMount>,
    /// Environment variables it sees.
    pub environment: BTreeMap<String, String>,
    /// Its own variables, made from application variables.
    pub variables: BTreeMap<String, Template>,
    /// Where it may connect to.
    pub allowed_outbound_hosts: Vec<Template>,
    /// Key-value stores it may open.
    pub key_value_stores: Vec<String>,
    /// SQLite databases it may open.
    pub sqlite_databases: Vec<String>,
    /// How its wasm file is made.
    pub build: Option<Build>,
    /// Components plugged into its imports.
    pub dependencies: Vec<Dependency>,
    /// Components that take its HTTP requests first, the outermost first.
    pub middleware: Vec<Middleware>,
    /// Bounds on its resources, from `[component.NAME.tool.suoke]`.
    pub limits: Limits,
    /// `[component.NAME.tool.suoke] acknowledges`.
    pub acknowledges: Option<bool>,
}

impl Component {
    /// Whether it notes the events that it has handled: it has a database to do
    /// so, unless the manifest says otherwise.
    #[must_use]
    pub fn acknowledges(&self) -> bool {
        self.acknowledges
            .unwrap_or(!self.sqlite_databases.is_empty())
    }
}

/// One file of the host, given to a component read-only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMount {
    /// The file or folder on the host.
    pub source: PathBuf,
    /// Absolute path in the component's file system.
    pub destination: String,
}

/// `[component.NAME.build]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Build {
    /// Shell commands, run in order.
    pub commands: Vec<String>,
    /// Folder to run in, relative to the manifest.
    pub workdir: Option<PathBuf>,
    /// Globs that `watch` observes, relative to `workdir`.
    pub watch: Vec<String>,
}

/// A component plugged into an import of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The import it satisfies: `ns:package`, `ns:package/interface@1.0.0`, or a plain name.
    pub name: String,
    /// Path of the wasm file that provides it.
    pub source: PathBuf,
    /// The export to use when it differs from the import.
    pub export: Option<String>,
    /// Which capabilities of the component it may use.
    pub inherit: Inherit,
}

/// A component in front of another: HTTP requests reach it first, and go on as
/// it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Middleware {
    /// What the manifest calls it: the id of a component, or a path.
    pub name: String,
    /// Where the manifest says so, such as `spin.toml:9:28`.
    pub place: String,
    /// Path of its wasm file.
    pub source: PathBuf,
    /// Which capabilities of the component behind it it may use.
    pub inherit: Inherit,
}

impl Middleware {
    /// Whether it does the same as another, wherever the two are named.
    #[must_use]
    pub fn does_as(&self, other: &Self) -> bool {
        self.source == other.source && self.inherit == other.inherit
    }
}

/// Which capabilities a dependency shares with the component that uses it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Inherit {
    /// None: every capability is denied.
    #[default]
    Nothing,
    /// All of them.
    Everything,
    /// The named sets, such as `key_value_stores`.
    Sets(Vec<String>),
}
