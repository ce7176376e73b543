//! The answer that every diagnostic step gives over HTTP.

use crate::result::{Quality, Severity, StepResult};
use serde::Serialize;

/// The language of texts for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// 简体中文.
    Chinese,
    /// English.
    English,
}

/// What is said with every result: a reference, no diagnosis and no prescription.
pub fn disclaimers(language: Language) -> [&'static str; 2] {
    match language {
        Language::Chinese => [
            "本结果仅供健康管理参考，不作为医学诊断或处方依据。",
            "如有不适或症状加重，请及时就医；紧急情况请立即拨打120。",
        ],
        Language::English => [
            "For health management only; this is neither a medical diagnosis nor a prescription.",
            "See a doctor if you feel unwell or get worse; in an emergency call 120 at once.",
        ],
    }
}

/// One finding as it is answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReportFinding {
    /// Code in the lexicon.
    pub code: String,
    /// Chinese name.
    pub zh: String,
    /// The words that named it.
    pub evidence: String,
    /// False where it was denied.
    pub present: bool,
    /// How strongly.
    pub severity: Severity,
    /// For how long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_minutes: Option<u64>,
    /// Between 0 and 1.
    pub confidence: f64,
    /// The step it comes from.
    pub source: &'static str,
}

/// Which engine answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Model {
    /// Name of the engine.
    pub name: String,
    /// Version of its knowledge.
    pub version: String,
    /// The same input always gives the same answer.
    pub deterministic: bool,
}

/// The general answer of a diagnostic step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Id of this run.
    pub diagnosis_id: String,
    /// The step.
    pub kind: &'static str,
    /// How far the input can be trusted.
    pub quality: Quality,
    /// Measured features; free text has none.
    pub features: Vec<serde_json::Value>,
    /// What was found.
    pub findings: Vec<ReportFinding>,
    /// Codes of emergencies.
    pub red_flags: Vec<String>,
    /// Which engine answered.
    pub model: Model,
    /// What has to be said with it.
    pub disclaimers: [&'static str; 2],
}

impl Report {
    /// The answer for what the inquiry step found.
    pub fn inquiry(diagnosis_id: String, result: StepResult, language: Language) -> Self {
        let findings = result.findings.into_iter().map(|finding| ReportFinding {
            code: finding.code,
            zh: finding.name,
            evidence: finding.evidence,
            present: finding.present,
            severity: finding.severity,
            duration_minutes: finding.duration_minutes,
            confidence: finding.confidence,
            source: "inquiry",
        });
        let (name, version) = result
            .model
            .split_once("+kb-")
            .unwrap_or((&result.model, ""));
        Self {
            diagnosis_id,
            kind: "inquiry",
            quality: result.quality,
            features: Vec::new(),
            findings: findings.collect(),
            red_flags: result.red_flags,
            model: Model {
                name: name.to_owned(),
                version: version.to_owned(),
                deterministic: true,
            },
            disclaimers: disclaimers(language),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::{ENGINE, knowledge_version};

    #[test]
    fn carries_findings_model_and_disclaimers() {
        let report = Report::inquiry(
            "d".to_owned(),
            crate::analyse("头痛三天"),
            Language::English,
        );
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["findings"][0]["code"], "headache");
        assert_eq!(json["findings"][0]["duration_minutes"], 4_320);
        assert_eq!(
            json["model"],
            serde_json::json!({"name": ENGINE, "version": knowledge_version(), "deterministic": true})
        );
        assert_eq!(json["disclaimers"].as_array().map(Vec::len), Some(2));
    }
}
