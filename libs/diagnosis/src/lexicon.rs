//! What the knowledge base holds, for whoever lists or searches it.

use crate::differentiation;
use crate::knowledge::Knowledge;
use std::collections::BTreeMap;

/// A finding with everything it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingEntry {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What else it is called: synonyms, and what people say.
    pub others: Vec<String>,
}

/// A syndrome with what is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyndromeEntry {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its English name.
    pub english: String,
    /// Its code in GB/T 16751.2.
    pub gb: String,
    /// Its code in ICD-11.
    pub icd: String,
    /// The elements it is made of.
    pub elements: Vec<String>,
    /// The names of the findings that speak for it, the heaviest first.
    pub findings: Vec<String>,
    /// The principle of treatment.
    pub principle: String,
    /// Formulas, with `/` between them.
    pub formula: String,
    /// Advice for daily life.
    pub lifestyle: String,
}

/// An element (证素) with the names of the findings that point to it, the heaviest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElementEntry {
    /// Its name.
    pub name: String,
    /// The names of its findings.
    pub findings: Vec<String>,
}

/// Every finding of the lexicon, by code.
#[must_use]
pub fn findings() -> Vec<FindingEntry> {
    let knowledge = Knowledge::get();
    let mut others = BTreeMap::<String, Vec<String>>::new();
    knowledge.terms.each(&mut |letters, meaning| {
        if meaning.denies {
            return;
        }
        for (code, _) in &meaning.codes {
            let called: String = letters.iter().collect();
            if knowledge.names.get(code) != Some(&called) {
                others.entry(code.clone()).or_default().push(called);
            }
        }
    });
    let entry = |(code, name): (&String, &String)| {
        let mut others = others.get(code).cloned().unwrap_or_default();
        others.sort();
        FindingEntry {
            code: code.clone(),
            name: name.clone(),
            others,
        }
    };
    knowledge.names.iter().map(entry).collect()
}

/// Every syndrome, in the order of the knowledge base.
#[must_use]
pub fn syndromes() -> Vec<SyndromeEntry> {
    differentiation::syndromes()
}

/// Every element, by name.
#[must_use]
pub fn elements() -> Vec<ElementEntry> {
    differentiation::elements()
}

/// The codes of all emergencies.
#[must_use]
pub fn emergencies() -> Vec<String> {
    let flags = Knowledge::get().flags.iter();
    flags.map(|flag| flag.code.clone()).collect()
}

/// The simplified form of a traditional or variant character, as far as it occurs in
/// a term of the lexicon; any other character as it is.
#[must_use]
pub fn simplified(letter: char) -> char {
    let folding = &Knowledge::get().folding;
    folding.get(&letter).copied().unwrap_or(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_listed_with_its_names() {
        let found = findings();
        assert_eq!((found.len(), syndromes().len()), (162, 51));
        assert_eq!((elements().len(), emergencies().len()), (28, 20));
        let insomnia = found.iter().find(|each| each.code == "insomnia").unwrap();
        assert_eq!(insomnia.name, "失眠");
        assert!(insomnia.others.contains(&"睡不着".to_owned()));
        let all = syndromes();
        let spleen = all.iter().find(|each| each.id == "spleen_qi_def").unwrap();
        assert_eq!(spleen.name, "脾气虚证");
        assert_eq!(spleen.findings.first().map(String::as_str), Some("腹胀"));
        assert_eq!((simplified('氣'), simplified('x')), ('气', 'x'));
    }
}
