//! Connections to servers: one for each address that everyone shares, and ones
//! of their own for guests whose commands change a connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, RedisResult, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::OutboundRedisOptions;
use crate::bindings::spin::redis::redis::Error;
use crate::reply;
use crate::resolver::Resolver;

/// A shared connection that was not used for this long is tried before it is used.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// After a connection could not be made, everyone is told so for this long
/// before it is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// All servers that components talk to.
pub(crate) struct Servers {
    /// By address, and whether it is named: a connection into a private network
    /// is never handed to a component that may not go there.
    by_address: Mutex<HashMap<(String, bool), Arc<Server>>>,
    servers_max: usize,
    own_connections: Arc<Semaphore>,
    named: AsyncConnectionConfig,
    unnamed: AsyncConnectionConfig,
}

/// One address, with its credentials and database.
pub(crate) struct Server {
    client: Client,
    config: AsyncConnectionConfig,
    own_connections: Arc<Semaphore>,
    shared: tokio::sync::Mutex<Shared>,
    last_used: Mutex<Instant>,
}

#[derive(Default)]
struct Shared {
    connection: Option<MultiplexedConnection>,
    /// Tells connections apart, so that only the broken one is thrown away.
    generation: u64,
    failed: Option<(Instant, String)>,
}

/// A connection that only one guest handle uses.
pub(crate) struct OwnConnection {
    connection: MultiplexedConnection,
    /// One of the component's, one of the host's.
    _permits: [OwnedSemaphorePermit; 2],
}

impl Servers {
    pub(crate) fn new(options: &OutboundRedisOptions) -> Self {
        let config = |named| {
            let blocked = options.networks.blocked_for(named);
            AsyncConnectionConfig::new()
                .set_connection_timeout(Some(Duration::from_millis(options.connect_ms_max)))
                .set_response_timeout(Some(Duration::from_millis(options.command_ms_max)))
                .set_dns_resolver(Resolver { blocked })
        };
        Self {
            by_address: Mutex::default(),
            servers_max: options.addresses_max,
            own_connections: Arc::new(Semaphore::new(options.own_connections_max)),
            named: config(true),
            unnamed: config(false),
        }
    }

    /// The server behind an address; nothing is connected yet. `named` when an
    /// entry names its host.
    pub(crate) fn get(&self, address: &str, named: bool) -> Result<Arc<Server>, Error> {
        let mut servers = lock(&self.by_address);
        let key = (address.to_owned(), named);
        if let Some(known) = servers.get(&key) {
            return Ok(known.clone());
        }
        let client = Client::open(address).map_err(|_| Error::InvalidAddress)?;
        if servers.len() >= self.servers_max {
            forget_one(&mut servers).ok_or(Error::TooManyConnections)?;
        }
        let server = Arc::new(Server {
            client,
            config: if named { &self.named } else { &self.unnamed }.clone(),
            own_connections: self.own_connections.clone(),
            shared: tokio::sync::Mutex::default(),
            last_used: Mutex::new(Instant::now()),
        });
        servers.insert(key, server.clone());
        Ok(server)
    }
}

/// Closes the connection that has been of no use to anyone for longest.
fn forget_one(servers: &mut HashMap<(String, bool), Arc<Server>>) -> Option<()> {
    let unused = servers
        .iter()
        .filter(|(_, server)| Arc::strong_count(server) == 1);
    let oldest = unused.min_by_key(|(_, server)| *lock(&server.last_used))?;
    let key = oldest.0.clone();
    servers.remove(&key);
    Some(())
}

impl Server {
    /// Runs a command on the connection that everyone shares.
    pub(crate) async fn command(&self, command: &Cmd) -> Result<Value, Error> {
        let (mut connection, generation) = self.shared_connection().await?;
        let outcome = connection.send_packed_command(command).await;
        match outcome.and_then(Value::extract_error) {
            Ok(value) => {
                *lock(&self.last_used) = Instant::now();
                Ok(value)
            }
            Err(error) => {
                // A server that does not answer in time may never: others get a new connection.
                if error.is_unrecoverable_error() || error.is_timeout() {
                    self.discard(generation).await;
                }
                Err(reply::failure(&error))
            }
        }
    }

    /// A new connection that nobody else uses; it takes one of the component's permits.
    pub(crate) async fn own_connection(
        &self,
        permits: &Arc<Semaphore>,
    ) -> Result<OwnConnection, Error> {
        let one_of = |permits: &Arc<Semaphore>| {
            let permit = permits.clone().try_acquire_owned();
            permit.map_err(|_| Error::TooManyConnections)
        };
        let of_component = one_of(permits)?;
        let of_host = one_of(&self.own_connections)?;
        let connection = self
            .connect()
            .await
            .map_err(|error| reply::failure(&error))?;
        Ok(OwnConnection {
            connection,
            _permits: [of_component, of_host],
        })
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let config = self.config.clone();
        let client = &self.client;
        client
            .get_multiplexed_async_connection_with_config(&config)
            .await
    }

    async fn shared_connection(&self) -> Result<(MultiplexedConnection, u64), Error> {
        let mut shared = self.shared.lock().await;
        if let Some(connection) = &shared.connection {
            let mut connection = connection.clone();
            if self.is_trusted() || is_alive(&mut connection).await {
                return Ok((connection, shared.generation));
            }
            shared.connection = None;
        }
        if let Some((at, text)) = &shared.failed
            && at.elapsed() < RETRY_PAUSE
        {
            return Err(Error::Other(text.clone()));
        }
        match self.connect().await {
            Ok(connection) => {
                shared.failed = None;
                shared.generation += 1;
                shared.connection = Some(connection.clone());
                Ok((connection, shared.generation))
            }
            Err(error) => {
                let text = format!("cannot connect to the Redis server: {error}");
                tracing::warn!(server = %self.client.get_connection_info().addr(), %error, "cannot connect to a Redis server");
                shared.failed = Some((Instant::now(), text.clone()));
                Err(Error::Other(text))
            }
        }
    }

    fn is_trusted(&self) -> bool {
        lock(&self.last_used).elapsed() < TRUSTED_FOR
    }

    async fn discard(&self, generation: u64) {
        let mut shared = self.shared.lock().await;
        if shared.generation == generation {
            shared.connection = None;
        }
    }
}

impl OwnConnection {
    /// Runs a command; the error says whether the connection is of further use.
    pub(crate) async fn command(&self, command: &Cmd) -> Result<Value, (Error, bool)> {
        let outcome = self.connection.clone().send_packed_command(command).await;
        let outcome = outcome.and_then(Value::extract_error);
        outcome.map_err(|error| (reply::failure(&error), !error.is_unrecoverable_error()))
    }
}

async fn is_alive(connection: &mut MultiplexedConnection) -> bool {
    let answer = connection.send_packed_command(&redis::cmd("PING")).await;
    answer.is_ok()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
