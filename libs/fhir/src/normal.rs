//! Reference ranges of adults, and what lies outside of them.
//!
//! They are those of one reading alone. What a person's readings come to by the rule
//! set that they chose is the assessment's to say.

use serde_json::{Value, json};
use suoke_health::Milli;
use suoke_health::classes::{Circumstances, Setting, judges_pulse};
use suoke_health::view::StoredReading;

use crate::json::set;
use crate::terms;

/// So much less than a tenth is a matter of the binary fraction.
const EPSILON: f64 = 1e-6;

/// The usual range of one figure and where it becomes critical, in the canonical unit.
/// Bounds are inside of the range; beyond the critical ones is critical.
struct Normal {
    metric: &'static str,
    low: Option<f64>,
    high: Option<f64>,
    critical_low: Option<f64>,
    critical_high: Option<f64>,
    text: &'static str,
}

const fn normal(
    metric: &'static str,
    range: (Option<f64>, Option<f64>),
    critical: (Option<f64>, Option<f64>),
    text: &'static str,
) -> Normal {
    Normal {
        metric,
        low: range.0,
        high: range.1,
        critical_low: critical.0,
        critical_high: critical.1,
        text,
    }
}

/// Sources: blood pressure, the Chinese guideline of 2024 (hypertension from 140/90,
/// out of clinic from 135/85; grade 3 from 180/110); pulse and oxygen, common bands of
/// adults at rest; temperature, axillary grading of Chinese textbooks; respiration,
/// NEWS2 of the Royal College of Physicians; glucose, WHO criteria as used in China
/// and the consensus levels of low and high glucose; body mass index, WS/T 428-2013.
const NORMALS: &[Normal] = &[
    normal(
        "heart_rate",
        (Some(60.0), Some(100.0)),
        (Some(40.0), Some(150.0)),
        "adult at rest",
    ),
    normal(
        "resting_heart_rate",
        (Some(60.0), Some(100.0)),
        (Some(40.0), Some(150.0)),
        "adult at rest",
    ),
    normal(
        "systolic",
        (Some(90.0), Some(139.0)),
        (None, Some(179.0)),
        "adult in clinic, cn-htn-2024",
    ),
    normal(
        "diastolic",
        (Some(60.0), Some(89.0)),
        (None, Some(109.0)),
        "adult in clinic, cn-htn-2024",
    ),
    normal(
        "spo2",
        (Some(95.0), None),
        (Some(86.0), None),
        "adult below 2500 m",
    ),
    normal(
        "body_temperature",
        (Some(36.0), Some(37.2)),
        (Some(35.0), Some(41.0)),
        "axillary",
    ),
    normal(
        "respiratory_rate",
        (Some(12.0), Some(20.0)),
        (Some(9.0), Some(24.0)),
        "adult, NEWS2",
    ),
    normal(
        "glucose_fasting",
        (Some(3.9), Some(6.0)),
        (Some(3.0), Some(13.9)),
        "fasting, who-cn",
    ),
    normal(
        "glucose_postprandial",
        (Some(3.9), Some(7.7)),
        (Some(3.0), Some(13.9)),
        "two hours after a meal, who-cn",
    ),
    normal(
        "glucose_random",
        (Some(3.9), Some(11.0)),
        (Some(3.0), Some(13.9)),
        "any time, who-cn",
    ),
    normal(
        "glucose_cgm",
        (Some(3.9), Some(10.0)),
        (Some(3.0), Some(13.9)),
        "target of continuous measurement",
    ),
    normal("hba1c", (None, Some(6.4)), (None, None), "who-cn"),
    normal(
        "bmi",
        (Some(18.5), Some(23.9)),
        (None, None),
        "ws-t-428-2013",
    ),
    normal(
        "sleep_duration",
        (Some(420.0), Some(540.0)),
        (None, None),
        "adult",
    ),
];

/// The limits of blood pressure out of clinic.
const HOME: &[Normal] = &[
    normal(
        "systolic",
        (Some(90.0), Some(134.0)),
        (None, Some(179.0)),
        "adult at home, cn-htn-2024",
    ),
    normal(
        "diastolic",
        (Some(60.0), Some(84.0)),
        (None, Some(109.0)),
        "adult at home, cn-htn-2024",
    ),
];

/// `referenceRange` and `interpretation` of one figure of a reading.
pub struct Judged {
    /// The reference range.
    pub range: Value,
    /// What the value is to it.
    pub interpretation: Value,
}

