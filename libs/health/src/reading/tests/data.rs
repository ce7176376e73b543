//! Findings of an ECG, and samples.

use super::*;
use crate::batch::Batch;
use crate::blob::blob_id;
use crate::submission::submission;

fn ecg(data: Value) -> Value {
    let mut json = scalar("ecg_summary", 72.0, "/min");
    json["data"] = data;
    json
}

fn wave(kind: &str, data: Value) -> Value {
    json!({"type": kind, "data": data, "effective_at": NOW})
}

fn samples(count: usize, frequency_hz: f64) -> Value {
    wave(
        "ecg_waveform",
        json!({"frequency_hz": frequency_hz, "unit": "mV", "origin": 0, "factor": 0.001,
            "samples": vec![1; count]}),
    )
}

#[test]
fn an_ecg_is_a_rate_with_findings() {
    let json = ecg(json!({"qt_ms": 380, "qrs_ms": 90, "conclusion": "sinus_rhythm"}));
    let reading = checked(json).unwrap();
    assert_eq!(reading.values, [Milli(72_000)]);
    let data: Value = serde_json::from_str(reading.data.as_deref().unwrap()).unwrap();
    let expected = json!({"qrs_ms": 90.0, "qt_ms": 380.0, "conclusion": "sinus_rhythm"});
    assert_eq!(data, expected);
    assert!(
        checked(scalar("ecg_summary", 72.0, "/min"))
            .unwrap()
            .data
            .is_none()
    );
}

#[test]
fn findings_have_edges_too() {
    for (name, low, high) in [("qrs_ms", 20.0, 400.0), ("qt_ms", 100.0, 1_000.0)] {
        for inside in [low, high] {
            assert!(
                checked(ecg(json!({name: inside}))).is_ok(),
                "{name} {inside}"
            );
        }
        for outside in [low - 0.1, high + 0.1] {
            let expected = (format!("data.{name}"), Code::OutOfRange);
            assert_eq!(refused(ecg(json!({name: outside}))), expected);
        }
    }
    for (data, field, code) in [
        (
            json!({"conclusion": "fine"}),
            "data.conclusion",
            Code::InvalidText,
        ),
        (
            json!({"conclusion": 1}),
            "data.conclusion",
            Code::InvalidType,
        ),
        (json!({"qt_ms": "380"}), "data.qt_ms", Code::InvalidType),
        (json!({"st": 1}), "data.st", Code::UnknownField),
        (json!([1]), "data", Code::InvalidType),
    ] {
        assert_eq!(refused(ecg(data)), (field.to_owned(), code));
    }
}

#[test]
fn samples_go_into_a_blob_of_their_owner() {
    let draft = serde_json::from_value(samples(3, 250.0)).unwrap();
    let batch = Batch::prepare(submission(draft).unwrap(), "u1", now_ms());
    let candidate = &batch.candidates()[0];
    assert_eq!(candidate.reading.values, [Milli(250_000)]);
    assert_eq!(candidate.reading.original_unit, "Hz");
    let samples = candidate.samples.clone().unwrap();
    assert_eq!(samples.bytes.as_deref(), Some(b"[1,1,1]".as_slice()));
    assert_eq!(samples.blob, blob_id("u1", b"[1,1,1]"));
    let data: Value = serde_json::from_str(candidate.reading.data.as_deref().unwrap()).unwrap();
    let expected = json!({"frequency_hz": 250.0, "unit": "mV", "origin": 0.0, "factor": 0.001,
        "count": 3, "blob": samples.blob});
    assert_eq!(data, expected);
}

#[test]
fn other_samples_are_another_reading() {
    let id = |json: Value| {
        let draft = serde_json::from_value(json).unwrap();
        let batch = Batch::prepare(submission(draft).unwrap(), "u1", now_ms());
        batch.candidates()[0].id.clone()
    };
    assert_eq!(id(samples(3, 250.0)), id(samples(3, 250.0)));
    assert_ne!(id(samples(3, 250.0)), id(samples(4, 250.0)));
}

#[test]
fn a_blob_that_was_sent_before_is_named() {
    let data = json!({"frequency_hz": 100, "unit": "{adc}", "blob": "ab", "count": 60_000});
    let draft = serde_json::from_value(wave("ppg_waveform", data)).unwrap();
    let batch = Batch::prepare(submission(draft).unwrap(), "u1", now_ms());
    let samples = batch.candidates()[0].samples.clone().unwrap();
    assert_eq!((samples.blob.as_str(), samples.bytes), ("ab", None));
}

