//! Servers, and the pool of connections to each.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use deadpool::managed::{self, Metrics, Pool, PoolError, RecycleError, RecycleResult, TimeoutType};
use host_app::Networks;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_postgres::Statement;

use crate::address::Address;
use crate::bindings::spin::postgres::postgres::Error;
use crate::tls::Tls;
use crate::{PostgresOptions, Stats, error};

/// A connection that was not used for this long is tried before it is used.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// How often a place for a connection is looked for while there is none.
const PLACE_INTERVAL: Duration = Duration::from_millis(20);
/// How often unused connections are looked for.
const TRIM_INTERVAL: Duration = Duration::from_secs(10);

/// All servers that components talk to.
pub(crate) struct Servers {
    by_address: Arc<Known>,
    /// One for each connection to any of them.
    places: Arc<Semaphore>,
    options: Arc<PostgresOptions>,
    stats: Arc<Stats>,
    /// Where connections live: they are shared by threads that come and go.
    runtime: Option<Handle>,
}

/// Servers by what makes their connections.
type Known = Mutex<HashMap<Key, Arc<Server>>>;

/// Connections are shared by those who would make the same one: a connection
/// into a private network is never handed to a component that may not go there.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    address: String,
    named: bool,
    root: Option<Arc<str>>,
}

/// One address, with its credentials and database.
pub(crate) struct Server {
    pool: Pool<Manager>,
    pub(crate) tls: Tls,
    pub(crate) runtime: Handle,
    place: String,
    last_used: Mutex<Instant>,
}

impl Servers {
    pub(crate) fn new(options: Arc<PostgresOptions>, stats: Arc<Stats>) -> Self {
        Self {
            by_address: Arc::default(),
            places: Arc::new(Semaphore::new(
                options.connections_max.min(Semaphore::MAX_PERMITS),
            )),
            options,
            stats,
            runtime: Handle::try_current().ok(),
        }
    }

    /// The server behind an address; nothing is connected yet.
    pub(crate) fn get(
        &self,
        text: &str,
        address: Address,
        root: Option<Arc<str>>,
    ) -> Result<Arc<Server>, Error> {
        let key = Key {
            address: text.to_owned(),
            named: address.named,
            root,
        };
        let mut servers = lock(&self.by_address);
        if let Some(known) = servers.get(&key) {
            *lock(&known.last_used) = Instant::now();
            return Ok(known.clone());
        }
        if servers.len() >= self.options.addresses_max {
            forget_one(&mut servers).ok_or_else(|| {
                Error::ConnectionFailed(format!(
                    "connections to {} different addresses are in use already",
                    self.options.addresses_max
                ))
            })?;
        }
        let server = self
            .server(address, key.root.as_deref())
            .map_err(Error::ConnectionFailed)?;
        let server = Arc::new(server);
        server.runtime.spawn(trim(
            Arc::downgrade(&server),
            Duration::from_millis(self.options.idle_ms_max),
        ));
        servers.insert(key, server.clone());
        Ok(server)
    }

    fn server(&self, address: Address, root: Option<&str>) -> Result<Server, String> {
        let tls = Tls::new(root)?;
        let runtime = self.runtime.clone().unwrap_or_else(Handle::current);
        let place = address.place();
        let manager = Manager {
            blocked: self.options.networks.blocked_for(address.named),
            address,
            tls: tls.clone(),
            runtime: runtime.clone(),
            connect_timeout: Duration::from_millis(self.options.connect_ms_max),
            wait: Duration::from_millis(self.options.wait_ms_max),
            connections_max: self.options.connections_max,
            places: self.places.clone(),
            others: Arc::downgrade(&self.by_address),
            stats: self.stats.clone(),
        };
        let max = self.options.connections_max.max(1);
        let size = self.options.connections_per_address_max.min(max);
        let connect = Some(Duration::from_millis(self.options.connect_ms_max));
        let pool = Pool::builder(manager)
            .max_size(size)
            .wait_timeout(Some(Duration::from_millis(self.options.wait_ms_max)))
            .recycle_timeout(connect)
            .runtime(deadpool::Runtime::Tokio1)
            .build();
        Ok(Server {
            pool: pool.map_err(|error| error.to_string())?,
            tls,
            runtime,
            place,
            last_used: Mutex::new(Instant::now()),
        })
    }
}

/// Closes the connections that have been of no use to anyone for longest.
fn forget_one(servers: &mut HashMap<Key, Arc<Server>>) -> Option<()> {
    let unused = servers
        .iter()
        .filter(|(_, server)| Arc::strong_count(server) == 1);
    let oldest = unused.min_by_key(|(_, server)| *lock(&server.last_used))?;
    let key = oldest.0.clone();
    servers.remove(&key);
    Some(())
}

/// Closes a connection that nobody uses, to whichever server; none may be there.
fn free_one(servers: &Known) {
    let servers: Vec<_> = lock(servers).values().cloned().collect();
    let mut freed = false;
    for server in servers {
        if freed {
            return;
        }
        // Whatever is taken out here is closed.
        let _ = server
            .pool
            .retain(|_, _| std::mem::replace(&mut freed, true));
    }
}

/// Closes connections that nobody has used for some time, until the server is forgotten.
async fn trim(server: Weak<Server>, idle: Duration) {
    let mut interval = tokio::time::interval(TRIM_INTERVAL);
    loop {
        interval.tick().await;
        let Some(server) = server.upgrade() else {
            return;
        };
        server.pool.retain(|_, metrics| metrics.last_used() < idle);
    }
}

