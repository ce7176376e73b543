//! What happened to readings, as events. None carries a value.

use serde::{Deserialize, Serialize};

/// [`suoke_health::batch::Recorded`]: a batch was stored.
pub const RECORDED: &str = "health.reading.recorded";
/// [`Corrected`]
pub const CORRECTED: &str = "health.data.corrected";
/// [`Deleted`]
pub const DELETED: &str = "health.data.deleted";
/// [`Accessed`]
pub const ACCESSED: &str = "health.data.accessed";

/// A reading took the place of another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corrected {
    /// Whose readings.
    pub user_id: String,
    /// The new one.
    pub id: String,
    /// The old one, which is `amended` now.
    pub supersedes: String,
    /// Their type.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A reading was deleted by its owner: it counts no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// Whose reading.
    pub user_id: String,
    /// The reading.
    pub id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Somebody looked at the health of somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accessed {
    /// Whose health.
    pub user_id: String,
    /// Who looked: an administrator, or `operator`.
    pub by: String,
    /// The route, without what was asked for: `/api/v1/health/aggregates`.
    pub resource: String,
}

/// The aggregate of all events about a person's readings: `readings/USER`.
#[must_use]
pub fn subject(user_id: &str) -> String {
    format!("readings/{user_id}")
}
