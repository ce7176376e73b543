//! The inquiry step (问诊), what a person says as findings of the lexicon, and the
//! [differentiation](differentiate) of findings: which syndromes they suggest.
//!
//! Pure and deterministic: no clock, no randomness, no input or output. The terms
//! live in `data/` and change without a line of code:
//!
//! - `findings.json`: the lexicon, each code with its name and synonyms;
//! - `colloquial.json`: what people say that the lexicon does not name;
//! - `modifiers.json`: words of denial and of degree;
//! - `syndromes.json`: syndromes and elements with the weights of their findings;
//! - `red-flags.json`: what points to an emergency;
//! - `emergencies.json`: what to do about it;
//! - `fold.txt`: traditional characters and their simplified form.
//!
//! Figures marked *engineering default* are ours and await clinical review.

mod differentiation;
mod duration;
mod emergency;
mod findings;
mod knowledge;
pub mod lexicon;
mod quality;
mod red_flags;
mod report;
mod result;
mod scan;
mod text;
mod trie;

pub use differentiation::{
    Conflict, DIFFERENTIATION_ENGINE, Differentiation, EightPrinciples, Element, ElementKind,
    Evidence, Method, OBSERVATIONS_MAX, Observation, Outcome, Question, Resolution, Source, Status,
    Syndrome, differentiate,
};
pub use emergency::{EmergencyCard, Urgency, emergency_card};
pub use knowledge::{ENGINE, knowledge_version};
pub use report::{Language, Model, Report, ReportFinding, disclaimers};
pub use result::{Finding, Quality, Severity, StepResult};

use knowledge::Knowledge;
use scan::Scan;
use text::Text;

/// Most characters that are read; what follows is left out and the issue
/// `truncated` says so.
pub const TEXT_CHARS_MAX: usize = 20_000;

/// Reads free Chinese text: which findings it names or denies, how strong and for
/// how long, and which emergencies it suggests.
///
/// Red flags are reported even where the text is too poor for findings.
pub fn analyse(text: &str) -> StepResult {
    let knowledge = Knowledge::get();
    let text = Text::fold(text, knowledge);
    let scan = Scan::of(&text, knowledge);
    let quality = quality::judge(&text, &scan);
    let findings = if quality.is_sufficient() {
        findings::collect(&text, &scan, knowledge)
    } else {
        Vec::new()
    };
    StepResult {
        quality: findings::with_issues(quality, &findings, &scan),
        findings: findings.into_iter().map(|found| found.finding).collect(),
        red_flags: red_flags::detect(&text, &scan, knowledge),
        model: format!("{ENGINE}+kb-{}", knowledge.version),
    }
}

#[cfg(test)]
mod tests;
