//! Builds a running host from an application and its settings.
//!
//! This is the only crate that names every interface and every trigger.
//!
//! ```text
//! App + Settings -> Host::build (everything checked, compiled, bound) -> Host::run (until told to stop)
//! ```

mod admin;
mod chain;
mod cron;
mod error;
mod files;
mod load;
mod observed;
mod options;
mod output;
mod stores;
mod triggers;
mod variables;
mod vault;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use host_app::App;
use host_embedded_redis::{EmbeddedRedis, RedisStats};
use host_interface_postgres::Stats as PostgresStats;
use host_settings::Settings;
use host_telemetry::Metrics;
use host_trigger_http::{HttpApp, HttpListener};
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use error::StartError;
pub use files::FileOptions;
pub use options::{Bounds, HostOptions};
pub use output::Follow;

use admin::Admin;
use observed::Observed;
use triggers::Triggers;
use variables::Variables;

/// How often idle instances are looked for.
const TRIM_INTERVAL: Duration = Duration::from_secs(1);

/// An application that is checked, compiled and bound to its sockets.
pub struct Host {
    http: Option<(HttpListener, Arc<HttpApp>)>,
    triggers: Triggers,
    admin: Arc<Admin>,
    admin_listener: TcpListener,
    variables: Arc<Variables>,
    drain: Duration,
    embedded_redis: Option<EmbeddedRedis>,
}

impl Host {
    /// Checks, compiles and binds everything. Nothing is served yet.
    ///
    /// # Errors
    /// With everything that keeps the application from starting.
    pub async fn build(
        app: &App,
        settings: &Settings,
        options: &HostOptions,
    ) -> Result<Self, StartError> {
        let metrics = Metrics::new();
        let variables = Arc::new(Variables::find(app, settings, options).await?);
        let loaded = load::load(app, settings, options, &metrics, &variables).await?;
        let firings = cron::open_log(app, settings, options).await?;
        let triggers = Triggers::new(app, &loaded, variables.at_start(), firings)?;
        let observed = observe(&triggers, &loaded, &metrics);
        let http = match loaded.http_app(app)? {
            Some(http) => Some((HttpListener::bind(options.http.clone()).await?, http)),
            None => None,
        };
        if let Some((listener, http)) = &http {
            loaded.outbound_http.set_chain(Arc::new(chain::InProcess {
                app: http.clone(),
                address: Some(listener.address()),
            }));
        }
        let admin_listener =
            admin::bind(options.admin_listen)
                .await
                .map_err(|reason| StartError::Admin {
                    address: options.admin_listen,
                    reason,
                })?;
        let admin = Admin {
            metrics,
            observed,
            ready: AtomicBool::new(false),
            components: loaded.describe(app),
            cron: triggers.cron_admin(),
        };
        Ok(Self {
            http,
            triggers,
            admin: Arc::new(admin),
            admin_listener,
            variables,
            drain: Duration::from_millis(options.http.drain_ms_max),
            embedded_redis: loaded.embedded_redis.map(|(_, redis)| redis),
        })
    }

    /// Where requests are served, with the scheme: `http://127.0.0.1:3000`.
    pub fn url(&self) -> Option<String> {
        let (listener, _) = self.http.as_ref()?;
        Some(format!("{}://{}", listener.scheme(), listener.address()))
    }

    /// Where operators ask for metrics and health.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_listener.local_addr().ok()
    }

    /// Serves until `stop` turns true, then lets running calls end.
    ///
    /// # Errors
    /// When a thread that serves connections cannot be started.
    pub async fn run(self, stop: watch::Receiver<bool>) -> Result<(), StartError> {
        let admin = tokio::spawn(self.admin.clone().serve(self.admin_listener));
        let variables = self.variables;
        let fresh = tokio::spawn(async move { variables.keep_fresh().await });
        let triggers = self.triggers.start();
        self.admin.ready.store(true, Ordering::Relaxed);
        let outcome = match self.http {
            Some((listener, http)) => {
                let trim = tokio::spawn(trim(http.clone()));
                let served = listener.serve(http, stop.clone()).await;
                trim.abort();
                served.map_err(StartError::from)
            }
            None => {
                let mut stop = stop.clone();
                // The sender is gone only when the process is ending anyway.
                let _ = stop.wait_for(|stop| *stop).await;
                Ok(())
            }
        };
        self.admin.ready.store(false, Ordering::Relaxed);
        triggers.stop(self.drain).await;
        if let Some(redis) = &self.embedded_redis {
            save(redis).await;
        }
        fresh.abort();
        admin.abort();
        outcome
    }
}

fn observe(triggers: &Triggers, loaded: &load::Loaded, metrics: &Metrics) -> Observed {
    let mut observed = Observed::default();
    triggers.observe(metrics, &mut observed);
    if let Some((_, redis)) = &loaded.embedded_redis {
        let mut add = |event, read: fn(&RedisStats) -> u64| {
            let redis = redis.clone();
            observed.add(metrics.event("embedded redis", event), move || {
                read(&redis.stats())
            });
        };
        add("published", |stats| stats.published);
        add("delivered", |stats| stats.delivered);
        add("dropped", |stats| stats.dropped);
    }
    let mut add = |event, read: fn(&PostgresStats) -> &AtomicU64| {
        let stats = loaded.postgres.clone();
        observed.add(metrics.event("postgres", event), move || {
            read(&stats).load(Ordering::Relaxed)
        });
    };
    add("connections", |stats| &stats.connections);
    add("failures", |stats| &stats.failures);
    add("waits_timed_out", |stats| &stats.waits_timed_out);
    add("statements_stopped", |stats| &stats.statements_stopped);
    add("abandoned", |stats| &stats.abandoned);
    add("transactions_left_open", |stats| {
        &stats.transactions_left_open
    });
    observed
}

/// Writes what scripts and counters have changed last.
async fn save(redis: &EmbeddedRedis) {
    if let Err(reason) = redis.save().await {
        tracing::error!(%reason, "the embedded Redis could not write its last changes");
    }
}

async fn trim(http: Arc<HttpApp>) {
    let mut interval = tokio::time::interval(TRIM_INTERVAL);
    loop {
        interval.tick().await;
        http.trim();
    }
}
