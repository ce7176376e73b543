//! The kinds of readings as data: names, units, ranges and codes.

mod data;

use crate::value::denoised;

/// An inclusive range of values in the canonical unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Smallest value inside.
    pub min: f64,
    /// Largest value inside.
    pub max: f64,
}

impl Range {
    /// Whether `value` lies inside.
    pub fn contains(self, value: f64) -> bool {
        value >= self.min && value <= self.max
    }
}

/// How a value of another unit becomes one of the canonical unit:
/// `(value + before) × factor ÷ divisor + after`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conversion {
    before: f64,
    factor: f64,
    divisor: f64,
    after: f64,
}

impl Conversion {
    const SAME: Self = Self {
        before: 0.0,
        factor: 1.0,
        divisor: 1.0,
        after: 0.0,
    };

    const fn times(factor: f64) -> Self {
        Self {
            factor,
            ..Self::SAME
        }
    }

    const fn over(divisor: f64) -> Self {
        Self {
            divisor,
            ..Self::SAME
        }
    }

    /// Converts one value.
    pub fn apply(self, value: f64) -> f64 {
        denoised((value + self.before) * self.factor / self.divisor + self.after)
    }
}

/// A unit that a type is accepted in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// How clients write it: UCUM or a common spelling.
    pub code: &'static str,
    /// Into the canonical unit.
    pub conversion: Conversion,
}

/// One figure of a type. Most types have one; blood pressure has two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// The key of its aggregates: that of the type, or of the component.
    pub key: &'static str,
    /// Chinese name.
    pub zh: &'static str,
    /// English name.
    pub en: &'static str,
    /// LOINC code, empty where none exists.
    pub loinc: &'static str,
    /// Values outside are refused.
    pub hard: Range,
    /// Values outside are kept with the flag `implausible`.
    pub warn: Range,
}

/// What a reading of a kind consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One value.
    Scalar,
    /// One value for each component (blood pressure).
    Panel,
    /// A value, and findings that are no numbers (ECG summary).
    Summary,
    /// Samples; the value is their frequency in hertz. It has no figures.
    Waveform,
}

/// One kind of reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReadingType {
    /// The value of `type`.
    pub key: &'static str,
    /// What a reading consists of.
    pub shape: Shape,
    /// Other names that clients use for it.
    pub aliases: &'static [&'static str],
    /// Chinese name.
    pub zh: &'static str,
    /// English name.
    pub en: &'static str,
    /// Canonical unit (UCUM).
    pub unit: &'static str,
    /// Accepted units, the canonical one first.
    pub units: &'static [Unit],
    /// Decimals that are kept. Glucose is kept with two and shown with one.
    pub decimals: u8,
    /// LOINC codes, the preferred one first; empty where none exists.
    pub loinc: &'static [&'static str],
    /// Its figures.
    pub metrics: &'static [Metric],
}

impl ReadingType {
    /// Whether values come as components (blood pressure).
    pub fn is_panel(&self) -> bool {
        self.shape == Shape::Panel
    }

    /// Whether a reading is samples, of which no figures are computed.
    pub fn is_waveform(&self) -> bool {
        self.shape == Shape::Waveform
    }

    /// The accepted unit written `code`.
    pub fn accepted_unit(&self, code: &str) -> Option<&'static Unit> {
        self.units.iter().find(|unit| unit.code == code)
    }
}

/// Every kind of reading.
pub fn all() -> &'static [ReadingType] {
    data::TYPES
}

/// The kind with this key or alias.
pub fn find(name: &str) -> Option<&'static ReadingType> {
    data::TYPES
        .iter()
        .find(|kind| kind.key == name)
        .or_else(|| data::TYPES.iter().find(|kind| kind.aliases.contains(&name)))
}

/// What to do instead with data types of the public protocol that are no readings:
/// none for names that it does not have either.
pub fn instead_of(name: &str) -> Option<&'static str> {
    match name {
        "nutrition" | "medication" | "symptom" => Some(
            "this is no measurement; tell of it in a consultation (POST /consultation), or send \
             water_intake, energy, mood or pain",
        ),
        "pulse" | "tongue" | "face" | "voice" => Some(
            "this is no measurement; store the recording with POST /api/v1/health/blobs, and send \
             a pulse rate as heart_rate, a pulse wave as ppg_waveform",
        ),
        "custom" => Some("only the types of the catalogue are kept"),
        _ => None,
    }
}

