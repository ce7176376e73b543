//! What differentiation answers: the shapes of `suoke:diagnosis/differentiation` in
//! Rust.

use super::knowledge::Knowledge;
use super::merge::{Findings, Merged};
use super::score::{Certainty, Scored, Scores, TENDENCY_LEAST};
use super::source::{Method, Source};
use serde::{Deserialize, Serialize};

/// From here on an element is named where there is no syndrome: half of grade I
/// (engineering default).
const ELEMENT_LEAST: f64 = 35.0;
/// Grade II of an element.
const GRADE_TWO_LEAST: f64 = 100.0;
/// Grade III of an element.
const GRADE_THREE_LEAST: f64 = 150.0;

/// What kind of answer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There are red flags: nothing is differentiated.
    Emergency,
    /// The primary syndrome is established.
    Established,
    /// The primary syndrome is a tendency.
    Tendency,
    /// No syndrome, but elements (证素) stand out.
    Elements,
    /// Too little was found.
    Insufficient,
}

/// How far a syndrome holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// At least 100, with its cardinal finding and its elements.
    Established,
    /// At least 70.
    Tendency,
    /// Less.
    Unlikely,
}

/// What an element says: where, or what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ElementKind {
    /// 病位: where.
    Location,
    /// 病性: of what nature.
    Nature,
}

/// An element (证素) that stands out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Element {
    /// Chinese name, such as 气虚.
    pub name: String,
    /// Where or what.
    pub kind: ElementKind,
    /// The weighted sum.
    pub score: f64,
    /// 1 from 70 on, 2 from 100 on, 3 from 150 on; else 0.
    pub grade: u8,
}

/// What one finding adds to the score of a syndrome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Code of the finding.
    pub code: String,
    /// Chinese name.
    pub name: String,
    /// Whether it was found; false where it was denied.
    pub present: bool,
    /// Its weight for this syndrome.
    pub weight: f64,
    /// What it adds: weight × presence × severity.
    pub contribution: f64,
    /// Where it comes from.
    pub source: Source,
}

/// A syndrome (证) that is reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Syndrome {
    /// Id in the knowledge base.
    pub id: String,
    /// Chinese name.
    pub name: String,
    /// English name.
    pub english: String,
    /// Code of GB/T 16751.2-2021 or GB/T 15657-2021.
    pub gb_code: String,
    /// Code of ICD-11 chapter 26, patterns (TM1).
    pub icd_code: String,
    /// How far it holds.
    pub status: Status,
    /// Whether its cardinal finding (必备症) is present.
    pub has_cardinal: bool,
    /// The weighted sum.
    pub score: f64,
    /// The share of its full presentation, 0 to 1.
    pub fit: f64,
    /// 0 to 0.95.
    pub confidence: f64,
    /// Its elements (证素).
    pub elements: Vec<String>,
    /// Their mean score.
    pub elements_mean: f64,
    /// Findings that speak for it, what adds most first.
    pub supporting: Vec<Evidence>,
    /// Findings that speak against it, what takes most first.
    pub contradicting: Vec<Evidence>,
    /// Principle of treatment (治法).
    pub principle: String,
    /// Classic formulas of the pattern: knowledge, for licensed physicians alone,
    /// never with a dose. Empty where nobody knows for whom it is safe.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub formula: String,
    /// Advice on daily life (调护).
    pub lifestyle: String,
}

/// What ended a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// The finding of the worse channel was dropped.
    BetterChannel,
    /// Both hold: 寒热错杂 (SE7A, B01.10).
    MixedHeatCold,
    /// Both hold: 虚实夹杂 (SE79, B01.09).
    MixedDeficiencyExcess,
    /// The symptoms decide (舍脉从症).
    SymptomsDecide,
    /// Nothing does: it has to be asked.
    Unresolved,
}

/// Two things that rarely hold together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// One side: a finding, `heat` or `deficiency`.
    pub a: String,
    /// The other side: a finding, `cold` or `excess`.
    pub b: String,
    /// What ended it.
    pub resolution: Resolution,
    /// The finding that was kept, where the other was dropped.
    pub kept: Option<String>,
}

/// A finding that would decide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Code of the finding.
    pub code: String,
    /// Chinese name.
    pub name: String,
    /// How it is found.
    pub method: Method,
    /// By how much it tells the candidates apart.
    pub gain: f64,
}

/// The eight principles (八纲); none where neither side is stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EightPrinciples {
    /// 表 (true) or 里.
    pub exterior: bool,
    /// 热 (true) or 寒.
    pub heat: Option<bool>,
    /// 虚 (true) or 实.
    pub deficiency: Option<bool>,
    /// 阳 (true) or 阴.
    pub yang: Option<bool>,
}