impl Server {
    /// A connection that nobody else uses.
    ///
    /// # Errors
    /// `connection-failed` when none is free in time, or none can be made.
    pub(crate) async fn connection(
        &self,
        stats: &Stats,
    ) -> Result<managed::Object<Manager>, Error> {
        let text = match self.pool.get().await {
            Ok(connection) => return Ok(connection),
            Err(PoolError::Timeout(TimeoutType::Wait)) => {
                Stats::count(&stats.waits_timed_out);
                format!(
                    "too many connections: all {} are in use",
                    self.pool.status().max_size
                )
            }
            Err(PoolError::Backend(reason)) => reason,
            Err(other) => other.to_string(),
        };
        tracing::warn!(server = %self.place, reason = %text, "no connection to a PostgreSQL server");
        Err(Error::ConnectionFailed(text))
    }
}

/// Makes the connections of one pool, and tries those that were not used for long.
pub(crate) struct Manager {
    address: Address,
    tls: Tls,
    blocked: Networks,
    runtime: Handle,
    connect_timeout: Duration,
    wait: Duration,
    connections_max: usize,
    places: Arc<Semaphore>,
    /// Servers whose unused connections make room for ours.
    others: Weak<Known>,
    stats: Arc<Stats>,
}

impl Manager {
    /// Waits for a place, and takes that of an unused connection.
    async fn place(&self) -> Result<OwnedSemaphorePermit, String> {
        let deadline = Instant::now() + self.wait;
        loop {
            if let Ok(place) = self.places.clone().try_acquire_owned() {
                return Ok(place);
            }
            if let Some(others) = self.others.upgrade() {
                free_one(&others);
            }
            let waiting = self.places.clone().acquire_owned();
            if let Ok(Ok(place)) = tokio::time::timeout(PLACE_INTERVAL, waiting).await {
                return Ok(place);
            }
            if self.connections_max == 0 || Instant::now() > deadline {
                Stats::count(&self.stats.waits_timed_out);
                return Err(format!(
                    "too many connections: all {} are in use",
                    self.connections_max
                ));
            }
        }
    }
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = String;

    async fn create(&self) -> Result<Connection, String> {
        let place = self.place().await?;
        let (address, tls) = (self.address.clone(), self.tls.clone());
        let (blocked, timeout) = (self.blocked.clone(), self.connect_timeout);
        let connect = async move {
            let mut config = address.resolved(&blocked).await?;
            if config.get_connect_timeout().is_none() {
                config.connect_timeout(timeout);
            }
            let connected = config.connect(tls).await;
            let (client, connection) = connected.map_err(|error| error::chain(&error))?;
            let task = tokio::spawn(drive(connection));
            Ok(Connection {
                client,
                statements: Statements::default(),
                task,
                _place: place,
            })
        };
        let connect = self.runtime.spawn(tokio::time::timeout(timeout, connect));
        let connected = match connect.await {
            Ok(Ok(connected)) => connected,
            Ok(Err(_)) => Err("the server did not answer in time".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        Stats::count(match connected {
            Ok(_) => &self.stats.connections,
            Err(_) => &self.stats.failures,
        });
        connected
    }

    async fn recycle(
        &self,
        connection: &mut Connection,
        metrics: &Metrics,
    ) -> RecycleResult<String> {
        if connection.client.is_closed() {
            return Err(RecycleError::message("the connection is closed"));
        }
        if metrics.last_used() < TRUSTED_FOR {
            return Ok(());
        }
        let alive = connection.client.simple_query("").await;
        alive
            .map(drop)
            .map_err(|error| RecycleError::Backend(error::chain(&error)))
    }
}

/// Moves what goes over a connection until it ends. Notices are meant for the guest,
/// which has no call for them: driven by itself, the connection would log each.
async fn drive<S, T>(mut connection: tokio_postgres::Connection<S, T>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match std::future::poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::debug!(%error, "a connection to a PostgreSQL server has ended");
                return;
            }
            None => return,
        }
    }
}

/// A connection with the statements that it has prepared.
pub(crate) struct Connection {
    pub(crate) client: tokio_postgres::Client,
    pub(crate) statements: Statements,
    task: JoinHandle<()>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Statements that a connection keeps prepared.
#[derive(Default)]
pub(crate) struct Statements {
    by_text: HashMap<Arc<str>, Statement>,
    /// The oldest first.
    texts: VecDeque<Arc<str>>,
}

impl Statements {
    /// Statements that one connection keeps.
    const COUNT_MAX: usize = 256;
    /// Longer ones are prepared each time: they are likely to be made anew, too.
    const BYTES_MAX: usize = 16_384;

    pub(crate) fn get(&self, text: &str) -> Option<Statement> {
        self.by_text.get(text).cloned()
    }

    pub(crate) fn keep(&mut self, text: &str, statement: &Statement) {
        if text.len() > Self::BYTES_MAX {
            return;
        }
        if self.texts.len() >= Self::COUNT_MAX
            && let Some(oldest) = self.texts.pop_front()
        {
            self.by_text.remove(&oldest);
        }
        let text: Arc<str> = text.into();
        if self
            .by_text
            .insert(text.clone(), statement.clone())
            .is_none()
        {
            self.texts.push_back(text);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.by_text.clear();
        self.texts.clear();
    }
}

impl Stats {
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