/// The figure with this key, such as `systolic`, and its kind.
pub fn find_metric(key: &str) -> Option<(&'static ReadingType, &'static Metric)> {
    data::TYPES.iter().find_map(|kind| {
        kind.metrics
            .iter()
            .find(|metric| metric.key == key)
            .map(|metric| (kind, metric))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn there_are_31_types_with_distinct_names() {
        assert_eq!(all().len(), 31);
        let names: Vec<_> = all()
            .iter()
            .flat_map(|kind| kind.aliases.iter().copied().chain([kind.key]))
            .collect();
        let distinct: HashSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
    }

    #[test]
    fn each_type_is_consistent() {
        for kind in all() {
            assert_eq!(
                kind.units.first().map(|unit| unit.code),
                Some(kind.unit),
                "{}",
                kind.key
            );
            assert_eq!(
                kind.units.first().map(|unit| unit.conversion),
                Some(Conversion::SAME),
                "{}",
                kind.key
            );
            assert!(
                !kind.metrics.is_empty() && kind.decimals <= 2,
                "{}",
                kind.key
            );
            assert_eq!(kind.is_panel(), kind.metrics.len() > 1, "{}", kind.key);
            for metric in kind.metrics {
                assert!(
                    metric.hard.min <= metric.warn.min && metric.warn.max <= metric.hard.max,
                    "{}",
                    metric.key
                );
                assert!(metric.warn.min < metric.warn.max, "{}", metric.key);
                assert_eq!(
                    find_metric(metric.key).map(|(found, _)| found.key),
                    Some(kind.key)
                );
            }
        }
    }

    #[test]
    fn converts_units() {
        let cases = [
            ("body_temperature", "[degF]", 98.6, 37.0),
            ("blood_pressure", "kPa", 16.0, 120.00992),
            ("glucose_fasting", "mg/dL", 100.0, 5.550621670),
            ("hba1c", "mmol/mol", 48.0, 6.542),
            ("body_weight", "[lb_av]", 150.0, 68.0388555),
            ("body_weight", "斤", 140.0, 70.0),
            ("body_weight", "g", 3500.0, 3.5),
            ("body_height", "m", 2.72, 272.0),
            ("body_height", "[in_i]", 70.0, 177.8),
            ("spo2", "1", 0.97, 97.0),
            ("sleep_duration", "h", 7.5, 450.0),
            ("energy", "kJ", 418.4, 100.0),
            ("hrv_sdnn", "s", 0.05, 50.0),
            ("water_intake", "L", 1.5, 1500.0),
            ("active_minutes", "h", 1.5, 90.0),
        ];
        for (kind, unit, value, expected) in cases {
            let converted = find(kind)
                .unwrap()
                .accepted_unit(unit)
                .unwrap()
                .conversion
                .apply(value);
            assert!(
                (converted - expected).abs() < 1e-8,
                "{kind} {unit}: {converted}"
            );
        }
    }

    #[test]
    fn finds_aliases() {
        assert_eq!(
            find("temperature").map(|kind| kind.key),
            Some("body_temperature")
        );
        assert_eq!(find("cgm").map(|kind| kind.key), Some("glucose_cgm"));
        assert!(find("nonsense").is_none());
    }

    #[test]
    fn every_data_type_of_the_protocol_is_known_or_has_a_mend() {
        for (name, key) in [
            ("steps", "steps"),
            ("heart_rate", "heart_rate"),
            ("sleep", "sleep_duration"),
            ("blood_pressure", "blood_pressure"),
            ("glucose", "glucose_random"),
            ("blood_glucose", "glucose_random"),
            ("temperature", "body_temperature"),
            ("spo2", "spo2"),
            ("respiratory_rate", "respiratory_rate"),
            ("body_mass", "body_weight"),
            ("body_fat", "body_fat"),
            ("activity", "active_minutes"),
            ("water", "water_intake"),
        ] {
            assert_eq!(find(name).map(|kind| kind.key), Some(key), "{name}");
        }
        for name in [
            "nutrition",
            "medication",
            "symptom",
            "pulse",
            "tongue",
            "face",
            "voice",
            "custom",
        ] {
            assert!(find(name).is_none() && instead_of(name).is_some(), "{name}");
        }
        assert!(instead_of("nonsense").is_none());
    }
}
