//! What is written, against what FHIR asks for.

use suoke_health::catalogue::{all, find};

use super::*;

fn stored(kind: &str, values: &[i64]) -> StoredReading {
    StoredReading {
        id: "019a9ec0-6400-7000-8000-000000000000".to_owned(),
        kind: find(kind).unwrap(),
        values: values.iter().map(|value| Milli(*value)).collect(),
        effective_ms: 1_763_600_000_000,
        end_ms: None,
        offset_minutes: 480,
        original_values: Vec::new(),
        original_unit: String::new(),
        context: None,
        data: None,
        client_id: String::new(),
        device_id: String::new(),
        source: String::new(),
        source_rank: 0,
        shadowed: false,
        quality: "ok".to_owned(),
        status: Status::Final,
        supersedes: None,
        created_ms: 1_763_600_001_000,
        changed_ms: 1_763_600_002_000,
    }
}

fn shown(kind: &str, values: &[i64]) -> Value {
    observation("u1", &Shown::first(stored(kind, values)))
}

#[test]
fn a_heart_rate_carries_what_the_profile_asks_for() {
    let expected = json!({
        "resourceType": "Observation",
        "id": "019a9ec0-6400-7000-8000-000000000000",
        "meta": {
            "versionId": "1",
            "lastUpdated": "2025-11-20T00:53:21.000Z",
            "profile": ["http://hl7.org/fhir/StructureDefinition/heartrate"],
        },
        "identifier": [{
            "use": "official",
            "system": "urn:suoke:reading-id",
            "value": "019a9ec0-6400-7000-8000-000000000000",
        }],
        "status": "final",
        "category": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "vital-signs",
            "display": "Vital Signs",
        }] }],
        "code": {
            "coding": [
                { "system": "http://loinc.org", "code": "8867-4" },
                { "system": "urn:suoke:reading-type", "code": "heart_rate", "display": "Heart rate" },
            ],
            "text": "Heart rate",
        },
        "subject": { "reference": "Patient/u1" },
        "effectiveDateTime": "2025-11-20T08:53:20.000+08:00",
        "issued": "2025-11-20T00:53:21.000Z",
        "valueQuantity": {
            "value": 72,
            "unit": "beats/minute",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
        "interpretation": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
            "code": "N",
            "display": "Normal",
        }] }],
        "referenceRange": [{
            "text": "adult at rest",
            "low": { "value": 60.0, "unit": "beats/minute", "system": "http://unitsofmeasure.org", "code": "/min" },
            "high": { "value": 100.0, "unit": "beats/minute", "system": "http://unitsofmeasure.org", "code": "/min" },
        }],
    });
    assert_eq!(shown("heart_rate", &[72_000]), expected);
}

