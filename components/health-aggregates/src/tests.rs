//! Answers from a store, and queries that are wrong.

use futures::executor::block_on;
use serde_json::{Value, json};
use suoke_guest::{ApiError, Request};
use suoke_health::catalogue::find;
use suoke_store::{Database, Sql, params};

use super::*;

fn ms(text: &str) -> i64 {
    suoke_guest::clock::parse_rfc3339(text).unwrap()
}

/// A day of Shanghai with these readings, as the aggregation writes it.
async fn add_day(db: &Database, metric: &str, noon: &str, values: &[i64]) {
    use suoke_health::calendar::Calendar;
    use suoke_health::day::{Sample, figures_of};
    let noon_ms = ms(noon);
    let day = Calendar::new("Asia/Shanghai".parse().unwrap()).day_of(noon_ms);
    let samples: Vec<Sample> = (0..)
        .zip(values)
        .map(|(at, value)| Sample {
            at_ms: noon_ms + at * 60_000,
            value: value * 1_000,
            value2: None,
            rank: 0,
        })
        .collect();
    for found in figures_of(find(metric).unwrap(), &samples, &[day]) {
        let figures = &found.figures;
        let (first, last) = figures.ends.unwrap();
        db.execute(
            "INSERT INTO days (user_id, metric, day_ms, end_ms, count, min_milli, max_milli, \
             sum_milli, p50_milli, p95_milli, first_milli, last_milli, in_range_ms, below_ms, \
             above_ms, covered_ms, computed_ms, distribution, series) \
             VALUES ('u', ?1, ?2, ?3, 0, 0, 0, 0, 0, 0, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?10, ?11)",
            params![
                metric,
                day.start_ms,
                day.end_ms,
                first,
                last,
                figures.held.in_ms,
                figures.held.below_ms,
                figures.held.above_ms,
                noon_ms,
                figures.distribution.pack(),
                suoke_health::figures::pack(&found.series)
            ],
        )
        .await
        .unwrap();
    }
}

async fn add_reading(
    db: &Database,
    kind: &str,
    at_ms: i64,
    value: i64,
    value2: Option<i64>,
    context: &str,
) {
    let id = format!("{kind}{at_ms}");
    db.execute(
        "INSERT INTO readings (user_id, id, device_id, client_id, type, value_milli, value2_milli, \
         original_unit, effective_ms, offset_minutes, context, quality, source, created_ms, changed_ms) \
         VALUES ('u', ?1, '', '', ?2, ?3, ?4, '', ?5, 0, ?6, 'ok', '', 0, 0)",
        params![&id, kind, value * 1_000, value2.map(|value| value * 1_000), at_ms, context],
    )
    .await
    .unwrap();
}

fn asked(query: &str, now: &str) -> Result<asked::Buckets, ApiError> {
    let request = Request::new("GET", &format!("/api/v1/health/aggregates?{query}"));
    let asked: asked::Aggregates = request.query()?;
    asked.check(ms(now))
}

async fn aggregates(db: &Database, user_id: &str, query: &str) -> Value {
    let asked = asked(query, "2026-03-10T12:00:00Z").unwrap();
    serde_json::to_value(aggregates::shown(db, user_id, &asked).await.unwrap()).unwrap()
}

async fn trends(db: &Database, kind: &str, days: u32, now: &str) -> Value {
    let shown = trends::shown(db, "u", find(kind).unwrap(), days, ms(now)).await;
    serde_json::to_value(shown.unwrap()).unwrap()
}

fn refused(error: &ApiError) -> (u16, String, String) {
    let field = error
        .errors()
        .first()
        .map(|error| error.field.clone())
        .unwrap_or_default();
    let code = error
        .errors()
        .first()
        .map(|error| error.code.to_string())
        .unwrap_or_default();
    (error.status(), field, code)
}

