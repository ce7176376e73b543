//! `spin:postgres@4.2.0`: statements that components send to PostgreSQL servers.
//!
//! A component may connect where its `allowed_outbound_hosts` lead, and into a
//! private network only where an entry names that host. Each address has a pool
//! of connections; a guest that opens one has it for itself, so its transactions
//! go over several statements. When the guest drops it, or its call ends, a
//! transaction that is still open is rolled back, what was set for the session is
//! reset, and the connection goes back to the pool; the next call of the same
//! handle takes another one. A statement whose guest is gone is stopped.
#![allow(
    clippy::result_large_err,
    reason = "the WIT makes the error what it is"
)]

mod address;
mod bindings;
mod calendar;
mod error;
mod host;
mod numeric;
mod parameter;
mod server;
mod session;
mod statement;
mod tls;
mod value;
mod work;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use host_app::{AllowedHosts, Component, OutboundNetworks};
use host_engine::{Grant, Interface, State};
use tokio::sync::Semaphore;
use wasmtime::component::{HasData, Linker, ResourceTable};

pub use session::Session;

use bindings::spin::postgres::postgres as postgres_wit;
use server::Servers;

/// How components reach PostgreSQL servers.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Networks that connections may not enter.
    pub networks: OutboundNetworks,
    /// Connections to all servers together, used or not; 0 allows none.
    pub connections_max: usize,
    /// Connections that guests of one component have at the same time: no component
    /// takes all of a pool.
    pub connections_per_component_max: usize,
    /// Connections, and builders of them, that one instance may have open.
    pub connections_per_instance_max: usize,
    /// Connections to one address, used or not.
    pub connections_per_address_max: usize,
    /// Different addresses with connections.
    pub addresses_max: usize,
    /// Size of one result, as it is handed to the guest.
    pub result_bytes_max: usize,
    /// How long a guest waits for its turn to have a connection.
    pub wait_ms_max: u64,
    /// How long a connection may take to be made, or to say that it is alive.
    pub connect_ms_max: u64,
    /// How long a statement may take.
    pub statement_ms_max: u64,
    /// How long an unused connection is kept.
    pub idle_ms_max: u64,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            networks: OutboundNetworks::default(),
            connections_max: 80,
            connections_per_component_max: 48,
            connections_per_instance_max: 16,
            connections_per_address_max: 64,
            addresses_max: 16,
            result_bytes_max: 128 << 20,
            wait_ms_max: 5_000,
            connect_ms_max: 5_000,
            statement_ms_max: 30_000,
            idle_ms_max: 60_000,
        }
    }
}

/// What has happened since the start.
#[derive(Debug, Default)]
pub struct Stats {
    /// Connections that were made.
    pub connections: AtomicU64,
    /// Connections that could not be made.
    pub failures: AtomicU64,
    /// Guests that got no connection because all were in use.
    pub waits_timed_out: AtomicU64,
    /// Statements that were stopped because they took too long.
    pub statements_stopped: AtomicU64,
    /// Connections that were closed because of what happened on them.
    pub abandoned: AtomicU64,
    /// Transactions that a guest left open.
    pub transactions_left_open: AtomicU64,
}

/// Gives the value of an application variable.
type Lookup = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The interface over PostgreSQL servers.
pub struct Postgres {
    shared: Arc<Shared>,
    variable: Lookup,
}

struct Shared {
    options: Arc<PostgresOptions>,
    servers: Servers,
    stats: Arc<Stats>,
}

impl Postgres {
    /// The interface; `variable` gives the values of application variables in
    /// `allowed_outbound_hosts`. Connections live on the runtime that this is
    /// called on.
    pub fn new(
        options: PostgresOptions,
        variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let (options, stats) = (Arc::new(options), Arc::new(Stats::default()));
        Self {
            shared: Arc::new(Shared {
                servers: Servers::new(options.clone(), stats.clone()),
                options,
                stats,
            }),
            variable: Box::new(variable),
        }
    }

    /// What has happened since the start.
    pub fn stats(&self) -> Arc<Stats> {
        self.shared.stats.clone()
    }
}

impl Interface for Postgres {
    fn link(&self, linker: &mut Linker<State>) -> wasmtime::Result<()> {
        postgres_wit::add_to_linker::<State, Own>(linker, |state| {
            let (granted, table) = state.part();
            View { granted, table }
        })
    }

    fn configure(&self, component: &Component) -> Result<Box<dyn Grant>, String> {
        let hosts = AllowedHosts::of(component, &self.variable)?;
        let permits = self.shared.options.connections_per_component_max;
        Ok(Box::new(Granted {
            component: component.id.as_str().into(),
            hosts: Arc::new(hosts),
            permits: Arc::new(Semaphore::new(permits)),
            shared: self.shared.clone(),
            open: Vec::new(),
            builders: 0,
        }))
    }
}

/// What one component may use, and what an instance has open.
struct Granted {
    component: Arc<str>,
    hosts: Arc<AllowedHosts>,
    permits: Arc<Semaphore>,
    shared: Arc<Shared>,
    open: Vec<(u32, Session)>,
    builders: usize,
}

impl Grant for Granted {
    fn instance(&self, state: &mut State) {
        state.insert(Self {
            component: self.component.clone(),
            hosts: self.hosts.clone(),
            permits: self.permits.clone(),
            shared: self.shared.clone(),
            open: Vec::new(),
            builders: 0,
        });
    }

    fn call_ended(&self, state: &mut State) {
        let (granted, _) = state.part::<Self>();
        for (_, session) in &granted.open {
            session.end_call();
        }
    }
}

/// What a guest says of a connection before it is made.
#[derive(Clone)]
pub struct Builder {
    address: String,
    /// A PEM text with authorities to trust.
    root: Option<Arc<str>>,
}

struct Own;

impl HasData for Own {
    type Data<'a> = View<'a>;
}

/// What a host call sees of its instance.
struct View<'a> {
    granted: &'a mut Granted,
    table: &'a mut ResourceTable,
}
