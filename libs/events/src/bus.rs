//! The message bus: Redis, whose address is the variable `redis_url`.

use std::cell::OnceCell;

use crate::error::EventError;

/// Something that messages can be published on.
#[expect(
    async_fn_in_trait,
    reason = "components run on one thread: no future needs to be Send"
)]
pub trait Bus {
    /// Publishes one message.
    ///
    /// # Errors
    /// When the bus does not take it.
    async fn publish(&self, channel: &str, message: &[u8]) -> Result<(), EventError>;
}

/// Redis publish and subscribe.
#[cfg(target_family = "wasm")]
pub struct RedisBus(spin_sdk::redis::Connection);

#[cfg(target_family = "wasm")]
impl RedisBus {
    /// Connects to the address in the variable `redis_url`.
    ///
    /// # Errors
    /// When the variable is missing or the server does not answer.
    pub async fn open() -> Result<Self, EventError> {
        let address = spin_sdk::variables::get("redis_url")
            .await
            .map_err(|error| EventError::Bus(format!("variable redis_url: {error}")))?;
        match spin_sdk::redis::Connection::open(&address).await {
            Ok(connection) => Ok(Self(connection)),
            Err(error) => Err(EventError::Bus(error.to_string())),
        }
    }
}

#[cfg(target_family = "wasm")]
impl Bus for RedisBus {
    async fn publish(&self, channel: &str, message: &[u8]) -> Result<(), EventError> {
        let published = self.0.publish(channel, message).await;
        published.map_err(|error| EventError::Bus(error.to_string()))
    }
}

/// Redis publish and subscribe; natively it cannot be opened.
#[cfg(not(target_family = "wasm"))]
pub enum RedisBus {}

#[cfg(not(target_family = "wasm"))]
impl RedisBus {
    /// Natively there is no host that connects.
    ///
    /// # Errors
    /// Always.
    #[expect(clippy::unused_async, reason = "the same shape as in a component")]
    pub async fn open() -> Result<Self, EventError> {
        Err(EventError::Bus("there is no host".to_owned()))
    }
}

#[cfg(not(target_family = "wasm"))]
impl Bus for RedisBus {
    async fn publish(&self, _channel: &str, _message: &[u8]) -> Result<(), EventError> {
        match *self {}
    }
}

/// [`RedisBus`] that connects when something is published, and not before.
#[derive(Default)]
pub struct LazyBus(OnceCell<RedisBus>);

impl LazyBus {
    /// A bus that has not connected yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Bus for LazyBus {
    async fn publish(&self, channel: &str, message: &[u8]) -> Result<(), EventError> {
        if self.0.get().is_none() {
            // A second one that was opened meanwhile is dropped.
            let _ = self.0.set(RedisBus::open().await?);
        }
        match self.0.get() {
            Some(bus) => bus.publish(channel, message).await,
            None => Err(EventError::Bus("not connected".to_owned())),
        }
    }
}

/// A bus that remembers its messages, for native tests.
#[cfg(not(target_family = "wasm"))]
#[derive(Debug, Default)]
pub struct MemoryBus {
    messages: std::cell::RefCell<Vec<(String, Vec<u8>)>>,
    broken: std::cell::Cell<bool>,
}

#[cfg(not(target_family = "wasm"))]
impl MemoryBus {
    /// An empty bus.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses messages from now on, or takes them again.
    pub fn set_broken(&self, broken: bool) {
        self.broken.set(broken);
    }

    /// Every channel and message so far; the bus is empty afterwards.
    #[must_use]
    pub fn take(&self) -> Vec<(String, Vec<u8>)> {
        self.messages.take()
    }
}

#[cfg(not(target_family = "wasm"))]
impl Bus for MemoryBus {
    async fn publish(&self, channel: &str, message: &[u8]) -> Result<(), EventError> {
        if self.broken.get() {
            return Err(EventError::Bus("broken".to_owned()));
        }
        let message = (channel.to_owned(), message.to_vec());
        self.messages.borrow_mut().push(message);
        Ok(())
    }
}
