//! What the step answers: the shapes of `suoke:diagnosis/types` in Rust.

use serde::{Deserialize, Serialize};

/// How strongly a finding is present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Slight.
    Mild,
    /// Neither slight nor strong; also where nothing was said.
    Moderate,
    /// Strong.
    Severe,
}

/// One finding of the lexicon, recognised in the input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Code in the lexicon, such as `fatigue`.
    pub code: String,
    /// Chinese name.
    pub name: String,
    /// The words of the input that named it.
    pub evidence: String,
    /// False where the input denies it.
    pub present: bool,
    /// How strongly.
    pub severity: Severity,
    /// For how long, where the input says so.
    pub duration_minutes: Option<u64>,
    /// Between 0 and 1.
    pub confidence: f64,
}

/// How far the input can be trusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Between 0 and 1.
    pub score: f64,
    /// Codes such as `insufficient_quality`.
    pub issues: Vec<String>,
}

/// What the step found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepResult {
    /// How far the input can be trusted.
    pub quality: Quality,
    /// The findings, in the order in which the input names them.
    pub findings: Vec<Finding>,
    /// Codes of emergencies that the input suggests, the order that of the rules.
    pub red_flags: Vec<String>,
    /// Name and version of the engine and of its knowledge.
    pub model: String,
}
