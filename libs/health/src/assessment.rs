//! What a person's newest readings say together: the class of each, how far it is from
//! what is usual for them, and the early warning score of the last hour.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::Milli;
use crate::baseline::{Baseline, Deviation};
use crate::catalogue::{self, ReadingType};
use crate::classes::{
    Activity, Circumstances, Class, Person, Posture, classify, judges_pulse, sleep_of_night,
    standing_fall,
};
use crate::news2::{self, Score, Signs};
use crate::view::{StoredReading, instant};

/// What is assessed, in the order in which it is shown.
pub const ASSESSED_TYPES: [&str; 18] = [
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
    "hba1c",
    "body_weight",
    "bmi",
    "waist",
    "body_fat",
    "sleep_duration",
    "hrv_sdnn",
    "hrv_rmssd",
];

/// After getting up, a fall of pressure is looked for within so much time.
const STANDING_MS_MAX: i64 = 10 * 60 * 1000;

/// The kinds that the early warning score is made of.
pub const SCORED_TYPES: [&str; 6] = [
    "respiratory_rate",
    "spo2",
    "blood_pressure",
    "heart_rate",
    "resting_heart_rate",
    "body_temperature",
];

/// What is said with every assessment, Chinese and English.
pub const DISCLAIMER: (&str, &str) = (
    "健康管理参考，不作为诊断和处方依据；如有不适请及时就医，紧急情况请拨打120。",
    "For the management of one's health; it is no diagnosis and no prescription. If you feel \
     unwell, see a doctor; in an emergency call 120.",
);

/// What is said to people below 18, Chinese and English.
pub const NOTICE_OF_MINORS: (&str, &str) = (
    "未满18岁：成人判定标准不适用，这里只提示低血糖和血氧≤90%；其他数值请由儿科医生判断。",
    "Below 18: the rules for adults do not apply. Only low glucose and a saturation of 90 % or \
     less are pointed out here; have a paediatrician judge the rest.",
);

/// One newest reading.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Assessed {
    /// The kind.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Chinese name.
    pub zh: &'static str,
    /// English name.
    pub en: &'static str,
    /// Canonical unit.
    pub unit: &'static str,
    /// The value; none for panels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Milli>,
    /// The values of a panel.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub components: Map<String, Value>,
    /// When it was taken, on the clock of the person.
    pub taken_at: String,
    /// Its id; none where it was computed from others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading_id: Option<String>,
    /// Whether its value is hardly possible.
    pub is_implausible: bool,
    /// What it counts as; the class itself first.
    pub classes: Vec<Class>,
    /// How far each metric is from what is usual, where that is known.
    pub deviations: Vec<MetricDeviation>,
}

/// How far a metric is from what is usual.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricDeviation {
    /// The metric.
    pub metric: &'static str,
    /// What is usual: the median.
    pub usual: f64,
    /// How far the value is from it.
    #[serde(flatten)]
    pub deviation: Deviation,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Assessment {
    /// The newest reading of each kind that was measured.
    pub vitals: Vec<Assessed>,
    /// The early warning score, where enough was measured within an hour.
    pub news2: Option<Score>,
}

/// The newest readings of a person, at most one of each kind but of pressure, where the
/// two newest tell whether it falls on standing.
#[derive(Clone, Debug, Default)]
pub struct Newest {
    /// The newest of each kind.
    pub readings: Vec<StoredReading>,
    /// The pressure before the newest one.
    pub pressure_before: Option<StoredReading>,
    /// Vital signs of the last hour before the newest, which stand in for one that does
    /// not count for the score.
    pub recent: Vec<StoredReading>,
    /// What is usual, by metric.
    pub baselines: HashMap<&'static str, Baseline>,
    /// The height of the profile, in centimetres.
    pub height_cm: Option<f64>,
}

/// What the newest readings say at an instant, in milliseconds since the Unix epoch.
#[must_use]
pub fn assess(newest: &Newest, person: &Person, now_ms: i64) -> Assessment {
    let mut vitals = Vec::new();
    for kind in ASSESSED_TYPES.into_iter().filter_map(catalogue::find) {
        match newest.readings.iter().find(|it| it.kind.key == kind.key) {
            Some(reading) => vitals.push(assessed(reading, newest, person)),
            None if kind.key == "bmi" => vitals.extend(computed_bmi(kind, newest, person)),
            None => {}
        }
    }
    let is_old_enough = person
        .age_years
        .is_none_or(|age| age >= news2::AGE_YEARS_MIN);
    Assessment {
        vitals,
        news2: is_old_enough
            .then(|| warning_score(newest, now_ms))
            .flatten(),
    }
}

