//! All subscriptions of an application.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use host_embedded_redis::EmbeddedRedis;
use host_engine::Function;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::address::Address;
use crate::component::{ExportError, RedisFunction};
use crate::connect::tls_connector;
use crate::dispatch::Queue;
use crate::stats::AddressStats;
use crate::subscriber::{Routes, Subscriber, run_embedded};

/// How often instances that nobody needs are looked for.
const TRIM_INTERVAL: Duration = Duration::from_secs(1);

/// How messages are taken from servers and given to components.
#[derive(Clone, Debug)]
pub struct RedisTriggerOptions {
    /// The address that is served in the process, and by what.
    pub embedded: Option<(String, EmbeddedRedis)>,
    /// Messages that one component handles at the same time.
    pub in_flight_max: usize,
    /// Messages waiting for one component before nothing more is read.
    pub queue_messages_max: usize,
    /// Bytes of messages waiting for or being handled by one component.
    pub queue_bytes_max: u32,
    /// Size of one message; larger ones are dropped and counted.
    pub message_bytes_max: u64,
    /// Bound of the first wait before a new attempt to connect.
    pub backoff_ms_min: u64,
    /// Bound of the longest wait before a new attempt to connect.
    pub backoff_ms_max: u64,
    /// How long connecting and subscribing may take.
    pub connect_ms_max: u64,
    /// A server that says nothing for so long is asked whether it is there.
    pub silence_ms_max: u64,
}

impl Default for RedisTriggerOptions {
    fn default() -> Self {
        Self {
            embedded: None,
            in_flight_max: 64,
            queue_messages_max: 1024,
            queue_bytes_max: 64 << 20,
            message_bytes_max: 10 << 20,
            backoff_ms_min: 100,
            backoff_ms_max: 5_000,
            connect_ms_max: 5_000,
            silence_ms_max: 15_000,
        }
    }
}

/// One `[[trigger.redis]]`, its templates resolved.
pub struct RedisBinding {
    /// The trigger's id.
    pub trigger: String,
    /// The server.
    pub address: String,
    /// The channel.
    pub channel: String,
    /// The component.
    pub function: Arc<Function>,
}

/// Why the subscriptions of an application cannot start.
#[derive(Debug, thiserror::Error)]
pub enum RedisTriggerError {
    /// An address that leads nowhere.
    #[error(
        "trigger {trigger:?}: its address is not usable: {reason}; write it as `redis://host:port`, in the trigger or in [application.trigger.redis]"
    )]
    Address {
        /// The trigger.
        trigger: String,
        /// What is wrong with the address; never the address itself, which can hold a password.
        reason: String,
    },
    /// A component that cannot handle messages.
    #[error(transparent)]
    Component(#[from] ExportError),
}

/// The subscriptions of an application, checked and ready to start.
pub struct RedisTrigger {
    options: RedisTriggerOptions,
    sources: Vec<Source>,
    functions: BTreeMap<Arc<str>, Arc<RedisFunction>>,
}

/// What is subscribed to at one address.
struct Source {
    server: Server,
    /// Component ids by channel.
    channels: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    stats: Arc<AddressStats>,
}

enum Server {
    Embedded(EmbeddedRedis),
    Real(Address, Option<TlsConnector>),
}

/// A subscription, for people.
pub struct SubscriptionInfo<'a> {
    /// The server, without credentials; or that it is embedded.
    pub server: String,
    /// The channels.
    pub channels: Vec<&'a str>,
    /// What has happened so far.
    pub stats: &'a Arc<AddressStats>,
}

impl RedisTrigger {
    /// Checks every address and every component; connects to nothing.
    ///
    /// # Errors
    /// At the first address that is none, or the first component without one
    /// export for messages.
    pub fn new(
        options: RedisTriggerOptions,
        bindings: Vec<RedisBinding>,
    ) -> Result<Self, RedisTriggerError> {
        let mut functions: BTreeMap<Arc<str>, Arc<RedisFunction>> = BTreeMap::new();
        let mut sources: BTreeMap<String, Source> = BTreeMap::new();
        for binding in bindings {
            let id = binding.function.id().clone();
            if !functions.contains_key(&id) {
                let function = RedisFunction::new(binding.function)?;
                functions.insert(id.clone(), Arc::new(function));
            }
            if !sources.contains_key(&binding.address) {
                let server = server(&options, &binding.address).map_err(|reason| {
                    RedisTriggerError::Address {
                        trigger: binding.trigger.clone(),
                        reason,
                    }
                })?;
                let source = Source {
                    server,
                    channels: BTreeMap::new(),
                    stats: Arc::default(),
                };
                sources.insert(binding.address.clone(), source);
            }
            if let Some(source) = sources.get_mut(&binding.address) {
                let channel = source.channels.entry(binding.channel.into()).or_default();
                if !channel.contains(&id) {
                    channel.push(id);
                }
            }
        }
        Ok(Self {
            options,
            sources: sources.into_values().collect(),
            functions,
        })
    }

