//! Both levels together.

use std::cell::RefCell;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use suoke_guest::{ids, log};
use suoke_redis::{Redis, RedisError};

use crate::entry::{self, Names};
use crate::flight::{Bytes, Seat};
use crate::local::Local;
use crate::settings::{Freshness, Settings};
use crate::time::{HostTime, Time};

/// The first wait for another instance; each is twice the one before.
const WAIT_MS_MIN: u64 = 5;

/// The longest single wait for another instance.
const WAIT_MS_MAX: u64 = 80;

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The instance had it.
    Local,
    /// Redis had it.
    Shared,
    /// Another call of this instance was loading it.
    Joined,
    /// It was loaded.
    Loaded,
}

impl Origin {
    /// A word for headers and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "hit-local",
            Self::Shared => "hit-shared",
            Self::Joined => "hit-joined",
            Self::Loaded => "miss",
        }
    }
}

/// A cache during one call.
pub struct Cache<'a, T: Time = HostTime> {
    local: &'a Local,
    shared: RefCell<Shared>,
    time: T,
}

/// The connection to Redis, which is made when it is needed.
#[derive(Clone)]
enum Shared {
    Unopened,
    Open(Redis),
    /// It did not answer; it is not asked again in this call.
    Off,
}

/// What was found on the way to a load.
struct Missing {
    /// What a value belongs to that is stored now.
    generation: Vec<u8>,
    holds_lock: bool,
}

impl<'a> Cache<'a> {
    /// A cache for the call that runs.
    #[must_use]
    pub fn new(local: &'a Local) -> Self {
        Self {
            local,
            shared: RefCell::new(Shared::Unopened),
            time: HostTime,
        }
    }
}

impl<'a, T: Time> Cache<'a, T> {
    /// A cache on this Redis and this clock, for tests.
    #[must_use]
    pub fn on(local: &'a Local, redis: Redis, time: T) -> Self {
        Self {
            local,
            shared: RefCell::new(Shared::Open(redis)),
            time,
        }
    }

    /// The value of a key; loaded where it is not known.
    ///
    /// # Errors
    /// Those of `load`, which are not kept.
    pub async fn get_or_load<V, E>(
        &self,
        key: &str,
        load: impl AsyncFnOnce() -> Result<V, E>,
    ) -> Result<V, E>
    where
        V: Serialize + DeserializeOwned,
    {
        self.get_or_load_from(key, load)
            .await
            .map(|(value, _)| value)
    }

    /// [`Cache::get_or_load`], telling where the value came from.
    ///
    /// # Errors
    /// Those of `load`, which are not kept.
    pub async fn get_or_load_from<V, E>(
        &self,
        key: &str,
        load: impl AsyncFnOnce() -> Result<V, E>,
    ) -> Result<(V, Origin), E>
    where
        V: Serialize + DeserializeOwned,
    {
        let leader = loop {
            if let Some(value) = self.local_value(key) {
                self.local.note(|stats| stats.hits_local += 1);
                return Ok((value, Origin::Local));
            }
            match self.local.flights.board(key).await {
                Seat::Leader(leader) => break leader,
                Seat::Passenger(Some(bytes)) => {
                    if let Some(value) = decoded(&bytes) {
                        self.local.note(|stats| stats.hits_joined += 1);
                        return Ok((value, Origin::Joined));
                    }
                }
                Seat::Passenger(None) => {}
            }
        };
        let missing = match self.find(key).await {
            Ok((value, bytes)) => {
                self.local.note(|stats| stats.hits_shared += 1);
                self.local.put(key, Arc::clone(&bytes), self.time.now_ms());
                leader.land(&bytes);
                return Ok((value, Origin::Shared));
            }
            Err(missing) => missing,
        };
        self.local.note(|stats| stats.misses += 1);
        let loaded = load().await;
        if let Ok(value) = &loaded {
            self.local.note(|stats| stats.loads += 1);
            if let Some(bytes) = self.encoded(value) {
                self.store(key, &missing.generation, &bytes).await;
                self.local.put(key, Arc::clone(&bytes), self.time.now_ms());
                leader.land(&bytes);
            }
        }
        if missing.holds_lock {
            // A lock that outlived its time may be another's by now: then one
            // instance more loads, and nothing is wrong.
            let lock = self.names(key).lock();
            let _ = self
                .ask(async |redis| redis.delete(&[lock.as_str()]).await)
                .await;
        }
        loaded.map(|value| (value, Origin::Loaded))
    }

