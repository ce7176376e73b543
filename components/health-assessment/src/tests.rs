//! Newest readings with their classes, what is usual, and who may look.

use futures::executor::block_on;
use serde_json::Value;
use suoke_health::distribution::Distribution;
use suoke_identity::caller::headers;
use suoke_store::params;

use super::*;

/// Some instant.
const NOW_MS: i64 = 1_800_000_000_000;
const DAY_MS: i64 = 86_400_000;

async fn measure(db: &Database, kind: &str, value: i64, value2: Option<i64>, ago_ms: i64) {
    let text = "INSERT INTO readings (user_id, id, device_id, client_id, type, value_milli, \
         value2_milli, original_unit, effective_ms, offset_minutes, quality, status, source, \
         source_rank, shadowed, created_ms, changed_ms) \
         VALUES ('u1', ?1, '', '', ?2, ?3, ?4, 'x', ?5, 0, 'ok', 'final', '', 0, 0, 1, 1)";
    let (id, second) = (format!("{kind}{ago_ms}"), value2.map(|value| value * 1000));
    let values = params![id, kind, value * 1000, second, NOW_MS - ago_ms];
    db.execute(text, values).await.unwrap();
}

async fn day(db: &Database, ago: i64, value: i64) {
    let text = "INSERT INTO days (user_id, metric, day_ms, end_ms, count, min_milli, max_milli, \
         sum_milli, p50_milli, p95_milli, first_milli, last_milli, in_range_ms, below_ms, \
         above_ms, covered_ms, computed_ms, distribution, series) \
         VALUES ('u1', 'heart_rate', ?1, ?2, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, ?3, '')";
    let start_ms = NOW_MS - ago * DAY_MS;
    let packed = Distribution::of(vec![value * 1000]).pack();
    db.execute(text, params![start_ms, start_ms + DAY_MS, packed])
        .await
        .unwrap();
}

async fn shown(db: &Database, user: &str) -> Value {
    let request = Request::new("GET", "/x");
    let reply = answer(db, &request, user, NOW_MS).await.unwrap();
    serde_json::from_slice(reply.body_bytes()).unwrap()
}

#[test]
fn somebody_below_eighteen_is_told_that_the_rules_of_adults_do_not_apply() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        measure(&db, "blood_pressure", 150, Some(85), 0).await;
        measure(&db, "glucose_random", 2, None, 0).await;
        assert!(shown(&db, "u1").await.get("notice").is_none());
        // Twelve years old then.
        let text = "INSERT INTO profiles (user_id, birth_date, rules, version, changed_ms) \
             VALUES ('u1', '2014-06-01', '{}', 1, 1)";
        db.execute(text, params![]).await.unwrap();
        let found = shown(&db, "u1").await;
        assert!(found["notice"].as_str().unwrap().contains("18"));
        let vitals = found["vitals"].as_array().unwrap();
        assert_eq!(vitals[0]["classes"].as_array().unwrap().len(), 0);
        assert_eq!(vitals[1]["classes"][0]["code"], "hypoglycaemia_2");
        assert_eq!(vitals[1]["classes"][0]["rule_set"], "any-age");
    });
}

#[test]
fn newest_readings_are_classified_and_compared_with_what_is_usual() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        for ago in 3..12 {
            day(&db, ago, 60 + ago % 3).await;
        }
        measure(&db, "heart_rate", 60, None, 2_000).await;
        measure(&db, "heart_rate", 110, None, 1_000).await;
        measure(&db, "blood_pressure", 150, Some(85), 0).await;
        let found = shown(&db, "u1").await;
        let vitals = found["vitals"].as_array().unwrap();
        assert_eq!(vitals.len(), 2);
        assert_eq!(vitals[0]["classes"][0]["code"], "grade_1");
        assert_eq!(vitals[0]["components"]["diastolic"], 85.0);
        assert_eq!(vitals[1]["value"], 110.0);
        assert_eq!(vitals[1]["deviations"][0]["level"], "abnormal");
        assert!(found.get("news2").is_none());
        assert_eq!(shown(&db, "u2").await["vitals"], serde_json::json!([]));
    });
}

