//! Readings against the rules of the catalogue.

use super::*;
use crate::catalogue::all;
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
fn both_edges_of_every_hard_range() {
    for kind in all().iter().filter(|kind| !kind.is_panel()) {
        let metric = kind.metrics[0];
        for (edge, outwards) in [(metric.hard.min, -1.0), (metric.hard.max, 1.0)] {
            let reading = checked(scalar(kind.key, edge, kind.unit)).unwrap();
            assert_eq!(reading.values[0].to_f64(), edge, "{}", kind.key);
            for step in [0.001, 0.4, 1.0] {
                let outside = scalar(kind.key, edge + outwards * step, kind.unit);
                assert_eq!(
                    refused(outside),
                    ("value".into(), Code::OutOfRange),
                    "{} {edge}",
                    kind.key
                );
            }
        }
    }
}

#[test]
fn both_edges_of_both_pressures() {
    assert_eq!(
        checked(pressure(300.0, 199.0)).unwrap().values,
        [Milli(300_000), Milli(199_000)]
    );
    assert_eq!(
        checked(pressure(40.0, 20.0)).unwrap().values,
        [Milli(40_000), Milli(20_000)]
    );
    assert_eq!(
        checked(pressure(300.0, 200.0)).unwrap().values[1],
        Milli(200_000)
    );
    for (systolic, diastolic, field) in [
        (300.001, 100.0, "components.systolic"),
        (39.999, 30.0, "components.systolic"),
        (250.0, 200.001, "components.diastolic"),
        (100.0, 19.999, "components.diastolic"),
    ] {
        assert_eq!(
            refused(pressure(systolic, diastolic)),
            (field.into(), Code::OutOfRange)
        );
    }
}

#[test]
fn values_outside_of_the_warn_range_are_kept_and_flagged() {
    for kind in all().iter().filter(|kind| !kind.is_panel()) {
        let metric = kind.metrics[0];
        let quality = |value| checked(scalar(kind.key, value, kind.unit)).unwrap().quality;
        assert_eq!(quality(metric.warn.min), Quality::Ok, "{}", kind.key);
        assert_eq!(quality(metric.warn.max), Quality::Ok, "{}", kind.key);
        for edge in [metric.hard.min, metric.hard.max] {
            let expected = if metric.warn.contains(edge) {
                Quality::Ok
            } else {
                Quality::Implausible
            };
            assert_eq!(quality(edge), expected, "{} {edge}", kind.key);
        }
    }
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
    assert_eq!(refused(json.clone()).1, Code::UnknownType);
    json["type"] = "heart_rate".into();
    assert_eq!(refused(json.clone()).1, Code::UnknownUnit);
    json["unit"] = "bpm".into();
    assert_eq!(refused(json).1, Code::OutOfRange);
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
    fn valid_values_stay_in_their_hard_range(at in 0_usize..28, share in 0.0_f64..=1.0) {
        let kind = &all()[at];
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
