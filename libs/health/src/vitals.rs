//! What a person's vital signs of some days come to, and how each is classified.
//!
//! The rules are those of [`crate::classes`], for the person as their profile tells.

use crate::Milli;
use crate::catalogue::ReadingType;
use crate::classes::{self, Circumstances, Person};
use crate::view::instant;
use serde::{Deserialize, Serialize};

/// The kinds that count as vital signs, in the order in which they are shown.
pub const VITAL_TYPES: [&str; 9] = [
    "blood_pressure",
    "heart_rate",
    "resting_heart_rate",
    "spo2",
    "respiratory_rate",
    "body_temperature",
    "glucose_fasting",
    "glucose_postprandial",
    "glucose_random",
];

/// A reading that is older says nothing about an emergency now (engineering
/// default): one day.
pub const RED_FLAG_AGE_MS_MAX: i64 = 24 * 60 * 60 * 1000;

pub use crate::classes::Concern;

/// What a value counts as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// Code, such as `grade_1`.
    pub code: String,
    /// Chinese name.
    pub zh: String,
    /// How much it should concern.
    pub concern: Concern,
    /// The rules it comes from.
    pub rule_set: String,
}

/// The figures of one metric over the days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VitalFigures {
    /// The metric, such as `systolic`.
    pub metric: String,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Mean, with one decimal.
    pub mean: f64,
    /// The newest value.
    pub latest: f64,
}

/// One vital sign over the days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vital {
    /// The kind, such as `heart_rate`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Chinese name.
    pub zh: String,
    /// English name.
    pub en: String,
    /// Canonical unit.
    pub unit: String,
    /// How many readings there are: at least one.
    pub count: u64,
    /// One for each metric of the kind.
    pub figures: Vec<VitalFigures>,
    /// When the newest was taken, RFC 3339.
    pub latest_at: String,
    /// What the newest counts as, where rules apply to it.
    pub class: Option<Class>,
    /// The emergency that the newest suggests, if it is of the last day.
    pub red_flag: Option<String>,
}

/// The readings of one kind over the days, as the store sums them up.
#[derive(Clone, Debug, PartialEq)]
pub struct Readings {
    /// How many.
    pub count: u64,
    /// Smallest, largest and sum for each metric.
    pub spans: Vec<(Milli, Milli, Milli)>,
    /// The newest value of each metric.
    pub latest: Vec<Milli>,
    /// When the newest was taken.
    pub latest_ms: i64,
    /// The circumstances of the newest, as JSON.
    pub context: Option<String>,
    /// The rank of its source ([`crate::source`]).
    pub source_rank: u8,
}

/// What the readings of a kind come to at `now_ms`. None where there are none:
/// missing is missing, not 0.
pub fn vital(
    kind: &ReadingType,
    readings: &Readings,
    person: &Person,
    now_ms: i64,
) -> Option<Vital> {
    if readings.count == 0 || readings.latest.len() < kind.metrics.len() {
        return None;
    }
    let spans = kind
        .metrics
        .iter()
        .zip(&readings.spans)
        .zip(&readings.latest);
    let figures = spans.map(|((metric, (min, max, sum)), latest)| VitalFigures {
        metric: metric.key.to_owned(),
        min: min.to_f64(),
        max: max.to_f64(),
        mean: (sum.to_f64() / readings.count as f64 * 10.0).round() / 10.0,
        latest: latest.to_f64(),
    });
    let values = &readings.latest;
    let circumstances =
        Circumstances::read(readings.context.as_deref()).of_source(readings.source_rank);
    let is_fresh = now_ms - readings.latest_ms <= RED_FLAG_AGE_MS_MAX;
    Some(Vital {
        kind: kind.key.to_owned(),
        zh: kind.zh.to_owned(),
        en: kind.en.to_owned(),
        unit: kind.unit.to_owned(),
        count: readings.count,
        figures: figures.collect(),
        latest_at: instant(readings.latest_ms, 0),
        class: classify(kind.key, values, &circumstances, person),
        red_flag: red_flag(kind.key, values, &circumstances, person)
            .filter(|_| is_fresh)
            .map(str::to_owned),
    })
}

