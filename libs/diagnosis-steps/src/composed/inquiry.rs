//! The inquiry step as an import of the component.

mod bindings {
    spin_sdk::wit_bindgen::generate!({
        path: "../../wit/diagnosis",
        world: "inquiry-user",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
    });
}

use bindings::suoke::diagnosis::{inquiry as step, types};
use suoke_diagnosis::{Finding, Quality, Severity, StepResult};

pub(crate) fn inquiry(text: &str) -> StepResult {
    step_result(step::analyse(text))
}

fn step_result(result: types::StepResult) -> StepResult {
    StepResult {
        quality: Quality {
            score: result.quality.score,
            issues: result.quality.issues,
        },
        findings: result.findings.into_iter().map(finding).collect(),
        red_flags: result.red_flags,
        model: result.model,
    }
}

fn finding(finding: types::Finding) -> Finding {
    Finding {
        code: finding.code,
        name: finding.name,
        evidence: finding.evidence,
        present: finding.present,
        severity: match finding.severity {
            types::Severity::Mild => Severity::Mild,
            types::Severity::Moderate => Severity::Moderate,
            types::Severity::Severe => Severity::Severe,
        },
        duration_minutes: finding.duration_minutes,
        confidence: finding.confidence,
    }
}
