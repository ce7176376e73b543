//! Observations of others, and our own there and back.

use proptest::prelude::*;
use suoke_health::Code;
use suoke_health::Milli;
use suoke_health::batch::Batch;
use suoke_health::catalogue::{all, find};
use suoke_health::reading::Reading;
use suoke_health::submission::parse;
use suoke_health::view::{Status, StoredReading};

use super::*;
use crate::observation::{Shown, observation};

const NOW_MS: i64 = 1_800_000_000_000;

fn heart_rate() -> Value {
    json!({
        "resourceType": "Observation",
        "status": "final",
        "code": { "coding": [{ "system": "http://loinc.org", "code": "8867-4" }] },
        "subject": { "reference": "Patient/u1" },
        "effectiveDateTime": "2026-11-20T08:00:00+08:00",
        "valueQuantity": { "value": 72, "unit": "beats/minute", "system": "http://unitsofmeasure.org", "code": "/min" },
    })
}

fn told(resource: &Value) -> (IssueType, String) {
    let issue = reading(resource).unwrap_err();
    (issue.kind, issue.place)
}

#[test]
fn what_our_check_finds_is_named_where_it_stands_in_the_observation() {
    for (field, place) in [
        ("value", "Observation.valueQuantity.value"),
        ("effective_at", "Observation.effective"),
        ("components", "Observation.component"),
        ("components.systolic", "Observation.component"),
        ("data.samples", "Observation.value"),
        ("supersedes", "Observation"),
    ] {
        let violation = Violation::new(field, Code::OutOfRange, "too much");
        assert_eq!(issue(&violation).place, place, "{field}");
    }
}

#[test]
fn an_observation_becomes_a_reading() {
    let imported = reading(&heart_rate()).unwrap();
    let expected = json!({ "type": "heart_rate", "value": 72, "unit": "/min", "effective_at": "2026-11-20T08:00:00+08:00" });
    assert_eq!(imported.reading, expected);
    assert_eq!(
        (imported.subject.as_str(), imported.is_error),
        ("Patient/u1", false)
    );
}

#[test]
fn units_of_others_are_understood() {
    let mut resource = heart_rate();
    for (code, unit, expected) in [
        ("8310-5", json!({ "value": 98.6, "unit": "degF" }), "[degF]"),
        ("2339-0", json!({ "value": 100, "code": "mg/dL" }), "mg/dL"),
    ] {
        resource["code"]["coding"][0]["code"] = code.into();
        resource["valueQuantity"] = unit;
        assert_eq!(reading(&resource).unwrap().reading["unit"], expected);
    }
}

/// The heart rate with other members.
fn changed(members: &Value) -> Value {
    let mut resource = heart_rate();
    let own = resource.as_object_mut().unwrap();
    for (name, value) in members.as_object().unwrap() {
        if value.is_null() {
            own.remove(name);
        } else {
            own.insert(name.clone(), value.clone());
        }
    }
    resource
}

#[test]
fn what_cannot_be_stored_is_named() {
    use IssueType::{CodeInvalid, NotSupported, Required, Structure, Value as Wrong};

    let quantity = |quantity: Value| json!({ "valueQuantity": quantity });
    let code =
        |code: &str| json!({ "code": { "coding": [{ "system": terms::LOINC, "code": code }] } });
    let context = json!([{ "url": terms::CONTEXT, "valueString": "{" }]);
    for (members, kind, place) in [
        (
            json!({ "resourceType": "Patient" }),
            Structure,
            "resourceType",
        ),
        (json!({ "status": "preliminary" }), NotSupported, "status"),
        (json!({ "status": "done" }), CodeInvalid, "status"),
        (json!({ "status": null }), Required, "status"),
        (json!({ "code": { "text": "pulse" } }), Required, "code"),
        (code("1-1"), CodeInvalid, "code"),
        (json!({ "effectiveDateTime": null }), Required, "effective"),
        (
            json!({ "effectiveDateTime": null, "effectiveTiming": {} }),
            NotSupported,
            "effectiveTiming",
        ),
        (
            quantity(json!({ "value": "72", "code": "/min" })),
            Required,
            "valueQuantity.value",
        ),
        (
            quantity(json!({ "value": 72, "comparator": "<" })),
            NotSupported,
            "valueQuantity.comparator",
        ),
        (
            quantity(json!({ "value": 72, "code": "kg" })),
            CodeInvalid,
            "valueQuantity.code",
        ),
        (
            quantity(json!({ "value": 72 })),
            CodeInvalid,
            "valueQuantity.code",
        ),
        (quantity(Value::Null), Required, "valueQuantity"),
        (
            json!({ "valueQuantity": null, "dataAbsentReason": {} }),
            NotSupported,
            "dataAbsentReason",
        ),
        (
            json!({ "subject": { "display": "me" } }),
            Required,
            "subject",
        ),
        (
            json!({ "meta": { "source": "urn:suoke:source:%FF" } }),
            Wrong,
            "meta.source",
        ),
        (json!({ "extension": context }), Wrong, "extension"),
    ] {
        let expected = (kind, format!("Observation.{place}"));
        assert_eq!(told(&changed(&members)), expected, "{members}");
    }
}

