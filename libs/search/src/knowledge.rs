//! What everybody may find: the findings, syndromes, elements and emergencies of the
//! knowledge base, the formulas it names, and the acupoints of the advice
//! (`data/acupoints.json`).

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use suoke_diagnosis::{emergency_card, lexicon};

use crate::document::{Document, Field, digest};

/// Changes when documents are looked up in another way, so that they are written anew.
const INDEX_VERSION: &str = "1";

/// What the name of a formula ends with.
const FORMULA_ENDINGS: [char; 7] = ['汤', '散', '丸', '饮', '丹', '煎', '膏'];

/// An acupoint.
#[derive(Clone, Debug, Deserialize)]
pub struct Acupoint {
    /// Its international code, such as ST36.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The meridian it lies on.
    pub meridian: String,
    /// Where it is.
    pub location: String,
    /// What the advice names it for.
    pub used_for: Vec<String>,
}

/// A formula that the knowledge base names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formula {
    /// Its name.
    pub name: String,
    /// The names of the syndromes it is named for.
    pub syndromes: Vec<String>,
}

#[derive(Deserialize)]
struct Points {
    acupoints: Vec<Acupoint>,
}

/// The acupoints. A test guards that they parse.
#[must_use]
pub fn acupoints() -> Vec<Acupoint> {
    let points: Option<Points> = serde_json::from_str(include_str!("../data/acupoints.json")).ok();
    points.map(|points| points.acupoints).unwrap_or_default()
}

/// The formulas, by name.
#[must_use]
pub fn formulas() -> Vec<Formula> {
    let mut found = BTreeMap::<String, Vec<String>>::new();
    for syndrome in lexicon::syndromes() {
        for name in formula_names(&syndrome.formula) {
            found.entry(name).or_default().push(syndrome.name.clone());
        }
    }
    let all = found.into_iter();
    all.map(|(name, syndromes)| Formula { name, syndromes })
        .collect()
}

/// The names in 二陈汤合三子养亲汤/四物汤加味.
fn formula_names(text: &str) -> Vec<String> {
    let text = text.replace("汤合", "汤/");
    let names = text.split('/').map(|name| {
        let name = name.trim();
        let name = name.strip_suffix("加味").unwrap_or(name);
        name.strip_suffix("加减").unwrap_or(name)
    });
    let names = names.filter(|name| name.ends_with(FORMULA_ENDINGS));
    names.map(str::to_owned).collect()
}

/// The documents.
#[must_use]
pub fn documents() -> Vec<Document> {
    let mut all = Vec::new();
    for finding in lexicon::findings() {
        let document = Document::new("finding", &finding.code).with(Field::Name, &finding.name);
        all.push(document.with(Field::Synonym, &finding.others.join("、")));
    }
    all.extend(lexicon::syndromes().iter().map(syndrome));
    for element in lexicon::elements() {
        let document = Document::new("element", &element.name).with(Field::Name, &element.name);
        all.push(document.with(Field::Symptom, &element.findings.join("、")));
    }
    for formula in formulas() {
        let document = Document::new("formula", &formula.name).with(Field::Name, &formula.name);
        all.push(document.with(Field::Text, &formula.syndromes.join("、")));
    }
    all.extend(acupoints().iter().map(acupoint));
    all.extend(
        lexicon::emergencies()
            .iter()
            .filter_map(|code| emergency(code)),
    );
    all
}

fn syndrome(entry: &lexicon::SyndromeEntry) -> Document {
    let short = entry.name.trim_end_matches('证');
    let synonym = [short, &entry.english, &entry.gb, &entry.icd].join("；");
    let elements = entry.elements.join("、");
    let text = [
        &elements,
        &entry.principle,
        &entry.formula,
        &entry.lifestyle,
    ]
    .map(String::as_str);
    Document::new("syndrome", &entry.id)
        .with(Field::Name, &entry.name)
        .with(Field::Synonym, &synonym)
        .with(Field::Symptom, &entry.findings.join("、"))
        .with(Field::Text, &text.join("。"))
}

fn acupoint(point: &Acupoint) -> Document {
    let used_for = point.used_for.join("、");
    let text = [&point.meridian, &point.location, &used_for].map(String::as_str);
    Document::new("acupoint", &point.code)
        .with(Field::Name, &point.name)
        .with(Field::Synonym, &point.code)
        .with(Field::Text, &text.join("。"))
}

fn emergency(code: &str) -> Option<Document> {
    let card = emergency_card(code)?;
    let document = Document::new("emergency", code)
        .with(Field::Name, &card.zh)
        .with(Field::Synonym, &card.en);
    Some(document.with(
        Field::Text,
        &[card.action_zh.as_str(), &card.action_en].join(" "),
    ))
}

/// The version of the documents: another when any of them, or how they are looked up,
/// changes.
pub fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let all = documents();
        let checksums: Vec<String> = all.iter().map(Document::checksum).collect();
        let parts = checksums.iter().map(String::as_str);
        digest(std::iter::once(INDEX_VERSION).chain(parts), 12)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_there_once() {
        let all = documents();
        let count = |kind: &str| all.iter().filter(|each| each.kind == kind).count();
        assert_eq!(
            (count("finding"), count("syndrome"), count("element")),
            (162, 51, 28)
        );
        assert_eq!((count("acupoint"), count("emergency")), (16, 20));
        assert!(count("formula") > 55, "{}", count("formula"));
        let mut keys: Vec<String> = all.iter().map(Document::key).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), all.len());
        assert_eq!(version(), version());
    }

    #[test]
    fn formulas_are_told_apart() {
        assert_eq!(
            formula_names("二陈汤合三子养亲汤"),
            ["二陈汤", "三子养亲汤"]
        );
        assert_eq!(formula_names("四物汤加味/养血安神"), ["四物汤"]);
        assert_eq!(
            formula_names("百合固金汤/沙参麦冬汤"),
            ["百合固金汤", "沙参麦冬汤"]
        );
    }

    #[test]
    fn what_acupoints_are_used_for_exists() {
        let names: Vec<String> = lexicon::syndromes()
            .into_iter()
            .map(|each| each.name)
            .collect();
        for point in acupoints() {
            for used_for in &point.used_for {
                assert!(
                    used_for.ends_with('质') || names.contains(used_for),
                    "{used_for}"
                );
            }
        }
    }
}
