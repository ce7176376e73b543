//! Both edges of every range. The table is typed from the documentation and not
//! derived from the catalogue: a slip in either shows.

use super::*;

/// A kind, its unit, hard range, warn range, and its smallest step.
type Row = (&'static str, &'static str, [f64; 2], [f64; 2], f64);

const ROWS: [Row; 30] = [
    ("heart_rate", "/min", [20.0, 300.0], [30.0, 220.0], 1.0),
    (
        "resting_heart_rate",
        "/min",
        [20.0, 200.0],
        [35.0, 120.0],
        1.0,
    ),
    ("spo2", "%", [50.0, 100.0], [70.0, 100.0], 1.0),
    ("body_temperature", "Cel", [25.0, 45.0], [34.0, 42.0], 0.1),
    ("respiratory_rate", "/min", [3.0, 90.0], [6.0, 60.0], 1.0),
    ("glucose_fasting", "mmol/L", [0.6, 55.0], [2.0, 33.0], 0.01),
    (
        "glucose_postprandial",
        "mmol/L",
        [0.6, 55.0],
        [2.0, 33.0],
        0.01,
    ),
    ("glucose_random", "mmol/L", [0.6, 55.0], [2.0, 33.0], 0.01),
    ("glucose_cgm", "mmol/L", [0.6, 55.0], [2.0, 33.0], 0.01),
    ("hba1c", "%", [2.0, 25.0], [3.5, 18.0], 0.1),
    ("body_weight", "kg", [0.3, 500.0], [20.0, 250.0], 0.01),
    ("body_height", "cm", [20.0, 272.0], [100.0, 220.0], 0.1),
    ("bmi", "kg/m2", [5.0, 120.0], [12.0, 60.0], 0.1),
    ("waist", "cm", [30.0, 250.0], [45.0, 160.0], 0.1),
    ("body_fat", "%", [1.0, 75.0], [3.0, 60.0], 0.1),
    ("steps", "{steps}", [0.0, 200_000.0], [0.0, 60_000.0], 1.0),
    ("active_minutes", "min", [0.0, 1_440.0], [0.0, 600.0], 1.0),
    ("energy", "kcal", [0.0, 20_000.0], [0.0, 8_000.0], 1.0),
    ("sleep_duration", "min", [0.0, 1_440.0], [120.0, 960.0], 1.0),
    ("sleep_deep", "min", [0.0, 1_440.0], [0.0, 1_440.0], 1.0),
    ("sleep_light", "min", [0.0, 1_440.0], [0.0, 1_440.0], 1.0),
    ("sleep_rem", "min", [0.0, 1_440.0], [0.0, 1_440.0], 1.0),
    ("hrv_sdnn", "ms", [0.0, 400.0], [5.0, 250.0], 0.1),
    ("hrv_rmssd", "ms", [0.0, 400.0], [5.0, 250.0], 0.1),
    ("ecg_summary", "/min", [20.0, 300.0], [20.0, 300.0], 1.0),
    ("ecg_waveform", "Hz", [25.0, 1_000.0], [25.0, 1_000.0], 0.01),
    ("ppg_waveform", "Hz", [25.0, 1_000.0], [25.0, 1_000.0], 0.01),
    ("water_intake", "mL", [0.0, 20_000.0], [0.0, 8_000.0], 1.0),
    ("mood", "{score}", [0.0, 10.0], [0.0, 10.0], 0.1),
    ("pain", "{score}", [0.0, 10.0], [0.0, 10.0], 0.1),
];

/// A reading of a kind with a value, and the field that it is in.
fn sent(kind: &str, value: f64, unit: &str) -> (Value, &'static str) {
    if !kind.ends_with("_waveform") {
        return (scalar(kind, value, unit), "value");
    }
    let unit = if kind == "ecg_waveform" {
        "mV"
    } else {
        "{adc}"
    };
    let data = json!({"frequency_hz": value, "unit": unit, "samples": [0, 1]});
    let json = json!({"type": kind, "data": data, "effective_at": NOW});
    (json, "data.frequency_hz")
}