/// What the findings mean together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Differentiation {
    /// What kind of answer it is.
    pub outcome: Outcome,
    /// Codes of emergencies, where there are any.
    pub red_flags: Vec<String>,
    /// The primary syndrome and at most two beside it.
    pub syndromes: Vec<Syndrome>,
    /// Elements that stand out, the strongest first.
    pub elements: Vec<Element>,
    /// The eight principles, where any element stands out.
    pub principles: Option<EightPrinciples>,
    /// What contradicts itself.
    pub conflicts: Vec<Conflict>,
    /// What to ask next, what decides most first.
    pub questions: Vec<Question>,
    /// Name and version of the engine and of its knowledge.
    pub model: String,
}

impl Differentiation {
    /// The answer where there are red flags: only them.
    pub(crate) fn emergency(red_flags: &[String], model: String) -> Self {
        Self {
            outcome: Outcome::Emergency,
            red_flags: red_flags.to_vec(),
            syndromes: Vec::new(),
            elements: Vec::new(),
            principles: None,
            conflicts: Vec::new(),
            questions: Vec::new(),
            model,
        }
    }
}

/// What kind of answer the chosen syndromes and elements are.
pub(crate) fn outcome(chosen: &[Scored<'_>], elements: &[Element]) -> Outcome {
    match chosen.first().map(|primary| primary.status) {
        Some(Status::Established) => Outcome::Established,
        Some(_) => Outcome::Tendency,
        None if elements.is_empty() => Outcome::Insufficient,
        None => Outcome::Elements,
    }
}

/// The elements that stand out.
pub(crate) fn elements(scores: &Scores<'_>) -> Vec<Element> {
    let out = scores
        .elements
        .iter()
        .filter(|element| element.score >= ELEMENT_LEAST);
    out.map(|element| Element {
        name: element.name.to_owned(),
        kind: element.kind,
        score: rounded(element.score),
        grade: grade(element.score),
    })
    .collect()
}

/// A chosen syndrome with its evidence.
pub(crate) fn syndrome(
    scored: &Scored<'_>,
    scores: &Scores<'_>,
    findings: &Findings,
    knowledge: &Knowledge,
    certainty: &Certainty,
) -> Syndrome {
    let about = &scored.entry.about;
    let (supporting, contradicting) = evidence(scored, findings, knowledge);
    Syndrome {
        id: about.id.clone(),
        name: about.zh.clone(),
        english: about.en.clone(),
        gb_code: about.gb.clone(),
        icd_code: about.icd.clone(),
        status: scored.status,
        has_cardinal: scored.has_cardinal,
        score: rounded(scored.score),
        fit: rounded(scored.fit()),
        confidence: rounded(scored.confidence(scores.margin(scored), certainty)),
        elements: about.elements.clone(),
        elements_mean: rounded(scored.elements_mean),
        supporting,
        contradicting,
        principle: about.principle.clone(),
        formula: about.formula.clone(),
        lifestyle: about.lifestyle.clone(),
    }
}

/// What speaks for and against a syndrome, the largest contribution first.
fn evidence(
    scored: &Scored<'_>,
    findings: &Findings,
    knowledge: &Knowledge,
) -> (Vec<Evidence>, Vec<Evidence>) {
    let each = findings.iter().filter_map(|(code, merged)| {
        let weight = scored.entry.weight(code, knowledge.against);
        (weight != 0.0).then(|| piece(code, merged, weight, knowledge))
    });
    let mut all: Vec<Evidence> = each.collect();
    all.sort_by(|one, other| {
        let order = other.contribution.abs().total_cmp(&one.contribution.abs());
        order.then_with(|| one.code.cmp(&other.code))
    });
    all.into_iter().partition(|piece| piece.contribution > 0.0)
}

fn piece(code: &str, merged: &Merged, weight: f64, knowledge: &Knowledge) -> Evidence {
    // What speaks against a syndrome has no degree.
    let value = if weight < 0.0 {
        merged.presence
    } else {
        merged.value()
    };
    Evidence {
        code: code.to_owned(),
        name: knowledge.name(code).to_owned(),
        present: merged.presence > 0.0,
        weight,
        contribution: rounded(weight * value),
        source: merged.source,
    }
}

fn grade(score: f64) -> u8 {
    [TENDENCY_LEAST, GRADE_TWO_LEAST, GRADE_THREE_LEAST]
        .iter()
        .map(|least| u8::from(score >= *least))
        .sum()
}

/// Three decimals: what people read.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}
