//! The embedded syndromes and elements, parsed once.

use super::result::ElementKind;
use super::source::Method;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A finding of the lexicon as far as differentiation needs it.
#[derive(Debug)]
pub(crate) struct Term {
    pub(crate) name: String,
    pub(crate) method: Method,
    /// Tongue and pulse have no degree.
    pub(crate) has_degree: bool,
}

/// A syndrome with its weights.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) about: About,
    /// Findings that speak for it.
    pub(crate) weights: BTreeMap<String, f64>,
    /// The sum of the weights: the score of the full presentation.
    pub(crate) full: f64,
}

/// What is said of a syndrome.
#[derive(Debug, Deserialize)]
pub(crate) struct About {
    pub(crate) id: String,
    pub(crate) zh: String,
    pub(crate) en: String,
    pub(crate) gb: String,
    pub(crate) icd: String,
    pub(crate) elements: Vec<String>,
    pub(crate) principle: String,
    pub(crate) formula: String,
    pub(crate) lifestyle: String,
    /// Key symptoms; the first is the cardinal one (必备症).
    #[serde(rename = "K")]
    pub(crate) key: Vec<String>,
    /// Findings that speak against it.
    #[serde(rename = "N", default)]
    pub(crate) against: Vec<String>,
}

/// The weights of a class of findings, besides the key symptoms.
#[derive(Debug, Deserialize)]
struct Classes {
    #[serde(flatten)]
    about: About,
    #[serde(rename = "M", default)]
    main: Vec<String>,
    #[serde(rename = "S", default)]
    secondary: Vec<String>,
    #[serde(rename = "T", default)]
    tongue: Vec<String>,
    #[serde(rename = "P", default)]
    pulse: Vec<String>,
    #[serde(rename = "A", default)]
    voice: Vec<String>,
}

/// What each class weighs.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct Weights {
    k: f64,
    m: f64,
    s: f64,
    t: f64,
    p: f64,
    a: f64,
    n: f64,
}

/// An element (证素) with its weights.
#[derive(Debug, Deserialize)]
pub(crate) struct ElementEntry {
    pub(crate) kind: ElementKind,
    pub(crate) weights: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct File {
    weights: Weights,
    syndromes: Vec<Classes>,
    elements: BTreeMap<String, ElementEntry>,
}

#[derive(Deserialize)]
struct Lexicon {
    findings: BTreeMap<String, LexiconEntry>,
}

#[derive(Deserialize)]
struct LexiconEntry {
    zh: String,
    channel: Channel,
}

/// The channels of the lexicon.
#[derive(Clone, Copy, Deserialize)]
enum Channel {
    #[serde(rename = "I")]
    Inquiry,
    #[serde(rename = "L")]
    Look,
    #[serde(rename = "T")]
    Tongue,
    #[serde(rename = "A")]
    Listen,
    #[serde(rename = "P")]
    Pulse,
}

/// Everything that differentiation knows.
#[derive(Debug, Default)]
pub(crate) struct Knowledge {
    pub(crate) syndromes: Vec<Entry>,
    pub(crate) elements: BTreeMap<String, ElementEntry>,
    pub(crate) terms: BTreeMap<String, Term>,
    /// What a finding against a syndrome weighs: negative.
    pub(crate) against: f64,
}

impl Knowledge {
    /// The embedded knowledge. A test guards that it parses.
    pub(crate) fn get() -> &'static Self {
        static KNOWLEDGE: OnceLock<Knowledge> = OnceLock::new();
        KNOWLEDGE.get_or_init(|| Self::load().unwrap_or_default())
    }

    fn load() -> Result<Self, serde_json::Error> {
        let file: File = serde_json::from_str(include_str!("../../data/syndromes.json"))?;
        let lexicon: Lexicon = serde_json::from_str(include_str!("../../data/findings.json"))?;
        let entry = |classes| entry(classes, &file.weights);
        Ok(Self {
            syndromes: file.syndromes.into_iter().map(entry).collect(),
            elements: file.elements,
            terms: lexicon.findings.into_iter().map(term).collect(),
            against: file.weights.n,
        })
    }

    /// The Chinese name of a finding.
    pub(crate) fn name(&self, code: &str) -> &str {
        self.terms.get(code).map_or("", |term| &term.name)
    }
}

impl Entry {
    /// The cardinal finding (必备症).
    pub(crate) fn cardinal(&self) -> &str {
        self.about.key.first().map_or("", String::as_str)
    }

    /// What a finding weighs here: negative against it, 0 where it says nothing.
    pub(crate) fn weight(&self, code: &str, against: f64) -> f64 {
        let weight = self.weights.get(code).copied().unwrap_or_default();
        if self.about.against.iter().any(|each| each == code) {
            weight + against
        } else {
            weight
        }
    }
}

fn entry(classes: Classes, weights: &Weights) -> Entry {
    let mut each = BTreeMap::new();
    for (codes, weight) in [
        (&classes.about.key, weights.k),
        (&classes.main, weights.m),
        (&classes.secondary, weights.s),
        (&classes.tongue, weights.t),
        (&classes.pulse, weights.p),
        (&classes.voice, weights.a),
    ] {
        each.extend(codes.iter().map(|code| (code.clone(), weight)));
    }
    Entry {
        about: classes.about,
        full: each.values().sum(),
        weights: each,
    }
}

fn term((code, entry): (String, LexiconEntry)) -> (String, Term) {
    let method = match entry.channel {
        Channel::Inquiry => Method::Inquiry,
        Channel::Look | Channel::Tongue => Method::Look,
        Channel::Listen => Method::Listen,
        Channel::Pulse => Method::Palpation,
    };
    let has_degree = !matches!(entry.channel, Channel::Tongue | Channel::Pulse);
    let term = Term {
        name: entry.zh,
        method,
        has_degree,
    };
    (code, term)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_syndromes_name_findings_and_elements_that_exist() {
        let knowledge = Knowledge::load().unwrap();
        assert_eq!(
            (knowledge.syndromes.len(), knowledge.elements.len()),
            (51, 28)
        );
        let weights = knowledge.elements.values().map(|each| each.weights.len());
        assert_eq!(weights.sum::<usize>(), 426);
        for entry in &knowledge.syndromes {
            let codes = entry.weights.keys().chain(&entry.about.against);
            for code in codes {
                assert!(
                    knowledge.terms.contains_key(code),
                    "{} {code}",
                    entry.about.id
                );
            }
            for element in &entry.about.elements {
                assert!(knowledge.elements.contains_key(element), "{element}");
            }
            assert!(!entry.cardinal().is_empty());
        }
        for (name, element) in &knowledge.elements {
            for code in element.weights.keys() {
                assert!(knowledge.terms.contains_key(code), "{name} {code}");
            }
        }
    }
}