#[test]
fn wrong_queries_name_what_is_wrong() {
    for (query, field, code) in [
        ("type=aura", "type", "unknown_type"),
        ("type=spo2&resolution=1y", "resolution", "invalid_value"),
        ("type=spo2&from=yesterday", "from", "invalid_timestamp"),
        (
            "type=spo2&to=2026-01-01T00:00:00",
            "to",
            "invalid_timestamp",
        ),
        (
            "type=spo2&from=2026-03-02T00:00:00Z&to=2026-03-02T00:00:00Z",
            "from",
            "invalid_value",
        ),
        (
            "type=spo2&from=2026-02-01T00:00:00Z&to=2026-03-02T00:00:00Z",
            "from",
            "span_too_long",
        ),
        (
            "type=spo2&resolution=1mo&from=2001-02-01T00:00:00Z&to=2026-03-02T00:00:00Z",
            "from",
            "span_too_long",
        ),
    ] {
        let error = asked(query, "2026-03-10T12:00:00Z").unwrap_err();
        assert_eq!(
            refused(&error),
            (400, field.to_owned(), code.to_owned()),
            "{query}"
        );
    }
    for query in ["", "resolution=1d", "type=spo2&colour=red"] {
        assert_eq!(
            asked(query, "2026-03-10T12:00:00Z").unwrap_err().status(),
            400,
            "{query}"
        );
    }
    for (query, status) in [
        ("type=spo2&days=1", 400),
        ("type=spo2&days=367", 400),
        ("type=spo2&days=x", 400),
        ("type=aura", 400),
    ] {
        let request = Request::new("GET", &format!("/api/v1/health/trends?{query}"));
        let checked = request
            .query::<asked::Trends>()
            .and_then(|asked| asked.check());
        assert_eq!(checked.unwrap_err().status(), status, "{query}");
    }
}

#[test]
fn only_operators_ask_for_others() {
    let path = "/api/v1/health/trends?type=spo2";
    let with = |roles: &str, user: &str| {
        let request = Request::new("GET", &format!("{path}&user_id={user}"))
            .with_header("x-user-id", "me")
            .with_header("x-user-roles", roles)
            .with_header("x-token-expires-at", "1700000000")
            .with_header("x-auth-method", "jwt");
        look(&request, 0)
            .map(|look| (look.by, look.user_id))
            .map_err(|error| error.status())
    };
    let about = |user: &str| Ok(("me".to_owned(), user.to_owned()));
    assert_eq!(with("user", "me"), about("me"));
    assert_eq!(with("user", "other"), Err(403));
    assert_eq!(with("operator", "other"), about("other"));
    let nobody = look(&Request::new("GET", path), 0);
    assert_eq!(nobody.err().map(|error| error.status()), Some(401));
}

#[test]
fn buckets_are_whole_and_on_the_clock_of_the_person() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        add_day(
            &db,
            "heart_rate",
            "2026-03-01T12:00:00+08:00",
            &[72, 75, 71, 78, 110, 69, 74],
        )
        .await;
        add_day(&db, "heart_rate", "2026-03-02T12:00:00+08:00", &[60]).await;
        let day = aggregates(&db, "u", "type=heart_rate&resolution=1d&from=2026-03-01T20:00:00%2B08:00&to=2026-03-01T21:00:00%2B08:00").await;
        assert_eq!(day["from"], "2026-03-01T00:00:00.000+08:00");
        assert_eq!(day["to"], "2026-03-02T00:00:00.000+08:00");
        assert_eq!(
            (&day["buckets"][0]["p95"], &day["buckets"][0]["count"]),
            (&json!(100.4), &json!(7))
        );
        assert_eq!(day["buckets"].as_array().unwrap().len(), 1);
        assert_eq!(day["computed_at"], "2026-03-01T04:00:00.000Z");
        assert_eq!(
            (&day["pending"], &day["timezone"]),
            (&json!(false), &json!("Asia/Shanghai"))
        );
        let pieces = aggregates(
            &db,
            "u",
            "type=heart_rate&from=2026-03-01T12:05:00%2B08:00&to=2026-03-01T12:06:00%2B08:00",
        )
        .await;
        assert_eq!(pieces["buckets"].as_array().unwrap().len(), 1);
        assert_eq!(pieces["buckets"][0]["first"], 69.0);
        let weeks = aggregates(
            &db,
            "u",
            "type=heart_rate&resolution=1w&from=2026-03-01T12:00:00Z",
        )
        .await;
        let counts: Vec<_> = weeks["buckets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|week| week["count"].clone())
            .collect();
        assert_eq!(counts, [7, 1]);
        let months = aggregates(
            &db,
            "u",
            "type=heart_rate&resolution=1mo&from=2026-03-01T12:00:00Z",
        )
        .await;
        assert_eq!(
            (&months["buckets"][0]["count"], &months["buckets"][0]["min"]),
            (&json!(8), &json!(60.0))
        );
        let others = aggregates(
            &db,
            "v",
            "type=heart_rate&resolution=1mo&from=2026-03-01T12:00:00Z",
        )
        .await;
        assert_eq!(
            (&others["buckets"], others.get("computed_at")),
            (&json!([]), None)
        );
    });
}

