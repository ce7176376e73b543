//! Redis as functions use it: counters, locks and copies that all instances and
//! hosts share. What must not be lost belongs into a database.
//!
//! The manifest gives the component the variable `redis_url` and lets it
//! connect there (`allowed_outbound_hosts = ["{{ redis_url }}"]`):
//!
//! ```no_run
//! # async fn example() -> Result<(), suoke_redis::RedisError> {
//! use suoke_redis::{Redis, Script};
//!
//! static COUNT: Script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
//!
//! let redis = Redis::open().await?;
//! if redis.set_if_absent("lock:report", b"mine", 30_000).await? {
//!     redis.eval(&COUNT, &["reports"], &["1"]).await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Native tests use [`Redis::memory`], which knows `GET`, `SET`, `DEL` and
//! `EXISTS`; scripts are tested on a real one: a `TestServer` (feature `native`).

mod client;
mod connection;
mod error;
#[cfg(not(target_family = "wasm"))]
mod memory;
mod script;
#[cfg(all(not(target_family = "wasm"), feature = "native"))]
mod server;
mod value;

pub use client::Redis;
pub use error::RedisError;
#[cfg(not(target_family = "wasm"))]
pub use memory::Memory;
pub use script::Script;
#[cfg(all(not(target_family = "wasm"), feature = "native"))]
pub use server::TestServer;
pub use value::Value;
