//! Syndromes and elements as weighted sums.

use super::knowledge::{Entry, Knowledge};
use super::merge::Findings;
use super::result::{ElementKind, Status};
use std::collections::BTreeMap;

/// What is left of the score without the cardinal finding (engineering default).
const WITHOUT_CARDINAL: f64 = 0.7;
/// From this score on a syndrome is established: the general threshold of the
/// literature.
const ESTABLISHED_LEAST: f64 = 100.0;
/// From this score on a syndrome is a tendency, and an element has grade I.
pub(crate) const TENDENCY_LEAST: f64 = 70.0;
/// What the elements of an established syndrome reach on average (engineering
/// default; that each reaches grade I would reject plausible partial cases).
const ELEMENTS_MEAN_LEAST: f64 = 50.0;
/// Nothing is more certain than this.
const CONFIDENCE_MAX: f64 = 0.95;
/// So many unresolved conflicts count fully.
const CONFLICTS_FULL: f64 = 3.0;

/// A syndrome and its score.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scored<'k> {
    pub(crate) entry: &'k Entry,
    /// `X_s`
    pub(crate) score: f64,
    pub(crate) has_cardinal: bool,
    pub(crate) elements_mean: f64,
    pub(crate) status: Status,
}

/// An element and its score.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScoredElement<'k> {
    pub(crate) name: &'k str,
    pub(crate) kind: ElementKind,
    /// `Y_e`
    pub(crate) score: f64,
}

/// All scores, the best first; equal ones by id.
pub(crate) struct Scores<'k> {
    pub(crate) syndromes: Vec<Scored<'k>>,
    pub(crate) elements: Vec<ScoredElement<'k>>,
}

/// What the confidence of every syndrome depends on alike.
pub(crate) struct Certainty {
    /// How many of the four diagnostics found anything.
    pub(crate) methods: usize,
    /// How many conflicts nothing resolves.
    pub(crate) unresolved: usize,
}

impl<'k> Scores<'k> {
    /// Scores everything that is known.
    pub(crate) fn of(findings: &Findings, knowledge: &'k Knowledge) -> Self {
        let elements = knowledge.elements.iter().map(|(name, entry)| {
            let score = sum(&entry.weights, findings);
            (name.as_str(), (entry.kind, score))
        });
        let elements: BTreeMap<&str, (ElementKind, f64)> = elements.collect();
        let mut syndromes: Vec<Scored<'k>> = knowledge
            .syndromes
            .iter()
            .map(|entry| scored(entry, findings, &elements, knowledge.against))
            .collect();
        syndromes.sort_by(|one, other| {
            let order = other.score.total_cmp(&one.score);
            order.then_with(|| one.entry.about.id.cmp(&other.entry.about.id))
        });
        let mut elements: Vec<ScoredElement<'k>> = elements
            .into_iter()
            .map(|(name, (kind, score))| ScoredElement { name, kind, score })
            .collect();
        elements.sort_by(|one, other| {
            let order = other.score.total_cmp(&one.score);
            order.then_with(|| one.name.cmp(other.name))
        });
        Self {
            syndromes,
            elements,
        }
    }

    /// The score of an element.
    pub(crate) fn element(&self, name: &str) -> f64 {
        let found = self.elements.iter().find(|element| element.name == name);
        found.map_or(0.0, |element| element.score)
    }

    /// The sum over several elements, nothing below 0.
    pub(crate) fn elements_sum(&self, names: &[&str]) -> f64 {
        names.iter().map(|name| self.element(name).max(0.0)).sum()
    }

    /// How far a syndrome is ahead of every other one:
    /// `m = (X_s − best other X) / X_s`, not below 0.
    pub(crate) fn margin(&self, of: &Scored<'_>) -> f64 {
        let mut others = self
            .syndromes
            .iter()
            .filter(|other| other.entry.about.id != of.entry.about.id);
        let next = others.next().map_or(0.0, |other| other.score.max(0.0));
        if of.score <= 0.0 {
            return 0.0;
        }
        ((of.score - next) / of.score).max(0.0)
    }
}

impl Scored<'_> {
    /// How much of the full presentation was found: `fit = X_s / Σ w_s`, 0 to 1.
    pub(crate) fn fit(&self) -> f64 {
        (self.score / self.entry.full).clamp(0.0, 1.0)
    }

    /// `0.30·min(1, X/150) + 0.25·min(1, fit/0.6) + 0.25·min(1, m/0.3) +
    /// 0.20·(methods used)/4 − 0.15·conflict`, within 0 and 0.95, where `conflict` is
    /// the share of unresolved pairs, of three (engineering default). What only the
    /// inquiry found is at most 0.85.
    pub(crate) fn confidence(&self, margin: f64, certainty: &Certainty) -> f64 {
        let share = |value: f64, full: f64| (value / full).clamp(0.0, 1.0);
        let raw = 0.30 * share(self.score, 150.0)
            + 0.25 * share(self.fit(), 0.6)
            + 0.25 * share(margin, 0.3)
            + 0.20 * share(certainty.methods as f64, 4.0)
            - 0.15 * share(certainty.unresolved as f64, CONFLICTS_FULL);
        raw.clamp(0.0, CONFIDENCE_MAX)
    }
}

/// `Σ w·p·g` over the weights.
fn sum(weights: &BTreeMap<String, f64>, findings: &Findings) -> f64 {
    let parts = weights.iter().filter_map(|(code, weight)| {
        let merged = findings.get(code)?;
        Some(weight * merged.value())
    });
    parts.sum()
}

/// `X_s = Σ w·p·g − 25·Σ p` over what speaks for and against it, times 0.7 where
/// the cardinal finding (必备症) is not present.
fn scored<'k>(
    entry: &'k Entry,
    findings: &Findings,
    elements: &BTreeMap<&str, (ElementKind, f64)>,
    against: f64,
) -> Scored<'k> {
    let opposed = entry.about.against.iter();
    let opposed: f64 = opposed
        .filter_map(|code| findings.get(code))
        .map(|merged| merged.presence)
        .sum();
    let has_cardinal = findings
        .get(entry.cardinal())
        .is_some_and(super::merge::Merged::is_present);
    let factor = if has_cardinal { 1.0 } else { WITHOUT_CARDINAL };
    let score = (sum(&entry.weights, findings) + against * opposed) * factor;
    let own = || entry.about.elements.iter().map(String::as_str);
    let each = || own().filter_map(|name| elements.get(name));
    let elements_mean = each().map(|(_, score)| score).sum::<f64>() / own().count().max(1) as f64;
    let nature = each()
        .filter(|(kind, _)| *kind == ElementKind::Nature)
        .map(|(_, score)| *score)
        .fold(0.0, f64::max);
    Scored {
        entry,
        score,
        has_cardinal,
        elements_mean,
        status: status(score, has_cardinal, nature, elements_mean),
    }
}

/// Established: at least 100, with the cardinal finding, the best nature element at
/// least 70 and the elements 50 on average. Else a tendency from 70 on.
fn status(score: f64, has_cardinal: bool, nature: f64, elements_mean: f64) -> Status {
    let supported = nature >= TENDENCY_LEAST && elements_mean >= ELEMENTS_MEAN_LEAST;
    if score >= ESTABLISHED_LEAST && has_cardinal && supported {
        Status::Established
    } else if score >= TENDENCY_LEAST {
        Status::Tendency
    } else {
        Status::Unlikely
    }
}
