//! What a cache may hold, and for how long.

/// How a value may come to differ from what would be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It cannot: the key says everything that it was made of.
    Content,
    /// By a change, which invalidates it.
    Changing {
        /// For how long an instance may answer what another has invalidated; with 0
        /// it keeps nothing itself.
        local_stale_ms: u64,
    },
}

/// The bounds of a cache.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Tells it from others in Redis; lower-case letters and hyphens.
    pub name: &'static str,
    /// For how long a value is kept.
    pub ttl_ms: u64,
    /// Whether values can become wrong.
    pub freshness: Freshness,
    /// How many values an instance keeps; 0 keeps none.
    pub local_items_max: u64,
    /// How many bytes an instance keeps, keys included.
    pub local_bytes_max: u64,
    /// Larger values are answered and not kept.
    pub value_bytes_max: usize,
    /// For how long another instance is waited for that loads the same; 0 where
    /// loading is cheaper than waiting.
    pub lock_ms: u64,
}

impl Settings {
    /// For how long an instance itself keeps a value; 0 means not at all.
    pub(crate) fn local_ttl_ms(&self) -> u64 {
        match self.freshness {
            _ if self.local_items_max == 0 => 0,
            Freshness::Content => self.ttl_ms,
            Freshness::Changing { local_stale_ms } => local_stale_ms.min(self.ttl_ms),
        }
    }
}