#[test]
fn ten_minutes_are_the_most() {
    assert!(checked(samples(15_000, 25.0)).is_ok());
    let expected = ("data.samples".to_owned(), Code::OutOfRange);
    assert_eq!(refused(samples(15_001, 25.0)), expected);
    let blob = |count| json!({"frequency_hz": 1000, "unit": "mV", "blob": "ab", "count": count});
    assert!(checked(wave("ecg_waveform", blob(600_000))).is_ok());
    let expected = ("data.count".to_owned(), Code::OutOfRange);
    assert_eq!(refused(wave("ecg_waveform", blob(600_001))), expected);
}

#[test]
fn what_is_wrong_with_samples_is_named() {
    let good = json!({"frequency_hz": 100, "unit": "mV", "samples": [1, 2.5, -3]});
    assert!(checked(wave("ecg_waveform", good.clone())).is_ok());
    let cases = [
        (
            "frequency_hz",
            Value::Null,
            "data.frequency_hz",
            Code::MissingField,
        ),
        (
            "frequency_hz",
            json!("100"),
            "data.frequency_hz",
            Code::InvalidType,
        ),
        ("unit", Value::Null, "data.unit", Code::MissingField),
        ("unit", json!("{adc}"), "data.unit", Code::UnknownUnit),
        ("factor", json!(0), "data.factor", Code::OutOfRange),
        ("origin", json!("0"), "data.origin", Code::InvalidType),
        ("samples", Value::Null, "data.samples", Code::MissingField),
        ("samples", json!([]), "data.samples", Code::MissingField),
        ("samples", json!("1 2"), "data.samples", Code::InvalidType),
        (
            "samples",
            json!([1, "2"]),
            "data.samples",
            Code::InvalidType,
        ),
        ("blob", json!("ab"), "data.samples", Code::MissingField),
        ("count", json!(4), "data.count", Code::OutOfRange),
        ("more", json!(1), "data.more", Code::UnknownField),
    ];
    for (name, value, field, code) in cases {
        let mut data = good.clone();
        data[name] = value;
        assert_eq!(
            refused(wave("ecg_waveform", data)),
            (field.to_owned(), code)
        );
    }
    let missing = json!({"type": "ecg_waveform", "effective_at": NOW});
    assert_eq!(refused(missing), ("data".to_owned(), Code::MissingField));
    for field in ["value", "unit"] {
        let mut json = wave("ecg_waveform", good.clone());
        json[field] = if field == "unit" {
            "Hz".into()
        } else {
            100.into()
        };
        assert_eq!(refused(json), (field.to_owned(), Code::UnexpectedComponent));
    }
    let blob = json!({"frequency_hz": 100, "unit": "mV", "blob": "ab"});
    let expected = ("data.count".to_owned(), Code::MissingField);
    assert_eq!(refused(wave("ecg_waveform", blob)), expected);
}

/// A night of a device: its length and its stages in minutes.
fn night(total: Option<f64>, stages: &[(&str, f64)]) -> Vec<Quality> {
    let whole = total.map(|minutes| scalar("sleep_duration", minutes, "min"));
    let parts = stages
        .iter()
        .map(|(kind, minutes)| scalar(kind, *minutes, "min"));
    let readings: Vec<Value> = whole.into_iter().chain(parts).collect();
    let draft = serde_json::from_value(json!({"readings": readings})).unwrap();
    let batch = Batch::prepare(submission(draft).unwrap(), "u1", now_ms());
    let candidates = batch.candidates().iter();
    candidates
        .map(|candidate| candidate.reading.quality)
        .collect()
}

#[test]
fn stages_of_sleep_sum_up_to_the_whole() {
    let stages = |deep| {
        [
            ("sleep_deep", deep),
            ("sleep_light", 240.0),
            ("sleep_rem", 90.0),
        ]
    };
    for (deep, expected) in [
        (70.0, Quality::Ok),
        (90.0, Quality::Ok),
        (50.0, Quality::Ok),
        (91.0, Quality::Implausible),
        (49.0, Quality::Implausible),
    ] {
        assert_eq!(night(Some(400.0), &stages(deep)), [expected; 4], "{deep}");
        assert_eq!(night(None, &stages(deep)), [Quality::Ok; 3]);
    }
    // With a stage missing, only more than the whole contradicts it.
    assert_eq!(
        night(Some(400.0), &[("sleep_deep", 70.0)]),
        [Quality::Ok; 2]
    );
    assert_eq!(
        night(Some(400.0), &[("sleep_deep", 420.0)]),
        [Quality::Ok; 2]
    );
    assert_eq!(
        night(Some(400.0), &[("sleep_deep", 421.0)]),
        [Quality::Implausible; 2]
    );
}
