//! Gives messages published in Redis to components.
//!
//! ```text
//! server --one connection for each address--> Subscriber --channel--> Queue --> RedisFunction
//! embedded server --------------------------^            (one for each component)
//! ```
//!
//! A message goes to every component bound to its channel. Each component
//! handles a bounded number of messages at a time and has a bounded queue; when
//! the queue is full nothing more is read from a server, and the embedded server
//! drops and counts. A connection that is lost is made again, with waits that
//! grow and vary; what is published meanwhile is lost, as always with Redis's
//! publish and subscribe, and the gap is counted.
//!
//! A component exports either `spin:redis/inbound-redis@3.0.0` or the older
//! `fermyon:spin/inbound-redis`; which one is found out when the application
//! starts.

mod address;
mod backoff;
mod bindings;
mod component;
mod connect;
mod dispatch;
mod stats;
mod subscriber;
mod trigger;
mod wire;

pub use component::{ExportError, RedisFunction};
pub use stats::{AddressStats, ComponentStats};
pub use trigger::{
    RedisBinding, RedisRunner, RedisTrigger, RedisTriggerError, RedisTriggerOptions,
    SubscriptionInfo,
};
