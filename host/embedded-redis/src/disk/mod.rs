//! What outlives the process: a file with one row for each key.

mod codec;
mod file;
mod writer;

pub(crate) use file::File;
pub(crate) use writer::{Memory, Saved, Writer};

use crate::keyspace::{Key, Keyspace};
use crate::value::Value;

/// A key as it is to be on disk.
pub(crate) struct Row {
    key: Key,
    /// `None` when the key has gone.
    state: Option<State>,
}

struct State {
    kind: i64,
    bytes: Vec<u8>,
    expires_at_ms: Option<i64>,
}

impl Row {
    /// What a key is at this moment.
    fn of(keys: &Keyspace, key: &Key) -> Self {
        let state = keys.peek(key).map(|(value, expires_at_ms)| {
            let (kind, bytes) = codec::encode(value);
            State {
                kind,
                bytes,
                expires_at_ms,
            }
        });
        Self {
            key: key.clone(),
            state,
        }
    }

    fn size_bytes(&self) -> usize {
        let of_state = self.state.as_ref().map_or(0, |state| state.bytes.len());
        self.key.len() + of_state
    }
}

/// A key that was on disk.
pub(crate) struct Loaded {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Value,
    pub(crate) expires_at_ms: Option<i64>,
}
