//! Syndromes and elements as they are listed.

use super::knowledge::{Entry, Knowledge};
use crate::lexicon::{ElementEntry, SyndromeEntry};
use std::collections::BTreeMap;

/// Every syndrome, in the order of the file.
pub(crate) fn syndromes() -> Vec<SyndromeEntry> {
    let knowledge = Knowledge::get();
    let entry = |entry: &Entry| {
        let about = &entry.about;
        SyndromeEntry {
            id: about.id.clone(),
            name: about.zh.clone(),
            english: about.en.clone(),
            gb: about.gb.clone(),
            icd: about.icd.clone(),
            elements: about.elements.clone(),
            findings: heaviest_first(&entry.weights, knowledge),
            principle: about.principle.clone(),
            formula: about.formula.clone(),
            lifestyle: about.lifestyle.clone(),
        }
    };
    knowledge.syndromes.iter().map(entry).collect()
}

/// Every element, by name.
pub(crate) fn elements() -> Vec<ElementEntry> {
    let knowledge = Knowledge::get();
    let all = knowledge
        .elements
        .iter()
        .map(|(name, element)| ElementEntry {
            name: name.clone(),
            findings: heaviest_first(&element.weights, knowledge),
        });
    all.collect()
}

fn heaviest_first(weights: &BTreeMap<String, f64>, knowledge: &Knowledge) -> Vec<String> {
    let mut all: Vec<(&String, f64)> = weights.iter().map(|(code, each)| (code, *each)).collect();
    all.sort_by(|one, other| other.1.total_cmp(&one.1));
    let names = all.into_iter().map(|(code, _)| knowledge.name(code));
    names.map(str::to_owned).collect()
}
