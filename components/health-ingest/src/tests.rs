//! Readings over HTTP: taken in and listed.

use futures::executor::block_on;
use serde_json::{Value, json};
use suoke_health::submission::READINGS_MAX;
use suoke_store::{Sql, params};

use super::*;

/// 2026-01-01T00:00:00Z.
const NOW_MS: i64 = 1_767_225_600_000;

async fn database() -> Database {
    Database::open_in_memory(LABEL).await.unwrap()
}

fn pulse(value: u32, at: &str) -> Value {
    json!({"type": "heart_rate", "value": value, "unit": "bpm", "effective_at": at})
}

/// The instant so many seconds before the new year.
fn before(seconds: i64) -> String {
    clock::rfc3339(NOW_MS - seconds * 1_000)
}

async fn post(db: &mut Database, request: Request) -> (u16, Value) {
    match ingest(db, request, "u1", NOW_MS).await {
        Ok(reply) => (
            reply.status(),
            serde_json::from_slice(reply.body_bytes()).unwrap(),
        ),
        Err(error) => (error.status(), error.code().into()),
    }
}

async fn post_json(db: &mut Database, body: &Value) -> (u16, Value) {
    post(
        db,
        Request::new("POST", "/readings").with_json(&body.to_string()),
    )
    .await
}

async fn get(db: &Database, query: &str) -> Result<(Vec<i64>, Option<String>), (u16, String)> {
    let request = Request::new("GET", &format!("/readings?{query}"));
    let reply = list(db, &request, "u1").await;
    let reply = reply.map_err(|error| {
        let field = error.errors().first().map(|error| error.field.clone());
        (error.status(), field.unwrap_or_default())
    })?;
    let shown: Value = serde_json::from_slice(reply.body_bytes()).unwrap();
    let readings = shown["readings"].as_array().unwrap().iter();
    let values = readings.map(|reading| reading["value"].as_f64().unwrap() as i64);
    Ok((
        values.collect(),
        shown["next_cursor"].as_str().map(str::to_owned),
    ))
}

async fn rows(db: &Database) -> i64 {
    db.query_one("SELECT count(*) FROM readings", params![])
        .await
        .unwrap()
}

#[test]
fn a_batch_is_accepted_in_part() {
    block_on(async {
        let mut db = database().await;
        let mut correction = pulse(80, &before(1));
        let (_, first) = post_json(&mut db, &pulse(180, &before(1))).await;
        correction["supersedes"] = first["results"][0]["id"].clone();
        let mut conflict = pulse(60, &before(9));
        conflict["client_id"] = "c".into();
        post_json(&mut db, &conflict).await;
        conflict["value"] = 61.into();
        let readings = [
            pulse(70, &before(5)),
            pulse(180, &before(1)),
            correction,
            conflict,
            pulse(7_000, &before(4)),
            json!(17),
            pulse(71, "2026-01-01T00:05:00.001Z"),
            pulse(72, "1899-12-31T23:59:59Z"),
            pulse(73, "2025-12-31T23:00:00"),
            pulse(70, &before(5)),
        ];
        let (status, outcome) = post_json(&mut db, &json!({"readings": readings})).await;
        assert_eq!(status, 200);
        let counts = (
            &outcome["accepted"],
            &outcome["duplicated"],
            &outcome["rejected"],
        );
        assert_eq!(counts, (&json!(2), &json!(2), &json!(6)));
        let told: Vec<&str> = outcome["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|result| match result["error"]["code"].as_str() {
                Some(code) => code,
                None => result["status"].as_str().unwrap(),
            })
            .collect();
        assert_eq!(
            told,
            [
                "created",
                "duplicate",
                "updated",
                "value_conflict",
                "out_of_range",
                "invalid_type",
                "future_timestamp",
                "timestamp_too_old",
                "missing_offset",
                "duplicate",
            ]
        );
        let indexes: Vec<_> = outcome["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["index"].as_u64().unwrap())
            .collect();
        assert_eq!(indexes, (0..10).collect::<Vec<_>>());
    });
}

#[test]
fn one_reading_alone_is_refused_with_a_status() {
    block_on(async {
        let mut db = database().await;
        let mut reading = pulse(60, &before(9));
        reading["client_id"] = "c".into();
        assert_eq!(post_json(&mut db, &reading).await.0, 200);
        assert_eq!(post_json(&mut db, &reading).await.0, 200);
        reading["value"] = 61.into();
        assert_eq!(
            post_json(&mut db, &reading).await,
            (409, json!("value_conflict"))
        );
        reading["supersedes"] = "019a9ec0-6400-7000-8000-000000000000".into();
        assert_eq!(
            post_json(&mut db, &reading).await,
            (409, json!("not_correctable"))
        );
        assert_eq!(
            post_json(&mut db, &pulse(7_000, &before(1))).await,
            (422, json!("out_of_range"))
        );
        let tongue = json!({"type": "tongue", "value": 1, "unit": "1", "effective_at": before(1)});
        assert_eq!(
            post_json(&mut db, &tongue).await,
            (422, json!("unknown_type"))
        );
        assert_eq!(rows(&db).await, 1);
    });
}

