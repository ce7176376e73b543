//! Many sources, one finding: its presence and its degree.

use super::knowledge::Knowledge;
use super::source::{Method, Source};
use super::{OBSERVATIONS_MAX, Observation};
use crate::result::Severity;
use std::collections::{BTreeMap, BTreeSet};

/// The presence of a finding that was asked for and denied (engineering default).
const DENIED: f64 = -0.5;

/// From here on a finding counts as present (engineering default).
pub(crate) const PRESENT_LEAST: f64 = 0.5;

/// A finding over all sources.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Merged {
    /// Between 0 and 1; [`DENIED`] where it was denied and no source found it.
    pub(crate) presence: f64,
    /// The factor of its severity.
    pub(crate) factor: f64,
    /// The source that decided.
    pub(crate) source: Source,
    /// The diagnostic method that it was made with.
    pub(crate) method: Method,
    /// The longest duration that was stated.
    pub(crate) minutes: Option<u64>,
}

impl Merged {
    /// Whether it counts as present.
    pub(crate) fn is_present(&self) -> bool {
        self.presence >= PRESENT_LEAST
    }

    /// What it adds to a sum for each point of weight: p·g.
    pub(crate) fn value(&self) -> f64 {
        self.presence * self.factor
    }
}

/// Findings by code.
pub(crate) type Findings = BTreeMap<String, Merged>;

/// Merges what all sources say: `p_f = max over sources of (confidence ×
/// reliability)`, −0.5 where it was denied; the severity is that of the source that
/// decided.
pub(crate) fn merge(observations: &[Observation], knowledge: &Knowledge) -> Findings {
    let mut findings = Findings::new();
    for observation in observations.iter().take(OBSERVATIONS_MAX) {
        let finding = &observation.finding;
        let Some(term) = knowledge.terms.get(&finding.code) else {
            continue;
        };
        let new = Merged {
            presence: presence(observation),
            factor: if term.has_degree && finding.present {
                factor(finding.severity)
            } else {
                1.0
            },
            source: observation.source,
            method: observation.source.method(term.method),
            minutes: finding.duration_minutes,
        };
        findings
            .entry(finding.code.clone())
            .and_modify(|old| {
                let minutes = old.minutes.max(new.minutes);
                *old = stronger(*old, new);
                old.minutes = minutes;
            })
            .or_insert(new);
    }
    findings
}

/// Which of the four diagnostics found anything.
pub(crate) fn methods(findings: &Findings) -> usize {
    let present = findings.values().filter(|merged| merged.presence > 0.0);
    let methods: BTreeSet<Method> = present.map(|merged| merged.method).collect();
    methods.len()
}

/// `confidence × reliability`; what is no number counts as nothing.
fn presence(observation: &Observation) -> f64 {
    if !observation.finding.present {
        return DENIED;
    }
    let confidence = observation.finding.confidence;
    if confidence.is_nan() {
        return 0.0;
    }
    confidence.clamp(0.0, 1.0) * observation.source.reliability()
}

/// The factors of the literature: mild 0.7, moderate 1.0, severe 1.5.
fn factor(severity: Severity) -> f64 {
    match severity {
        Severity::Mild => 0.7,
        Severity::Moderate => 1.0,
        Severity::Severe => 1.5,
    }
}

/// The one that is more present, whatever the order: on a tie the more severe one,
/// then the source that stands first.
fn stronger(one: Merged, other: Merged) -> Merged {
    let order = one
        .presence
        .total_cmp(&other.presence)
        .then(one.factor.total_cmp(&other.factor))
        .then(other.source.cmp(&one.source));
    if order.is_lt() { other } else { one }
}