#[test]
fn marks_inside_of_the_span_are_told() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        let at_ms = ms("2026-03-01T12:00:00+08:00");
        let text = "INSERT INTO dirty_days VALUES ('u', 'spo2', ?1, ?2, ?2, 0)";
        db.execute(text, params![at_ms / 86_400_000, at_ms])
            .await
            .unwrap();
        for (query, pending) in [
            (
                "type=spo2&from=2026-03-01T20:00:00%2B08:00&to=2026-03-01T21:00:00%2B08:00",
                true,
            ),
            (
                "type=spo2&from=2026-03-02T00:00:00%2B08:00&to=2026-03-02T21:00:00%2B08:00",
                false,
            ),
            (
                "type=spo2&resolution=1mo&from=2026-03-30T00:00:00%2B08:00&to=2026-03-30T21:00:00%2B08:00",
                true,
            ),
            (
                "type=heart_rate&from=2026-03-01T20:00:00%2B08:00&to=2026-03-01T21:00:00%2B08:00",
                false,
            ),
        ] {
            assert_eq!(
                aggregates(&db, "u", query).await["pending"],
                json!(pending),
                "{query}"
            );
        }
    });
}

#[test]
fn a_trend_comes_from_daily_figures() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        for (day, value) in (1..).zip([82, 81, 80, 79, 78, 77, 76, 75, 74, 73]) {
            add_day(
                &db,
                "body_weight",
                &format!("2026-03-{day:02}T12:00:00+08:00"),
                &[value],
            )
            .await;
        }
        let found = trends(&db, "body_weight", 10, "2026-03-10T13:00:00+08:00").await;
        let metric = &found["metrics"][0];
        assert_eq!(metric["points"].as_array().unwrap().len(), 10);
        assert_eq!(
            metric["points"][0],
            json!({"day": "2026-03-01", "value": 82.0})
        );
        assert_eq!(
            (&metric["trend"]["direction"], &metric["trend"]["days"]),
            (&json!("falling"), &json!(10))
        );
        assert!((metric["trend"]["slope"]["per_day"].as_f64().unwrap() + 1.0).abs() < 1e-9);
        // Eight days ended a day ago: 82 to 75.
        assert_eq!(metric["baseline"]["median"], 78.5);
        assert_eq!(
            (
                &metric["deviation"]["value"],
                &metric["deviation"]["change"]
            ),
            (&json!(73.0), &json!(-5.5))
        );
        assert_eq!(metric["deviation"]["level"], "usual");
    });
}

#[test]
fn nothing_measured_has_no_trend() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        let found = trends(&db, "blood_pressure", 28, "2026-03-10T13:00:00+08:00").await;
        assert_eq!(
            found["metrics"][1],
            json!({"metric": "diastolic", "points": [], "trend": null, "baseline": null, "deviation": null})
        );
        assert_eq!(
            (&found["figures"], &found["pending"]),
            (&json!({}), &json!(false))
        );
    });
}

#[test]
fn steps_of_today_are_not_a_day_yet() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        add_day(&db, "steps", "2026-03-09T12:00:00+08:00", &[3_000, 5_000]).await;
        add_day(&db, "steps", "2026-03-10T12:00:00+08:00", &[100]).await;
        let found = trends(&db, "steps", 28, "2026-03-10T13:00:00+08:00").await;
        assert_eq!(
            found["metrics"][0]["points"],
            json!([{"day": "2026-03-09", "value": 8_000.0}])
        );
    });
}

#[test]
fn glucose_has_its_indicator() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        add_day(&db, "glucose_cgm", "2026-03-10T12:00:00+08:00", &[8, 9]).await;
        let found = trends(&db, "glucose_cgm", 28, "2026-03-10T13:00:00+08:00").await;
        assert_eq!(found["figures"]["glucose"]["gmi_percent"], 6.973013);
        assert_eq!(found["figures"]["glucose"]["is_sufficient"], false);
        assert_eq!(found["figures"]["glucose"]["targets"], Value::Null);
    });
}

