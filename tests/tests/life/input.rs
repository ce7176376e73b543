//! Bad input: what is told about it, and that nothing is stored.

use super::*;

#[tokio::test]
async fn what_is_wrong_with_a_reading_is_named_and_nothing_is_stored() {
    let life = Life::embedded().await;
    let token = life.register("fang@example.com").await;
    let with = |key: &str, value: Value| {
        let mut reading = heart_rate(0, 72);
        reading[key] = value;
        reading
    };
    let without = |key: &str| {
        let mut reading = heart_rate(0, 72);
        reading.as_object_mut().unwrap().remove(key);
        reading
    };
    for (reading, code, field) in [
        (with("value", json!("72")), "invalid_type", "value"),
        (with("value", json!(1000)), "out_of_range", "value"),
        (with("value", json!(-1)), "out_of_range", "value"),
        (with("type", json!("luck")), "unknown_type", "type"),
        (with("unit", json!("kg")), "unknown_unit", "unit"),
        (
            with("effective_at", json!("yesterday")),
            "invalid_timestamp",
            "effective_at",
        ),
        (
            with("effective_at", json!("2026-03-01T08:00:00")),
            "missing_offset",
            "effective_at",
        ),
        (
            with("effective_at", json!("2999-03-01T08:00:00Z")),
            "future_timestamp",
            "effective_at",
        ),
        (with("colour", json!("red")), "unknown_field", "colour"),
        (without("value"), "missing_field", "value"),
        (without("effective_at"), "missing_field", "effective_at"),
        (
            blood_pressure(0, 500, 80),
            "out_of_range",
            "components.systolic",
        ),
        (
            blood_pressure(0, 80, 120),
            "systolic_not_above_diastolic",
            "components",
        ),
    ] {
        let answer = life
            .post("/api/v1/health/readings", Some(&token), &reading)
            .await;
        println!("{reading}");
        problem(&answer, 422, code, Some(field));
    }
    assert_eq!(life.readings(&token).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_batch_keeps_what_is_good_and_says_what_is_not() {
    let life = Life::embedded().await;
    let token = life.register("fang@example.com").await;
    let readings = json!({ "readings": [
        heart_rate(0, 72),
        heart_rate(1, 1000),
        heart_rate(0, 72),
        "no reading",
        blood_pressure(0, 120, 80),
    ] });
    let path = "/api/v1/health/readings:batch";
    let outcome = life
        .post(path, Some(&token), &readings)
        .await
        .expect(200)
        .json();
    assert_eq!(counts(&outcome), (2, 1, 2), "{outcome}");
    let statuses: Vec<&str> = outcome["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["status"].as_str().unwrap())
        .collect();
    assert_eq!(
        statuses,
        ["created", "rejected", "duplicate", "rejected", "created"]
    );
    assert_eq!(outcome["results"][1]["error"]["field"], "value");
    assert_eq!(life.readings(&token).await.len(), 2);

    let many = vec![heart_rate(0, 72); 1001];
    let answer = life
        .post(path, Some(&token), &json!({ "readings": many }))
        .await;
    problem(&answer, 413, "too_many_readings", Some("readings"));
    let answer = life
        .post(path, Some(&token), &json!({ "readings": [] }))
        .await;
    problem(&answer, 422, "empty_batch", Some("readings"));
    assert_eq!(life.readings(&token).await.len(), 2);
}

#[tokio::test]
async fn bodies_that_are_no_json_or_too_large_are_refused_everywhere() {
    let life = Life::embedded().await;
    let token = life.register("fang@example.com").await;
    for path in [
        "/api/v1/users/register",
        "/api/v1/auth/login",
        "/consultation",
        "/api/v1/consultations",
        "/api/v1/health/readings",
        "/api/v1/diagnosis/inquiry",
    ] {
        for broken in [&b""[..], b"{", b"}", b"{\"", b"nonsense", b"{\xff"] {
            let answer = life.post_bytes(path, Some(&token), broken).await;
            println!("{path} {broken:?}");
            problem(&answer, 400, "malformed_json", None);
        }
        let large = json!({ "text": "a".repeat(2 << 20) });
        let answer = life.post(path, Some(&token), &large).await;
        problem(&answer, 413, "body_too_large", None);
        let text = life
            .host
            .request("POST", path)
            .header("content-type", "text/plain");
        let text = text.header("authorization", format!("Bearer {token}"));
        let answer = life.host.send(text.body(whole("{}")).unwrap()).await;
        problem(&answer, 415, "unsupported_media_type", None);
    }
    let list = life
        .get("/api/v1/consultations", &token)
        .await
        .expect(200)
        .json();
    assert_eq!(list["consultations"], json!([]));
    assert_eq!(life.readings(&token).await, Vec::<Value>::new());
}

#[tokio::test]
async fn fields_of_the_wrong_kind_are_named() {
    let life = Life::embedded().await;
    let token = life.register("fang@example.com").await;
    let register = "/api/v1/users/register";
    let person = |key: &str, value: Value| {
        let mut person =
            json!({ "email": "li@example.com", "password": "correct horse 1", "name": "李" });
        person[key] = value;
        person
    };
    for (path, body, field) in [
        (register, person("email", json!("no address")), "email"),
        (register, person("email", json!(7)), "email"),
        (register, person("password", json!("short")), "password"),
        (
            register,
            person("password", json!("onlyletters")),
            "password",
        ),
        (register, person("name", json!("")), "name"),
        (register, person("roles", json!(["admin"])), "roles"),
        (
            "/api/v1/auth/login",
            json!({ "email": "fang@example.com" }),
            "password",
        ),
        (
            "/consultation",
            json!({ "chief_complaint": "  " }),
            "chief_complaint",
        ),
        (
            "/consultation",
            json!({ "chief_complaint": "长".repeat(2001) }),
            "chief_complaint",
        ),
        (
            "/consultation",
            json!({ "chief_complaint": 7 }),
            "chief_complaint",
        ),
        (
            "/consultation",
            json!({ "chief_complaint": "头痛", "agent": "nobody" }),
            "agent",
        ),
        (
            "/consultation",
            json!({ "chief_complaint": "头痛", "user_id": "x" }),
            "user_id",
        ),
        ("/api/v1/diagnosis/inquiry", json!({ "text": "" }), "text"),
    ] {
        let answer = life.post(path, Some(&token), &body).await;
        println!("{path} {body}");
        problem(&answer, 400, "validation_failed", Some(field));
    }
    let list = life
        .get("/api/v1/consultations", &token)
        .await
        .expect(200)
        .json();
    assert_eq!(list["consultations"], json!([]));
    let login = json!({ "email": "li@example.com", "password": "correct horse 1" });
    let answer = life.post("/api/v1/auth/login", None, &login).await;
    problem(&answer, 401, "invalid_credentials", None);
}

#[tokio::test]
async fn a_question_that_cannot_be_answered_names_its_parameter() {
    let life = Life::embedded().await;
    let token = life.register("fang@example.com").await;
    for (query, field) in [
        ("type=luck", "type"),
        ("type=heart_rate&from=yesterday", "from"),
        ("type=heart_rate&resolution=2m", "resolution"),
        (
            "type=heart_rate&from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z",
            "from",
        ),
        (
            "type=heart_rate&from=2020-03-02T00:00:00Z&to=2026-03-01T00:00:00Z",
            "from",
        ),
    ] {
        let answer = life
            .get(&format!("/api/v1/health/aggregates?{query}"), &token)
            .await;
        problem(&answer, 400, "validation_failed", Some(field));
    }
}
