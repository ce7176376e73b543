//! What a person's vital signs of some days come to, and how each is classified.
//!
//! Adults; deterministic. Each class names its rule set: `cn-htn-2024` (中国高血压防治
//! 指南 2024), `news2` (respiration), `who-cn` (glucose, with the consensus levels of
//! low and high glucose), `cn-axillary` (temperature), `common` (pulse, oxygen).

use crate::Milli;
use crate::catalogue::ReadingType;
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
}

/// What the readings of a kind come to at `now_ms`. None where there are none:
/// missing is missing, not 0.
pub fn vital(kind: &ReadingType, readings: &Readings, now_ms: i64) -> Option<Vital> {
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
    let values: Vec<f64> = readings.latest.iter().map(|value| value.to_f64()).collect();
    let context = readings.context.as_deref();
    let is_fresh = now_ms - readings.latest_ms <= RED_FLAG_AGE_MS_MAX;
    Some(Vital {
        kind: kind.key.to_owned(),
        zh: kind.zh.to_owned(),
        en: kind.en.to_owned(),
        unit: kind.unit.to_owned(),
        count: readings.count,
        figures: figures.collect(),
        latest_at: instant(readings.latest_ms, 0),
        class: classify(kind.key, &values, context),
        red_flag: red_flag(kind.key, &values, context)
            .filter(|_| is_fresh)
            .map(str::to_owned),
    })
}

/// What a value counts as; none where no rules apply, such as to a pulse in motion.
pub fn classify(kind: &str, values: &[f64], context: Option<&str>) -> Option<Class> {
    let value = *values.first()?;
    let (rule_set, (code, zh, concern)) = match kind {
        "blood_pressure" => {
            let diastolic = *values.get(1)?;
            (
                "cn-htn-2024",
                pressure(value, diastolic, is(context, "home")),
            )
        }
        "heart_rate" | "resting_heart_rate" => {
            if is_active(context) {
                return None;
            }
            ("common", pulse(value))
        }
        "spo2" => ("common", oxygen(value)),
        "respiratory_rate" => ("news2", respiration(value)),
        "body_temperature" => ("cn-axillary", temperature(value)),
        "glucose_fasting" => ("who-cn", glucose(value, 6.1, 7.0)),
        "glucose_postprandial" => ("who-cn", glucose(value, 7.8, 11.1)),
        "glucose_random" => ("who-cn", glucose(value, 11.1, 11.1)),
        _ => return None,
    };
    Some(Class {
        code: code.to_owned(),
        zh: zh.to_owned(),
        concern,
        rule_set: rule_set.to_owned(),
    })
}

/// The emergency that a value suggests by itself.
fn red_flag(kind: &str, values: &[f64], context: Option<&str>) -> Option<&'static str> {
    let value = *values.first()?;
    let (code, holds) = match kind {
        "blood_pressure" => ("rf_bp", value >= 180.0 || *values.get(1)? >= 120.0),
        "heart_rate" | "resting_heart_rate" => (
            "rf_heart",
            !(40.0..=150.0).contains(&value) && !is_active(context),
        ),
        "spo2" => ("rf_resp", value <= 90.0),
        "respiratory_rate" => ("rf_resp", value >= 30.0 || value <= 8.0),
        "glucose_fasting" | "glucose_postprandial" | "glucose_random" => ("rf_gluc", value < 3.0),
        _ => return None,
    };
    holds.then_some(code)
}

type Named = (&'static str, &'static str, Concern);

/// The higher grade counts where the two pressures fall into different ones; at
/// home hypertension begins at 135/85.
fn pressure(systolic: f64, diastolic: f64, at_home: bool) -> Named {
    let over = |first: f64, second: f64| systolic >= first || diastolic >= second;
    if over(180.0, 110.0) {
        ("grade_3", "3级高血压范围", Concern::Doctor)
    } else if over(160.0, 100.0) {
        ("grade_2", "2级高血压范围", Concern::Doctor)
    } else if over(140.0, 90.0) {
        ("grade_1", "1级高血压范围", Concern::Doctor)
    } else if at_home && over(135.0, 85.0) {
        ("home_hypertension", "家庭血压偏高", Concern::Doctor)
    } else if over(120.0, 80.0) {
        ("high_normal", "正常高值", Concern::Watch)
    } else if systolic < 90.0 || diastolic < 60.0 {
        ("hypotension", "血压偏低", Concern::Watch)
    } else {
        ("normal", "正常", Concern::None)
    }
}

