//! What to ask next: the findings that decide between the best candidates.

use super::knowledge::{Entry, Knowledge};
use super::merge::Findings;
use super::result::{Conflict, Question, Resolution};
use super::score::{Scored, Scores};
use std::collections::BTreeSet;

/// How many questions are given.
const QUESTIONS_MAX: usize = 5;

/// Findings that nobody has asked for yet, those that decide most first: the
/// difference of their weights between the primary syndrome and its strongest rival
/// (engineering default). Where a pair is unresolved its sides come first.
///
/// Without a likely syndrome the two best scores are told apart; without any
/// finding there is nothing to ask.
pub(crate) fn ask(
    findings: &Findings,
    scores: &Scores<'_>,
    chosen: &[Scored<'_>],
    conflicts: &[Conflict],
    knowledge: &Knowledge,
) -> Vec<Question> {
    let question = |code: &str, gain: f64| {
        let term = knowledge.terms.get(code)?;
        Some(Question {
            code: code.to_owned(),
            name: term.name.clone(),
            method: term.method,
            gain,
        })
    };
    let open = conflicts
        .iter()
        .filter(|conflict| conflict.resolution == Resolution::Unresolved)
        .flat_map(|conflict| [&conflict.a, &conflict.b])
        .filter_map(|code| question(code, knowledge.against.abs()));
    let mut questions: Vec<Question> = open.collect();
    let Some((first, second)) = candidates(scores, chosen) else {
        questions.truncate(QUESTIONS_MAX);
        return questions;
    };
    let codes: BTreeSet<&String> = codes(first).chain(codes(second)).collect();
    let mut deciding: Vec<Question> = codes
        .into_iter()
        .filter(|code| !findings.contains_key(*code))
        .filter_map(|code| {
            let gain =
                first.weight(code, knowledge.against) - second.weight(code, knowledge.against);
            question(code, gain.abs())
        })
        .filter(|question| question.gain > 0.0)
        .collect();
    deciding.sort_by(|one, other| {
        let order = other.gain.total_cmp(&one.gain);
        order.then_with(|| one.code.cmp(&other.code))
    });
    questions.extend(deciding);
    questions.truncate(QUESTIONS_MAX);
    questions
}

/// The primary syndrome and the strongest other one that something speaks for.
fn candidates<'k>(scores: &Scores<'k>, chosen: &[Scored<'k>]) -> Option<(&'k Entry, &'k Entry)> {
    let mut ranked = scores.syndromes.iter().filter(|each| each.score > 0.0);
    let first = match chosen.first() {
        Some(primary) => primary.entry,
        None => ranked.next()?.entry,
    };
    let second = ranked.find(|each| each.entry.about.id != first.about.id)?;
    Some((first, second.entry))
}

fn codes(entry: &Entry) -> impl Iterator<Item = &String> {
    entry.weights.keys().chain(&entry.about.against)
}
