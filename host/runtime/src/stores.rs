//! Opens the stores of the runtime configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use host_app::{App, Networks, OutboundNetworks};
use host_embedded_redis::{EmbeddedRedis, RedisLimits};
use host_interface_key_value::SqliteStore;
use host_interface_outbound_http::OutboundHttpOptions;
use host_interface_postgres::PostgresOptions;
use host_interface_redis::OutboundRedisOptions;
use host_settings::{KeyValueStore, Settings, SqliteDatabase};
use host_sqlite::{Database, SqliteLimits};

use crate::error::StartError;
use crate::options::HostOptions;

const KEY_VALUE: &str = "key_value_store";
const SQLITE: &str = "sqlite_database";
const REDIS_FILE: &str = "redis.db";
/// The label that exists without being configured.
const DEFAULT: &str = "default";

/// Stores by label.
pub(crate) struct Stores {
    pub(crate) key_value: BTreeMap<String, Arc<SqliteStore>>,
    pub(crate) sqlite: BTreeMap<String, Arc<Database>>,
}

/// Opens every configured store, and the default ones in the state folder.
pub(crate) async fn open(settings: &Settings, options: &HostOptions) -> Result<Stores, StartError> {
    let default_file = |name: &str| options.state_dir.as_ref().map(|folder| folder.join(name));
    let mut files = Files::default();

    let mut key_value = BTreeMap::new();
    let mut configured = settings.key_value_stores.clone();
    configured
        .entry(DEFAULT.to_owned())
        .or_insert(KeyValueStore::Spin {
            path: default_file("sqlite_key_value.db"),
        });
    for (label, store) in configured {
        let KeyValueStore::Spin { path } = store else {
            return Err(unusable(
                KEY_VALUE,
                &label,
                None,
                "this host keeps key-value stores in SQLite files only; use type = \"spin\"",
            ));
        };
        let database = files.open(KEY_VALUE, &label, path.clone())?;
        let store = SqliteStore::open(&label, database)
            .await
            .map_err(|error| unusable(KEY_VALUE, &label, path.as_deref(), error))?;
        key_value.insert(label, Arc::new(store));
    }

    let mut sqlite = BTreeMap::new();
    let mut configured = settings.sqlite_databases.clone();
    configured
        .entry(DEFAULT.to_owned())
        .or_insert(SqliteDatabase::Spin {
            path: default_file("sqlite_db.db"),
        });
    for (label, SqliteDatabase::Spin { path }) in configured {
        let database = files.open(SQLITE, &label, path)?;
        sqlite.insert(label, database);
    }
    let stores = Stores { key_value, sqlite };
    stores.set_up(options).await?;
    Ok(stores)
}

impl Stores {
    /// Sets the values and runs the statements of the command line.
    async fn set_up(&self, options: &HostOptions) -> Result<(), StartError> {
        for (key, value) in &options.key_values {
            let failed = |reason: String| StartError::Setup {
                flag: "--key-value",
                text: key.clone(),
                reason,
            };
            let store = self.key_value.get(DEFAULT);
            let store = store.ok_or_else(|| failed("there is no store \"default\"".to_owned()))?;
            let set = store.set(key.clone(), value.clone().into_bytes()).await;
            set.map_err(|error| failed(error.to_string()))?;
        }
        for (label, sql) in &options.statements {
            let failed = |reason: String| StartError::Setup {
                flag: "--sqlite",
                text: sql.clone(),
                reason,
            };
            let database = self.sqlite.get(label);
            let database =
                database.ok_or_else(|| failed(format!("there is no database {label:?}")))?;
            let session = database
                .session()
                .map_err(|error| failed(error.to_string()))?;
            let run = session.execute_all(sql).await;
            run.map_err(|error| failed(error.to_string()))?;
        }
        Ok(())
    }
}

/// Files that are open: two labels on one file share its queue of writers.
#[derive(Default)]
struct Files(BTreeMap<PathBuf, Arc<Database>>);