#[test]
fn a_thousand_readings_are_the_most() {
    block_on(async {
        let mut db = database().await;
        let many = |count: usize| {
            let seconds = 1..=i64::try_from(count).unwrap();
            let readings: Vec<_> = seconds.map(|second| pulse(70, &before(second))).collect();
            json!({"readings": readings})
        };
        assert_eq!(
            post_json(&mut db, &many(READINGS_MAX + 1)).await,
            (413, json!("too_many_readings"))
        );
        assert_eq!(rows(&db).await, 0);
        let (status, outcome) = post_json(&mut db, &many(READINGS_MAX)).await;
        assert_eq!((status, &outcome["accepted"]), (200, &json!(1_000)));
        assert_eq!(
            post_json(&mut db, &json!({"readings": []})).await,
            (422, json!("empty_batch"))
        );
    });
}

#[test]
fn a_mebibyte_is_the_most() {
    block_on(async {
        let mut db = database().await;
        let padded = |size: usize| {
            let body = json!({"readings": [pulse(70, &before(1))]}).to_string();
            let body = format!("{body}{}", " ".repeat(size - body.len()));
            Request::new("POST", "/readings").with_json(&body)
        };
        let too_large = post(&mut db, padded(BODY_BYTES_MAX + 1)).await;
        assert_eq!(too_large, (413, json!("body_too_large")));
        assert_eq!(post(&mut db, padded(BODY_BYTES_MAX)).await.0, 200);
    });
}

#[test]
fn lines_are_readings_of_the_device_in_the_query() {
    block_on(async {
        let mut db = database().await;
        let lines = format!(
            "{}\n{{broken\n\n{}\n",
            pulse(70, &before(1)),
            pulse(71, &before(2))
        );
        let target = "/readings:batch?device_id=watch-1&source=fitbit";
        let request = Request::new("POST", target)
            .with_body("application/x-ndjson; charset=utf-8", lines.as_bytes());
        let (status, outcome) = post(&mut db, request).await;
        assert_eq!(
            (status, &outcome["accepted"], &outcome["rejected"]),
            (200, &json!(2), &json!(1))
        );
        assert_eq!(outcome["results"][1]["error"]["code"], "invalid_json");
        let device: Vec<String> = db
            .query(
                "SELECT device_id || source || source_rank FROM readings",
                params![],
            )
            .await
            .unwrap();
        assert_eq!(device, ["watch-1fitbit2", "watch-1fitbit2"]);
        for (media_type, body, expected) in [
            ("application/x-ndjson", "\n", (422, json!("empty_batch"))),
            ("text/csv", "a,b", (415, json!("unsupported_media_type"))),
        ] {
            let request = Request::new("POST", "/readings").with_body(media_type, body.as_bytes());
            assert_eq!(post(&mut db, request).await, expected);
        }
        let odd =
            Request::new("POST", "/readings?user_id=u2").with_body("application/ndjson", b"{}");
        assert_eq!(post(&mut db, odd).await.0, 400);
    });
}

#[test]
fn lists_show_what_is_asked_for() {
    block_on(async {
        let mut db = database().await;
        let mut readings: Vec<_> = (1..=5)
            .map(|second| pulse(60 + u32::try_from(second).unwrap(), &before(second)))
            .collect();
        let weight = json!({"type": "weight", "value": 70, "unit": "kg", "device_id": "scale",
            "effective_at": before(3)});
        readings.push(weight);
        post_json(&mut db, &json!({"readings": readings})).await;
        let (from, to) = (before(3), before(1));
        for (query, expected) in [
            ("type=heart_rate".to_owned(), vec![61, 62, 63, 64, 65]),
            (
                "type=pulse_rate,body_weight&device_id=scale".to_owned(),
                vec![70],
            ),
            (format!("type=heart_rate&from={from}&to={to}"), vec![62, 63]),
            ("device_id=scale&include=all".to_owned(), vec![70]),
            ("type=spo2".to_owned(), vec![]),
        ] {
            assert_eq!(get(&db, &query).await.unwrap(), (expected, None), "{query}");
        }
        let (page, next) = get(&db, "type=heart_rate&limit=3").await.unwrap();
        assert_eq!(page, [61, 62, 63]);
        let query = format!("type=heart_rate&limit=3&cursor={}", next.unwrap());
        assert_eq!(get(&db, &query).await.unwrap(), (vec![64, 65], None));
        for (query, field) in [
            ("type=nonsense", "type"),
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("cursor=x", "cursor"),
            ("include=some", "include"),
            ("from=2026-01-01", "from"),
            ("to=now", "to"),
            ("user_id=u2", "user_id"),
        ] {
            assert_eq!(
                get(&db, query).await.unwrap_err(),
                (400, field.to_owned()),
                "{query}"
            );
        }
    });
}
