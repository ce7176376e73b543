//! Which readings mean something for which rule.

use super::replay::Sample;
use crate::Milli;
use crate::classes::{
    Circumstances, Class, Level, Person, Posture, Side, classify, is_watched_of_minor,
    standing_fall,
};
use crate::day;

/// The kinds of readings that people are alerted to.
pub const ALERTING_TYPES: [&str; 10] = [
    "blood_pressure",
    "heart_rate",
    "resting_heart_rate",
    "spo2",
    "respiratory_rate",
    "body_temperature",
    "glucose_fasting",
    "glucose_postprandial",
    "glucose_random",
    "glucose_cgm",
];

/// A pressure at rest is compared with one after getting up that follows within so
/// much time (engineering default: guidelines measure for three minutes).
const STANDING_MS_MAX: i64 = 10 * 60 * 1000;
/// What one reading means may depend on others this long before it: a pressure at rest,
/// or a better source.
pub const LEAD_IN_MS: i64 = STANDING_MS_MAX;

/// A rule: a side of a kind of reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Such as `spo2_low`.
    pub id: String,
    side: Side,
}

/// The rules of a kind of reading; none where it alerts nobody.
#[must_use]
pub fn rules_of(kind: &str) -> Vec<Rule> {
    if !ALERTING_TYPES.contains(&kind) {
        return Vec::new();
    }
    let rule = |name: &str, side| Rule {
        id: format!("{kind}_{name}"),
        side,
    };
    vec![rule("low", Side::Low), rule("high", Side::High)]
}

/// A stored reading, as far as alerts ask.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The reading.
    pub id: String,
    /// When it was taken.
    pub at_ms: i64,
    /// Its values, in the order of the kind's metrics.
    pub values: Vec<Milli>,
    /// Its circumstances, as JSON.
    pub context: Option<String>,
    /// How good its source is; larger is better.
    pub rank: i64,
    /// Whether its value is hardly possible: it wants to be confirmed by the next.
    pub is_implausible: bool,
}

/// What readings of a kind, in any order, mean for a rule: in the order of time, each
/// once, and none beside one of a better source. What no rules classify, such as a
/// pulse in motion, is left out.
#[must_use]
pub fn samples(kind: &str, rule: &Rule, readings: &[Observed], person: &Person) -> Vec<Sample> {
    let mut ordered: Vec<&Observed> = readings.iter().collect();
    ordered.sort_by(|a, b| (a.at_ms, &a.id).cmp(&(b.at_ms, &b.id)));
    ordered.dedup_by(|a, b| a.id == b.id);
    let ordered = without_shadowed(kind, &ordered);
    let mut at_rest: Option<(i64, (Milli, Milli))> = None;
    let mut found = Vec::new();
    for reading in ordered {
        let circumstances =
            Circumstances::read(reading.context.as_deref()).of_source(rank(reading));
        let mut classes = classify(kind, &reading.values, &circumstances, person);
        // Of no adult a reading without a danger is a normal one.
        if classes.is_empty() && !(person.is_minor() && is_watched_of_minor(kind)) {
            continue;
        }
        if kind == "blood_pressure" {
            classes.extend(fall(reading, &circumstances, &mut at_rest));
        }
        found.push(sample(rule, reading, &classes));
    }
    found
}

fn sample(rule: &Rule, reading: &Observed, classes: &[Class]) -> Sample {
    let of_rule = classes
        .iter()
        .filter(|class| class.side == rule.side && class.level > Level::None);
    // The first of the highest: `max_by_key` would take the last.
    let worst = of_rule.reduce(|a, b| if b.level > a.level { b } else { a });
    Sample {
        id: reading.id.clone(),
        at_ms: reading.at_ms,
        level: worst.map_or(Level::None, |class| class.level),
        code: worst.map_or("normal", |class| class.code),
        rule_set: worst.map_or("", |class| class.rule_set.id),
        is_certain: !reading.is_implausible,
    }
}

/// Remembers pressures at rest, and says when one after getting up has fallen.
fn fall(
    reading: &Observed,
    circumstances: &Circumstances,
    at_rest: &mut Option<(i64, (Milli, Milli))>,
) -> Option<Class> {
    let (systolic, diastolic) = (*reading.values.first()?, *reading.values.get(1)?);
    let pressures = (systolic, diastolic);
    match circumstances.posture? {
        Posture::Lying | Posture::Sitting => {
            *at_rest = Some((reading.at_ms, pressures));
            None
        }
        Posture::Standing => {
            let (rest_ms, before) = (*at_rest)?;
            let is_soon = reading.at_ms.saturating_sub(rest_ms) <= STANDING_MS_MAX;
            is_soon.then(|| standing_fall(before, pressures))?
        }
    }
}

/// The rank of a reading as sources have it.
fn rank(reading: &Observed) -> u8 {
    u8::try_from(reading.rank.clamp(0, day::RANKS - 1)).unwrap_or_default()
}

/// Those beside which nothing better was measured, by the rule of the days
/// ([`crate::day`]).
fn without_shadowed<'a>(kind: &str, ordered: &[&'a Observed]) -> Vec<&'a Observed> {
    // The value is the place: samples of one instant keep their order.
    let places: Vec<day::Sample> = ordered
        .iter()
        .zip(0_i64..)
        .map(|(reading, place)| day::Sample {
            at_ms: reading.at_ms,
            value: place,
            value2: None,
            rank: rank(reading),
        })
        .collect();
    day::counted(&places, day::shadow_ms(kind))
        .iter()
        .filter_map(|sample| ordered.get(usize::try_from(sample.value).ok()?).copied())
        .collect()
}
