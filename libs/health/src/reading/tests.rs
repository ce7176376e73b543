//! Readings against the rules of the catalogue.

mod data;
mod edges;
mod units;

use super::*;
use crate::catalogue::{Shape, all};
use crate::submission::parse;
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: &str = "2026-11-20T08:00:00Z";

fn now_ms() -> i64 {
    chrono::DateTime::parse_from_rfc3339(NOW)
        .unwrap()
        .timestamp_millis()
}

fn checked(json: Value) -> Result<Reading, Violation> {
    check(
        parse(json.to_string().as_bytes()).unwrap().drafts.remove(0),
        now_ms(),
    )
}

fn refused(json: Value) -> (String, Code) {
    let violation = checked(json).unwrap_err();
    (violation.field, violation.code)
}

fn scalar(kind: &str, value: f64, unit: &str) -> Value {
    json!({"type": kind, "value": value, "unit": unit, "effective_at": NOW})
}

fn pressure(systolic: f64, diastolic: f64) -> Value {
    json!({"type": "blood_pressure", "components": {"systolic": systolic, "diastolic": diastolic},
        "unit": "mm[Hg]", "effective_at": NOW})
}

fn changed(field: &str, value: Value) -> Value {
    let mut reading = scalar("heart_rate", 72.0, "bpm");
    reading[field] = value;
    reading
}

fn without(field: &str) -> Value {
    let mut reading = scalar("heart_rate", 72.0, "bpm");
    reading.as_object_mut().unwrap().remove(field);
    reading
}

