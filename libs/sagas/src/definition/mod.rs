//! Definitions: sagas as data, `definitions/*.json`.
//!
//! ```
//! let definition = suoke_sagas::definition::Definition::parse("order.json", r#"{
//!   "name": "order",
//!   "version": 1,
//!   "starts_on": "order.placed",
//!   "saga_id_from": "order_{order_id}",
//!   "steps": [
//!     { "name": "reserve", "command": "stock.reserve", "participants": ["stock"] },
//!     { "name": "pay", "command": "payment.take", "participants": ["payments"], "timeout_ms": 60000 }
//!   ]
//! }"#).unwrap();
//! assert_eq!(definition.steps[0].tries_max, 3);
//! ```
//!
//! | field | what it is |
//! |---|---|
//! | `name`, `version` | how it is called; a saga that runs keeps the version it began with |
//! | `enabled` | `false`: it is checked, and starts nothing |
//! | `starts_on` | the type of the event that starts it; its data is the context |
//! | `context` | the fields of that data which the context keeps, all where it is left out: what no step needs, such as an address, is then stored and sent nowhere |
//! | `saga_id_from` | the saga's id, made of fields of that data: an event that comes twice starts one saga |
//! | `steps[].name` | what its outputs are found by |
//! | `steps[].command` | the type of the command's event, which participants subscribe to |
//! | `steps[].participants` | who must answer; several work at the same time |
//! | `steps[].reply_to` | the type of the answer's event, `saga.reply` |
//! | `steps[].timeout_ms` | how long an attempt may take, 30000 |
//! | `steps[].tries_max`, `undo_tries_max` | how many attempts, 3 and 5; 2, 4, 8, … seconds lie between them |

mod check;
mod error;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use error::{DefinitionError, Flaw};

/// The definitions of the application, by the name of their file.
const FILES: [(&str, &str); 2] = [
    (
        "health_consultation.json",
        include_str!("../../definitions/health_consultation.json"),
    ),
    (
        "user_registration.json",
        include_str!("../../definitions/user_registration.json"),
    ),
];

/// How long the id of a saga may be.
pub const SAGA_ID_SIZE_BYTES_MAX: usize = 128;

/// A saga as data; see the [module](self).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// How it is called.
    pub name: String,
    /// Counts its changes from 1.
    pub version: u32,
    /// Whether it starts.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The type of the event that starts it.
    pub starts_on: String,
    /// The fields of the event's data that become the context; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Vec<String>>,
    /// The id with `{field}` for fields of the event's data.
    pub saga_id_from: String,
    /// What is done, in this order.
    pub steps: Vec<Step>,
}

/// One step of a saga.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// How it is called.
    pub name: String,
    /// The type of the command's event.
    pub command: String,
    /// Who must answer.
    pub participants: Vec<String>,
    /// The type of the answer's event.
    #[serde(default = "reply_to")]
    pub reply_to: String,
    /// How long an attempt may take.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u32,
    /// How often it is tried to do it.
    #[serde(default = "tries_max")]
    pub tries_max: u32,
    /// How often it is tried to undo it before an operator is asked.
    #[serde(default = "undo_tries_max")]
    pub undo_tries_max: u32,
}

const fn yes() -> bool {
    true
}

fn reply_to() -> String {
    crate::messages::SAGA_REPLY.to_owned()
}

const fn timeout_ms() -> u32 {
    30_000
}

const fn tries_max() -> u32 {
    3
}

const fn undo_tries_max() -> u32 {
    5
}

impl Definition {
    /// Reads and checks a definition; `file` is what errors call it until its
    /// name is known.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its step, its field and how
    /// to mend it.
    pub fn parse(file: &str, json: &str) -> Result<Self, DefinitionError> {
        let mut reader = serde_json::Deserializer::from_str(json);
        let read: Result<Self, _> = serde_path_to_error::deserialize(&mut reader);
        let definition = read.map_err(|error| DefinitionError::unreadable(file, &error))?;
        reader
            .end()
            .map_err(|error| DefinitionError::not_json(file, &error))?;
        definition.check()?;
        Ok(definition)
    }

    /// The definitions of the application.
    ///
    /// # Errors
    /// When one is wrong, which a test of this crate forbids.
    pub fn all() -> Result<Vec<Self>, DefinitionError> {
        FILES
            .iter()
            .map(|(file, json)| Self::parse(file, json))
            .collect()
    }

    /// What a saga that this data starts keeps of it.
    #[must_use]
    pub fn context_of(&self, mut data: Map<String, Value>) -> Map<String, Value> {
        if let Some(kept) = &self.context {
            data.retain(|field, _| kept.contains(field));
        }
        data
    }

    /// The id of the saga that this data starts.
    ///
    /// # Errors
    /// The name of the field that is missing or cannot be part of an id.
    pub fn saga_id(&self, data: &Map<String, Value>) -> Result<String, String> {
        let mut id = String::new();
        for part in check::parts(&self.saga_id_from) {
            match part {
                check::Part::Text(text) => id.push_str(text),
                check::Part::Field(field) => {
                    let value = data.get(field).and_then(Value::as_str);
                    let value = value.filter(|value| check::is_id(value));
                    id.push_str(value.ok_or_else(|| field.to_owned())?);
                    if id.len() > SAGA_ID_SIZE_BYTES_MAX {
                        return Err(field.to_owned());
                    }
                }
            }
        }
        Ok(id)
    }
}

#[cfg(test)]
mod tests;
