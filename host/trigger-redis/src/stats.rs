//! What has happened: plain counters, one set for each address and each component.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What has happened to the subscription at one address.
#[derive(Debug, Default)]
pub struct AddressStats {
    pub(crate) connected: AtomicBool,
    pub(crate) received: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) reconnects: AtomicU64,
    pub(crate) gap_ms: AtomicU64,
}

impl AddressStats {
    /// Whether messages can arrive now.
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Messages that arrived.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Messages that no component got because they were too large.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Messages the embedded server threw away because they were read too slowly.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Connections made after one was lost.
    pub fn reconnects(&self) -> u64 {
        self.reconnects.load(Ordering::Relaxed)
    }

    /// Time without a connection after the first: what was published then is lost.
    pub fn gap_ms(&self) -> u64 {
        self.gap_ms.load(Ordering::Relaxed)
    }
}

/// What has happened to the messages of one component.
#[derive(Debug, Default)]
pub struct ComponentStats {
    pub(crate) handled: AtomicU64,
    pub(crate) failed: AtomicU64,
}

impl ComponentStats {
    /// Messages handled well.
    pub fn handled(&self) -> u64 {
        self.handled.load(Ordering::Relaxed)
    }

    /// Messages whose handling failed.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

/// Counts one more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