/// What one figure of a reading is to its reference range; none where no range applies.
pub fn judge(stored: &StoredReading, metric: &str, value: f64, unit: &Unit<'_>) -> Option<Judged> {
    let circumstances =
        Circumstances::read(stored.context.as_deref()).of_source(stored.source_rank);
    let is_pulse = metric.ends_with("heart_rate");
    if is_pulse && !judges_pulse(metric, Milli::rounded(value, 3), &circumstances) {
        return None;
    }
    let setting = circumstances.setting;
    let is_pressure = HOME.iter().any(|normal| normal.metric == metric);
    // The mean of a recording has limits of its own.
    if is_pressure && !matches!(setting, Setting::Home | Setting::Clinic) {
        return None;
    }
    let home = HOME.iter().filter(|_| setting == Setting::Home);
    let found = home.chain(NORMALS).find(|normal| normal.metric == metric)?;
    Some(Judged {
        range: found.range(unit),
        interpretation: found.interpretation(value),
    })
}

/// A unit as it stands in a quantity.
pub struct Unit<'a> {
    /// As people write it.
    pub shown: &'a str,
    /// As UCUM does.
    pub code: &'a str,
}

impl Unit<'_> {
    /// A quantity of this unit.
    pub fn quantity(&self, value: impl Into<Value>) -> Value {
        json!({ "value": value.into(), "unit": self.shown, "system": terms::UCUM, "code": self.code })
    }
}

impl Normal {
    fn range(&self, unit: &Unit<'_>) -> Value {
        let mut range = json!({ "text": self.text });
        if let Some(low) = self.low {
            set(&mut range, "low", unit.quantity(low));
        }
        if let Some(high) = self.high {
            set(&mut range, "high", unit.quantity(high));
        }
        range
    }

    fn interpretation(&self, value: f64) -> Value {
        // Compared with one decimal, as the ranges are written; what is critically low is
        // not rounded away, and 6.45 % of haemoglobin are not yet 6.5 %.
        let raw = value;
        let value = match self.metric {
            "hba1c" => (value * 10.0 + EPSILON).floor() / 10.0,
            _ => (value * 10.0).round() / 10.0,
        };
        let below = |bound: Option<f64>| bound.is_some_and(|bound| value < bound);
        let above = |bound: Option<f64>| bound.is_some_and(|bound| value > bound);
        let (code, display) = if self.critical_low.is_some_and(|bound| raw < bound) {
            ("LL", "Critical low")
        } else if above(self.critical_high) {
            ("HH", "Critical high")
        } else if below(self.low) {
            ("L", "Low")
        } else if above(self.high) {
            ("H", "High")
        } else {
            ("N", "Normal")
        };
        json!({ "coding": [{ "system": terms::INTERPRETATIONS, "code": code, "display": display }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(metric: &str, value: f64) -> String {
        let found = NORMALS
            .iter()
            .find(|normal| normal.metric == metric)
            .unwrap();
        found.interpretation(value)["coding"][0]["code"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn values_at_the_edges_are_judged_as_the_bands_say() {
        for (metric, value, expected) in [
            ("heart_rate", 39.0, "LL"),
            ("heart_rate", 40.0, "L"),
            ("heart_rate", 60.0, "N"),
            ("heart_rate", 100.0, "N"),
            ("heart_rate", 101.0, "H"),
            ("heart_rate", 151.0, "HH"),
            ("systolic", 139.0, "N"),
            ("systolic", 140.0, "H"),
            ("systolic", 180.0, "HH"),
            ("diastolic", 110.0, "HH"),
            ("spo2", 95.0, "N"),
            ("spo2", 91.0, "L"),
            ("spo2", 85.0, "LL"),
            ("body_temperature", 37.3, "H"),
            ("body_temperature", 41.1, "HH"),
            ("respiratory_rate", 8.0, "LL"),
            ("respiratory_rate", 25.0, "HH"),
            ("glucose_fasting", 6.1, "H"),
            ("glucose_fasting", 2.9, "LL"),
            ("bmi", 24.0, "H"),
            ("glucose_fasting", 2.99, "LL"),
            ("glucose_fasting", 3.89, "N"),
            ("glucose_fasting", 6.99, "H"),
            ("hba1c", 6.4, "N"),
            ("hba1c", 6.45, "N"),
            ("hba1c", 6.5, "H"),
        ] {
            assert_eq!(code(metric, value), expected, "{metric} {value}");
        }
    }
}
