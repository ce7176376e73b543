//! Every unit that a kind is accepted in. The table is typed from the documentation:
//! a value in the unit, and what it is in the canonical one.

use super::*;

const PERCENT: &[(&str, f64, i64)] = &[("%", 20.0, 20_000)];
const RATE: &[(&str, f64, i64)] = &[
    ("/min", 72.0, 72_000),
    ("{beats}/min", 72.0, 72_000),
    ("bpm", 72.0, 72_000),
];
const GLUCOSE: &[(&str, f64, i64)] = &[("mmol/L", 5.6, 5_600), ("mg/dL", 180.16, 10_000)];
const MINUTES: &[(&str, f64, i64)] = &[("min", 90.0, 90_000), ("h", 1.5, 90_000)];
const VARIABILITY: &[(&str, f64, i64)] = &[("ms", 50.5, 50_500), ("s", 0.0505, 50_500)];
const SCORE: &[(&str, f64, i64)] = &[("{score}", 7.0, 7_000), ("1", 7.0, 7_000)];

/// A kind with its units: name, value, canonical thousandths.
type Row = (&'static str, &'static [(&'static str, f64, i64)]);

const ROWS: [Row; 28] = [
    ("heart_rate", RATE),
    ("resting_heart_rate", RATE),
    ("ecg_summary", RATE),
    ("spo2", &[("%", 97.0, 97_000), ("1", 0.97, 97_000)]),
    (
        "body_temperature",
        &[
            ("Cel", 37.0, 37_000),
            ("°C", 37.0, 37_000),
            ("℃", 37.0, 37_000),
            ("[degF]", 98.6, 37_000),
            ("°F", 98.6, 37_000),
        ],
    ),
    (
        "respiratory_rate",
        &[("/min", 16.0, 16_000), ("{breaths}/min", 16.0, 16_000)],
    ),
    ("glucose_fasting", GLUCOSE),
    ("glucose_postprandial", GLUCOSE),
    ("glucose_random", GLUCOSE),
    ("glucose_cgm", GLUCOSE),
    ("hba1c", &[("%", 6.5, 6_500), ("mmol/mol", 47.0, 6_450)]),
    (
        "body_weight",
        &[
            ("kg", 70.0, 70_000),
            ("g", 3_500.0, 3_500),
            ("[lb_av]", 150.0, 68_040),
            ("斤", 140.0, 70_000),
        ],
    ),
    (
        "body_height",
        &[
            ("cm", 177.8, 177_800),
            ("m", 1.778, 177_800),
            ("[in_i]", 70.0, 177_800),
        ],
    ),
    ("bmi", &[("kg/m2", 23.9, 23_900)]),
    ("waist", &[("cm", 85.0, 85_000), ("[in_i]", 33.0, 83_800)]),
    ("body_fat", PERCENT),
    (
        "steps",
        &[
            ("{steps}", 6_000.0, 6_000_000),
            ("count", 6_000.0, 6_000_000),
        ],
    ),
    ("active_minutes", MINUTES),
    (
        "energy",
        &[("kcal", 100.0, 100_000), ("kJ", 418.4, 100_000)],
    ),
    ("sleep_duration", MINUTES),
    ("sleep_deep", MINUTES),
    ("sleep_light", MINUTES),
    ("sleep_rem", MINUTES),
    ("hrv_sdnn", VARIABILITY),
    ("hrv_rmssd", VARIABILITY),
    (
        "water_intake",
        &[("mL", 250.0, 250_000), ("L", 0.25, 250_000)],
    ),
    ("mood", SCORE),
    ("pain", SCORE),
];

#[test]
fn every_unit_of_every_kind_is_converted() {
    for (kind, units) in ROWS {
        for (unit, value, expected) in units {
            let reading = checked(scalar(kind, *value, unit)).unwrap();
            assert_eq!(reading.values, [Milli(*expected)], "{kind} {unit}");
            let kept = (reading.original_values.as_slice(), reading.original_unit);
            assert_eq!(kept, ([*value].as_slice(), *unit), "{kind}");
        }
    }
    for (unit, systolic, diastolic) in [
        ("mm[Hg]", 120.0, 80.0),
        ("mmHg", 120.0, 80.0),
        ("kPa", 16.0, 10.67),
    ] {
        let mut json = pressure(systolic, diastolic);
        json["unit"] = unit.into();
        let reading = checked(json).unwrap();
        assert_eq!(reading.values, [Milli(120_000), Milli(80_000)], "{unit}");
    }
}

#[test]
fn the_table_has_every_unit_of_the_catalogue() {
    for (kind, units) in ROWS {
        let kind = crate::catalogue::find(kind).unwrap();
        let known: Vec<_> = kind.units.iter().map(|unit| unit.code).collect();
        let listed: Vec<_> = units.iter().map(|(unit, _, _)| *unit).collect();
        assert_eq!(listed, known, "{}", kind.key);
    }
    let others = all().len() - ROWS.len();
    // Blood pressure above, and two kinds of samples.
    assert_eq!(others, 3);
}

#[test]
fn no_unit_of_another_kind_is_taken() {
    for kind in all().iter().filter(|kind| kind.shape == Shape::Scalar) {
        for unit in ["", "furlong", "MMOL/L", "Kg"] {
            let (_, code) = refused(scalar(kind.key, 10.0, unit));
            let expected = if unit.is_empty() {
                Code::InvalidText
            } else {
                Code::UnknownUnit
            };
            assert_eq!(code, expected, "{} {unit}", kind.key);
        }
    }
}
