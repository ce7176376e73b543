//! Consultations: what the agents answer by rules, and the report made of it.
//!
//! - [`consultation`]: where a consultation stands, and how it moves on;
//! - [`answers`]: what each agent said, and where it is kept;
//! - [`report`]: the report of a consultation, red flags first; pure;
//! - [`text`]: the sentences for people, in Chinese and English; pure.
//!
//! The commands of the saga `health_consultation` carry ids and, in their context, what the
//! person says (the chief complaint): with the saga and its events it lies in the database
//! `platform`, too. Outputs of steps are ids, codes and counts alone; answers and reports
//! stay in the database `care`.

pub mod answers;
pub mod consultation;
pub mod report;
#[cfg(all(feature = "testing", not(target_family = "wasm")))]
pub mod testing;
pub mod text;

use serde::{Deserialize, Serialize};
use suoke_events::{Event, EventError};
use suoke_sagas::messages::{Action, Command};

/// The commands of the saga, which are the channels of its participants.
pub mod commands {
    /// Takes the consultation in: `consultation-record`.
    pub const CONSULTATION_RECORD: &str = "consultation.record";
    /// Asks the agents: `xiaoai`, `xiaoke`, `laoke`.
    pub const AGENT_TASK_ASSIGN: &str = "agent.task.assign";
    /// Makes the report: `report-generate`.
    pub const REPORT_GENERATE: &str = "report.generate";
    /// Tells the person: `notification-send`.
    pub const NOTIFICATION_SEND: &str = "notification.send";
    /// Notes it with the person's health: `record-update`.
    pub const RECORD_UPDATE: &str = "record.update";
}

/// The step of the saga that makes the report.
pub const REPORT_STEP: &str = "generate_diagnosis_report";
/// The participant of that step.
pub const REPORT_PARTICIPANT: &str = "report-generate";

/// The name of the saga of a consultation.
pub const SAGA: &str = "health_consultation";
/// What the id of that saga begins with; the consultation's id follows.
const SAGA_ID_PREFIX: &str = "consultation_";

/// The id of the saga of a consultation.
#[must_use]
pub fn saga_id(consultation_id: &str) -> String {
    format!("{SAGA_ID_PREFIX}{consultation_id}")
}

/// The id of the consultation of a saga; none where the saga is about something else.
#[must_use]
pub fn consultation_of(saga_id: &str) -> Option<&str> {
    saga_id.strip_prefix(SAGA_ID_PREFIX)
}

/// What a command is about: its context, as the event `health.consultation` gave it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct About {
    /// The consultation.
    pub consultation_id: String,
    /// Who asks.
    pub user_id: String,
    /// What the person says.
    pub chief_complaint: String,
}

/// Which consultation a command is about. An undo reads nothing else, so that it succeeds
/// also where the saga started with an incomplete context.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Which {
    /// The consultation.
    pub consultation_id: String,
}

/// What a command asks this participant to do, so that it can be computed before the
/// transaction; none where it is asked for nothing or to undo, and where the context
/// does not fit: the work says so, for what it says is answered.
///
/// # Errors
/// A permanent one when the event is no such command.
pub fn asked(event: &Event, participant: &str) -> Result<Option<About>, EventError> {
    let command: Command = event.data_as()?;
    let is_asked = command.participants.iter().any(|name| name == participant);
    if !is_asked || command.action != Action::Do {
        return Ok(None);
    }
    Ok(command.context_as().ok())
}

/// What the report's step gave.
///
/// # Errors
/// A permanent one when it gave nothing.
pub fn report_made(command: &Command) -> Result<ReportMade, EventError> {
    let missing = |reason: String| EventError::Data {
        id: command.saga_id.clone(),
        reason,
    };
    let output = command
        .output(REPORT_STEP, REPORT_PARTICIPANT)
        .ok_or_else(|| missing(format!("step \"{REPORT_STEP}\" gave no output")))?;
    ReportMade::deserialize(output)
        .map_err(|error| missing(format!("output of \"{REPORT_STEP}\": {error}")))
}

/// What the report's step gives to later steps: ids and codes alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportMade {
    /// The report.
    pub report_id: String,
    /// Whether it holds red flags.
    pub is_emergency: bool,
    /// Their codes.
    pub red_flags: Vec<String>,
    /// The ids of the syndromes, the primary one first.
    pub syndromes: Vec<String>,
}
