//! Differentiation as an import of the component.

mod bindings {
    spin_sdk::wit_bindgen::generate!({
        path: "../../wit/diagnosis",
        world: "differentiation-user",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
    });
}

use bindings::suoke::diagnosis::{differentiation as step, types};
use suoke_diagnosis::{
    Conflict, Differentiation, EightPrinciples, Element, ElementKind, Evidence, Finding, Method,
    Observation, Outcome, Question, Resolution, Severity, Source, Status, Syndrome,
};

pub(crate) fn differentiate(observations: &[Observation], red_flags: &[String]) -> Differentiation {
    let observations: Vec<step::Observation> = observations.iter().map(observation).collect();
    differentiated(step::differentiate(&observations, red_flags))
}

fn observation(observation: &Observation) -> step::Observation {
    step::Observation {
        finding: finding(&observation.finding),
        source: match observation.source {
            Source::Inquiry => step::Source::Inquiry,
            Source::Clinician => step::Source::Clinician,
            Source::TongueImage => step::Source::TongueImage,
            Source::TongueImageWithCard => step::Source::TongueImageWithCard,
            Source::Complexion => step::Source::Complexion,
            Source::Voice => step::Source::Voice,
            Source::PulseRate => step::Source::PulseRate,
            Source::PulsePressure => step::Source::PulsePressure,
            Source::PulsePpg => step::Source::PulsePpg,
            Source::Wearable => step::Source::Wearable,
        },
    }
}

fn finding(finding: &Finding) -> types::Finding {
    types::Finding {
        code: finding.code.clone(),
        name: finding.name.clone(),
        evidence: finding.evidence.clone(),
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

fn differentiated(found: step::Differentiated) -> Differentiation {
    Differentiation {
        outcome: match found.outcome {
            step::Outcome::Emergency => Outcome::Emergency,
            step::Outcome::Established => Outcome::Established,
            step::Outcome::Tendency => Outcome::Tendency,
            step::Outcome::Elements => Outcome::Elements,
            step::Outcome::Insufficient => Outcome::Insufficient,
        },
        red_flags: found.red_flags,
        syndromes: found.syndromes.into_iter().map(syndrome).collect(),
        elements: found.elements.into_iter().map(element).collect(),
        principles: found.principles.map(principles),
        conflicts: found.conflicts.into_iter().map(conflict).collect(),
        questions: found.questions.into_iter().map(question).collect(),
        model: found.model,
    }
}

fn syndrome(syndrome: step::Syndrome) -> Syndrome {
    Syndrome {
        id: syndrome.id,
        name: syndrome.name,
        english: syndrome.english,
        gb_code: syndrome.gb_code,
        icd_code: syndrome.icd_code,
        status: match syndrome.status {
            step::Status::Established => Status::Established,
            step::Status::Tendency => Status::Tendency,
            step::Status::Unlikely => Status::Unlikely,
        },
        has_cardinal: syndrome.has_cardinal,
        score: syndrome.score,
        fit: syndrome.fit,
        confidence: syndrome.confidence,
        elements: syndrome.elements,
        elements_mean: syndrome.elements_mean,
        supporting: syndrome.supporting.into_iter().map(evidence).collect(),
        contradicting: syndrome.contradicting.into_iter().map(evidence).collect(),
        principle: syndrome.principle,
        formula: syndrome.formula,
        lifestyle: syndrome.lifestyle,
    }
}

fn evidence(evidence: step::Evidence) -> Evidence {
    Evidence {
        code: evidence.code,
        name: evidence.name,
        present: evidence.present,
        weight: evidence.weight,
        contribution: evidence.contribution,
        source: source(evidence.source),
    }
}

fn source(source: step::Source) -> Source {
    match source {
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
    }
}

fn element(element: step::Element) -> Element {
    Element {
        name: element.name,
        kind: match element.kind {
            step::ElementKind::Location => ElementKind::Location,
            step::ElementKind::Nature => ElementKind::Nature,
        },
        score: element.score,
        grade: element.grade,
    }
}

fn principles(principles: step::EightPrinciples) -> EightPrinciples {
    EightPrinciples {
        exterior: principles.exterior,
        heat: principles.heat,
        deficiency: principles.deficiency,
        yang: principles.yang,
    }
}

fn conflict(conflict: step::Conflict) -> Conflict {
    Conflict {
        a: conflict.a,
        b: conflict.b,
        resolution: match conflict.resolution {
            step::Resolution::BetterChannel => Resolution::BetterChannel,
            step::Resolution::MixedHeatCold => Resolution::MixedHeatCold,
            step::Resolution::MixedDeficiencyExcess => Resolution::MixedDeficiencyExcess,
            step::Resolution::SymptomsDecide => Resolution::SymptomsDecide,
            step::Resolution::Unresolved => Resolution::Unresolved,
        },
        kept: conflict.kept,
    }
}

fn question(question: step::Question) -> Question {
    Question {
        code: question.code,
        name: question.name,
        method: match question.method {
            step::Method::Look => Method::Look,
            step::Method::Listen => Method::Listen,
            step::Method::Inquiry => Method::Inquiry,
            step::Method::Palpation => Method::Palpation,
        },
        gain: question.gain,
    }
}
