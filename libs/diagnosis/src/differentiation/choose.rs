//! Which syndromes are reported: a primary one and at most two beside it.

use super::knowledge::{About, Knowledge};
use super::result::{ElementKind, Status};
use super::score::{Scored, Scores};

/// A compound is preferred from this share of its better part's score on
/// (engineering default).
const COMPOUND_SHARE: f64 = 0.9;
/// What each location of a preferred compound reaches (engineering default).
const LOCATION_LEAST: f64 = 40.0;
/// How many are reported beside the primary one.
const SECONDARY_MAX: usize = 2;
/// What a secondary one reaches of the primary one's score.
const SECONDARY_SHARE: f64 = 0.6;

/// The syndromes to report, the primary one first; none where none reaches 70.
///
/// A compound such as 心脾两虚 stands for its single parts where it reaches 0.9 of the
/// better one and each of its locations at least 40. Beside the primary one at most
/// two are named, each at least 70 and 0.6 of the primary score.
pub(crate) fn choose<'k>(scores: &Scores<'k>) -> Vec<Scored<'k>> {
    let likely = || {
        let all = scores.syndromes.iter();
        all.filter(|scored| scored.status != Status::Unlikely)
    };
    let Some(best) = likely().next() else {
        return Vec::new();
    };
    let mut compounds =
        likely().filter(|compound| stands_for(compound, scores) && is_part(best, compound));
    let primary = compounds.next().unwrap_or(best);
    let covers = stands_for(primary, scores);
    let others = likely()
        .filter(|other| other.entry.about.id != primary.entry.about.id)
        .filter(|other| other.score >= SECONDARY_SHARE * primary.score)
        .filter(|other| !(covers && is_part(other, primary)));
    std::iter::once(primary)
        .chain(others.take(SECONDARY_MAX))
        .copied()
        .collect()
}

/// Whether a compound is preferred to its parts.
fn stands_for(compound: &Scored<'_>, scores: &Scores<'_>) -> bool {
    let better = scores
        .syndromes
        .iter()
        .find(|other| is_part(other, compound));
    let Some(better) = better else {
        return false;
    };
    let located =
        locations(&compound.entry.about).all(|location| scores.element(location) >= LOCATION_LEAST);
    located && compound.score >= COMPOUND_SHARE * better.score
}

/// Whether one is a single part of the other: one location, and all of its elements
/// are among those of the other, which has several locations.
fn is_part(part: &Scored<'_>, compound: &Scored<'_>) -> bool {
    let (part, whole) = (&part.entry.about, &compound.entry.about);
    let contained = part
        .elements
        .iter()
        .all(|element| whole.elements.contains(element));
    contained && locations(part).count() == 1 && locations(whole).count() > 1
}

fn locations(about: &About) -> impl Iterator<Item = &str> {
    let elements = about.elements.iter().map(String::as_str);
    elements.filter(|name| {
        let entry = Knowledge::get().elements.get(*name);
        entry.is_some_and(|entry| entry.kind == ElementKind::Location)
    })
}
