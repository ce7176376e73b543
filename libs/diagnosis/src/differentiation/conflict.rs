//! Findings that contradict each other, and what decides between them.

use super::merge::{Findings, Merged};
use super::result::{Conflict, Resolution};
use super::score::{Scored, Scores, TENDENCY_LEAST};

/// Findings that exclude each other.
const PAIRS: [(&str, &str); 4] = [
    ("p_rapid", "p_slow"),
    ("t_red", "t_pale"),
    ("c_yellow", "c_white"),
    ("thirst_cold", "thirst_noDrink"),
];

/// Two sides of elements that rarely hold together.
pub(crate) struct Sides {
    one: &'static str,
    other: &'static str,
    pub(crate) of_one: &'static [&'static str],
    pub(crate) of_other: &'static [&'static str],
    mixed: Resolution,
}

/// Heat and cold.
pub(crate) const TEMPERATURE: Sides = Sides {
    one: "heat",
    other: "cold",
    of_one: &["热", "阴虚", "阳亢"],
    of_other: &["寒", "阳虚"],
    mixed: Resolution::MixedHeatCold,
};

/// Deficiency (虚) and excess (实).
pub(crate) const STRENGTH: Sides = Sides {
    one: "deficiency",
    other: "excess",
    of_one: &["气虚", "气陷", "血虚", "阴虚", "阳虚", "津亏", "精亏"],
    of_other: &["气滞", "血瘀", "痰", "湿", "热", "寒", "食积", "外风"],
    mixed: Resolution::MixedDeficiencyExcess,
};

/// By how much the better channel has to be better.
const QUALITY_GAP: f64 = 0.3;
/// Sums of decimal fractions are not exact: 1.0 − 0.7 is a gap of 0.3.
const ROUNDING: f64 = 1e-9;
/// From three months on an illness is chronic (engineering default).
const CHRONIC_MINUTES_LEAST: u64 = 90 * 24 * 60;
/// So many key symptoms decide for the symptoms and against the pulse (舍脉从症).
const KEY_SYMPTOMS_LEAST: usize = 2;

/// First rule: of two findings that exclude each other the one from the channel
/// that is worse by 0.3 or more is dropped. Both have to be present.
pub(crate) fn drop_worse_side(findings: &mut Findings) -> Vec<Conflict> {
    let mut dropped = Vec::new();
    for (one, other) in PAIRS {
        let Some((a, b)) = both(findings, one, other) else {
            continue;
        };
        let gap = a.presence - b.presence;
        if gap.abs() + ROUNDING < QUALITY_GAP {
            continue;
        }
        let (kept, lost) = if gap > 0.0 {
            (one, other)
        } else {
            (other, one)
        };
        findings.remove(lost);
        dropped.push(Conflict {
            a: one.to_owned(),
            b: other.to_owned(),
            resolution: Resolution::BetterChannel,
            kept: Some(kept.to_owned()),
        });
    }
    dropped
}

/// Every conflict: those that the first rule ended, and those that remain.
///
/// Sides are in conflict where each has an element of grade I (70 or more). What is
/// chronic with a weak pulse is deficiency and keeps both as 寒热错杂 or 虚实夹杂;
/// then two key symptoms of the primary syndrome decide for the symptoms
/// (舍脉从症); else a question has to.
pub(crate) fn judge(
    findings: &Findings,
    scores: &Scores<'_>,
    chosen: &[Scored<'_>],
    mut conflicts: Vec<Conflict>,
) -> Vec<Conflict> {
    let fallback = if has_key_symptoms(findings, chosen) {
        Resolution::SymptomsDecide
    } else {
        Resolution::Unresolved
    };
    let chronic = is_chronic_and_weak(findings);
    for (one, other) in PAIRS {
        if both(findings, one, other).is_none() {
            continue;
        }
        let mixed = if chronic {
            Resolution::MixedHeatCold
        } else {
            fallback
        };
        conflicts.push(conflict(one, other, mixed));
    }
    for sides in [&TEMPERATURE, &STRENGTH] {
        let holds = |names: &[&str]| {
            let mut each = names.iter().map(|name| scores.element(name));
            each.any(|score| score >= TENDENCY_LEAST)
        };
        if !(holds(sides.of_one) && holds(sides.of_other)) {
            continue;
        }
        let resolution = if chronic { sides.mixed } else { fallback };
        conflicts.push(conflict(sides.one, sides.other, resolution));
    }
    conflicts
}

/// How many of them nothing resolves.
pub(crate) fn unresolved(conflicts: &[Conflict]) -> usize {
    let open = conflicts
        .iter()
        .filter(|conflict| conflict.resolution == Resolution::Unresolved);
    open.count()
}

fn conflict(a: &str, b: &str, resolution: Resolution) -> Conflict {
    Conflict {
        a: a.to_owned(),
        b: b.to_owned(),
        resolution,
        kept: None,
    }
}

/// Both of a pair, where both are present.
fn both(findings: &Findings, one: &str, other: &str) -> Option<(Merged, Merged)> {
    let present = |code: &str| findings.get(code).filter(|each| each.is_present()).copied();
    Some((present(one)?, present(other)?))
}

fn is_chronic_and_weak(findings: &Findings) -> bool {
    let weak = findings.get("p_weak").is_some_and(Merged::is_present);
    let long = |merged: &Merged| merged.minutes >= Some(CHRONIC_MINUTES_LEAST);
    weak && findings.values().any(long)
}

fn has_key_symptoms(findings: &Findings, chosen: &[Scored<'_>]) -> bool {
    let Some(primary) = chosen.first() else {
        return false;
    };
    let keys = primary.entry.about.key.iter();
    let present = keys.filter(|code| findings.get(*code).is_some_and(Merged::is_present));
    present.count() >= KEY_SYMPTOMS_LEAST
}
