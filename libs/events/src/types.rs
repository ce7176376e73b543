//! What our events carry. Readers tolerate fields that they do not know.

use serde::{Deserialize, Serialize};

/// [`UserCreated`]
pub const USER_CREATED: &str = "user.created";
/// The account of `user_id` is erased.
pub const USER_DELETED: &str = "user.deleted";
/// [`ConsultationCreated`]
pub const HEALTH_CONSULTATION: &str = "health.consultation";
/// [`DiagnosisRequested`]
pub const DIAGNOSIS_REQUEST: &str = "diagnosis.request";
/// [`DiagnosisCompleted`]
pub const DIAGNOSIS_COMPLETED: &str = "diagnosis.completed";
/// [`AlertRaised`]
pub const HEALTH_ALERT_RAISED: &str = "health.alert.raised";

/// Somebody registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCreated {
    /// The new user.
    pub user_id: String,
    /// The address, normalised.
    pub email: String,
    /// How the user wants to be called.
    pub name: String,
    /// When, in RFC 3339.
    pub created_at: String,
}

/// Somebody asks for advice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsultationCreated {
    /// The new consultation.
    pub consultation_id: String,
    /// Who asks.
    pub user_id: String,
    /// The agent that takes it in: `xiaoai`, `xiaoke`, `laoke` or `soer`.
    pub agent: String,
    /// What the person says.
    pub chief_complaint: String,
}

/// An agent wants a diagnostic step to be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiagnosisRequested {
    /// The consultation it belongs to.
    pub consultation_id: String,
    /// Who asked.
    pub user_id: String,
    /// The step: `inquiry`.
    pub step: String,
    /// What the step reads.
    pub text: String,
}

/// A diagnostic step was run and its result is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiagnosisCompleted {
    /// The consultation it belongs to.
    pub consultation_id: String,
    /// Who asked.
    pub user_id: String,
    /// The stored result.
    pub diagnosis_id: String,
    /// The step: `inquiry`.
    pub step: String,
    /// Name and version of the engine.
    pub engine: String,
    /// Codes of emergencies that were found.
    #[serde(default)]
    pub red_flags: Vec<String>,
}

/// A person is to be told about their readings; without any value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRaised {
    /// Whose readings.
    pub user_id: String,
    /// The alert. It is raised again while it lasts, or when it grows worse.
    pub alert_id: String,
    /// The rule, such as `spo2_low`.
    pub rule: String,
    /// `warning` or `critical`.
    pub level: String,
    /// The class of the reading, such as `hypoxaemia`.
    pub code: String,
}
