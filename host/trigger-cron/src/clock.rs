//! Where the time comes from, and how to wait for it.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use chrono::Utc;

/// A future that can move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The present, as schedules see it.
pub trait Clock: Send + Sync {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> i64;

    /// Waits until the clock shows `instant_ms` or more; it may end earlier.
    fn sleep_until_ms(&self, instant_ms: i64) -> BoxFuture<'_, ()>;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        Utc::now().timestamp_millis()
    }

    fn sleep_until_ms(&self, instant_ms: i64) -> BoxFuture<'_, ()> {
        let left_ms = instant_ms.saturating_sub(self.now_ms());
        let left_ms = u64::try_from(left_ms).unwrap_or(0);
        Box::pin(tokio::time::sleep(Duration::from_millis(left_ms)))
    }
}
