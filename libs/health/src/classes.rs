//! What a value counts as: rules of guidelines as tables, for adults; deterministic.
//!
//! Each class names its [`RuleSet`] with a citation. Where guidelines disagree, the
//! person chooses ([`Rules`](crate::profile::Rules)); what they need to know of a
//! person is [`Person`], of a single measurement [`Circumstances`]. The first class of
//! an answer is the class; what follows stands beside it, such as isolated systolic
//! hypertension beside its grade. No class is made where the rules ask for what is not
//! known (the sex, for a waist). Of people below 18 only what is dangerous at any age is
//! told: low glucose, and lack of oxygen.
//!
//! Heart rate variability has no classes: it is compared with the person's own
//! baseline alone.

mod bands;
mod circumstances;
mod days;
mod glucose;
mod person;
mod pressure;
mod rule_set;

pub use circumstances::{Activity, Circumstances, Posture, Setting, Site};
pub use days::{
    CgmFigures, CgmTarget, activity_of_week, cgm_targets, sleep_efficiency, sleep_of_night,
    steps_of_day,
};
pub use person::{ADULT_AGE_YEARS_MIN, Person};
pub use pressure::standing_fall;
pub(crate) use rule_set::NEWS2;
pub use rule_set::{RuleSet, rule_sets};

use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};

use crate::Milli;

/// How much a class should concern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// As it should be.
    None,
    /// Worth watching.
    Watch,
    /// A doctor should see it.
    Doctor,
    /// Now.
    Emergency,
}

/// On which side of what is usual a class lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// As it should be.
    Within,
    /// Below.
    Low,
    /// Above.
    High,
}

/// Whether readings of a class are told to the person at once ([`crate::alerts`]).
///
/// Labels that only a course of days gives, such as high normal pressure or the range
/// of diabetes, tell of no danger today: they have [`Level::None`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Not at all.
    #[default]
    None,
    /// When the next reading says the same.
    Warning,
    /// At once.
    Critical,
}

impl Level {
    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// As it was stored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::Warning, Self::Critical]
            .into_iter()
            .find(|level| level.as_str() == text)
    }
}

/// What a value counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// Code, such as `grade_1`: unique together with the kind of reading.
    pub code: &'static str,
    /// Chinese name.
    pub zh: &'static str,
    /// English name.
    pub en: &'static str,
    /// How much it should concern.
    pub concern: Concern,
    /// On which side of the usual it lies.
    pub side: Side,
    /// Whether it is told at once.
    pub level: Level,
    /// The rules it comes from.
    pub rule_set: &'static RuleSet,
}

impl Serialize for Class {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut shown = serializer.serialize_struct("Class", 6)?;
        shown.serialize_field("code", self.code)?;
        shown.serialize_field("zh", self.zh)?;
        shown.serialize_field("en", self.en)?;
        shown.serialize_field("concern", &self.concern)?;
        shown.serialize_field("rule_set", self.rule_set.id)?;
        shown.serialize_field("citation", self.rule_set.citation)?;
        shown.end()
    }
}

/// What a reading counts as, the class itself first; empty where no rules apply, such
/// as to a pulse in motion. `values` are in the order of the kind's metrics, in
/// thousandths of its canonical unit.
#[must_use]
pub fn classify(
    kind: &str,
    values: &[Milli],
    circumstances: &Circumstances,
    person: &Person,
) -> Vec<Class> {
    let Some(value) = values.first().copied() else {
        return Vec::new();
    };
    if person.is_minor() {
        return of_minor(kind, value, circumstances, person);
    }
    let one = |class: Class| vec![class];
    match kind {
        "blood_pressure" => match values.get(1) {
            Some(diastolic) => pressure::classes(value, *diastolic, circumstances, person),
            None => Vec::new(),
        },
        "heart_rate" | "resting_heart_rate" if !judges_pulse(kind, value, circumstances) => {
            Vec::new()
        }
        "heart_rate" | "resting_heart_rate" => one(bands::of(bands::PULSE, value)),
        "spo2" => one(bands::of(bands::OXYGEN, at_sea_level(value, person))),
        "respiratory_rate" => one(bands::of(bands::RESPIRATION, value)),
        "body_temperature" => {
            let axillary = Milli(value.0.saturating_add(circumstances.site.offset_milli()));
            one(bands::of(bands::TEMPERATURE, axillary))
        }
        "glucose_fasting" | "glucose_postprandial" | "glucose_random" | "glucose_cgm" | "hba1c" => {
            glucose::classes(kind, value, circumstances, person)
        }
        "bmi" => one(person.bmi_class(value)),
        "waist" => person.waist_class(value).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Whether a pulse is judged: not one in motion; and of one that nobody calls at rest,
/// from a wearable or from a source that nobody knows, the low side alone. A jogger's
/// watch would cry for help otherwise.
#[must_use]
pub fn judges_pulse(kind: &str, value: Milli, circumstances: &Circumstances) -> bool {
    match circumstances.activity {
        Activity::Rest => true,
        Activity::Motion => false,
        Activity::Unknown => {
            kind == "resting_heart_rate"
                || !circumstances.may_be_motion()
                || bands::of(bands::PULSE, value).side != Side::High
        }
    }
}

/// Whether readings of a kind are watched of a person who is known to be no adult.
pub(crate) fn is_watched_of_minor(kind: &str) -> bool {
    kind == "spo2" || kind.starts_with("glucose_")
}

/// What is dangerous at any age: low glucose, and lack of oxygen. The class says in its
/// set of rules that those of adults do not apply; nothing else is said.
fn of_minor(
    kind: &str,
    value: Milli,
    circumstances: &Circumstances,
    person: &Person,
) -> Vec<Class> {
    if !is_watched_of_minor(kind) {
        return Vec::new();
    }
    let found = match kind {
        "spo2" => vec![bands::of(bands::OXYGEN, at_sea_level(value, person))],
        _ => glucose::classes(kind, value, circumstances, person),
    };
    let is_danger = |class: &Class| {
        class.side == Side::Low && (kind != "spo2" || class.concern == Concern::Emergency)
    };
    let dangers = found.into_iter().filter(is_danger);
    let of_any_age = dangers.map(|class| Class {
        rule_set: &rule_set::ANY_AGE,
        ..class
    });
    of_any_age.collect()
}

/// Above this altitude less oxygen is usual.
const ALTITUDE_M: f64 = 2_500.0;
/// By how much, in thousandths of a percent.
const ALTITUDE_SHIFT_MILLI: i64 = 5_000;

/// The saturation as it would count at sea level.
pub(crate) fn at_sea_level(value: Milli, person: &Person) -> Milli {
    match person.altitude_m {
        Some(altitude) if altitude > ALTITUDE_M => {
            Milli(value.0.saturating_add(ALTITUDE_SHIFT_MILLI))
        }
        _ => value,
    }
}

#[cfg(test)]
mod tests;