#[test]
fn keeps_what_was_sent_beside_the_canonical_value() {
    let mut json = scalar("temperature", 98.6, "[degF]");
    json["effective_at"] = "2026-11-20T15:59:59.250+08:00".into();
    json["context"] = json!({"site": "oral"});
    let reading = checked(json).unwrap();
    assert_eq!(reading.kind.key, "body_temperature");
    assert_eq!(reading.values, [Milli(37_000)]);
    assert_eq!(
        (reading.original_values.as_slice(), reading.original_unit),
        ([98.6].as_slice(), "[degF]")
    );
    assert_eq!(
        (reading.effective_ms, reading.offset_minutes),
        (now_ms() - 750, 480)
    );
    assert_eq!(reading.context.as_deref(), Some(r#"{"site":"oral"}"#));
    assert_eq!(reading.quality, Quality::Ok);
}

#[test]
fn pulse_pressure_is_watched() {
    let quality = |systolic, diastolic| checked(pressure(systolic, diastolic)).unwrap().quality;
    assert_eq!(quality(120.0, 80.0), Quality::Ok);
    assert_eq!(quality(95.0, 80.0), Quality::Ok);
    assert_eq!(quality(94.0, 80.0), Quality::Implausible);
    assert_eq!(quality(200.0, 80.0), Quality::Ok);
    assert_eq!(quality(201.0, 80.0), Quality::Implausible);
}

#[test]
fn systolic_must_be_above_diastolic() {
    let expected = ("components".to_owned(), Code::SystolicNotAboveDiastolic);
    assert_eq!(refused(pressure(80.0, 120.0)), expected);
    assert_eq!(refused(pressure(90.0, 90.0)), expected);
    assert_eq!(refused(pressure(90.3, 90.1)), expected);
}

#[test]
fn panels_need_their_components_and_no_others() {
    let mut json = pressure(120.0, 80.0);
    json["components"] = json!({"systolic": 120});
    assert_eq!(
        refused(json.clone()),
        ("components.diastolic".into(), Code::MissingComponent)
    );
    json["components"] = json!({"diastolic": 80, "systolic": null});
    assert_eq!(
        refused(json.clone()),
        ("components.systolic".into(), Code::MissingComponent)
    );
    json["components"] = json!({"systolic": 120, "diastolic": 80, "mean": 90});
    assert_eq!(
        refused(json.clone()),
        ("components.mean".into(), Code::UnexpectedComponent)
    );
    json["components"] = json!({"systolic": "120", "diastolic": 80});
    assert_eq!(
        refused(json),
        ("components.systolic".into(), Code::InvalidType)
    );
    let value = scalar("blood_pressure", 120.0, "mm[Hg]");
    assert_eq!(refused(value), ("value".into(), Code::UnexpectedComponent));
    let mut heart = changed("components", json!({"systolic": 120, "diastolic": 80}));
    heart.as_object_mut().unwrap().remove("value");
    assert_eq!(
        refused(heart),
        ("components".into(), Code::UnexpectedComponent)
    );
}

#[test]
fn names_the_field_that_is_wrong() {
    let long = "x".repeat(129);
    let cases = [
        (
            changed("type", "pulse_wave".into()),
            "type",
            Code::UnknownType,
        ),
        (changed("unit", "kg".into()), "unit", Code::UnknownUnit),
        (changed("value", "72".into()), "value", Code::InvalidType),
        (
            changed("client_id", 7.into()),
            "client_id",
            Code::InvalidType,
        ),
        (
            changed("client_id", "".into()),
            "client_id",
            Code::InvalidText,
        ),
        (
            changed("device_id", long.into()),
            "device_id",
            Code::InvalidText,
        ),
        (
            changed("source", "a\u{0}b".into()),
            "source",
            Code::InvalidText,
        ),
        (changed("context", 3.into()), "context", Code::InvalidType),
        (
            changed("context", "x".repeat(2_047).into()),
            "context",
            Code::InvalidText,
        ),
        (changed("heart", 1.into()), "heart", Code::UnknownField),
        (changed("data", json!({})), "data", Code::UnknownField),
        (
            changed("quality", "good".into()),
            "quality",
            Code::InvalidText,
        ),
        (changed("quality", 1.into()), "quality", Code::InvalidType),
        (
            changed("supersedes", "1".into()),
            "supersedes",
            Code::InvalidText,
        ),
        (
            changed("supersedes", "019A9EC0-6400-7000-8000-000000000000".into()),
            "supersedes",
            Code::InvalidText,
        ),
        (without("type"), "type", Code::MissingField),
        (without("value"), "value", Code::MissingField),
        (without("unit"), "unit", Code::MissingField),
        (without("effective_at"), "effective_at", Code::MissingField),
    ];
    for (json, field, code) in cases {
        assert_eq!(refused(json), (field.to_owned(), code));
    }
}

#[test]
fn instants_need_an_offset_and_a_likely_date() {
    let at = |text: &str| changed("effective_at", text.into());
    let cases = [
        ("2026-11-20T08:05:00.001Z", Code::FutureTimestamp),
        ("2026-11-20T08:00:00", Code::MissingOffset),
        ("2026-11-20", Code::InvalidTimestamp),
        ("yesterday", Code::InvalidTimestamp),
        ("2026-02-30T08:00:00Z", Code::InvalidTimestamp),
        ("1899-12-31T23:59:59.999Z", Code::TimestampTooOld),
    ];
    for (text, code) in cases {
        assert_eq!(
            refused(at(text)),
            ("effective_at".to_owned(), code),
            "{text}"
        );
    }
    assert!(checked(at("2026-11-20T08:05:00Z")).is_ok());
    assert_eq!(
        checked(at("1900-01-01T00:00:00Z")).unwrap().effective_ms,
        OLDEST_MS
    );
    let ended = |text: &str| changed("end_at", text.into());
    assert_eq!(
        refused(ended("2026-11-20T07:59:59Z")),
        ("end_at".into(), Code::EndBeforeStart)
    );
    assert_eq!(
        refused(ended("2026-11-20T08:30:00Z")),
        ("end_at".into(), Code::FutureTimestamp)
    );
    assert_eq!(
        checked(ended("2026-11-20T08:01:00Z")).unwrap().end_ms,
        Some(now_ms() + 60_000)
    );
}

#[test]
fn the_first_broken_rule_is_reported() {
    let mut json = scalar("nonsense", 1e9, "kg");
    json["effective_at"] = "2026-11-20".into();
    assert_eq!(refused(json.clone()).1, Code::InvalidTimestamp);
    json["effective_at"] = NOW.into();
    assert_eq!(refused(json.clone()).1, Code::UnknownType);
    json["type"] = "heart_rate".into();
    assert_eq!(refused(json.clone()).1, Code::UnknownUnit);
    json["unit"] = "bpm".into();
    assert_eq!(refused(json).1, Code::OutOfRange);
    // Ranges before what holds between the components.
    assert_eq!(refused(pressure(60.0, 400.0)).1, Code::OutOfRange);
    let between = Code::SystolicNotAboveDiastolic;
    assert_eq!(refused(pressure(60.0, 70.0)).1, between);
}

#[test]
fn the_sender_can_doubt_a_reading_and_not_the_other_way_round() {
    let quality = |value: f64, said: &str| {
        let mut json = scalar("heart_rate", value, "bpm");
        json["quality"] = said.into();
        checked(json).unwrap().quality
    };
    assert_eq!(quality(72.0, "ok"), Quality::Ok);
    assert_eq!(quality(72.0, "implausible"), Quality::Implausible);
    assert_eq!(quality(250.0, "ok"), Quality::Implausible);
}

#[test]
fn names_of_the_protocol_that_are_no_readings_are_told_what_to_do() {
    let violation = checked(scalar("tongue", 1.0, "1")).unwrap_err();
    assert_eq!(violation.code, Code::UnknownType);
    assert!(violation.message.contains("/api/v1/health/blobs"));
}

#[test]
fn values_are_rounded_to_the_decimals_of_their_type() {
    for (kind, unit, value, expected) in [
        ("heart_rate", "/min", 72.5, 73_000),
        ("spo2", "%", 96.4, 96_000),
        ("spo2", "1", 0.965, 97_000),
        ("steps", "{steps}", 10.5, 11_000),
        ("body_temperature", "Cel", 36.55, 36_600),
        ("body_temperature", "[degF]", 99.0, 37_200),
        ("glucose_fasting", "mmol/L", 5.555, 5_560),
        ("glucose_fasting", "mg/dL", 100.0, 5_550),
        ("body_weight", "kg", 70.125, 70_130),
        ("bmi", "kg/m2", 23.96, 24_000),
    ] {
        let reading = checked(scalar(kind, value, unit)).unwrap();
        assert_eq!(reading.values, [Milli(expected)], "{kind} {value} {unit}");
    }
    let reading = checked(pressure(120.5, 79.4)).unwrap();
    assert_eq!(reading.values, [Milli(121_000), Milli(79_000)]);
}

proptest! {
    #[test]
    fn any_json_is_checked_without_panic(text in "\\PC{0,200}") {
        if let Ok(submission) = parse(text.as_bytes()) {
            for draft in submission.drafts {
                let _ = check(draft, 0);
            }
        }
    }

    #[test]
    fn valid_values_stay_in_their_hard_range(at in 0_usize..29, share in 0.0_f64..=1.0) {
        let kinds: Vec<_> = all().iter().filter(|kind| kind.shape != Shape::Waveform).collect();
        prop_assert_eq!(kinds.len(), 29);
        let kind = kinds[at];
        let pick = |metric: &Metric| metric.hard.min + share * (metric.hard.max - metric.hard.min);
        let json = if kind.is_panel() {
            pressure(pick(&kind.metrics[0]), pick(&kind.metrics[1]))
        } else {
            scalar(kind.key, pick(&kind.metrics[0]), kind.unit)
        };
        let reading = checked(json).unwrap();
        for (value, metric) in reading.values.iter().zip(kind.metrics) {
            prop_assert!(metric.hard.contains(value.to_f64()));
        }
    }
}
