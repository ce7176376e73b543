//! The engine's answer in the shapes of the interface.

use suoke_diagnosis::{
    Conflict, Differentiation, EightPrinciples, Element, ElementKind, Evidence, Method, Outcome,
    Question, Resolution, Source, Status, Syndrome,
};

use crate::step;

/// The whole answer.
pub(crate) fn differentiated(found: Differentiation) -> step::Differentiated {
    step::Differentiated {
        outcome: match found.outcome {
            Outcome::Emergency => step::Outcome::Emergency,
            Outcome::Established => step::Outcome::Established,
            Outcome::Tendency => step::Outcome::Tendency,
            Outcome::Elements => step::Outcome::Elements,
            Outcome::Insufficient => step::Outcome::Insufficient,
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

fn syndrome(syndrome: Syndrome) -> step::Syndrome {
    step::Syndrome {
        id: syndrome.id,
        name: syndrome.name,
        english: syndrome.english,
        gb_code: syndrome.gb_code,
        icd_code: syndrome.icd_code,
        status: match syndrome.status {
            Status::Established => step::Status::Established,
            Status::Tendency => step::Status::Tendency,
            Status::Unlikely => step::Status::Unlikely,
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

fn evidence(evidence: Evidence) -> step::Evidence {
    step::Evidence {
        code: evidence.code,
        name: evidence.name,
        present: evidence.present,
        weight: evidence.weight,
        contribution: evidence.contribution,
        source: source(evidence.source),
    }
}

fn source(source: Source) -> step::Source {
    match source {
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
    }
}

fn element(element: Element) -> step::Element {
    step::Element {
        name: element.name,
        kind: match element.kind {
            ElementKind::Location => step::ElementKind::Location,
            ElementKind::Nature => step::ElementKind::Nature,
        },
        score: element.score,
        grade: element.grade,
    }
}

fn principles(principles: EightPrinciples) -> step::EightPrinciples {
    step::EightPrinciples {
        exterior: principles.exterior,
        heat: principles.heat,
        deficiency: principles.deficiency,
        yang: principles.yang,
    }
}

fn conflict(conflict: Conflict) -> step::Conflict {
    step::Conflict {
        a: conflict.a,
        b: conflict.b,
        resolution: match conflict.resolution {
            Resolution::BetterChannel => step::Resolution::BetterChannel,
            Resolution::MixedHeatCold => step::Resolution::MixedHeatCold,
            Resolution::MixedDeficiencyExcess => step::Resolution::MixedDeficiencyExcess,
            Resolution::SymptomsDecide => step::Resolution::SymptomsDecide,
            Resolution::Unresolved => step::Resolution::Unresolved,
        },
        kept: conflict.kept,
    }
}

fn question(question: Question) -> step::Question {
    step::Question {
        code: question.code,
        name: question.name,
        method: match question.method {
            Method::Look => step::Method::Look,
            Method::Listen => step::Method::Listen,
            Method::Inquiry => step::Method::Inquiry,
            Method::Palpation => step::Method::Palpation,
        },
        gain: question.gain,
    }
}