    /// The components by id.
    pub fn functions(&self) -> impl Iterator<Item = &Arc<RedisFunction>> {
        self.functions.values()
    }

    /// The subscriptions, one for each address.
    pub fn subscriptions(&self) -> impl Iterator<Item = SubscriptionInfo<'_>> {
        self.sources.iter().map(|source| SubscriptionInfo {
            server: match &source.server {
                Server::Embedded(_) => "the embedded server".to_owned(),
                Server::Real(address, _) => address.to_string(),
            },
            channels: source.channels.keys().map(|channel| &**channel).collect(),
            stats: &source.stats,
        })
    }

    /// Starts the subscriptions: a server that cannot be reached is tried again
    /// and again. Must be called within a Tokio runtime.
    pub fn start(&self) -> RedisRunner {
        let (stop, stopping) = watch::channel(false);
        let mut runner = RedisRunner {
            stop,
            tasks: JoinSet::new(),
            background: JoinSet::new(),
        };
        let mut queues = BTreeMap::new();
        for (id, function) in &self.functions {
            let queue = Queue::start(function.clone(), &self.options, &mut runner.tasks);
            queues.insert(id.clone(), queue);
        }
        for source in &self.sources {
            self.start_source(source, &queues, &mut runner.tasks, stopping.clone());
        }
        let functions: Vec<_> = self.functions.values().cloned().collect();
        runner.background.spawn(async move {
            let mut interval = tokio::time::interval(TRIM_INTERVAL);
            loop {
                interval.tick().await;
                functions.iter().for_each(|function| function.trim());
            }
        });
        runner
    }

    fn start_source(
        &self,
        source: &Source,
        queues: &BTreeMap<Arc<str>, Queue>,
        tasks: &mut JoinSet<()>,
        stopping: watch::Receiver<bool>,
    ) {
        let ways = |ids: &[Arc<str>]| {
            ids.iter()
                .filter_map(|id| queues.get(id))
                .cloned()
                .collect()
        };
        let channels = source.channels.iter();
        let routes = Routes {
            queues: channels
                .map(|(channel, ids)| (channel.clone(), ways(ids)))
                .collect(),
            stats: source.stats.clone(),
            message_bytes_max: self.options.message_bytes_max,
        };
        match &source.server {
            Server::Embedded(redis) => {
                // Subscribed before this returns: nothing published from now on is missed.
                let channels: Vec<String> =
                    source.channels.keys().map(ToString::to_string).collect();
                tasks.spawn(run_embedded(redis.subscribe(&channels), routes, stopping));
            }
            Server::Real(address, tls) => {
                let subscriber = Subscriber {
                    address: address.clone(),
                    tls: tls.clone(),
                    routes,
                    options: self.options.clone(),
                };
                tasks.spawn(subscriber.run(stopping));
            }
        }
    }
}

fn server(options: &RedisTriggerOptions, address: &str) -> Result<Server, String> {
    if let Some((embedded, redis)) = &options.embedded
        && embedded == address
    {
        return Ok(Server::Embedded(redis.clone()));
    }
    let address = Address::parse(address)?;
    let tls = if address.tls {
        Some(tls_connector()?)
    } else {
        None
    };
    Ok(Server::Real(address, tls))
}

/// Running subscriptions; they end with [`RedisRunner::stop`] or when it is dropped.
pub struct RedisRunner {
    stop: watch::Sender<bool>,
    /// Subscribers, which end when told to, and queues, which end after them.
    tasks: JoinSet<()>,
    /// Work that is not waited for.
    background: JoinSet<()>,
}

impl RedisRunner {
    /// Takes no more messages, and gives those already taken `grace` to be
    /// handled. Whether all of them were.
    pub async fn stop(mut self, grace: Duration) -> bool {
        self.stop.send_replace(true);
        let all_ended = async { while self.tasks.join_next().await.is_some() {} };
        let in_time = tokio::time::timeout(grace, all_ended).await.is_ok();
        if !in_time {
            tracing::warn!("messages were still being handled when the host stopped");
        }
        self.background.abort_all();
        in_time
    }
}