    /// Keeps a value that was just written, for those who read it next. Only where
    /// changes of one key are in order; otherwise [`Cache::invalidate`].
    ///
    /// # Errors
    /// When Redis does not answer: others may see the value from before until
    /// its time is over.
    pub async fn put<V: Serialize>(&self, key: &str, value: &V) -> Result<(), RedisError> {
        let generation = match self.settings().freshness {
            Freshness::Content => Vec::new(),
            Freshness::Changing { .. } => self.renew(entry::prefix(key)).await?,
        };
        if let Some(bytes) = self.encoded(value) {
            self.store(key, &generation, &bytes).await;
            self.local.put(key, bytes, self.time.now_ms());
        }
        Ok(())
    }

    /// Forgets a key, and leaves nothing of its value in Redis. What shares its prefix,
    /// all before the first `/`, is loaded anew as well.
    ///
    /// # Errors
    /// When Redis does not answer: others may see the value until its time is over.
    pub async fn invalidate(&self, key: &str) -> Result<(), RedisError> {
        self.renew(entry::prefix(key)).await?;
        // After the new generation: whoever stores the value from before sees that one,
        // and takes the value away again.
        let name = self.names(key).value();
        self.redis().await?.delete(&[name.as_str()]).await?;
        Ok(())
    }

    /// Forgets every key that begins with `prefix` and a `/`, and the key `prefix`.
    /// Nobody reads their values any more, but they lie in Redis until their time is
    /// over: what must be gone is named to [`Cache::invalidate`].
    ///
    /// # Errors
    /// When Redis does not answer: others may see the values until their time is
    /// over.
    pub async fn invalidate_prefix(&self, prefix: &str) -> Result<(), RedisError> {
        self.renew(prefix).await.map(|_| ())
    }

    fn settings(&self) -> &Settings {
        &self.local.settings
    }

