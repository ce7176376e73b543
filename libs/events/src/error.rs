//! What can go wrong with events.

use suoke_store::StoreError;
use thiserror::Error;

/// A failure around events.
#[derive(Debug, Error)]
pub enum EventError {
    /// The event is larger than a channel should carry.
    #[error("event of {size_bytes} bytes: at most {size_bytes_max} are accepted")]
    TooLarge {
        /// How large it is.
        size_bytes: usize,
        /// How large it may be.
        size_bytes_max: usize,
    },
    /// The message is not a JSON object.
    #[error("event is not a JSON object: {0}")]
    NotJson(String),
    /// An attribute of the envelope is missing or wrong.
    #[error("event attribute \"{attribute}\": {reason}")]
    Attribute {
        /// The attribute.
        attribute: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The consumer knows no events of this type.
    #[error("event {id}: its type \"{kind}\" is not one of {expected}")]
    UnknownType {
        /// The event.
        id: String,
        /// Its type.
        kind: String,
        /// The types that the consumer knows.
        expected: String,
    },
    /// The data has a version that the consumer does not know.
    #[error("event {id}: its schemaversion {version} is not known, {version_max} is the newest")]
    UnknownVersion {
        /// The event.
        id: String,
        /// Its version.
        version: u32,
        /// The newest version that the consumer knows.
        version_max: u32,
    },
    /// The data of the event is not what its type promises.
    #[error("data of event {id}: {reason}")]
    Data {
        /// The event.
        id: String,
        /// What is wrong with its data.
        reason: String,
    },
    /// The consumer needs order and an earlier event has not come yet.
    #[error("event {id}: its sequence {sequence} comes too early, {expected} is next")]
    TooEarly {
        /// The event.
        id: String,
        /// Its number.
        sequence: u64,
        /// The number whose turn it is.
        expected: u64,
    },
    /// A stream has another version than its writer has seen.
    #[error("stream {stream}: expected version {expected}, but it is {actual}")]
    Conflict {
        /// The stream: type and id.
        stream: String,
        /// The version that the writer has seen.
        expected: u64,
        /// The version that it has.
        actual: u64,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The message bus failed.
    #[error("message bus: {0}")]
    Bus(String),
    /// The work of a consumer failed.
    #[error("{0}")]
    Work(String),
}

impl EventError {
    /// A failure of a consumer's own work.
    pub fn work(cause: impl std::fmt::Display) -> Self {
        Self::Work(cause.to_string())
    }

    /// Whether another delivery cannot help: the event itself is wrong.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::TooLarge { .. }
            | Self::NotJson(_)
            | Self::Attribute { .. }
            | Self::UnknownType { .. }
            | Self::UnknownVersion { .. }
            | Self::Data { .. } => true,
            Self::TooEarly { .. }
            | Self::Conflict { .. }
            | Self::Store(_)
            | Self::Bus(_)
            | Self::Work(_) => false,
        }
    }
}
