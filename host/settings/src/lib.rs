//! Reads `runtime-config.toml`: where stores are, who gives variables, and what
//! outbound connections are bound by.
//!
//! The file is that of Spin. What this host does not have is refused by name,
//! so that nothing is left out in silence. Three things are more consistent
//! than in Spin: every relative path starts at the folder of the file, pooling
//! of HTTP connections is on unless it is switched off, and unknown keys are
//! errors at every depth.
//!
//! [`VariableProviders`] says where the values of application variables are.

mod cron;
mod dotenv;
mod embedded_redis;
mod networking;
mod providers;
mod stores;
mod variables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use host_spanned_toml::{Table, Value, closest};

pub use cron::Cron;
pub use embedded_redis::EmbeddedRedis;
pub use host_spanned_toml::{Error as SettingsError, Problem};
pub use networking::{OutboundHttp, OutboundNetworking, OutboundPostgres, OutboundRedis};
pub use providers::{VariablesProvider, Vault};
pub use stores::{KeyValueStore, SqliteDatabase};
pub use variables::{Source, VariableProviders};

/// Everything `runtime-config.toml` says; the default is that of no file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Where the host keeps its own files.
    pub state_dir: Folder,
    /// Where the output of components goes.
    pub log_dir: Folder,
    /// Bytes of linear memory one instance may have.
    pub max_instance_memory: Option<u64>,
    /// Key-value stores by label. The label `default` exists without being here.
    pub key_value_stores: BTreeMap<String, KeyValueStore>,
    /// SQLite databases by label. The label `default` exists without being here.
    pub sqlite_databases: BTreeMap<String, SqliteDatabase>,
    /// Who gives variables, in the order they are asked.
    pub variables_providers: Vec<VariablesProvider>,
    /// Bounds of all outbound connections.
    pub outbound_networking: OutboundNetworking,
    /// Bounds of outbound HTTP.
    pub outbound_http: OutboundHttp,
    /// Bounds of outbound Redis.
    pub outbound_redis: OutboundRedis,
    /// Bounds of outbound PostgreSQL.
    pub outbound_postgres: OutboundPostgres,
    /// Where hosts claim the ticks that they run.
    pub cron: Cron,
    /// Where the Redis server inside the host keeps its keys.
    pub embedded_redis: EmbeddedRedis,
}

/// A folder that has a default and can be switched off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Folder {
    /// Not said: the host's default.
    #[default]
    Default,
    /// Written as `""`: none.
    Off,
    /// This one.
    At(PathBuf),
}

/// Reads the settings; without a path, gives the defaults.
///
/// # Errors
/// When the file cannot be read, or anything in it is wrong.
pub fn load(path: Option<&Path>) -> Result<Settings, SettingsError> {
    match path {
        Some(path) => parse(&host_spanned_toml::read_file(path)?, path),
        None => Ok(Settings::default()),
    }
}

/// Reads the settings from a text; `path` gives its name and its folder.
///
/// # Errors
/// When anything in the text is wrong.
pub fn parse(text: &str, path: &Path) -> Result<Settings, SettingsError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    host_spanned_toml::read(&path.display().to_string(), text, |table| {
        let settings = Settings {
            state_dir: read_folder(folder, &table, "state_dir"),
            log_dir: read_folder(folder, &table, "log_dir"),
            max_instance_memory: table.integer("max_instance_memory", 1..=i64::MAX as u64),
            key_value_stores: stores::read_key_value(folder, &table),
            sqlite_databases: stores::read_sqlite(folder, &table),
            variables_providers: providers::read(folder, &table),
            outbound_networking: networking::read_networking(&table),
            outbound_http: networking::read_http(&table),
            outbound_redis: networking::read_redis(&table),
            outbound_postgres: networking::read_postgres(&table),
            cron: cron::read(&table),
            embedded_redis: embedded_redis::read(folder, &table),
        };
        refuse_unsupported(&table);
        table.finish();
        Some(settings)
    })
}

fn read_folder(folder: &Path, table: &Table<'_>, key: &'static str) -> Folder {
    match table.string(key) {
        None => Folder::Default,
        Some("") => Folder::Off,
        Some(path) => Folder::At(folder.join(path)),
    }
}

/// Sections that Spin has and this host has not.
fn refuse_unsupported(table: &Table<'_>) {
    for (key, what) in [
        ("llm_compute", "inference"),
        ("client_tls", "client certificates and roots of trust"),
        ("outbound_mysql", "MySQL"),
        ("outbound_mqtt", "MQTT"),
    ] {
        if let Some(value) = table.get(key) {
            if value.is_table() {
                value.table().iter().for_each(hide);
            }
            value.fail_key(
                format!("{what}: not supported by this host yet"),
                "remove the section",
            );
        }
    }
}

/// Lets the keys of a section pass that is refused as a whole: they would only
/// be noise, and some are secret.
fn hide(section: &Table<'_>) {
    for (key, value) in section.entries() {
        if key != "type" {
            value.secret();
        }
    }
}

/// Reads the `type` of a section; unsupported and unknown ones are reported.
fn read_type<'d>(
    table: &Table<'d>,
    supported: &[&'static str],
    unsupported: &[&'static str],
) -> Option<&'d str> {
    let mend = format!("add type = \"{}\"", supported.join("\" or \""));
    let value = table.require("type", &mend);
    let given = value.as_ref().and_then(Value::string);
    if let Some(given) = given.filter(|given| supported.contains(given)) {
        return Some(given);
    }
    hide(table);
    let (value, given) = value.zip(given)?;
    let all = format!("write one of: {}", supported.join(", "));
    if unsupported.contains(&given) {
        value.fail(format!("{given:?} is not supported by this host yet"), all);
        return None;
    }
    let mend = match closest(given, supported.iter().copied()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => all,
    };
    value.fail(format!("unknown type {given:?}"), mend);
    None
}