impl Files {
    fn open(
        &mut self,
        section: &'static str,
        label: &str,
        path: Option<PathBuf>,
    ) -> Result<Arc<Database>, StartError> {
        let limits = SqliteLimits::default();
        let Some(path) = path else {
            let name = format!("{section}-{label}");
            return Database::memory(&name, limits)
                .map_err(|error| unusable(section, label, None, error));
        };
        if let Some(open) = self.0.get(&path) {
            return Ok(open.clone());
        }
        let database = Database::file(&path, limits)
            .map_err(|error| unusable(section, label, Some(&path), error))?;
        self.0.insert(path, database.clone());
        Ok(database)
    }
}

fn unusable(
    section: &'static str,
    label: &str,
    path: Option<&Path>,
    reason: impl ToString,
) -> StartError {
    StartError::Store {
        section,
        label: label.to_owned(),
        place: path.map_or_else(|| "it".to_owned(), |path| path.display().to_string()),
        reason: reason.to_string(),
    }
}

/// Where no component may connect to.
fn outbound_networks(settings: &Settings) -> OutboundNetworks {
    let networking = &settings.outbound_networking;
    let listed = Networks::new(networking.block_networks.clone());
    let blocked = if networking.block_private {
        listed.and(Networks::private())
    } else {
        listed
    };
    OutboundNetworks {
        blocked,
        ..OutboundNetworks::default()
    }
}

/// How components reach the network.
pub(crate) fn outbound_http(settings: &Settings) -> OutboundHttpOptions {
    let defaults = OutboundHttpOptions::default();
    let bounds = [
        settings.outbound_http.max_connections,
        settings.outbound_networking.max_total_connections,
    ];
    OutboundHttpOptions {
        networks: outbound_networks(settings),
        idle_connections_max: if settings.outbound_http.connection_pooling {
            defaults.idle_connections_max
        } else {
            0
        },
        requests_max: bounds
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(defaults.requests_max),
        ..defaults
    }
}

/// The Redis server inside the host, by its address, with the keys that it held
/// when the host ended.
pub(crate) async fn embedded_redis(
    app: &App,
    settings: &Settings,
    options: &HostOptions,
) -> Result<Option<(String, EmbeddedRedis)>, StartError> {
    let Some(address) = app.options.embedded_redis.clone() else {
        return Ok(None);
    };
    let mut limits = RedisLimits::default();
    if let Some(bytes) = app.options.embedded_redis_memory_bytes_max {
        limits.memory_bytes_max = bytes;
    }
    let in_state_dir = || Some(options.state_dir.as_ref()?.join(REDIS_FILE));
    let configured = settings.embedded_redis.path.clone();
    let Some(path) = configured.or_else(in_state_dir) else {
        return Ok(Some((address, EmbeddedRedis::new(limits))));
    };
    let unusable = |reason: String| StartError::EmbeddedRedis {
        place: path.display().to_string(),
        reason,
    };
    let file = path.clone();
    let opened = tokio::task::spawn_blocking(move || EmbeddedRedis::open(limits, &file)).await;
    let opened = opened.map_err(|error| unusable(error.to_string()))?;
    let redis = opened.map_err(|error| unusable(error.to_string()))?;
    Ok(Some((address, redis)))
}

/// How components reach Redis servers.
pub(crate) fn outbound_redis(
    settings: &Settings,
    embedded: Option<(String, EmbeddedRedis)>,
) -> OutboundRedisOptions {
    let defaults = OutboundRedisOptions::default();
    let bounds = [
        settings.outbound_redis.max_connections,
        settings.outbound_networking.max_total_connections,
    ];
    let bound = bounds.into_iter().flatten().min();
    OutboundRedisOptions {
        embedded,
        networks: outbound_networks(settings),
        addresses_max: bound.unwrap_or(defaults.addresses_max),
        own_connections_max: bound.unwrap_or(defaults.own_connections_max),
        ..defaults
    }
}

/// How components reach PostgreSQL servers.
pub(crate) fn outbound_postgres(settings: &Settings) -> PostgresOptions {
    let defaults = PostgresOptions::default();
    let bounds = [
        settings.outbound_postgres.max_connections,
        settings.outbound_networking.max_total_connections,
    ];
    let bound = bounds.into_iter().flatten().min();
    PostgresOptions {
        networks: outbound_networks(settings),
        connections_max: bound.unwrap_or(defaults.connections_max),
        statement_ms_max: settings
            .outbound_postgres
            .statement_ms_max
            .unwrap_or(defaults.statement_ms_max),
        ..defaults
    }
}
