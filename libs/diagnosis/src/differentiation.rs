//! Syndrome differentiation (辨证): what the findings of all steps mean together.
//!
//! A weighted sum with floating thresholds after the element method of Zhu Wenfeng
//! (朱文锋, 证素辨证学, 2008): severity factors 0.7 / 1.0 / 1.5, an element counts
//! from 70 on, a syndrome from 100 on. The weights in `data/syndromes.json` and the
//! figures marked *engineering default* are ours; none is a clinical claim.
//!
//! Findings are merged ([`merge`]), contradictions of worse channels dropped
//! ([`conflict`]), syndromes and elements scored ([`score`]), the best chosen
//! ([`choose`]), and what would decide between them asked ([`questions`]).
//!
//! Red flags override every score: with one of them nothing is differentiated.

mod choose;
mod conflict;
mod knowledge;
mod listing;
mod merge;
mod principles;
mod questions;
mod result;
mod score;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use listing::{elements, syndromes};
pub use result::{
    Conflict, Differentiation, EightPrinciples, Element, ElementKind, Evidence, Outcome, Question,
    Resolution, Status, Syndrome,
};
pub use source::{Method, Source};

use crate::knowledge_version;
use crate::result::Finding;
use knowledge::Knowledge;
use serde::{Deserialize, Serialize};

/// Name and version of the engine.
pub const DIFFERENTIATION_ENGINE: &str =
    concat!("suoke-differentiation-", env!("CARGO_PKG_VERSION"));

/// Most observations that are read: more than the lexicon has codes, from every
/// source.
pub const OBSERVATIONS_MAX: usize = 2_000;

/// One finding and how it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// What was found. Codes outside the lexicon are left out.
    pub finding: Finding,
    /// Who or what found it.
    pub source: Source,
}

/// What the observations mean together. Pure: the same observations in any order
/// give the same result.
///
/// With any of `red_flags` the outcome is [`Outcome::Emergency`] and nothing else is
/// said, whatever the scores are.
pub fn differentiate(observations: &[Observation], red_flags: &[String]) -> Differentiation {
    let knowledge = Knowledge::get();
    let model = format!("{DIFFERENTIATION_ENGINE}+kb-{}", knowledge_version());
    if !red_flags.is_empty() {
        return Differentiation::emergency(red_flags, model);
    }
    let mut findings = merge::merge(observations, knowledge);
    let dropped = conflict::drop_worse_side(&mut findings);
    let scores = score::Scores::of(&findings, knowledge);
    let chosen = choose::choose(&scores);
    let conflicts = conflict::judge(&findings, &scores, &chosen, dropped);
    let unresolved = conflict::unresolved(&conflicts);
    let methods = merge::methods(&findings);
    let certainty = score::Certainty {
        methods,
        unresolved,
    };
    let syndromes = chosen
        .iter()
        .map(|scored| result::syndrome(scored, &scores, &findings, knowledge, &certainty));
    let elements = result::elements(&scores);
    Differentiation {
        outcome: result::outcome(&chosen, &elements),
        red_flags: Vec::new(),
        syndromes: syndromes.collect(),
        principles: (!elements.is_empty()).then(|| principles::judge(&scores)),
        elements,
        questions: questions::ask(&findings, &scores, &chosen, &conflicts, knowledge),
        conflicts,
        model,
    }
}
