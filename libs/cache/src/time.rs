//! Time as caches see it; tests move it themselves.

use suoke_guest::clock;

/// A clock that can be waited on.
#[expect(
    async_fn_in_trait,
    reason = "components run on one thread: no future needs to be Send"
)]
pub trait Time {
    /// Milliseconds since some instant; never less than before.
    fn now_ms(&self) -> u64;

    /// Lets time pass.
    async fn wait_ms(&self, ms: u64);
}

/// The clock of the host.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostTime;

impl Time for HostTime {
    fn now_ms(&self) -> u64 {
        u64::try_from(clock::now_ms()).unwrap_or(0)
    }

    async fn wait_ms(&self, ms: u64) {
        clock::wait_ms(ms).await;
    }
}