fn pressure() -> Value {
    let component = |code: &str, value: u32| {
        json!({ "code": { "coding": [{ "system": "http://loinc.org", "code": code }] },
            "valueQuantity": { "value": value, "code": "mm[Hg]" } })
    };
    let mut resource = heart_rate();
    resource["code"]["coding"][0]["code"] = "85354-9".into();
    resource.as_object_mut().unwrap().remove("valueQuantity");
    resource["component"] = json!([
        component("8462-4", 80),
        component("8478-0", 93),
        component("8480-6", 120)
    ]);
    resource
}

#[test]
fn a_panel_needs_both_pressures_in_one_unit_and_no_value() {
    let imported = reading(&pressure()).unwrap().reading;
    assert_eq!(
        imported["components"],
        json!({ "systolic": 120, "diastolic": 80 })
    );
    assert_eq!(imported["unit"], "mm[Hg]");
    let mut valued = pressure();
    valued["valueQuantity"] = json!({ "value": 1 });
    assert_eq!(told(&valued).1, "Observation.value");
    let mut lacking = pressure();
    lacking["component"].as_array_mut().unwrap().remove(0);
    assert_eq!(told(&lacking).1, "Observation.component(diastolic)");
    let mut mixed = pressure();
    mixed["component"][0]["valueQuantity"]["code"] = "kPa".into();
    assert_eq!(told(&mixed).0, IssueType::BusinessRule);
}

/// As the store would keep it.
fn stored(reading: &Reading) -> StoredReading {
    StoredReading {
        id: "019a9ec0-6400-7000-8000-000000000000".to_owned(),
        kind: reading.kind,
        values: reading.values.clone(),
        effective_ms: reading.effective_ms,
        end_ms: reading.end_ms,
        offset_minutes: reading.offset_minutes,
        original_values: reading.original_values.clone(),
        original_unit: reading.original_unit.to_owned(),
        context: reading.context.clone(),
        data: reading.data.clone(),
        client_id: reading.client_id.clone().unwrap_or_default(),
        device_id: reading.device_id.clone(),
        source: reading.source.clone(),
        source_rank: 0,
        shadowed: false,
        quality: reading.quality.as_str().to_owned(),
        status: Status::Final,
        supersedes: None,
        created_ms: NOW_MS,
        changed_ms: NOW_MS,
    }
}

/// The reading that our own check makes of this JSON.
fn checked(json: &Value) -> Reading {
    let submission = parse(json.to_string().as_bytes()).unwrap();
    let batch = Batch::prepare(submission, "u1", NOW_MS);
    assert!(
        batch.only_violation().is_none(),
        "{json}: {:?}",
        batch.only_violation()
    );
    batch.candidates()[0].reading.clone()
}

/// What a reading is, without how its numbers were sent.
fn essence(reading: &Reading) -> impl PartialEq + std::fmt::Debug {
    let reading = reading.clone();
    (
        (
            reading.kind.key,
            reading.values,
            reading.effective_ms,
            reading.end_ms,
            reading.offset_minutes,
        ),
        (
            reading.client_id,
            reading.device_id,
            reading.source,
            reading.context,
            reading.quality,
        ),
        reading.data,
    )
}

