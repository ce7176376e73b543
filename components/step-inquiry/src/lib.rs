//! The inquiry step: exports `suoke:diagnosis/inquiry` and nothing else.

mod bindings {
    wit_bindgen::generate!({ path: "../../wit/diagnosis", world: "inquiry-step" });
}

use bindings::exports::suoke::diagnosis::inquiry::Guest;
use bindings::suoke::diagnosis::types;
use suoke_diagnosis::{Finding, Severity};

struct Inquiry;

impl Guest for Inquiry {
    fn analyse(text: String) -> types::StepResult {
        let result = suoke_diagnosis::analyse(&text);
        types::StepResult {
            quality: types::Quality {
                score: result.quality.score,
                issues: result.quality.issues,
            },
            findings: result.findings.into_iter().map(finding).collect(),
            red_flags: result.red_flags,
            model: result.model,
        }
    }
}

fn finding(finding: Finding) -> types::Finding {
    types::Finding {
        code: finding.code,
        name: finding.name,
        evidence: finding.evidence,
        present: finding.present,
        severity: match finding.severity {
            Severity::Mild => types::Severity::Mild,
            Severity::Moderate => types::Severity::Moderate,
            Severity::Severe => types::Severity::Severe,
        },
        duration_minutes: finding.duration_minutes,
        confidence: finding.confidence,
    }
}

#[expect(unsafe_code, reason = "wit-bindgen writes the exported functions")]
mod export {
    use super::{Inquiry, bindings};

    bindings::export!(Inquiry with_types_in bindings);
}
