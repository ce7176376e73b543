//! Data points of others, and our own there and back.

use proptest::prelude::*;
use suoke_health::batch::Batch;
use suoke_health::catalogue::{ReadingType, all};
use suoke_health::reading::Reading;
use suoke_health::submission::parse;
use suoke_health::view::{Status, StoredReading};

use super::*;
use crate::export::data_point;
use crate::schemas::schema_of;

const NOW_MS: i64 = 1_800_000_000_000;

fn point(name: &str, body: Value) -> Value {
    json!({
        "header": {
            "id": "243c773b-8936-407e-9c23-270d0ea49cc4",
            "creation_date_time": "2026-11-20T08:00:00Z",
            "schema_id": { "namespace": "omh", "name": name, "version": "2.0" },
            "acquisition_provenance": { "source_name": "RunKeeper", "modality": "sensed" },
            "user_id": "joe",
        },
        "body": body,
    })
}

fn at_eight() -> Value {
    json!({ "date_time": "2026-11-20T08:00:00+08:00" })
}

fn kinds(point: &Value) -> Vec<String> {
    let readings = readings(point).unwrap();
    readings
        .iter()
        .map(|reading| reading["type"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_heart_rate_is_read_with_its_circumstances() {
    let body = json!({
        "heart_rate": { "value": 64, "unit": "beats/min" },
        "effective_time_frame": at_eight(),
        "temporal_relationship_to_physical_activity": "during exercise",
    });
    let expected = json!({
        "type": "heart_rate",
        "value": 64.0,
        "unit": "/min",
        "effective_at": "2026-11-20T08:00:00+08:00",
        "client_id": "243c773b-8936-407e-9c23-270d0ea49cc4",
        "source": "RunKeeper",
        "context": { "activity": "exercise" },
    });
    assert_eq!(readings(&point("heart-rate", body)).unwrap(), [expected]);
}

#[test]
fn marks_tell_kinds_of_one_schema_apart() {
    for (member, word, kind) in [
        (
            "temporal_relationship_to_meal",
            "fasting",
            "glucose_fasting",
        ),
        (
            "temporal_relationship_to_meal",
            "2 hours postprandial",
            "glucose_postprandial",
        ),
        (
            "temporal_relationship_to_meal",
            "before lunch",
            "glucose_random",
        ),
        (
            "temporal_relationship_to_meal",
            "after meal",
            "glucose_random",
        ),
        (
            "temporal_relationship_to_meal",
            "with meal",
            "glucose_random",
        ),
        ("specimen_source", "interstitial fluid", "glucose_cgm"),
    ] {
        let body = json!({ "blood_glucose": { "value": 95, "unit": "mg/dL" }, member: word, "effective_time_frame": at_eight() });
        assert_eq!(kinds(&point("blood-glucose", body)), [kind]);
    }
    let rest = json!({
        "heart_rate": { "value": 50, "unit": "beats/min" },
        "temporal_relationship_to_physical_activity": "at rest",
        "effective_time_frame": at_eight(),
    });
    assert_eq!(kinds(&point("heart-rate", rest)), ["resting_heart_rate"]);
}

#[test]
fn the_word_about_a_meal_is_kept_where_it_makes_no_kind() {
    let of = |word: &str| {
        let body = json!({ "blood_glucose": { "value": 95, "unit": "mg/dL" },
            "temporal_relationship_to_meal": word, "effective_time_frame": at_eight() });
        readings(&point("blood-glucose", body)).unwrap().remove(0)
    };
    assert_eq!(of("after meal")["context"], json!({ "meal": "after meal" }));
    for word in ["fasting", "2 hours postprandial"] {
        assert!(of(word).get("context").is_none(), "{word}");
    }
}

#[test]
fn a_night_becomes_several_readings() {
    let body = json!({
        "sleep_stage_summary": {
            "total_sleep_time": { "value": 27_600, "unit": "sec" },
            "light_sleep_duration": { "value": 255, "unit": "min" },
            "deep_sleep_duration": { "value": 1.5, "unit": "h" },
        },
        "effective_time_frame": { "time_interval": {
            "start_date_time": "2026-04-09T22:30:00Z",
            "end_date_time": "2026-04-10T06:45:00Z",
        } },
    });
    let readings = readings(&point("sleep-stage-summary", body)).unwrap();
    let told: Vec<_> = readings
        .iter()
        .map(|reading| {
            (
                reading["type"].as_str().unwrap(),
                reading["value"].as_f64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("sleep_deep", 1.5),
            ("sleep_light", 255.0),
            ("sleep_duration", 460.0)
        ]
    );
    assert_eq!(readings[0]["end_at"], "2026-04-10T06:45:00Z");
}

#[test]
fn an_activity_becomes_steps_energy_and_minutes() {
    let body = json!({
        "activity_name": "walking",
        "base_movement_quantity": { "value": 8000, "unit": "steps" },
        "kcal_burned": { "value": 400, "unit": "kcal" },
        "duration": { "value": 90, "unit": "min" },
        "effective_time_frame": { "time_interval": {
            "end_date_time": "2026-11-20T09:30:00+08:00",
            "duration": { "value": 1.5, "unit": "h" },
        } },
    });
    let readings = readings(&point("physical-activity", body)).unwrap();
    let told: Vec<_> = readings
        .iter()
        .map(|reading| reading["type"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["steps", "active_minutes", "energy"]);
    assert_eq!(readings[0]["effective_at"], "2026-11-20T08:00:00.000+08:00");
}

#[test]
fn what_cannot_be_kept_is_named() {
    let rate = |value: Value, frame: Value| {
        point(
            "heart-rate",
            json!({ "heart_rate": value, "effective_time_frame": frame }),
        )
    };
    let fine = json!({ "value": 64, "unit": "beats/min" });
    for (wrong, field, code) in [
        (json!({}), "header.schema_id.name", "missing_field"),
        (
            json!({ "header": { "schema_id": { "name": "heart-rate" } } }),
            "body",
            "missing_field",
        ),
        (
            point("magnetic-force", json!({})),
            "header.schema_id.name",
            "unknown_schema",
        ),
        (
            point("heart-rate", json!({ "effective_time_frame": at_eight() })),
            "body",
            "missing_field",
        ),
        (
            rate(json!({ "unit": "beats/min" }), at_eight()),
            "body.value",
            "missing_field",
        ),
        (
            rate(json!({ "value": 64 }), at_eight()),
            "body.unit",
            "missing_field",
        ),
        (
            rate(fine.clone(), json!({})),
            "body.effective_time_frame",
            "missing_field",
        ),
        (
            rate(fine.clone(), json!({ "time_interval": {} })),
            "body.effective_time_frame",
            "missing_field",
        ),
        (
            rate(
                fine.clone(),
                json!({ "time_interval": { "start_date_time": "x", "duration": { "value": 1, "unit": "h" } } }),
            ),
            "body.effective_time_frame.time_interval",
            "invalid_timestamp",
        ),
        (
            rate(
                fine,
                json!({ "time_interval": { "start_date_time": "x", "duration": { "value": -1, "unit": "h" } } }),
            ),
            "body.effective_time_frame.time_interval.duration",
            "invalid_value",
        ),
    ] {
        let refused = readings(&wrong).unwrap_err();
        assert_eq!(
            (refused.field.as_str(), refused.code),
            (field, code),
            "{wrong}"
        );
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
        data: None,
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
    )
}

/// The kinds of readings that Open mHealth has a schema for.
fn with_schema() -> Vec<&'static ReadingType> {
    let kinds = all().iter();
    kinds.filter(|kind| schema_of(kind.key).is_some()).collect()
}

prop_compose! {
    fn any_reading()(
        kind in proptest::sample::select(with_schema()),
        part in proptest::collection::vec(0.0..=1.0_f64, 2),
        at_ms in 0..NOW_MS - 86_400_000,
        lasts_ms in proptest::option::of(0..86_400_000_i64),
        offset_minutes in -14 * 60..=14 * 60_i32,
        (client_id, device_id, source) in ("(\\PC{1,20})?", "(\\PC{1,20})?", "(\\PC{1,20}|manual)?"),
        context in proptest::option::of(prop_oneof![Just(json!("home")), "\\PC{0,20}".prop_map(|text| json!({ "site": text }))]),
    ) -> Value {
        let metric = kind.metrics[0];
        let value = metric.hard.min + (metric.hard.max - metric.hard.min) * part[0];
        let mut json = json!({ "type": kind.key, "unit": kind.unit, "effective_at": written(at_ms, offset_minutes) });
        if let Some(lasts_ms) = lasts_ms {
            json["end_at"] = written(at_ms + lasts_ms, offset_minutes).into();
        }
        if kind.is_panel() {
            let [upper, lower] = [kind.metrics[0].hard, kind.metrics[1].hard];
            let diastolic = lower.min + (lower.max - lower.min) * part[0];
            let least = upper.min.max(diastolic + 2.0);
            json["components"] = json!({ "systolic": least + (upper.max - least) * part[1], "diastolic": diastolic });
        } else {
            json["value"] = value.into();
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

/// The body of the data point of a reading.
fn exported(json: &Value) -> Value {
    data_point("u1", &stored(&checked(json))).unwrap()["body"].clone()
}

#[test]
fn a_meal_that_would_make_it_another_kind_is_not_written() {
    for (meal, written) in [
        ("before lunch", Some("before lunch")),
        ("fasting", None),
        ("2 hours postprandial", None),
    ] {
        let body = exported(&json!({
            "type": "glucose_random", "value": 6.1, "unit": "mmol/L",
            "effective_at": "2026-11-20T08:00:00+08:00", "context": { "meal": meal },
        }));
        let found = body.get("temporal_relationship_to_meal");
        assert_eq!(found.and_then(Value::as_str), written, "{meal}");
    }
}

#[test]
fn physical_activity_names_the_activity() {
    for (kind, unit, name) in [
        ("steps", "{steps}", "walking"),
        ("active_minutes", "min", "physical activity"),
    ] {
        let body = exported(&json!({
            "type": kind, "value": 30, "unit": unit,
            "effective_at": "2026-11-20T08:00:00+08:00",
        }));
        assert_eq!(body["activity_name"], name);
    }
}

proptest! {
    #[test]
    fn a_reading_survives_being_a_data_point(json in any_reading()) {
        let before = checked(&json);
        let point = data_point("u1", &stored(&before)).unwrap();
        let after = readings(&point).unwrap();
        prop_assert_eq!(after.len(), 1);
        let after = checked(&after[0]);
        prop_assert_eq!(essence(&after), essence(&before));
    }

    #[test]
    fn any_json_is_read_or_refused(text in "\\PC{0,20}", name in "(heart-rate|blood-pressure|physical-activity|sleep-stage-summary)") {
        let mut point = point(&name, json!({ "heart_rate": text, "systolic_blood_pressure": [text], "effective_time_frame": { "time_interval": text } }));
        let _ = readings(&point);
        point["body"]["effective_time_frame"] = json!({ "time_interval": { "start_date_time": text, "duration": { "value": 1e300, "unit": "wk" } } });
        let _ = readings(&point);
    }
}
