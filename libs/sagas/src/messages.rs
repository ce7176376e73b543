//! What orchestrator and participants say to each other: the data of events.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use suoke_events::EventError;

/// Starts a saga by its name: [`StartRequest`].
pub const SAGA_START: &str = "saga.start";
/// Asks for everything to be undone: [`CancelRequest`].
pub const SAGA_CANCEL: &str = "saga.cancel";
/// The usual answer of a participant: [`Reply`].
pub const SAGA_REPLY: &str = "saga.reply";
/// The answer of an agent: [`Reply`].
pub const AGENT_TASK_RESULT: &str = "agent.task.result";

/// The data of `saga.start`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartRequest {
    /// The name of the definition.
    pub saga: String,
    /// What the saga starts with; its id is made from it.
    pub data: Map<String, Value>,
}

/// The data of `saga.cancel`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelRequest {
    /// The saga.
    pub saga_id: String,
}

/// Forwards or backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Do the work of the step.
    Do,
    /// Take it back.
    Undo,
}

impl Action {
    /// `do` or `undo`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Do => "do",
            Self::Undo => "undo",
        }
    }
}

/// How the work of a participant went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is done, or undone.
    Ok,
    /// It is not.
    Failed,
}

/// The data of a command; the type of its event is what the step's definition
/// says, its subject `saga/<saga_id>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// The saga, such as `consultation_<id>`.
    pub saga_id: String,
    /// The name of its definition.
    pub saga: String,
    /// The step.
    pub step: String,
    /// What is asked for.
    pub action: Action,
    /// Counts from 1 for each step and action.
    pub attempt: u32,
    /// Who still has to answer; everybody else does nothing.
    pub participants: Vec<String>,
    /// The type of the answer's event.
    pub reply_to: String,
    /// Why something is undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The data the saga started with, and beneath `outputs` what the finished
    /// steps gave: `outputs.<step>.<participant>`.
    pub context: Map<String, Value>,
}

impl Command {
    /// The context as what the participant needs of it. Name only the fields
    /// that are used; others are passed over.
    ///
    /// # Errors
    /// A permanent one when the context does not have them.
    pub fn context_as<T: DeserializeOwned>(&self) -> Result<T, EventError> {
        T::deserialize(&Value::Object(self.context.clone())).map_err(|error| EventError::Data {
            id: self.saga_id.clone(),
            reason: format!("context of step \"{}\": {error}", self.step),
        })
    }

    /// What a participant gave in an earlier step.
    #[must_use]
    pub fn output(&self, step: &str, participant: &str) -> Option<&Value> {
        self.context.get("outputs")?.get(step)?.get(participant)
    }
}

/// The data of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The saga.
    pub saga_id: String,
    /// The step.
    pub step: String,
    /// What was asked for.
    pub action: Action,
    /// Who answers.
    pub participant: String,
    /// The attempt that is answered.
    pub attempt: u32,
    /// How it went.
    pub outcome: Outcome,
    /// Whether another attempt may help, where it failed.
    #[serde(default)]
    pub retry: bool,
    /// What later steps can read, where it went well.
    #[serde(default)]
    pub output: Value,
    /// Why it failed. It is logged and shown to operators: no personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