fn assessed(reading: &StoredReading, newest: &Newest, person: &Person) -> Assessed {
    let kind = reading.kind;
    let circumstances = circumstances_of(reading);
    let mut classes = classify(kind.key, &reading.values, &circumstances, person);
    match (kind.key, reading.values.first()) {
        ("blood_pressure", _) => classes.extend(fall(reading, newest)),
        ("sleep_duration", Some(minutes)) => classes.extend(sleep_of_night(*minutes, person)),
        _ => {}
    }
    let named = kind.metrics.iter().zip(&reading.values);
    let deviations = named.clone().filter_map(|(metric, value)| {
        let baseline = newest.baselines.get(metric.key)?;
        Some(MetricDeviation {
            metric: metric.key,
            usual: baseline.median,
            deviation: baseline.deviation(metric.key, value.to_f64()),
        })
    });
    let is_panel = kind.is_panel();
    Assessed {
        kind: kind.key,
        zh: kind.zh,
        en: kind.en,
        unit: kind.unit,
        value: reading.values.first().copied().filter(|_| !is_panel),
        deviations: deviations.collect(),
        components: named
            .filter(|_| is_panel)
            .map(|(metric, value)| (metric.key.to_owned(), value.to_f64().into()))
            .collect(),
        taken_at: instant(reading.effective_ms, reading.offset_minutes),
        reading_id: Some(reading.id.clone()),
        is_implausible: reading.quality == "implausible",
        classes,
    }
}

/// The body mass index from the newest weight, and the newest height or that of the
/// profile.
fn computed_bmi(kind: &'static ReadingType, newest: &Newest, person: &Person) -> Option<Assessed> {
    let of = |key: &str| newest.readings.iter().find(|it| it.kind.key == key);
    let weight = of("body_weight")?;
    let measured = of("body_height").and_then(|height| height.values.first().copied());
    let height_cm = measured.map(Milli::to_f64).or(newest.height_cm)?;
    let height_m = height_cm / 100.0;
    if height_m <= 0.0 {
        return None;
    }
    let kilograms = weight.values.first()?.to_f64();
    let value = Milli::rounded(kilograms / (height_m * height_m), kind.decimals);
    Some(Assessed {
        kind: kind.key,
        zh: kind.zh,
        en: kind.en,
        unit: kind.unit,
        value: Some(value),
        components: Map::new(),
        taken_at: instant(weight.effective_ms, weight.offset_minutes),
        reading_id: None,
        is_implausible: weight.quality == "implausible",
        classes: classify(kind.key, &[value], &Circumstances::default(), person),
        deviations: Vec::new(),
    })
}

/// Whether the newest pressure, while standing, has fallen against the one before.
fn fall(reading: &StoredReading, newest: &Newest) -> Option<Class> {
    let before = newest.pressure_before.as_ref()?;
    let posture = |of: &StoredReading| Circumstances::read(of.context.as_deref()).posture;
    let is_standing = posture(reading) == Some(Posture::Standing);
    let was_at_rest = matches!(posture(before), Some(Posture::Lying | Posture::Sitting));
    let is_soon = reading.effective_ms.saturating_sub(before.effective_ms) <= STANDING_MS_MAX;
    if !(is_standing && was_at_rest && is_soon) {
        return None;
    }
    let both = |of: &StoredReading| Some((*of.values.first()?, *of.values.get(1)?));
    standing_fall(both(before)?, both(reading)?)
}

fn circumstances_of(reading: &StoredReading) -> Circumstances {
    Circumstances::read(reading.context.as_deref()).of_source(reading.source_rank)
}

/// Whether a reading counts for the score: not what is hardly possible, nor beside a
/// better source, nor pulse and breath in motion, nor a fast pulse that may be one.
#[must_use]
pub fn is_scored(reading: &StoredReading) -> bool {
    if reading.shadowed || reading.quality == "implausible" {
        return false;
    }
    let circumstances = circumstances_of(reading);
    match (reading.kind.key, reading.values.first()) {
        (kind @ ("heart_rate" | "resting_heart_rate"), Some(value)) => {
            judges_pulse(kind, *value, &circumstances)
        }
        ("respiratory_rate", _) => circumstances.activity != Activity::Motion,
        _ => true,
    }
}

