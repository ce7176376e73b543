//! The embedded data, parsed once.

use crate::result::Severity;
use crate::trie::Trie;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// Name and version of the engine.
pub const ENGINE: &str = concat!("suoke-inquiry-", env!("CARGO_PKG_VERSION"));

/// Version of the embedded lexicon.
pub fn knowledge_version() -> &'static str {
    &Knowledge::get().version
}

/// Where a term comes from; decides how far it is trusted (engineering defaults).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The name of a finding.
    Name,
    /// A synonym of the lexicon.
    Synonym,
    /// What people say.
    Colloquial,
}

impl Origin {
    pub(crate) fn confidence(self) -> f64 {
        match self {
            Self::Name => 0.95,
            Self::Synonym => 0.9,
            Self::Colloquial => 0.75,
        }
    }
}

/// What a term of the lexicon means. Without codes it is a decoy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meaning {
    pub(crate) codes: Vec<(String, Origin)>,
    /// The term itself denies the finding: 头不痛.
    pub(crate) denies: bool,
}

/// One condition on a figure that the text states.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Measure {
    pub(crate) names: Vec<String>,
    pub(crate) above: Option<f64>,
    pub(crate) at_least: Option<f64>,
    pub(crate) below: Option<f64>,
    pub(crate) at_most: Option<f64>,
}

/// One way to raise a flag.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    #[serde(default)]
    pub(crate) all: Vec<BTreeSet<String>>,
    pub(crate) minutes: Option<u64>,
    pub(crate) measure: Option<Measure>,
    #[serde(default)]
    pub(crate) scope: Scope,
}

/// Where the terms of a rule must meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// Anywhere in the text.
    #[default]
    Text,
    /// In one sentence.
    Sentence,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Flag {
    pub(crate) code: String,
    pub(crate) rules: Vec<Rule>,
}

/// Everything the step knows.
#[derive(Debug, Default)]
pub(crate) struct Knowledge {
    pub(crate) version: String,
    pub(crate) names: BTreeMap<String, String>,
    pub(crate) terms: Trie<Meaning>,
    pub(crate) negators: Trie<()>,
    pub(crate) inert: Trie<()>,
    pub(crate) degrees: Trie<Option<Severity>>,
    pub(crate) flags: Vec<Flag>,
    pub(crate) flag_terms: Trie<String>,
    pub(crate) folding: BTreeMap<char, char>,
}

#[derive(Deserialize)]
struct Lexicon {
    version: String,
    findings: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    zh: String,
    syn: Vec<String>,
}

#[derive(Deserialize)]
struct Colloquial {
    replaced: BTreeSet<String>,
    decoys: Vec<String>,
    terms: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Modifiers {
    negators: Vec<String>,
    inert: Vec<String>,
    mild: Vec<String>,
    moderate: Vec<String>,
    severe: Vec<String>,
}

#[derive(Deserialize)]
struct RedFlags {
    flags: Vec<Flag>,
}

impl Knowledge {
    /// The embedded knowledge. A test guards that it parses.
    pub(crate) fn get() -> &'static Self {
        static KNOWLEDGE: OnceLock<Knowledge> = OnceLock::new();
        KNOWLEDGE.get_or_init(|| Self::load().unwrap_or_default())
    }

    fn load() -> Result<Self, serde_json::Error> {
        let lexicon: Lexicon = serde_json::from_str(include_str!("../data/findings.json"))?;
        let colloquial: Colloquial = serde_json::from_str(include_str!("../data/colloquial.json"))?;
        let modifiers: Modifiers = serde_json::from_str(include_str!("../data/modifiers.json"))?;
        let red_flags: RedFlags = serde_json::from_str(include_str!("../data/red-flags.json"))?;
        let mut knowledge = Self {
            version: lexicon.version.clone(),
            ..Self::default()
        };
        knowledge.add_folding(include_str!("../data/fold.txt"));
        knowledge.add_terms(&lexicon, &colloquial);
        knowledge.add_denials();
        knowledge.add_modifiers(&modifiers);
        for (code, entry) in lexicon.findings {
            knowledge.names.insert(code, entry.zh);
        }
        for term in red_flags
            .flags
            .iter()
            .flat_map(|flag| &flag.rules)
            .flat_map(Rule::terms)
        {
            term.clone_into(knowledge.flag_terms.entry(term));
        }
        knowledge.flags = red_flags.flags;
        Ok(knowledge)
    }

