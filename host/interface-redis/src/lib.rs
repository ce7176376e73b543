//! `spin:redis@3.0.0`: commands that components send to Redis servers.
//!
//! A component may connect where its `allowed_outbound_hosts` lead, and into a
//! private network only where an entry names that host. All components share one connection for each address, made when it is first
//! needed and again when it breaks; a guest whose commands change a connection
//! (`MULTI`, `SELECT`, `BLPOP`, …) gets one of its own for that handle. The
//! address of the embedded server, written exactly as configured, is served in
//! the process.

mod address;
mod bindings;
mod connection;
mod host;
mod reply;
mod resolver;
mod server;

use std::sync::Arc;

use host_app::{AllowedHosts, Component, OutboundNetworks};
use host_embedded_redis::EmbeddedRedis;
use host_engine::{Grant, Interface, State};
use tokio::sync::Semaphore;
use wasmtime::component::{HasData, Linker, ResourceTable};

pub use connection::OpenConnection;

use bindings::spin::redis::redis::{self as redis_wit, Error};
use server::Servers;

/// How components reach Redis servers.
#[derive(Clone, Debug)]
pub struct OutboundRedisOptions {
    /// The address that is served in the process, and by what.
    pub embedded: Option<(String, EmbeddedRedis)>,
    /// Networks that connections may not enter. The address that is served in
    /// the process is in none.
    pub networks: OutboundNetworks,
    /// Connections that one instance may have open.
    pub connections_per_instance_max: usize,
    /// Different addresses with a shared connection.
    pub addresses_max: usize,
    /// Connections that belong to one handle of one guest, over all components.
    pub own_connections_max: usize,
    /// The same, over all guests of one component.
    pub own_connections_per_component_max: usize,
    /// Size of one reply.
    pub reply_bytes_max: usize,
    /// How long a connection may take to be made.
    pub connect_ms_max: u64,
    /// How long a reply may take.
    pub command_ms_max: u64,
}

impl Default for OutboundRedisOptions {
    fn default() -> Self {
        Self {
            embedded: None,
            networks: OutboundNetworks::default(),
            connections_per_instance_max: 1024,
            addresses_max: 64,
            own_connections_max: 256,
            own_connections_per_component_max: 64,
            reply_bytes_max: 128 << 20,
            connect_ms_max: 5_000,
            command_ms_max: 10_000,
        }
    }
}

/// Gives the value of an application variable.
type Lookup = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The interface over Redis servers.
pub struct OutboundRedis {
    shared: Arc<Shared>,
    variable: Lookup,
}

struct Shared {
    options: OutboundRedisOptions,
    servers: Servers,
}

impl Shared {
    /// A connection to an address; `named` when an entry names its host.
    fn connection(
        &self,
        address: &str,
        named: bool,
        permits: &Arc<Semaphore>,
    ) -> Result<OpenConnection, Error> {
        match &self.options.embedded {
            Some((embedded, redis)) if embedded == address => {
                Ok(OpenConnection::embedded(redis.clone()))
            }
            _ => {
                let server = self.servers.get(address, named)?;
                Ok(OpenConnection::server(server, permits.clone()))
            }
        }
    }
}

impl OutboundRedis {
    /// The interface; `variable` gives the values of application variables in
    /// `allowed_outbound_hosts`.
    pub fn new(
        options: OutboundRedisOptions,
        variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let servers = Servers::new(&options);
        Self {
            shared: Arc::new(Shared { options, servers }),
            variable: Box::new(variable),
        }
    }
}

impl Interface for OutboundRedis {
    fn link(&self, linker: &mut Linker<State>) -> wasmtime::Result<()> {
        redis_wit::add_to_linker::<State, Own>(linker, |state| {
            let (granted, table) = state.part();
            View { granted, table }
        })
    }

    fn configure(&self, component: &Component) -> Result<Box<dyn Grant>, String> {
        let hosts = AllowedHosts::of(component, &self.variable)?;
        Ok(Box::new(Granted {
            component: component.id.as_str().into(),
            hosts: Arc::new(hosts),
            own_connections: Arc::new(Semaphore::new(
                self.shared.options.own_connections_per_component_max,
            )),
            shared: self.shared.clone(),
            open: 0,
        }))
    }
}

/// What one component may use.
struct Granted {
    component: Arc<str>,
    hosts: Arc<AllowedHosts>,
    own_connections: Arc<Semaphore>,
    shared: Arc<Shared>,
    /// How many connections the instance has open.
    open: usize,
}

impl Grant for Granted {
    fn instance(&self, state: &mut State) {
        state.insert(Self {
            component: self.component.clone(),
            hosts: self.hosts.clone(),
            own_connections: self.own_connections.clone(),
            shared: self.shared.clone(),
            open: 0,
        });
    }
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
