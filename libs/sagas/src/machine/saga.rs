//! Where a saga stands.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::definition::Definition;
use crate::messages::Action;

/// How large the context may be, as JSON, so that every command fits into an
/// event.
pub const CONTEXT_SIZE_BYTES_MAX: usize = 192 * 1024;

/// Where the outputs of steps stand in the context.
const OUTPUTS: &str = "outputs";

/// How far a saga is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It has not started.
    Pending,
    /// Steps are done, one after the other.
    Running,
    /// Everything is done.
    Completed,
    /// Steps are undone, one after the other.
    Compensating,
    /// Everything is undone.
    Compensated,
    /// An undo keeps failing: an operator decides.
    NeedsAttention,
    /// An operator left it as it was.
    Failed,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Running,
        Self::Completed,
        Self::Compensating,
        Self::Compensated,
        Self::NeedsAttention,
        Self::Failed,
    ];

    /// As it is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Compensating => "compensating",
            Self::Compensated => "compensated",
            Self::NeedsAttention => "needs_attention",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing will happen any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Compensated | Self::Failed)
    }
}

/// A saga: everything the machine knows of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saga {
    /// Its id.
    pub id: String,
    /// How far it is.
    pub status: Status,
    /// The step that is done or undone, from 0.
    pub step: usize,
    /// The attempt at it, from 1.
    pub attempt: u32,
    /// The attempt from which tries count: an operator grants new ones.
    pub tries_from: u32,
    /// Who has not answered yet.
    pub pending: Vec<String>,
    /// Whether the next attempt waits for its time.
    pub is_pausing: bool,
    /// When a tick has something to do, in milliseconds since the Unix epoch.
    pub due_at_ms: Option<i64>,
    /// Why it is undone.
    pub reason: Option<String>,
    /// The data it started with, and the outputs of steps.
    pub context: Map<String, Value>,
}

/// Why a saga cannot start.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum StartError {
    /// The data lacks what the id is made of.
    #[error(
        "saga \"{saga}\": field \"{field}\" of the data must be text of at most 64 letters, \
         digits, \"-\", \"_\" and \".\", because the saga's id is made of it"
    )]
    Id {
        /// The definition.
        saga: String,
        /// The field.
        field: String,
    },
    /// The data is too large to be handed to every step.
    #[error("saga \"{saga}\": data of {size_bytes} bytes: at most {max} are accepted", max = CONTEXT_SIZE_BYTES_MAX / 2)]
    TooLarge {
        /// The definition.
        saga: String,
        /// How large it is.
        size_bytes: usize,
    },
    /// The data has a field that the outputs of steps need.
    #[error(
        "saga \"{saga}\": field \"outputs\" of the data is where the outputs of steps go; rename it"
    )]
    Outputs {
        /// The definition.
        saga: String,
    },
}

impl Saga {
    /// A saga that can start with this data.
    ///
    /// # Errors
    /// When the data does not fit the definition.
    pub fn new(definition: &Definition, data: Map<String, Value>) -> Result<Self, StartError> {
        let saga = || definition.name.clone();
        let id = definition.saga_id(&data).map_err(|field| StartError::Id {
            saga: saga(),
            field,
        })?;
        let data = definition.context_of(data);
        if data.contains_key(OUTPUTS) {
            return Err(StartError::Outputs { saga: saga() });
        }
        let size_bytes = size_bytes(&data);
        if size_bytes > CONTEXT_SIZE_BYTES_MAX / 2 {
            return Err(StartError::TooLarge {
                saga: saga(),
                size_bytes,
            });
        }
        Ok(Self {
            id,
            status: Status::Pending,
            step: 0,
            attempt: 0,
            tries_from: 1,
            pending: Vec::new(),
            is_pausing: false,
            due_at_ms: None,
            reason: None,
            context: data,
        })
    }

    /// What is asked of the participants now.
    #[must_use]
    pub fn action(&self) -> Action {
        match self.status {
            Status::Pending | Status::Running | Status::Completed => Action::Do,
            Status::Compensating
            | Status::Compensated
            | Status::NeedsAttention
            | Status::Failed => Action::Undo,
        }
    }

    /// How many attempts were made since the last time an operator granted some.
    #[must_use]
    pub(super) fn tries(&self) -> u32 {
        (self.attempt + 1).saturating_sub(self.tries_from)
    }

    /// Adds what a participant gave; false when the context would be too large.
    pub(super) fn keep_output(&mut self, step: &str, participant: &str, output: Value) -> bool {
        if output.is_null() {
            return true;
        }
        if size_bytes(&self.context) + output.to_string().len() > CONTEXT_SIZE_BYTES_MAX {
            return false;
        }
        let outputs = self.context.entry(OUTPUTS).or_insert_with(empty);
        if let Some(outputs) = outputs.as_object_mut() {
            let outputs = outputs.entry(step).or_insert_with(empty);
            if let Some(outputs) = outputs.as_object_mut() {
                outputs.insert(participant.to_owned(), output);
            }
        }
        true
    }
}

fn empty() -> Value {
    Value::Object(Map::new())
}

fn size_bytes(context: &Map<String, Value>) -> usize {
    serde_json::to_vec(context).map_or(usize::MAX, |json| json.len())
}