#[test]
fn pressure_has_its_mean_at_home_and_no_dip_from_there() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        for day in 4..10 {
            for hour in [1, 2, 7, 9, 12, 21] {
                let systolic = if hour < 6 { 102 } else { 120 };
                let at_ms = ms(&format!("2026-03-{day:02}T{hour:02}:00:00+08:00"));
                add_reading(&db, "blood_pressure", at_ms, systolic, Some(80), "\"home\"").await;
            }
        }
        let found = trends(&db, "blood_pressure", 28, "2026-03-10T13:00:00+08:00").await;
        assert_eq!(found["figures"].get("nocturnal_dip"), None);
        let home = json!({"systolic": 114.0, "diastolic": 80.0, "readings": 30, "days": 5});
        assert_eq!(found["figures"]["home_mean"], home);
    });
}

#[test]
fn an_ambulatory_recording_has_its_dip() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        for minutes in (0..24 * 60).step_by(40) {
            let at_ms = ms("2026-03-08T06:00:00+08:00") + minutes * 60_000;
            let (systolic, context) = if minutes < 16 * 60 {
                (120, r#"{"setting":"ambulatory_day"}"#)
            } else {
                (102, "\"ambulatory_night\"")
            };
            add_reading(&db, "blood_pressure", at_ms, systolic, Some(70), context).await;
            // What is measured at home beside it does not count.
            let at_ms = at_ms + 60_000;
            add_reading(&db, "blood_pressure", at_ms, 180, Some(70), "\"home\"").await;
        }
        let found = trends(&db, "blood_pressure", 28, "2026-03-10T13:00:00+08:00").await;
        let dip =
            json!({"percent": 15.0, "class": "dipper", "day_readings": 24, "night_readings": 12});
        assert_eq!(found["figures"]["nocturnal_dip"], dip);
    });
}

#[test]
fn nights_go_from_noon_to_noon() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        for (at, minutes) in [
            ("2026-03-08T23:00:00+08:00", 400),
            ("2026-03-10T00:30:00+08:00", 420),
            ("2026-03-10T23:30:00+08:00", 425),
            ("2026-03-11T23:30:00+08:00", 60),
        ] {
            add_reading(&db, "sleep_duration", ms(at), minutes, None, "null").await;
        }
        // Stored days begin at midnight.
        add_day(&db, "sleep_duration", "2026-03-10T12:00:00+08:00", &[845]).await;
        let found = trends(&db, "sleep_duration", 28, "2026-03-12T06:00:00+08:00").await;
        assert_eq!(
            found["metrics"][0]["points"],
            json!([
                {"day": "2026-03-09", "value": 400.0},
                {"day": "2026-03-10", "value": 420.0},
                {"day": "2026-03-11", "value": 425.0}
            ])
        );
        assert_eq!(found["pending"], false);
    });
}

#[test]
fn two_weeks_of_glucose_have_the_targets_of_the_consensus() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        // Of 20 hours a day one is very low and one very high.
        let mut values = vec![0_i64; 20 * 60];
        for (minute, value) in values.iter_mut().enumerate() {
            *value = match minute {
                0..60 => 2,
                60..120 => 15,
                _ => 6,
            };
        }
        for day in 1..14 {
            let begin = format!("2026-03-{day:02}T00:00:00+08:00");
            add_day(&db, "glucose_cgm", &begin, &values).await;
        }
        let found = trends(&db, "glucose_cgm", 28, "2026-03-14T01:00:00+08:00").await;
        let targets = &found["figures"]["glucose"]["targets"];
        let of = |code: &str| {
            let mut all = targets.as_array().unwrap().iter();
            let found = all.find(|target| target["code"] == code).unwrap();
            (found["value"].as_f64().unwrap(), found["is_met"] == true)
        };
        assert_eq!(of("tbr_3_0"), (5.0, false));
        assert_eq!(of("tar_13_9"), (5.0, false));
        assert!(of("tir").1 && of("tar_10_0").1 && !of("tbr_3_9").1);
        assert_eq!(of("cv"), (35.009_693, true));
    });
}

#[test]
fn the_pulse_at_rest_is_that_of_the_newest_day() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        add_day(&db, "heart_rate", "2026-03-09T12:00:00+08:00", &[90]).await;
        for minute in 0..41 {
            let at_ms = ms("2026-03-09T02:00:00+08:00") + minute * 60_000;
            add_reading(
                &db,
                "heart_rate",
                at_ms,
                50 + minute,
                None,
                r#"{"activity":"rest"}"#,
            )
            .await;
        }
        let found = trends(&db, "heart_rate", 28, "2026-03-10T13:00:00+08:00").await;
        assert_eq!(
            found["figures"]["resting_heart_rate"],
            json!({"day": "2026-03-09", "value": 52.0})
        );
    });
}