#[test]
fn every_kind_has_its_row() {
    let mut rows: Vec<_> = ROWS
        .iter()
        .map(|row| row.0)
        .chain(["blood_pressure"])
        .collect();
    let mut kinds: Vec<_> = all().iter().map(|kind| kind.key).collect();
    rows.sort_unstable();
    kinds.sort_unstable();
    assert_eq!(rows, kinds);
}

#[test]
fn both_edges_of_every_hard_range_belong_to_it_and_nothing_beyond() {
    for (kind, unit, [low, high], _, step) in ROWS {
        for (edge, outwards) in [(low, -1.0), (high, 1.0)] {
            let reading = checked(sent(kind, edge, unit).0).unwrap();
            assert_eq!(reading.values, [Milli::rounded(edge, 3)], "{kind} {edge}");
            for beyond in [0.001, 0.4 * step, step, 1e6] {
                let (json, field) = sent(kind, edge + outwards * beyond, unit);
                let expected = (field.to_owned(), Code::OutOfRange);
                assert_eq!(refused(json), expected, "{kind} {edge} {beyond}");
            }
        }
    }
}

#[test]
fn both_edges_of_every_warn_range_are_plausible_and_nothing_beyond() {
    for (kind, unit, hard, warn, step) in ROWS {
        for (edge, limit, outwards) in [(warn[0], hard[0], -1.0), (warn[1], hard[1], 1.0)] {
            let quality = |value| checked(sent(kind, value, unit).0).unwrap().quality;
            assert_eq!(quality(edge), Quality::Ok, "{kind} {edge}");
            assert_eq!(
                quality(edge - outwards * step),
                Quality::Ok,
                "{kind} {edge}"
            );
            if edge != limit {
                let beyond = edge + outwards * step;
                assert_eq!(quality(beyond), Quality::Implausible, "{kind} {beyond}");
                assert_eq!(quality(limit), Quality::Implausible, "{kind} {limit}");
            }
        }
    }
}

#[test]
fn both_edges_of_both_pressures() {
    for (systolic, diastolic) in [(300.0, 199.0), (40.0, 20.0), (300.0, 200.0), (40.0, 39.0)] {
        let reading = checked(pressure(systolic, diastolic)).unwrap();
        let expected = [Milli::rounded(systolic, 0), Milli::rounded(diastolic, 0)];
        assert_eq!(reading.values, expected);
    }
    for (systolic, diastolic, field) in [
        (300.001, 100.0, "components.systolic"),
        (301.0, 100.0, "components.systolic"),
        (39.999, 30.0, "components.systolic"),
        (39.0, 30.0, "components.systolic"),
        (250.0, 200.001, "components.diastolic"),
        (250.0, 201.0, "components.diastolic"),
        (100.0, 19.999, "components.diastolic"),
        (100.0, 19.0, "components.diastolic"),
    ] {
        let expected = (field.to_owned(), Code::OutOfRange);
        assert_eq!(refused(pressure(systolic, diastolic)), expected);
    }
}

/// The pulse pressure stays usual, so that only the edge counts.
#[test]
fn both_edges_of_the_usual_pressures() {
    let quality = |systolic, diastolic| checked(pressure(systolic, diastolic)).unwrap().quality;
    for (systolic, diastolic, expected) in [
        (70.0, 50.0, Quality::Ok),
        (69.0, 50.0, Quality::Implausible),
        (250.0, 150.0, Quality::Ok),
        (251.0, 150.0, Quality::Implausible),
        (100.0, 40.0, Quality::Ok),
        (100.0, 39.0, Quality::Implausible),
        (200.0, 150.0, Quality::Ok),
        (200.0, 151.0, Quality::Implausible),
        // Differences of 15 and 120 are usual.
        (95.0, 80.0, Quality::Ok),
        (94.0, 80.0, Quality::Implausible),
        (200.0, 80.0, Quality::Ok),
        (201.0, 80.0, Quality::Implausible),
    ] {
        assert_eq!(
            quality(systolic, diastolic),
            expected,
            "{systolic}/{diastolic}"
        );
    }
}
