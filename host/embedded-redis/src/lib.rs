//! A Redis inside the process.
//!
//! It serves what an application says with
//! `[application.tool.suoke] embedded_redis = "redis://127.0.0.1:6379"`:
//! connections to that address, by triggers and by components, come here and
//! no server has to be installed. It holds text, sets, hashes and lists with
//! expiry, publishes and subscribes, and answers in Redis's own words, so that
//! what works here works with a real server. What it does not know it refuses
//! as Redis refuses an unknown command.
//!
//! Everything is in memory and bounded by [`RedisLimits`]; nothing outlives the
//! process.

mod changes;
mod commands;
mod error;
mod expiry;
mod glob;
mod keyspace;
mod pubsub;
mod reply;
mod script;
mod value;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

pub use pubsub::{Message, Subscription};
pub use reply::Reply;

use error::{CommandError, Outcome, unknown_command};
use keyspace::Keyspace;
use pubsub::{Hub, QueueLimits};
use script::Scripts;

/// Bounds of an embedded server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedisLimits {
    /// Memory of all keys and values; writes over it are refused.
    pub memory_bytes_max: usize,
    /// Messages waiting for one subscriber; more are dropped and counted.
    pub subscriber_queue_messages_max: usize,
    /// Payload bytes waiting for one subscriber; more are dropped and counted.
    pub subscriber_queue_bytes_max: usize,
}

impl Default for RedisLimits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 256 << 20,
            subscriber_queue_messages_max: 65_536,
            subscriber_queue_bytes_max: 32 << 20,
        }
    }
}

/// What the server has done and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RedisStats {
    /// Memory of keys and values, as bounded by the limits.
    pub used_bytes: usize,
    /// Pairs of a subscriber and a channel.
    pub subscriptions: usize,
    /// Messages published.
    pub published: u64,
    /// Messages put into a subscriber's queue.
    pub delivered: u64,
    /// Messages a subscriber lost because its queue was full.
    pub dropped: u64,
}

/// The present in microseconds since the Unix epoch, for the expiry of keys.
type NowUs = dyn Fn() -> i64 + Send + Sync;

/// A handle on an embedded server; clones are the same server.
///
/// The server ends with its last handle: subscriptions then end too.
#[derive(Clone)]
pub struct EmbeddedRedis {
    server: Arc<Server>,
}

struct Server {
    now_us: Box<NowUs>,
    /// Commands run one after the other: who holds this runs one. It is held
    /// for all of a script, which takes the keys once for each of its commands.
    turn: Mutex<Scripts>,
    keys: Arc<Mutex<Keyspace>>,
    hub: Arc<Hub>,
}

impl EmbeddedRedis {
    /// An empty server.
    pub fn new(limits: RedisLimits) -> Self {
        Self::with_clock_us(limits, system_now_us)
    }

    /// An empty server for which it is `now_ms` milliseconds since the Unix epoch.
    pub fn with_clock(
        limits: RedisLimits,
        now_ms: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Self {
        Self::with_clock_us(limits, move || now_ms().saturating_mul(1000))
    }

    fn with_clock_us(
        limits: RedisLimits,
        now_us: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Self {
        let queue = QueueLimits {
            messages_max: limits.subscriber_queue_messages_max,
            bytes_max: limits.subscriber_queue_bytes_max,
        };
        let keys = Arc::new(Mutex::new(Keyspace::new(limits.memory_bytes_max)));
        let hub = Arc::new(Hub::new(queue));
        Self {
            server: Arc::new(Server {
                now_us: Box::new(now_us),
                turn: Mutex::new(Scripts::new(keys.clone(), hub.clone())),
                keys,
                hub,
            }),
        }
    }

    /// Runs one command; its name in any case. It never waits.
    pub fn command(&self, name: &str, args: &[Vec<u8>]) -> Reply {
        self.run(name, args).unwrap_or_else(Reply::from)
    }

    fn run(&self, name: &str, args: &[Vec<u8>]) -> Outcome {
        if name.eq_ignore_ascii_case("publish") {
            let [channel, payload] = args else {
                return Err(CommandError::Arity("publish"));
            };
            return Ok(self.server.hub.publish_bytes(channel, payload));
        }
        let mut scripts = lock(&self.server.turn);
        let mut keys = lock(&self.server.keys);
        keys.begin((self.server.now_us)());
        if let Some(command) = commands::find(name.as_bytes()) {
            return command.run(&mut keys, args);
        }
        drop(keys);
        let outcome = scripts.run(name, args);
        outcome.unwrap_or_else(|| Err(unknown_command(name, args)))
    }

    /// Publishes a message; how many subscribers got it.
    pub fn publish(&self, channel: &str, payload: Bytes) -> usize {
        self.server.hub.publish(channel.as_bytes(), || payload)
    }

    /// Listens to channels from now on.
    pub fn subscribe(&self, channels: &[String]) -> Subscription {
        self.server.hub.subscribe(channels)
    }

    /// Ends all subscriptions: each gives what it has, then `None`.
    pub fn close(&self) {
        self.server.hub.close();
    }

    /// What the server has done and holds.
    pub fn stats(&self) -> RedisStats {
        let hub = &self.server.hub;
        RedisStats {
            used_bytes: lock(&self.server.keys).used_bytes(),
            subscriptions: hub.subscriptions(),
            published: hub.published(),
            delivered: hub.delivered(),
            dropped: hub.dropped(),
        }
    }
}

/// No command can stop half-way through a change, so there is nothing to fear
/// from one that has.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for EmbeddedRedis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedRedis")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// The clock of the machine.
fn system_now_us() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
        })
}
