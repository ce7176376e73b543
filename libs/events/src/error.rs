//! What can go wrong with events.

use suoke_store::StoreError;
use thiserror::Error;

/// A failure around events.
#[derive(Debug, Error)]
pub enum EventError {
    /// The event is larger than a channel should carry.
    #[error(
        "event of {size_bytes} bytes: at most {} are accepted",
        crate::EVENT_SIZE_BYTES_MAX
    )]
    TooLarge {
        /// How large it is.
        size_bytes: usize,
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
    /// The data of the event is not what its type promises.
    #[error("data of event {id}: {reason}")]
    Data {
        /// The event.
        id: String,
        /// What is wrong with its data.
        reason: String,
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
        matches!(
            self,
            Self::TooLarge { .. } | Self::NotJson(_) | Self::Attribute { .. } | Self::Data { .. }
        )
    }
}
