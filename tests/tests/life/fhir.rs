//! FHIR R4 and Open mHealth, as clients that others wrote see them.

use suoke_health::catalogue::{self, ReadingType, Shape};

use super::clients::{python, script};
use super::*;

const EMAIL: &str = "fang@example.com";

/// One plausible reading of a kind.
fn reading(kind: &ReadingType, minute: usize) -> Value {
    let middle = |at: usize| {
        let warn = kind.metrics[at].warn;
        (warn.min + warn.max) / 2.0
    };
    let mut reading = json!({
        "type": kind.key,
        "effective_at": format!("2026-03-01T08:{minute:02}:00.500+08:00"),
        "client_id": format!("{}-1", kind.key),
        "device_id": "watch",
        "source": "apple_health",
        "context": { "activity": "rest", "site": "axillary" },
    });
    let samples: Vec<u32> = (0..500).map(|at| at % 50).collect();
    match kind.shape {
        Shape::Panel => {
            reading["components"] = json!({ "systolic": 150, "diastolic": 85 });
            reading["unit"] = kind.unit.into();
        }
        Shape::Waveform => {
            let unit = if kind.key == "ecg_waveform" {
                "mV"
            } else {
                "{adc}"
            };
            reading["data"] =
                json!({ "frequency_hz": 125, "unit": unit, "factor": 0.01, "samples": samples });
        }
        Shape::Summary | Shape::Scalar => {
            reading["value"] = middle(0).into();
            reading["unit"] = kind.unit.into();
        }
    }
    if kind.shape == Shape::Summary {
        reading["data"] = json!({ "qrs_ms": 92, "qt_ms": 390, "conclusion": "sinus_rhythm" });
    }
    if kind.key.starts_with("sleep") || kind.key == "steps" {
        reading["end_at"] = format!("2026-03-01T09:{minute:02}:00.500+08:00").into();
    }
    reading
}

struct Person {
    id: String,
    token: String,
}

async fn person(life: &Life) -> Person {
    let body = json!({ "email": EMAIL, "password": "correct horse 1", "name": "王芳" });
    let registered = life
        .post("/api/v1/users/register", None, &body)
        .await
        .expect(201)
        .json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Person {
        id: text(&registered["user"]["user_id"]),
        token: text(&registered["access_token"]),
    }
}

#[tokio::test]
async fn fhir_resources_parses_what_we_say_of_every_kind() {
    fhir_resources_parses_every_kind(&Life::embedded().await).await;
}

#[tokio::test]
async fn fhir_resources_parses_what_we_say_of_every_kind_on_postgresql() {
    fhir_resources_parses_every_kind(&Life::with_postgres().await).await;
}

async fn fhir_resources_parses_every_kind(life: &Life) {
    let person = person(life).await;
    let readings: Vec<Value> = catalogue::all()
        .iter()
        .zip(0..)
        .map(|(kind, minute)| reading(kind, minute))
        .collect();
    let batch = json!({ "readings": readings });
    let outcome = life
        .post("/api/v1/health/readings:batch", Some(&person.token), &batch)
        .await
        .expect(200)
        .json();
    assert_eq!(outcome["accepted"], readings.len(), "{outcome}");
    let kinds: Vec<&str> = catalogue::all().iter().map(|kind| kind.key).collect();
    let environment = [
        ("BASE_URL", life.host.url()),
        ("ACCESS_TOKEN", &person.token),
        ("USER_ID", &person.id),
        ("KINDS", &kinds.join(",")),
    ];
    let written = python(&[&script("fhir_resources.py")], &environment).await;
    assert!(written.contains("all parsed"), "{written}");
}

#[tokio::test]
async fn fhirpy_creates_finds_corrects_and_deletes() {
    fhirpy_works_on_observations(&Life::embedded().await).await;
}

#[tokio::test]
async fn fhirpy_creates_finds_corrects_and_deletes_on_postgresql() {
    let life = Life::with_postgres().await;
    fhirpy_works_on_observations(&life).await;
    assert_eq!(life.outside_of_months().await, 0);
}

async fn fhirpy_works_on_observations(life: &Life) {
    let person = person(life).await;
    let environment = [
        ("BASE_URL", life.host.url()),
        ("ACCESS_TOKEN", &person.token),
        ("USER_ID", &person.id),
    ];
    let written = python(&[&script("fhir_client.py")], &environment).await;
    assert!(
        written.contains("created, found, corrected, deleted"),
        "{written}"
    );
}

#[tokio::test]
async fn data_points_of_open_mhealth_go_in_and_come_out() {
    data_points_go_in_and_come_out(&Life::embedded().await).await;
}

#[tokio::test]
async fn data_points_of_open_mhealth_go_in_and_come_out_on_postgresql() {
    let life = Life::with_postgres().await;
    data_points_go_in_and_come_out(&life).await;
    assert_eq!(life.outside_of_months().await, 0);
}

async fn data_points_go_in_and_come_out(life: &Life) {
    let person = person(life).await;
    let point = json!({
        "header": {
            "id": "243c773b-8936-407e-9c23-270d0ea49cc4",
            "creation_date_time": "2026-03-01T08:00:00Z",
            "schema_id": { "namespace": "omh", "name": "blood-pressure", "version": "3.0" },
            "acquisition_provenance": { "source_name": "cuff", "modality": "sensed" },
        },
        "body": {
            "systolic_blood_pressure": { "value": 118, "unit": "mmHg" },
            "diastolic_blood_pressure": { "value": 76, "unit": "mmHg" },
            "effective_time_frame": { "date_time": "2026-03-01T08:00:00.000+08:00" },
        },
    });
    let path = "/api/v1/health/omh";
    let send = async |body: &Value| {
        life.post(path, Some(&person.token), body)
            .await
            .expect(200)
            .json()
    };
    assert_eq!(counts(&send(&point).await), (1, 0, 0));
    assert_eq!(counts(&send(&point).await), (0, 1, 0));
    let shown = life
        .get(&format!("{path}?type=blood_pressure"), &person.token)
        .await
        .expect(200)
        .json();
    assert_eq!(shown["data_points"][0]["body"], point["body"]);
    assert_eq!(counts(&send(&shown).await), (0, 1, 0));
    assert_eq!(life.readings(&person.token).await.len(), 1);
}

/// What the gateway and the function say is told to FHIR clients as they know it.
#[tokio::test]
async fn failures_are_outcomes() {
    let life = Life::embedded().await;
    let person = person(&life).await;
    life.host.get("/fhir/metadata").await.expect(200);
    let nobody = life.host.get("/fhir/Observation").await;
    assert_eq!(nobody.status, 401);
    assert_eq!(nobody.json()["resourceType"], "OperationOutcome");
    let other = "018f0000-0000-7000-8000-000000000001";
    for (path, status) in [
        ("/fhir/Nothing".to_owned(), 404),
        (format!("/fhir/Patient/{other}"), 404),
        (format!("/fhir/Observation?patient={other}"), 403),
        ("/fhir/Observation?date=soon".to_owned(), 400),
        ("/fhir".to_owned(), 405),
    ] {
        let answer = life.get(&path, &person.token).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/fhir+json");
        assert_eq!(answer.json()["resourceType"], "OperationOutcome");
    }
}