    fn add_folding(&mut self, table: &str) {
        let pairs = table
            .lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(str::split_whitespace);
        for pair in pairs {
            let mut letters = pair.chars();
            if let (Some(from), Some(to)) = (letters.next(), letters.next()) {
                self.folding.insert(from, to);
            }
        }
    }

    fn add_terms(&mut self, lexicon: &Lexicon, colloquial: &Colloquial) {
        for (code, entry) in &lexicon.findings {
            self.add_term(&entry.zh, code, Origin::Name);
            for synonym in entry
                .syn
                .iter()
                .filter(|term| !colloquial.replaced.contains(*term))
            {
                self.add_term(synonym, code, Origin::Synonym);
            }
        }
        for (code, terms) in &colloquial.terms {
            for term in terms {
                self.add_term(term, code, Origin::Colloquial);
            }
        }
        for decoy in &colloquial.decoys {
            self.terms.entry(decoy);
        }
    }

    fn add_term(&mut self, term: &str, code: &str, origin: Origin) {
        let meaning = self.terms.entry(term);
        if !meaning.codes.iter().any(|(known, _)| known == code) {
            meaning.codes.push((code.to_owned(), origin));
        }
    }

    /// 头痛 gives 头不痛, unless that is a term of its own.
    fn add_denials(&mut self) {
        let mut pairs = Vec::new();
        self.terms.each(&mut |letters, meaning| {
            if let ([first, second], false) = (letters, meaning.codes.is_empty()) {
                pairs.push((format!("{first}不{second}"), meaning.codes.clone()));
            }
        });
        for (term, codes) in pairs {
            let meaning = self.terms.entry(&term);
            if meaning.codes.is_empty() {
                *meaning = Meaning {
                    codes,
                    denies: true,
                };
            }
        }
    }

    fn add_modifiers(&mut self, modifiers: &Modifiers) {
        for term in &modifiers.negators {
            self.negators.entry(term);
        }
        for term in &modifiers.inert {
            self.inert.entry(term);
        }
        let degrees = [
            (&modifiers.mild, Severity::Mild),
            (&modifiers.moderate, Severity::Moderate),
            (&modifiers.severe, Severity::Severe),
        ];
        for (terms, severity) in degrees {
            for term in terms {
                *self.degrees.entry(term) = Some(severity);
            }
        }
    }
}

impl Rule {
    fn terms(&self) -> impl Iterator<Item = &String> {
        let measured = self.measure.iter().flat_map(|measure| &measure.names);
        self.all.iter().flatten().chain(measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_data_parses() {
        let knowledge = Knowledge::load().unwrap();
        assert_eq!(knowledge.names.len(), 162);
        assert_eq!(knowledge.flags.len(), 20);
        assert!(knowledge.folding.len() > 250);
    }

    #[test]
    fn colloquial_terms_name_codes_of_the_lexicon() {
        let knowledge = Knowledge::load().unwrap();
        knowledge.terms.each(&mut |term, meaning| {
            for (code, _) in &meaning.codes {
                assert!(knowledge.names.contains_key(code), "{term:?} {code}");
            }
        });
    }

    #[test]
    fn every_term_is_written_in_folded_characters() {
        let knowledge = Knowledge::load().unwrap();
        let folded = |letters: &[char]| {
            letters
                .iter()
                .all(|letter| !knowledge.folding.contains_key(letter))
        };
        knowledge
            .terms
            .each(&mut |term, _| assert!(folded(term), "{term:?}"));
        knowledge
            .flag_terms
            .each(&mut |term, _| assert!(folded(term), "{term:?}"));
    }

    #[test]
    fn every_rule_asks_for_something() {
        for flag in &Knowledge::load().unwrap().flags {
            for rule in &flag.rules {
                assert!(
                    !rule.all.is_empty() || rule.measure.is_some(),
                    "{}",
                    flag.code
                );
                assert!(
                    rule.minutes.is_none() || !rule.all.is_empty(),
                    "{}",
                    flag.code
                );
            }
        }
    }
}