/// What a value counts as; none where no rules apply, such as to a pulse in motion.
pub fn classify(
    kind: &str,
    values: &[Milli],
    circumstances: &Circumstances,
    person: &Person,
) -> Option<Class> {
    let found = classes::classify(kind, values, circumstances, person);
    found.first().map(|class| Class {
        code: class.code.to_owned(),
        zh: class.zh.to_owned(),
        concern: class.concern,
        rule_set: class.rule_set.id.to_owned(),
    })
}

/// The emergency that a value suggests by itself. Of very high pressure the flag says
/// for itself what to do with symptoms, and what without.
///
/// Children breathe faster and their hearts beat faster: of people below 18 fast ones
/// are no emergency, while slow ones are all the more.
fn red_flag(
    kind: &str,
    values: &[Milli],
    circumstances: &Circumstances,
    person: &Person,
) -> Option<&'static str> {
    let milli = *values.first()?;
    let value = milli.to_f64();
    let is_minor = person.is_minor();
    let (code, holds) = match kind {
        "blood_pressure" => ("rf_bp", value >= 180.0 || values.get(1)?.to_f64() >= 120.0),
        "heart_rate" | "resting_heart_rate" => {
            let is_out = value < 40.0 || (value > 150.0 && !is_minor);
            let is_judged = classes::judges_pulse(kind, milli, circumstances);
            ("rf_heart", is_out && is_judged)
        }
        "spo2" => (
            "rf_resp",
            classes::at_sea_level(milli, person).to_f64() <= 90.0,
        ),
        "respiratory_rate" => ("rf_resp", value <= 8.0 || (value >= 30.0 && !is_minor)),
        "glucose_fasting" | "glucose_postprandial" | "glucose_random" => {
            let is_low = value < 3.0 || (value < 3.9 && circumstances.is_confused);
            let is_high = value >= 16.7 && circumstances.has_symptoms;
            ("rf_gluc", is_low || is_high)
        }
        _ => return None,
    };
    holds.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::find;

    fn milli(values: &[f64]) -> Vec<Milli> {
        values.iter().map(|v| Milli::rounded(*v, 3)).collect()
    }

    fn code(kind: &str, values: &[f64], context: Option<&str>) -> Option<String> {
        let circumstances = Circumstances::read(context);
        let found = classify(kind, &milli(values), &circumstances, &Person::default());
        found.map(|class| class.code)
    }

    fn flag(
        kind: &str,
        values: &[f64],
        context: Option<&str>,
        rank: u8,
        person: &Person,
    ) -> Option<&'static str> {
        let circumstances = Circumstances::read(context).of_source(rank);
        red_flag(kind, &milli(values), &circumstances, person)
    }

    #[test]
    fn a_fast_pulse_is_an_emergency_at_rest_alone() {
        use crate::source::{CLINIC, MANUAL, MEDICAL_DEVICE, UNKNOWN, WEARABLE};
        let anybody = Person::default();
        let rest = Some(r#"{"activity":"Rest"}"#);
        let of = |value, context, rank| flag("heart_rate", &[value], context, rank, &anybody);
        for rank in [CLINIC, MEDICAL_DEVICE, MANUAL] {
            assert_eq!(of(160.0, None, rank), Some("rf_heart"), "{rank}");
        }
        for rank in [WEARABLE, UNKNOWN] {
            assert_eq!(of(160.0, None, rank), None, "{rank}");
            assert_eq!(of(160.0, Some("\"morning\""), rank), None, "{rank}");
            assert_eq!(of(160.0, rest, rank), Some("rf_heart"), "{rank}");
            assert_eq!(of(38.0, None, rank), Some("rf_heart"), "{rank}");
            let resting = flag("resting_heart_rate", &[160.0], None, rank, &anybody);
            assert_eq!(resting, Some("rf_heart"), "{rank}");
        }
    }

    #[test]
    fn flags_know_the_person() {
        let in_the_mountains = Person {
            altitude_m: Some(3_500.0),
            ..Person::default()
        };
        let child = Person {
            age_years: Some(2),
            ..Person::default()
        };
        let anybody = Person::default();
        let ill = Some(r#"{"symptoms":["vomiting"]}"#);
        let confused = Some(r#"{"consciousness":"confused"}"#);
        for (kind, values, context, person, expected) in [
            ("spo2", &[88.0][..], None, &anybody, Some("rf_resp")),
            ("spo2", &[88.0], None, &in_the_mountains, None),
            ("spo2", &[85.0], None, &in_the_mountains, Some("rf_resp")),
            ("spo2", &[90.0], None, &child, Some("rf_resp")),
            ("respiratory_rate", &[32.0], None, &anybody, Some("rf_resp")),
            ("respiratory_rate", &[32.0], None, &child, None),
            ("respiratory_rate", &[8.0], None, &child, Some("rf_resp")),
            ("heart_rate", &[155.0], None, &child, None),
            ("heart_rate", &[39.0], None, &child, Some("rf_heart")),
            (
                "blood_pressure",
                &[180.0, 90.0],
                None,
                &anybody,
                Some("rf_bp"),
            ),
            (
                "blood_pressure",
                &[150.0, 120.0],
                ill,
                &anybody,
                Some("rf_bp"),
            ),
            ("blood_pressure", &[179.0, 119.0], ill, &anybody, None),
            ("glucose_random", &[2.99], None, &child, Some("rf_gluc")),
            ("glucose_random", &[3.8], None, &anybody, None),
            (
                "glucose_random",
                &[3.8],
                confused,
                &anybody,
                Some("rf_gluc"),
            ),
            ("glucose_random", &[17.0], None, &anybody, None),
            ("glucose_random", &[17.0], ill, &anybody, Some("rf_gluc")),
        ] {
            let found = flag(kind, values, context, crate::source::MANUAL, person);
            assert_eq!(found, expected, "{kind} {values:?} {context:?} {person:?}");
        }
    }

    #[test]
    fn bounds_belong_where_the_rules_put_them() {
        for (kind, values, expected) in [
            ("blood_pressure", &[119.0, 79.0][..], "normal"),
            ("blood_pressure", &[120.0, 70.0], "high_normal"),
            ("blood_pressure", &[139.0, 90.0], "grade_1"),
            ("blood_pressure", &[160.0, 80.0], "grade_2"),
            ("blood_pressure", &[150.0, 110.0], "grade_3"),
            ("blood_pressure", &[88.0, 62.0], "hypotension"),
            ("heart_rate", &[39.0], "critical_low"),
            ("heart_rate", &[60.0], "normal"),
            ("heart_rate", &[100.0], "normal"),
            ("heart_rate", &[151.0], "critical_high"),
            ("spo2", &[95.0], "normal"),
            ("spo2", &[90.0], "hypoxaemia"),
            ("respiratory_rate", &[12.0], "normal"),
            ("respiratory_rate", &[25.0], "critical_high"),
            ("body_temperature", &[37.2], "normal"),
            ("body_temperature", &[38.1], "moderate_fever"),
            ("glucose_fasting", &[6.1], "impaired"),
            ("glucose_fasting", &[7.0], "diabetes_range"),
            ("glucose_postprandial", &[7.0], "normal"),
            ("glucose_random", &[2.9], "hypoglycaemia_2"),
        ] {
            assert_eq!(
                code(kind, values, None).as_deref(),
                Some(expected),
                "{kind}"
            );
        }
        assert_eq!(code("steps", &[1.0], None), None);
        assert_eq!(code("blood_pressure", &[120.0], None), None);
    }

    #[test]
    fn circumstances_count() {
        let home = code("blood_pressure", &[136.0, 80.0], Some("\"home\""));
        assert_eq!(home.as_deref(), Some("home_hypertension"));
        let running = Some("{\"activity\":\"running\"}");
        assert_eq!(code("heart_rate", &[160.0], running), None);
        let anybody = Person::default();
        assert_eq!(flag("heart_rate", &[160.0], running, 1, &anybody), None);
    }

    #[test]
    fn figures_are_exact_and_nothing_is_made_of_nothing() {
        let kind = find("spo2").unwrap();
        let mut readings = Readings {
            count: 2,
            spans: vec![(Milli(88_000), Milli(97_000), Milli(185_000))],
            latest: vec![Milli(88_000)],
            latest_ms: 1_000,
            context: None,
            source_rank: 1,
        };
        let vital = |kind, readings: &_, now_ms| vital(kind, readings, &Person::default(), now_ms);
        let found = vital(kind, &readings, 2_000).unwrap();
        assert_eq!(found.figures[0].mean, 92.5);
        assert_eq!(found.red_flag.as_deref(), Some("rf_resp"));
        let later = vital(kind, &readings, 1_001 + RED_FLAG_AGE_MS_MAX).unwrap();
        assert_eq!(later.red_flag, None);
        readings.count = 0;
        assert_eq!(vital(kind, &readings, 2_000), None);
    }
}