/// The interpretation of the first figure in these circumstances; empty where there is
/// none.
fn interpreted(kind: &str, values: &[i64], context: &str, source_rank: u8) -> String {
    let reading = StoredReading {
        context: Some(context.to_owned()),
        source_rank,
        ..stored(kind, values)
    };
    let shown = observation("u1", &Shown::first(reading));
    let figure = shown.pointer("/component/0").unwrap_or(&shown);
    let code = figure.pointer("/interpretation/0/coding/0/code");
    code.and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[test]
fn circumstances_choose_the_range_as_classes_read_them() {
    let pressure = |context| interpreted("blood_pressure", &[136_000, 80_000], context, 0);
    for context in [r#""home""#, r#"{"setting":"home"}"#, r#"{"place":"home"}"#] {
        assert_eq!(pressure(context), "H", "{context}");
    }
    for context in ["{}", r#""clinic""#, r#"{"setting":"clinic"}"#] {
        assert_eq!(pressure(context), "N", "{context}");
    }
    // The mean of a recording has limits of its own.
    assert_eq!(pressure(r#"{"setting":"ambulatory_night"}"#), "");
    let pulse = |context, rank| interpreted("heart_rate", &[130_000], context, rank);
    for (context, rank, expected) in [
        (r#"{"activity":"running"}"#, 3, ""),
        (r#"{"activity":"At-Rest"}"#, 2, "H"),
        (r#"{"setting":"home"}"#, 3, "H"),
        // A watch that does not say whether it moved.
        ("{}", 2, ""),
    ] {
        assert_eq!(pulse(context, rank), expected, "{context} {rank}");
    }
}

#[test]
fn a_blood_pressure_has_components_and_no_value() {
    let shown = shown("blood_pressure", &[181_000, 80_000]);
    assert!(
        !shown
            .as_object()
            .unwrap()
            .keys()
            .any(|key| key.starts_with("value"))
    );
    let code = |at: usize| {
        shown["component"][at]["code"]["coding"][0]["code"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        (code(0), code(1)),
        ("8480-6".to_owned(), "8462-4".to_owned())
    );
    assert_eq!(shown["component"][0]["valueQuantity"]["code"], "mm[Hg]");
    assert_eq!(
        shown["component"][0]["interpretation"][0]["coding"][0]["code"],
        "HH"
    );
    assert_eq!(
        shown["component"][1]["interpretation"][0]["coding"][0]["code"],
        "N"
    );
    assert!(shown.get("interpretation").is_none());
}

#[test]
fn every_kind_keeps_the_invariants() {
    for kind in all() {
        let values: Vec<i64> = kind
            .metrics
            .iter()
            .rev()
            .map(|metric| ((metric.warn.min + metric.warn.max) * 500.0) as i64)
            .collect();
        let shown = shown(kind.key, &values);
        let members = shown.as_object().unwrap();
        let has_value = members.keys().any(|key| key.starts_with("value"));
        let has_component = members.contains_key("component");
        assert!(
            has_value || has_component || members.contains_key("dataAbsentReason"),
            "{}",
            kind.key
        );
        let is_absent = members.contains_key("dataAbsentReason");
        assert!(!(has_value && is_absent), "{}", kind.key);
        let codes = |value: &Value| -> Vec<String> {
            let codings = value["coding"].as_array().unwrap().iter();
            codings
                .map(|coding| coding["code"].as_str().unwrap().to_owned())
                .collect()
        };
        let own = codes(&members["code"]);
        for component in shown["component"].as_array().into_iter().flatten() {
            assert!(
                codes(&component["code"])
                    .iter()
                    .all(|code| !own.contains(code)),
                "{}",
                kind.key
            );
            assert!(
                component.get("valueQuantity").is_some()
                    || component.get("dataAbsentReason").is_some()
            );
        }
        assert_eq!(
            shown["category"][0]["coding"][0]["system"],
            terms::CATEGORIES
        );
    }
}

#[test]
fn states_are_told_in_the_words_of_fhir() {
    let mut reading = stored("heart_rate", &[72_000]);
    reading.supersedes = Some("x".to_owned());
    assert_eq!(status(&reading), "amended");
    reading.status = Status::EnteredInError;
    assert_eq!(status(&reading), "entered-in-error");
    let shown = Shown::first(reading);
    assert_eq!(
        (shown.etag().as_str(), shown.updated_ms()),
        ("W/\"2\"", 1_763_600_002_000)
    );
}

#[test]
fn a_night_is_a_period_and_circumstances_are_kept() {
    let mut reading = stored("sleep_duration", &[450_000]);
    reading.end_ms = Some(reading.effective_ms + 1_000);
    reading.source = "apple_health/手表".to_owned();
    reading.device_id = "watch".to_owned();
    reading.context = Some("\"home\"".to_owned());
    reading.quality = "implausible".to_owned();
    reading.client_id = "https://h/ids|n-1".to_owned();
    let shown = observation("u1", &Shown::first(reading));
    assert_eq!(
        shown["effectivePeriod"]["end"],
        "2025-11-20T08:53:21.000+08:00"
    );
    assert!(shown.get("effectiveDateTime").is_none());
    assert_eq!(
        shown["meta"]["source"],
        "urn:suoke:source:apple_health%2F%E6%89%8B%E8%A1%A8"
    );
    assert_eq!(shown["device"]["display"], "watch");
    assert_eq!(
        shown["identifier"][1],
        json!({ "use": "secondary", "system": "https://h/ids", "value": "n-1" })
    );
    assert_eq!(shown["extension"].as_array().map(Vec::len), Some(2));
}