prop_compose! {
    fn readings()(
        kind in 0..all().len(),
        part in proptest::collection::vec(0.0..=1.0_f64, 2),
        at_ms in 0..NOW_MS - 86_400_000,
        lasts_ms in proptest::option::of(0..86_400_000_i64),
        offset_minutes in -14 * 60..=14 * 60_i32,
        (client_id, device_id, source) in ("(\\PC{1,20}|urn:a:b\\|[a-z|]{1,9}|urn:suoke:client-id\\|x)?", "(\\PC{1,20})?", "(\\PC{1,20})?"),
        context in proptest::option::of(prop_oneof![Just(json!("home")), "\\PC{0,20}".prop_map(|text| json!({ "activity": text }))]),
    ) -> Value {
        let kind = all()[kind];
        let value = |at: usize| {
            let metric = kind.metrics[at];
            metric.hard.min + (metric.hard.max - metric.hard.min) * part[at]
        };
        let mut json = json!({
            "type": kind.key,
            "unit": kind.unit,
            "effective_at": crate::date::written(at_ms, offset_minutes),
        });
        if let Some(lasts_ms) = lasts_ms {
            json["end_at"] = crate::date::written(at_ms + lasts_ms, offset_minutes).into();
        }
        if kind.is_panel() {
            let diastolic = 30.0 + part[0] * 100.0;
            json["components"] = json!({ "systolic": diastolic + 2.0 + part[1] * 100.0, "diastolic": diastolic });
        } else {
            json["value"] = value(0).into();
        }
        for (member, text) in [("client_id", client_id), ("device_id", device_id), ("source", source)] {
            if !text.is_empty() {
                json[member] = text.into();
            }
        }
        if let Some(context) = context {
            json["context"] = context;
        }
        json
    }
}

proptest! {
    #[test]
    fn a_reading_survives_being_an_observation(json in readings()) {
        let kind = find(json["type"].as_str().unwrap()).unwrap();
        prop_assume!(!kind.is_waveform());
        let before = checked(&json);
        let resource = observation("u1", &Shown::first(stored(&before)));
        let imported = reading(&resource).unwrap();
        prop_assert_eq!(imported.subject.as_str(), "Patient/u1");
        let after = checked(&imported.reading);
        prop_assert_eq!(essence(&after), essence(&before));
    }

    #[test]
    fn any_json_is_read_or_refused(text in "\\PC{0,30}", name in "(status|code|component|valueQuantity|effectivePeriod|identifier|subject|meta|extension|valueSampledData)") {
        let mut resource = heart_rate();
        resource[&name] = json!(text);
        let _ = reading(&resource);
        resource[&name] = json!([{ "coding": text }, text]);
        let _ = reading(&resource);
        resource[&name] = json!({ "coding": [text], "value": [1] });
        let _ = reading(&resource);
    }
}

#[test]
fn electrocardiograms_and_waveforms_survive_being_observations() {
    let at = "2026-11-20T08:00:00.000+08:00";
    let samples: Vec<f64> = (0..250).map(|at| f64::from(at) / 2.0).collect();
    for json in [
        json!({ "type": "ecg_summary", "value": 72, "unit": "/min", "effective_at": at,
            "data": { "qrs_ms": 90, "qt_ms": 380.5, "conclusion": "sinus_rhythm" } }),
        json!({ "type": "ecg_summary", "value": 72, "unit": "/min", "effective_at": at }),
        json!({ "type": "ecg_waveform", "effective_at": at,
            "data": { "frequency_hz": 128.5, "unit": "mV", "origin": -1.5, "factor": 0.01, "samples": samples } }),
        json!({ "type": "ppg_waveform", "effective_at": at, "client_id": "p",
            "data": { "frequency_hz": 33.33, "unit": "{adc}", "samples": [1, 2, 3, -4] } }),
    ] {
        let before = checked(&json);
        let resource = observation("u1", &Shown::first(stored(&before)));
        let again = checked(&reading(&resource).unwrap().reading);
        assert_eq!(essence(&again), essence(&before), "{resource}");
        // And with the samples in it, as it is read alone.
        let Some(samples) = json.pointer("/data/samples") else {
            continue;
        };
        let mut full = resource;
        let bytes = serde_json::to_vec(samples).unwrap();
        waveform::fill(&mut full, &bytes);
        let imported = reading(&full).unwrap().reading;
        assert_eq!(&imported["data"]["samples"], samples);
        assert_eq!(essence(&checked(&imported)), essence(&before));
    }
}

#[test]
fn every_kind_has_a_code_of_its_own() {
    for kind in all() {
        let mut resource = heart_rate();
        resource["code"] = terms::code(kind);
        if kind.key.ends_with("_waveform") {
            resource["valueSampledData"] = json!({});
        }
        assert_eq!(self::kind(&resource).unwrap().key, kind.key);
    }
    assert_eq!(Milli(1_500).to_f64(), 1.5);
}
