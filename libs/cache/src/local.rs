//! What the instance keeps itself.

use std::sync::Mutex;

use quick_cache::unsync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, Weighter};

use crate::flight::{Bytes, Flights, locked};
use crate::settings::Settings;

/// What a key and the books of a value cost beside their bytes.
const ITEM_SIZE_BYTES: u64 = 64;

/// The values of one instance, and the loads under way; a `static`.
pub struct Local {
    pub(crate) settings: Settings,
    pub(crate) flights: Flights,
    state: Mutex<State>,
}

struct State {
    /// Made when it is first used.
    kept: Option<Kept>,
    stats: Stats,
}

type Kept = Cache<String, Value, Weights, DefaultHashBuilder, Evictions>;

/// What a cache has done in this instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Found in the instance.
    pub hits_local: u64,
    /// Found in Redis.
    pub hits_shared: u64,
    /// Taken from whoever loaded at the same time.
    pub hits_joined: u64,
    /// Found nowhere.
    pub misses: u64,
    /// Loaded without a failure.
    pub loads: u64,
    /// Given up for others, or never kept because they are too large.
    pub evictions: u64,
    /// Redis did not answer.
    pub failures_shared: u64,
}

#[derive(Clone)]
struct Value {
    bytes: Bytes,
    until_ms: u64,
}

/// Each item weighs its bytes, and so much that no more than the allowed number
/// has room.
#[derive(Clone)]
struct Weights {
    item_weight_min: u64,
}

impl Weighter<String, Value> for Weights {
    fn weight(&self, key: &String, value: &Value) -> u64 {
        let bytes = (key.len() + value.bytes.len()) as u64 + ITEM_SIZE_BYTES;
        bytes.max(self.item_weight_min)
    }
}

/// Counts what is given up.
#[derive(Clone)]
struct Evictions;

impl Lifecycle<String, Value> for Evictions {
    type RequestState = u64;

    fn on_evict(&self, count: &mut u64, _key: String, _value: Value) {
        *count += 1;
    }
}

impl Local {
    /// An empty cache with these bounds.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        let stats = Stats {
            hits_local: 0,
            hits_shared: 0,
            hits_joined: 0,
            misses: 0,
            loads: 0,
            evictions: 0,
            failures_shared: 0,
        };
        Self {
            settings,
            flights: Flights::new(),
            state: Mutex::new(State { kept: None, stats }),
        }
    }

    /// Its bounds.
    #[must_use]
    pub const fn settings(&self) -> Settings {
        self.settings
    }

    /// What has happened so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        locked(&self.state).stats
    }

    pub(crate) fn note(&self, note: impl FnOnce(&mut Stats)) {
        note(&mut locked(&self.state).stats);
    }

    pub(crate) fn get(&self, key: &str, now_ms: u64) -> Option<Bytes> {
        let mut state = locked(&self.state);
        let kept = state.kept.as_mut()?;
        let found = kept.get(key)?;
        if found.until_ms > now_ms {
            return Some(found.bytes.clone());
        }
        kept.remove(key);
        None
    }

    pub(crate) fn put(&self, key: &str, bytes: Bytes, now_ms: u64) {
        let ttl_ms = self.settings.local_ttl_ms();
        if ttl_ms == 0 {
            return;
        }
        let value = Value {
            bytes,
            until_ms: now_ms.saturating_add(ttl_ms),
        };
        let mut state = locked(&self.state);
        let mut evicted = 0;
        let kept = state.kept.get_or_insert_with(|| kept(&self.settings));
        kept.insert_with_lifecycle(key.to_owned(), value, &mut evicted);
        state.stats.evictions += evicted;
    }

    /// Forgets every key that `is_meant`; what is being loaded is for those alone who
    /// wait already.
    pub(crate) fn forget(&self, is_meant: impl Fn(&str) -> bool) {
        self.flights.forget(&is_meant);
        if let Some(kept) = &mut locked(&self.state).kept {
            kept.retain(|key, _| !is_meant(key));
        }
    }

    /// How many values are kept, and what they weigh.
    #[cfg(test)]
    pub(crate) fn size(&self) -> (usize, u64) {
        let state = locked(&self.state);
        state
            .kept
            .as_ref()
            .map_or((0, 0), |kept| (kept.len(), kept.weight()))
    }
}

fn kept(settings: &Settings) -> Kept {
    let items_max = settings.local_items_max.max(1);
    let weights = Weights {
        item_weight_min: settings.local_bytes_max.div_ceil(items_max).max(1),
    };
    let items = usize::try_from(items_max).unwrap_or(usize::MAX);
    Cache::with(
        items,
        settings.local_bytes_max,
        weights,
        DefaultHashBuilder::default(),
        Evictions,
    )
}