#[test]
fn the_score_comes_with_four_vital_signs() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        measure(&db, "blood_pressure", 120, Some(80), 0).await;
        measure(&db, "heart_rate", 95, None, 0).await;
        measure(&db, "spo2", 95, None, 0).await;
        measure(&db, "respiratory_rate", 16, None, 3_600_000).await;
        let found = shown(&db, "u1").await;
        assert_eq!(found["news2"]["total"], 2);
        assert_eq!(found["news2"]["missing"][0], "body_temperature");
    });
}

#[test]
fn the_score_takes_the_newest_of_the_hour_that_is_usable() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        measure(&db, "blood_pressure", 120, Some(80), 0).await;
        measure(&db, "spo2", 98, None, 0).await;
        measure(&db, "respiratory_rate", 16, None, 0).await;
        measure(&db, "body_temperature", 30, None, 0).await;
        let text = "UPDATE readings SET quality = 'implausible' WHERE type = 'body_temperature'";
        db.execute(text, params![]).await.unwrap();
        assert!(shown(&db, "u1").await.get("news2").is_none());
        measure(&db, "body_temperature", 40, None, 3_600_001).await;
        assert!(shown(&db, "u1").await.get("news2").is_none());
        measure(&db, "body_temperature", 37, None, 3_600_000).await;
        assert_eq!(shown(&db, "u1").await["news2"]["total"], 0);
        measure(&db, "body_temperature", 39, None, 60_000).await;
        let found = shown(&db, "u1").await;
        assert_eq!(found["news2"]["total"], 1);
        // What is shown is the newest, and said to be implausible.
        let vitals = found["vitals"].as_array().unwrap();
        let shown = vitals.iter().find(|it| it["type"] == "body_temperature");
        assert_eq!(shown.unwrap()["is_implausible"], true);
    });
}

#[test]
fn only_operators_look_at_somebody_else() {
    let ask = |roles: &str, query: &str| {
        let request = Request::new("GET", &format!("/x{query}"))
            .with_header(headers::USER_ID, "u1")
            .with_header(headers::USER_ROLES, roles)
            .with_header(headers::TOKEN_EXPIRES_AT, "1700000000")
            .with_header(headers::AUTH_METHOD, "jwt");
        block_on(suoke_guest::answer(request, route)).status()
    };
    assert_eq!(ask("user", "?user_id=u2"), 403);
    assert_eq!(ask("user", "?user=u2"), 400);
    let nobody = block_on(suoke_guest::answer(Request::new("GET", "/x"), route));
    assert_eq!(nobody.status(), 401);
}

#[test]
fn whoever_looks_at_somebody_else_is_noted_or_sees_nothing() {
    block_on(async {
        let mut db = Database::open_in_memory("health").await.unwrap();
        let request = Request::new("GET", "/x");
        let text = "SELECT payload FROM event_outbox";
        look(&mut db, &request, ("u1", "u1"), NOW_MS).await.unwrap();
        let none: Vec<String> = db.query(text, params![]).await.unwrap();
        assert_eq!(none.len(), 0);
        look(&mut db, &request, ("a1", "u1"), NOW_MS).await.unwrap();
        let event: String = db.query_one(text, params![]).await.unwrap();
        let event: Value = serde_json::from_str(&event).unwrap();
        assert_eq!(event["type"], "health.data.accessed");
        let expected = serde_json::json!({"user_id": "u1", "by": "a1", "resource": RESOURCE});
        assert_eq!(event["data"], expected);
        db.execute("DROP TABLE event_outbox", params![])
            .await
            .unwrap();
        let refused = look(&mut db, &request, ("a1", "u1"), NOW_MS).await;
        assert_eq!(refused.unwrap_err().status(), 503);
        let own = look(&mut db, &request, ("u1", "u1"), NOW_MS).await;
        assert!(own.is_ok());
    });
}
