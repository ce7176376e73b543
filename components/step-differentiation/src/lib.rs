//! Differentiation: exports `suoke:diagnosis/differentiation` and nothing else.

mod answer;

mod bindings {
    wit_bindgen::generate!({ path: "../../wit/diagnosis", world: "differentiation-step" });
}

use bindings::exports::suoke::diagnosis::differentiation::{self as step, Guest};
use bindings::suoke::diagnosis::types;
use suoke_diagnosis::{Finding, Observation, Severity, Source};

struct Differentiation;

impl Guest for Differentiation {
    fn differentiate(
        observations: Vec<step::Observation>,
        red_flags: Vec<String>,
    ) -> step::Differentiated {
        let observations: Vec<Observation> = observations.into_iter().map(observation).collect();
        answer::differentiated(suoke_diagnosis::differentiate(&observations, &red_flags))
    }
}

fn observation(observation: step::Observation) -> Observation {
    Observation {
        finding: finding(observation.finding),
        source: match observation.source {
            step::Source::Inquiry => Source::Inquiry,
            step::Source::Clinician => Source::Clinician,
            step::Source::TongueImage => Source::TongueImage,
            step::Source::TongueImageWithCard => Source::TongueImageWithCard,
            step::Source::Complexion => Source::Complexion,
            step::Source::Voice => Source::Voice,
            step::Source::PulseRate => Source::PulseRate,
            step::Source::PulsePressure => Source::PulsePressure,
            step::Source::PulsePpg => Source::PulsePpg,
            step::Source::Wearable => Source::Wearable,
        },
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

#[expect(unsafe_code, reason = "wit-bindgen writes the exported functions")]
mod export {
    use super::{Differentiation, bindings};

    bindings::export!(Differentiation with_types_in bindings);
}