#[test]
fn sleep_whose_end_was_sent_has_its_efficiency() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        let night = |day: u32| ms(&format!("2026-03-{day:02}T23:00:00+08:00"));
        for day in 5..8 {
            add_reading(&db, "sleep_duration", night(day), 384, None, "null").await;
        }
        let found = trends(&db, "sleep_duration", 28, "2026-03-10T13:00:00+08:00").await;
        assert_eq!(found["figures"].get("sleep_efficiency"), None);
        // Eight hours in bed, and an end that was computed.
        for (day, minutes) in [(5, 480), (6, 480), (7, 384)] {
            let text = "UPDATE readings SET end_ms = ?1 WHERE effective_ms = ?2";
            let values = params![night(day) + minutes * 60_000, night(day)];
            db.execute(text, values).await.unwrap();
        }
        let found = trends(&db, "sleep_duration", 28, "2026-03-10T13:00:00+08:00").await;
        assert_eq!(
            found["figures"]["sleep_efficiency"],
            json!({"percent": 80.0, "class": "inefficient", "nights": 2})
        );
    });
}

#[test]
fn regular_sleep_has_a_small_deviation() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        for (day, start) in [(4, "23:00"), (5, "23:30"), (6, "22:30")] {
            let at_ms = ms(&format!("2026-03-{day:02}T{start}:00+08:00"));
            add_reading(&db, "sleep_duration", at_ms, 480, None, "null").await;
            // A nap does not count beside the night.
            add_reading(
                &db,
                "sleep_duration",
                at_ms - 10 * 3_600_000,
                30,
                None,
                "null",
            )
            .await;
        }
        let found = trends(&db, "sleep_duration", 28, "2026-03-10T13:00:00+08:00").await;
        assert_eq!(found["figures"]["sleep_regularity_minutes"], 30.0);
    });
}

fn asked_by(user: &str, target: &str) -> Request {
    Request::new("GET", target)
        .with_header("x-user-id", user)
        .with_header("x-user-roles", "operator")
        .with_header("x-token-expires-at", "1900000000")
        .with_header("x-auth-method", "jwt")
}

async fn seen(db: &mut Database, request: &Request) -> Result<Reply, ApiError> {
    let now_ms = ms("2026-03-10T13:00:00+08:00");
    answer(db, request, &look(request, now_ms)?, now_ms).await
}

/// Who looked at what of whom.
async fn noted(db: &Database) -> Vec<Value> {
    let text = "SELECT payload FROM event_outbox ORDER BY position";
    let payloads: Vec<String> = db.query(text, params![]).await.unwrap();
    let events = payloads.iter().map(|text| {
        let event: Value = serde_json::from_str(text).unwrap();
        assert_eq!(event["type"], "health.data.accessed");
        event["data"].clone()
    });
    events.collect()
}

#[test]
fn whoever_looks_at_somebody_else_is_noted_before_the_answer() {
    block_on(async {
        let mut db = Database::open_in_memory("health").await.unwrap();
        for route in ["aggregates", "trends"] {
            let path = format!("/api/v1/health/{route}");
            for user in ["", "&user_id=a1"] {
                let own = asked_by("a1", &format!("{path}?type=heart_rate{user}"));
                seen(&mut db, &own).await.unwrap();
            }
            assert_eq!(noted(&db).await, Vec::<Value>::new());
            let other = asked_by("a1", &format!("{path}?type=heart_rate&user_id=u"));
            seen(&mut db, &other).await.unwrap();
            let expected = json!({"user_id": "u", "by": "a1", "resource": path});
            assert_eq!(noted(&db).await, [expected]);
            db.execute("DELETE FROM event_outbox", params![])
                .await
                .unwrap();
        }
    });
}

#[test]
fn what_cannot_be_noted_is_not_shown() {
    block_on(async {
        let mut db = Database::open_in_memory("health").await.unwrap();
        db.execute("DROP TABLE event_outbox", params![])
            .await
            .unwrap();
        for route in ["aggregates", "trends"] {
            let path = format!("/api/v1/health/{route}?type=heart_rate");
            let other = asked_by("a1", &format!("{path}&user_id=u"));
            let refused = seen(&mut db, &other).await.unwrap_err();
            assert_eq!(refused.status(), 503);
            assert!(refused.header_value("retry-after").is_some());
            assert!(seen(&mut db, &asked_by("a1", &path)).await.is_ok());
        }
    });
}
