//! Counters that others keep, read when a scrape asks for them.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::metrics::counter::Counter;

/// Counters and where their values are read.
#[derive(Default)]
pub(crate) struct Observed {
    counters: Vec<(Counter, Box<dyn Fn() -> u64 + Send + Sync>)>,
}

impl Observed {
    /// Shows the value that `read` gives as a counter.
    pub(crate) fn add(&mut self, counter: Counter, read: impl Fn() -> u64 + Send + Sync + 'static) {
        self.counters.push((counter, Box::new(read)));
    }

    /// Reads every value.
    pub(crate) fn refresh(&self) {
        for (counter, read) in &self.counters {
            let value: &AtomicU64 = counter.inner();
            value.store(read(), Ordering::Relaxed);
        }
    }
}
