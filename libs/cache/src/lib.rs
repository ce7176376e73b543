//! Answers that are dear to compute or to read, kept for a while: in the
//! instance (bounded by items and bytes), and behind it in Redis, where all
//! instances and hosts find them.
//!
//! ```no_run
//! # use suoke_guest::ApiError;
//! use suoke_cache::{Cache, Freshness, Local, Settings};
//!
//! static PROFILES: Local = Local::new(Settings {
//!     name: "profiles",
//!     ttl_ms: 1_800_000,
//!     freshness: Freshness::Changing { local_stale_ms: 0 },
//!     local_items_max: 0,
//!     local_bytes_max: 0,
//!     value_bytes_max: 64 * 1024,
//!     lock_ms: 500,
//! });
//!
//! # async fn read() -> Result<String, ApiError> { Ok(String::new()) }
//! # async fn example() -> Result<(), ApiError> {
//! let cache = Cache::new(&PROFILES);
//! let name: String = cache.get_or_load("u1/name", read).await?;
//! // After a change was committed:
//! cache.invalidate_prefix("u1").await?;
//! # Ok(()) }
//! ```
//!
//! - What is computed from its key alone ([`Freshness::Content`]) is never wrong;
//!   what may change ([`Freshness::Changing`]) is read through a generation, which
//!   [`Cache::invalidate`] replaces: a value that was loaded before a change and
//!   stored after it is not found either.
//! - Of those who miss the same key at the same time one loads: in the instance
//!   the others wait for it, over instances for at most
//!   [`lock_ms`](Settings::lock_ms).
//! - Failures are not kept. Without Redis everything is loaded.

mod cache;
mod entry;
mod flight;
mod local;
mod settings;
mod time;

#[cfg(test)]
mod tests;

pub use cache::{Cache, Origin};
pub use local::{Local, Stats};
pub use settings::{Freshness, Settings};
pub use time::{HostTime, Time};