    fn names<'k>(&self, key: &'k str) -> Names<'k> {
        Names {
            cache: self.settings().name,
            key,
        }
    }

    fn local_value<V: DeserializeOwned>(&self, key: &str) -> Option<V> {
        decoded(&self.local.get(key, self.time.now_ms())?)
    }

    fn encoded<V: Serialize>(&self, value: &V) -> Option<Bytes> {
        let bytes = serde_json::to_vec(value).ok()?;
        (bytes.len() <= self.settings().value_bytes_max).then(|| Bytes::from(bytes))
    }

    /// Looks in Redis; where another instance is loading, until it has done so or
    /// was waited for long enough.
    async fn find<V: DeserializeOwned>(&self, key: &str) -> Result<(V, Bytes), Missing> {
        let lock_ms = self.settings().lock_ms;
        let until_ms = self.time.now_ms().saturating_add(lock_ms);
        let mut wait_ms = WAIT_MS_MIN;
        loop {
            let generation = match self.look(key).await {
                Ok(found) => return Ok(found),
                Err(generation) => generation,
            };
            let missing = |holds_lock| Missing {
                generation,
                holds_lock,
            };
            if lock_ms == 0 {
                return Err(missing(false));
            }
            let lock = self.names(key).lock();
            let locked = self
                .ask(async |redis| redis.set_if_absent(&lock, b"1", lock_ms).await)
                .await;
            match locked {
                Some(true) => return Err(missing(true)),
                None => return Err(missing(false)),
                Some(false) if self.time.now_ms() >= until_ms => return Err(missing(false)),
                Some(false) => {}
            }
            self.time.wait_ms(wait_ms).await;
            wait_ms = (wait_ms * 2).min(WAIT_MS_MAX);
        }
    }

    /// The value in Redis, or the generation that one would belong to.
    async fn look<V: DeserializeOwned>(&self, key: &str) -> Result<(V, Bytes), Vec<u8>> {
        let names = self.names(key);
        let generation = match self.settings().freshness {
            Freshness::Content => Vec::new(),
            Freshness::Changing { .. } => {
                let name = names.generation();
                let found = self.ask(async |redis| redis.get(&name).await).await;
                found.flatten().unwrap_or_default()
            }
        };
        let name = names.value();
        let found = self.ask(async |redis| redis.get(&name).await).await;
        let bytes = found.flatten();
        let value = bytes
            .as_deref()
            .and_then(|bytes| entry::read(&generation, bytes))
            .and_then(|bytes| Some((decoded(bytes)?, Bytes::from(bytes))));
        value.ok_or(generation)
    }

    async fn store(&self, key: &str, generation: &[u8], bytes: &[u8]) {
        let name = self.names(key).value();
        let (value, ttl_ms) = (entry::write(generation, bytes), self.settings().ttl_ms);
        self.ask(async |redis| redis.set(&name, &value, Some(ttl_ms)).await)
            .await;
        if self.settings().freshness == Freshness::Content {
            return;
        }
        // A change in between has taken away what was there, and not this.
        let current = self.names(key).generation();
        let current = self.ask(async |redis| redis.get(&current).await).await;
        if current.is_some_and(|current| current.unwrap_or_default() != generation) {
            self.ask(async |redis| redis.delete(&[name.as_str()]).await)
                .await;
        }
    }

    /// Makes a new generation, to which nothing that is stored belongs. It lives
    /// longer than any value of the one before.
    async fn renew(&self, prefix: &str) -> Result<Vec<u8>, RedisError> {
        let start = format!("{prefix}/");
        self.local
            .forget(|key| key == prefix || key.starts_with(&start));
        let generation = ids::new_id().into_bytes();
        let name = entry::generation(self.settings().name, prefix);
        let ttl_ms = self.settings().ttl_ms.saturating_mul(2);
        let redis = self.redis().await?;
        redis.set(&name, &generation, Some(ttl_ms)).await?;
        Ok(generation)
    }

    /// Redis for what must not be left out: tried again, where it did not answer.
    async fn redis(&self) -> Result<Redis, RedisError> {
        match self.shared().await {
            Some(redis) => Ok(redis),
            None => Redis::open().await,
        }
    }

    /// Asks Redis; a failure is told once and ends the asking for this call.
    async fn ask<R>(
        &self,
        question: impl AsyncFnOnce(Redis) -> Result<R, RedisError>,
    ) -> Option<R> {
        let redis = self.shared().await?;
        match question(redis).await {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.give_up(&error);
                None
            }
        }
    }

    async fn shared(&self) -> Option<Redis> {
        let now = self.shared.borrow().clone();
        match now {
            Shared::Open(redis) => Some(redis),
            Shared::Off => None,
            Shared::Unopened => match Redis::open().await {
                Ok(redis) => {
                    *self.shared.borrow_mut() = Shared::Open(redis.clone());
                    Some(redis)
                }
                Err(error) => {
                    self.give_up(&error);
                    None
                }
            },
        }
    }

    fn give_up(&self, error: &RedisError) {
        *self.shared.borrow_mut() = Shared::Off;
        self.local.note(|stats| stats.failures_shared += 1);
        let cause = error.to_string();
        let fields = [("cache", self.settings().name), ("cause", &cause)];
        log::warn("the cache works without redis", &fields);
    }
}

/// A value, unless it was written by another version of the code.
fn decoded<V: DeserializeOwned>(bytes: &[u8]) -> Option<V> {
    serde_json::from_slice(bytes).ok()
}
