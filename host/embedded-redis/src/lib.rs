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
//! Everything is in memory and bounded by [`RedisLimits`]. A server that is
//! [opened](EmbeddedRedis::open) on a file outlives the process: what a command
//! or a script has changed is on disk before its reply is given, a script's
//! changes all together. What counters change is there within a second, and so
//! is what a script changes whose first line is the comment `--!later`.

mod changes;
mod commands;
mod disk;
mod error;
mod expiry;
mod glob;
mod keyspace;
mod pubsub;
mod reply;
mod script;
mod value;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::sync::oneshot;

pub use pubsub::{Message, Subscription};
pub use reply::Reply;

use changes::Saving;
use commands::Command;
use disk::{File, Loaded, Memory, Saved, Writer};
use error::{CommandError, unknown_command};
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

const US_PER_MS: i64 = 1000;

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
    // Dropped first: it writes what has changed, and lets go of the rest.
    writer: Option<Writer>,
    now_us: Arc<NowUs>,
    /// Commands run one after the other: who holds this runs one. It is held
    /// for all of a script, which takes the keys once for each of its commands.
    turn: Arc<Mutex<Scripts>>,
    keys: Arc<Mutex<Keyspace>>,
    hub: Arc<Hub>,
}

/// Why a server cannot be opened on a file: the reason, and what mends it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(String);

/// A reply, and when its changes are on disk if it has to wait for that.
type Answer = (Reply, Option<oneshot::Receiver<Saved>>);

impl EmbeddedRedis {
    /// An empty server, gone with the process.
    pub fn new(limits: RedisLimits) -> Self {
        Self::of(Server::empty(limits, Arc::new(system_now_us)))
    }

    /// An empty server for which it is `now_ms` milliseconds since the Unix epoch.
    pub fn with_clock(
        limits: RedisLimits,
        now_ms: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Self {
        let now_us = move || now_ms().saturating_mul(US_PER_MS);
        Self::of(Server::empty(limits, Arc::new(now_us)))
    }

    /// A server with what an earlier one has left in a file, which it goes on
    /// to write. It blocks while it reads.
    ///
    /// # Errors
    /// When the file cannot be made or read, or another process uses it.
    pub fn open(limits: RedisLimits, path: &Path) -> Result<Self, OpenError> {
        let mut server = Server::empty(limits, Arc::new(system_now_us));
        let file = File::open(path).map_err(OpenError)?;
        let mut keys = lock(&server.keys);
        let take = |found: Loaded| keys.put(&found.key, found.value, found.expires_at_ms);
        file.load(server.now_ms(), take).map_err(OpenError)?;
        keys.changes().start();
        drop(keys);
        let now_us = server.now_us.clone();
        let memory = Memory {
            turn: server.turn.clone(),
            keys: server.keys.clone(),
            now_ms: Box::new(move || now_us().div_euclid(US_PER_MS)),
        };
        server.writer = Some(Writer::start(file, memory).map_err(OpenError)?);
        Ok(Self::of(server))
    }

    fn of(server: Server) -> Self {
        Self {
            server: Arc::new(server),
        }
    }

    /// Runs one command, its name in any case, and waits until what it has
    /// changed is on disk where it has to be.
    pub async fn call(&self, name: &str, args: &[Vec<u8>]) -> Reply {
        let (reply, saved) = self.server.run(name, args);
        let Some(saved) = saved else {
            return reply;
        };
        match saved.await {
            Ok(Ok(())) => reply,
            Ok(Err(reason)) => CommandError::NotSaved(reason).into(),
            Err(_) => CommandError::NotSaved("the server has ended".into()).into(),
        }
    }

    /// Runs one command; its name in any case. It never waits, not even for the disk.
    pub fn command(&self, name: &str, args: &[Vec<u8>]) -> Reply {
        self.server.run(name, args).0
    }

    /// Waits until everything that has changed is on disk, if there is one.
    ///
    /// # Errors
    /// Why it could not be written, in words.
    pub async fn save(&self) -> Result<(), Arc<str>> {
        let Some(writer) = &self.server.writer else {
            return Ok(());
        };
        let saved = writer.ask(true).await;
        saved.unwrap_or_else(|_| Err("the server has ended".into()))
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

impl Server {
    fn empty(limits: RedisLimits, now_us: Arc<NowUs>) -> Self {
        let queue = QueueLimits {
            messages_max: limits.subscriber_queue_messages_max,
            bytes_max: limits.subscriber_queue_bytes_max,
        };
        let keys = Arc::new(Mutex::new(Keyspace::new(limits.memory_bytes_max)));
        let hub = Arc::new(Hub::new(queue));
        Self {
            writer: None,
            now_us,
            turn: Arc::new(Mutex::new(Scripts::new(keys.clone(), hub.clone()))),
            keys,
            hub,
        }
    }

    fn now_ms(&self) -> i64 {
        (self.now_us)().div_euclid(US_PER_MS)
    }

    fn run(&self, name: &str, args: &[Vec<u8>]) -> Answer {
        if name.eq_ignore_ascii_case("publish") {
            let reply = match args {
                [channel, payload] => self.hub.publish_bytes(channel, payload),
                _ => CommandError::Arity("publish").into(),
            };
            return (reply, None);
        }
        let mut scripts = lock(&self.turn);
        let mut keys = lock(&self.keys);
        let command = commands::find(name.as_bytes());
        let saving = command.map_or(Saving::Later, Command::saving);
        keys.begin((self.now_us)(), saving);
        let changes_before = keys.changes().count();
        let outcome = match command {
            Some(command) => command.run(&mut keys, args),
            None => {
                // A script takes the keys once for each of its commands.
                drop(keys);
                let outcome = scripts.run(name, args);
                keys = lock(&self.keys);
                outcome.unwrap_or_else(|| Err(unknown_command(name, args)))
            }
        };
        let changes = keys.changes();
        let must_wait = changes.saving() == Saving::First && changes.count() != changes_before;
        let writer = self.writer.as_ref().filter(|_| must_wait);
        let saved = writer.map(|writer| writer.ask(false));
        (outcome.unwrap_or_else(Reply::from), saved)
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