fn pulse(value: f64) -> Named {
    match value {
        _ if value < 40.0 => ("critical_low", "心率极低", Concern::Emergency),
        _ if value < 50.0 => ("bradycardia", "心动过缓", Concern::Watch),
        _ if value < 60.0 => ("low", "心率偏低", Concern::Watch),
        _ if value <= 100.0 => ("normal", "正常", Concern::None),
        _ if value <= 120.0 => ("tachycardia", "心动过速", Concern::Watch),
        _ if value <= 150.0 => ("high", "心率过快", Concern::Doctor),
        _ => ("critical_high", "心率极快", Concern::Emergency),
    }
}

fn oxygen(value: f64) -> Named {
    match value {
        _ if value > 94.0 => ("normal", "正常", Concern::None),
        _ if value > 90.0 => ("low", "血氧偏低", Concern::Watch),
        _ if value > 85.0 => ("hypoxaemia", "低氧血症", Concern::Emergency),
        _ => ("critical", "严重低氧", Concern::Emergency),
    }
}

fn respiration(value: f64) -> Named {
    match value {
        _ if value <= 8.0 => ("critical_low", "呼吸极慢", Concern::Emergency),
        _ if value < 12.0 => ("low", "呼吸偏慢", Concern::Watch),
        _ if value <= 20.0 => ("normal", "正常", Concern::None),
        _ if value < 25.0 => ("raised", "呼吸偏快", Concern::Watch),
        _ => ("critical_high", "呼吸极快", Concern::Emergency),
    }
}

fn temperature(value: f64) -> Named {
    match value {
        _ if value < 35.0 => ("hypothermia", "体温过低", Concern::Doctor),
        _ if value < 36.0 => ("low", "体温偏低", Concern::Watch),
        _ if value < 37.3 => ("normal", "正常", Concern::None),
        _ if value <= 38.0 => ("low_fever", "低热", Concern::Watch),
        _ if value <= 39.0 => ("moderate_fever", "中等度热", Concern::Doctor),
        _ if value <= 41.0 => ("high_fever", "高热", Concern::Doctor),
        _ => ("hyperpyrexia", "超高热", Concern::Emergency),
    }
}

fn glucose(value: f64, impaired: f64, diabetic: f64) -> Named {
    match value {
        _ if value < 3.0 => ("hypoglycaemia_2", "严重低血糖", Concern::Emergency),
        _ if value < 3.9 => ("hypoglycaemia_1", "低血糖", Concern::Doctor),
        _ if value >= diabetic => ("diabetes_range", "糖尿病范围", Concern::Doctor),
        _ if value >= impaired => ("impaired", "血糖偏高", Concern::Watch),
        _ => ("normal", "正常", Concern::None),
    }
}

/// Whether the circumstances are this word.
fn is(context: Option<&str>, word: &str) -> bool {
    let context = context.and_then(|json| serde_json::from_str::<serde_json::Value>(json).ok());
    context.is_some_and(|context| context.as_str() == Some(word))
}

/// Whether the circumstances tell of motion: the pulse is judged at rest alone.
fn is_active(context: Option<&str>) -> bool {
    let Some(json) = context else { return false };
    let Ok(context) = serde_json::from_str::<serde_json::Value>(json) else {
        return false;
    };
    let activity = context.get("activity").unwrap_or(&context);
    let resting = ["rest", "at_rest", "resting", "home", "clinic", "sleep"];
    activity
        .as_str()
        .is_some_and(|word| !resting.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::find;

    fn code(kind: &str, values: &[f64], context: Option<&str>) -> Option<String> {
        classify(kind, values, context).map(|class| class.code)
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
        assert_eq!(red_flag("heart_rate", &[160.0], running), None);
        assert_eq!(red_flag("heart_rate", &[160.0], None), Some("rf_heart"));
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
        };
        let found = vital(kind, &readings, 2_000).unwrap();
        assert_eq!(found.figures[0].mean, 92.5);
        assert_eq!(found.red_flag.as_deref(), Some("rf_resp"));
        let later = vital(kind, &readings, 1_001 + RED_FLAG_AGE_MS_MAX).unwrap();
        assert_eq!(later.red_flag, None);
        readings.count = 0;
        assert_eq!(vital(kind, &readings, 2_000), None);
    }
}