fn warning_score(newest: &Newest, now_ms: i64) -> Option<Score> {
    let recent = |keys: &[&str]| {
        let all = newest.readings.iter().chain(&newest.recent);
        let of_kind = all.filter(|it| {
            let age_ms = now_ms.saturating_sub(it.effective_ms);
            keys.contains(&it.kind.key) && age_ms <= news2::AGE_MS_MAX && is_scored(it)
        });
        of_kind.max_by_key(|it| it.effective_ms)
    };
    let value = |keys: &[&str]| recent(keys).and_then(|it| it.values.first().copied());
    let circumstances = newest
        .readings
        .iter()
        .filter(|it| now_ms.saturating_sub(it.effective_ms) <= news2::AGE_MS_MAX)
        .map(|it| Circumstances::read(it.context.as_deref()));
    let (mut on_oxygen, mut is_confused) = (false, false);
    for said in circumstances {
        on_oxygen |= said.on_oxygen;
        is_confused |= said.is_confused;
    }
    news2::score(&Signs {
        respiratory_rate: value(&["respiratory_rate"]),
        spo2: value(&["spo2"]),
        on_oxygen,
        systolic: value(&["blood_pressure"]),
        pulse: value(&["heart_rate", "resting_heart_rate"]),
        is_confused,
        temperature: value(&["body_temperature"]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::find;
    use crate::view::Status;

    const NOW_MS: i64 = 1_800_000_000_000;

    fn stored(kind: &str, values: &[f64], age_ms: i64, context: Option<&str>) -> StoredReading {
        StoredReading {
            id: format!("id-{kind}"),
            kind: find(kind).unwrap(),
            values: values.iter().map(|it| Milli::rounded(*it, 3)).collect(),
            effective_ms: NOW_MS - age_ms,
            end_ms: None,
            offset_minutes: 480,
            original_values: values.to_vec(),
            original_unit: String::new(),
            context: context.map(str::to_owned),
            data: None,
            client_id: String::new(),
            device_id: String::new(),
            source: String::new(),
            source_rank: 0,
            shadowed: false,
            quality: "ok".to_owned(),
            status: Status::Final,
            supersedes: None,
            created_ms: NOW_MS,
            changed_ms: NOW_MS,
        }
    }

    fn of(readings: Vec<StoredReading>) -> Newest {
        Newest {
            readings,
            ..Newest::default()
        }
    }

    fn codes(newest: &Newest, kind: &str) -> Vec<&'static str> {
        let found = assess(newest, &Person::default(), NOW_MS);
        let vital = found.vitals.into_iter().find(|it| it.kind == kind);
        let classes = vital.map(|it| it.classes).unwrap_or_default();
        classes.iter().map(|class| class.code).collect()
    }

    #[test]
    fn each_newest_reading_has_its_class_and_what_was_not_measured_is_absent() {
        let newest = of(vec![
            stored("blood_pressure", &[150.0, 85.0], 0, None),
            stored("sleep_duration", &[360.0], 0, None),
        ]);
        assert_eq!(
            codes(&newest, "blood_pressure"),
            ["grade_1", "isolated_systolic"]
        );
        assert_eq!(codes(&newest, "sleep_duration"), ["short"]);
        assert_eq!(assess(&newest, &Person::default(), NOW_MS).vitals.len(), 2);
    }

    #[test]
    fn a_body_mass_index_is_computed_where_none_was_sent() {
        let weight = stored("body_weight", &[75.0], 0, None);
        let mut newest = of(vec![weight.clone()]);
        assert!(codes(&newest, "bmi").is_empty());
        newest.height_cm = Some(170.0);
        assert_eq!(codes(&newest, "bmi"), ["overweight"]);
        newest
            .readings
            .push(stored("body_height", &[190.0], 0, None));
        assert_eq!(codes(&newest, "bmi"), ["normal"]);
        newest.readings.push(stored("bmi", &[17.0], 0, None));
        assert_eq!(codes(&newest, "bmi"), ["underweight"]);
    }

    #[test]
    fn a_fall_on_standing_is_seen_within_ten_minutes() {
        let standing = Some(r#"{"posture":"standing"}"#);
        let lying = Some(r#"{"posture":"lying"}"#);
        let after = |age_ms| Newest {
            readings: vec![stored("blood_pressure", &[105.0, 75.0], 0, standing)],
            pressure_before: Some(stored("blood_pressure", &[128.0, 80.0], age_ms, lying)),
            ..Newest::default()
        };
        let falls = |age_ms| codes(&after(age_ms), "blood_pressure");
        assert_eq!(
            falls(STANDING_MS_MAX),
            ["normal", "orthostatic_hypotension"]
        );
        assert_eq!(falls(STANDING_MS_MAX + 1), ["normal"]);
    }

    #[test]
    fn the_score_is_made_of_the_last_hour() {
        let signs = |age_ms| {
            of(vec![
                stored("respiratory_rate", &[25.0], age_ms, None),
                stored("spo2", &[91.0], 0, Some(r#"{"oxygen":true}"#)),
                stored("blood_pressure", &[120.0, 80.0], 0, None),
                stored("heart_rate", &[70.0], 0, None),
            ])
        };
        let total = |age_ms, person: &Person| {
            let found = assess(&signs(age_ms), person, NOW_MS);
            found.news2.map(|score| score.total)
        };
        assert_eq!(total(news2::AGE_MS_MAX, &Person::default()), Some(8));
        assert_eq!(total(news2::AGE_MS_MAX + 1, &Person::default()), None);
        let child = Person {
            age_years: Some(15),
            ..Person::default()
        };
        assert_eq!(total(0, &child), None);
    }

    #[test]
    fn an_older_reading_of_the_hour_stands_in_for_one_that_does_not_count() {
        let signs = |quality: &str, older: Vec<StoredReading>| {
            let mut pulse = stored("heart_rate", &[210.0], 0, Some(r#"{"activity":"rest"}"#));
            pulse.quality = quality.to_owned();
            let newest = Newest {
                recent: older,
                ..of(vec![
                    stored("respiratory_rate", &[16.0], 0, None),
                    stored("spo2", &[98.0], 0, None),
                    stored("blood_pressure", &[120.0, 80.0], 0, None),
                    pulse,
                ])
            };
            let found = assess(&newest, &Person::default(), NOW_MS);
            found.news2.map(|score| score.total)
        };
        let rest = Some(r#"{"activity":"rest"}"#);
        let older = |value, age_ms| stored("heart_rate", &[value], age_ms, rest);
        assert_eq!(signs("implausible", vec![]), None);
        let two = vec![older(70.0, 2), older(100.0, 1)];
        assert_eq!(signs("implausible", two.clone()), Some(1));
        // What is usable itself counts, whatever came before.
        assert_eq!(signs("ok", two), Some(3));
        let mut worse = older(140.0, 1);
        worse.quality = "implausible".to_owned();
        assert_eq!(signs("implausible", vec![worse, older(70.0, 2)]), Some(0));
        let old = |age_ms| signs("implausible", vec![older(70.0, age_ms)]);
        assert_eq!(old(news2::AGE_MS_MAX), Some(0));
        assert_eq!(old(news2::AGE_MS_MAX + 1), None);
    }

    #[test]
    fn the_score_leaves_out_motion_the_impossible_and_what_a_better_source_knows() {
        let signs = |change: fn(&mut StoredReading)| {
            let mut pulse = stored("heart_rate", &[135.0], 0, Some(r#"{"activity":"rest"}"#));
            change(&mut pulse);
            let newest = of(vec![
                stored("respiratory_rate", &[16.0], 0, None),
                stored("spo2", &[98.0], 0, None),
                stored("blood_pressure", &[120.0, 80.0], 0, None),
                stored("body_temperature", &[36.8], 0, None),
                pulse,
            ]);
            let found = assess(&newest, &Person::default(), NOW_MS).news2.unwrap();
            (found.total, found.missing)
        };
        assert_eq!(signs(|_| ()), (3, vec![]));
        for change in [
            (|it: &mut StoredReading| it.context = Some(r#"{"activity":"running"}"#.to_owned()))
                as fn(&mut StoredReading),
            |it: &mut StoredReading| it.quality = "implausible".to_owned(),
            |it: &mut StoredReading| it.shadowed = true,
            |it: &mut StoredReading| (it.context, it.source_rank) = (None, crate::source::WEARABLE),
        ] {
            assert_eq!(signs(change), (0, vec!["pulse"]));
        }
        // Breath in motion.
        let mut breath = stored("respiratory_rate", &[30.0], 0, Some("\"running\""));
        assert!(!is_scored(&breath));
        breath.context = None;
        assert!(is_scored(&breath));
    }

    #[test]
    fn what_is_usual_is_compared_for_each_metric() {
        let baseline = Baseline {
            days: 10,
            values: 10,
            median: 60.0,
            mad: 2.0,
            sd: Some(3.0),
        };
        let mut newest = of(vec![stored("heart_rate", &[80.0], 0, None)]);
        newest.baselines.insert("heart_rate", baseline);
        let found = assess(&newest, &Person::default(), NOW_MS);
        let deviation = &found.vitals[0].deviations[0];
        assert_eq!((deviation.metric, deviation.usual), ("heart_rate", 60.0));
        assert_eq!(deviation.deviation.level, crate::baseline::Level::Abnormal);
        let shown = serde_json::to_value(&found).unwrap();
        assert_eq!(shown["vitals"][0]["deviations"][0]["change"], 20.0);
    }
}
