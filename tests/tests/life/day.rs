//! What a person does in a day, from registration to aggregates.

use super::*;

/// From registration to what the agents and the schedule made of it.
async fn a_persons_day(life: &Life) {
    let registered = life.register("fang@example.com").await;
    let credentials = json!({ "email": "fang@example.com", "password": "correct horse 1" });
    let login = life
        .post("/api/v1/auth/login", None, &credentials)
        .await
        .expect(200)
        .json();
    assert_eq!(login["token_type"], "bearer");
    assert_eq!(login["user_info"]["email"], "fang@example.com");
    let token = login["access_token"].as_str().unwrap();
    assert_ne!(token, registered);

    let path = "/api/v1/health/readings:batch";
    let first = life
        .post(path, Some(token), &hundred_readings())
        .await
        .expect(200)
        .json();
    assert_eq!(counts(&first), (100, 0, 0), "{first}");
    // The other token is of the same person.
    let again = life
        .post(path, Some(&registered), &hundred_readings())
        .await
        .expect(200)
        .json();
    assert_eq!(counts(&again), (0, 100, 0), "{again}");
    assert_eq!(first["results"][0]["id"], again["results"][0]["id"]);
    assert_eq!(life.readings(token).await.len(), 100);

    let complaint = json!({ "chief_complaint": "最近两周总是失眠，口干，不发烧" });
    let created = life
        .post("/consultation", Some(token), &complaint)
        .await
        .expect(201);
    let location = created.header("location").to_owned();
    let id = created.json()["consultation_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(location, format!("/api/v1/consultations/{id}"));
    let consultation = eventually("the diagnosis is there", async || {
        let consultation = life.get(&location, token).await.expect(200).json();
        let diagnosed = !consultation["diagnoses"].as_array()?.is_empty();
        (diagnosed && consultation["status"] != "created").then_some(consultation)
    })
    .await;
    assert_eq!(
        consultation["chief_complaint"],
        complaint["chief_complaint"]
    );
    let diagnosis = &consultation["diagnoses"][0];
    assert_eq!(diagnosis["step"], "inquiry");
    let findings = diagnosis["result"]["findings"].as_array().unwrap();
    let present = |word: &str| {
        let finding = findings
            .iter()
            .find(|finding| finding["evidence"].as_str().unwrap().contains(word));
        finding.map(|finding| finding["present"].as_bool().unwrap())
    };
    assert_eq!(
        (present("失眠"), present("口干")),
        (Some(true), Some(true)),
        "{findings:?}"
    );
    assert_ne!(present("发烧"), Some(true), "{findings:?}");
    let list = life
        .get("/api/v1/consultations", token)
        .await
        .expect(200)
        .json();
    assert_eq!(list["consultations"][0]["consultation_id"], id.as_str());

    aggregates_appear(life, token).await;
}

async fn aggregates_appear(life: &Life, token: &str) {
    let span = "from=2026-03-01T08:00:00Z&to=2026-03-01T09:00:00Z";
    let ask = async |kind: &str, resolution: &str| {
        let path = format!("/api/v1/health/aggregates?type={kind}&{span}&resolution={resolution}");
        let buckets = life.get(&path, token).await.expect(200).json();
        buckets["buckets"].as_array().unwrap().clone()
    };
    let heart_rates = eventually("the schedule has fired", async || {
        let buckets = ask("heart_rate", "5m").await;
        (buckets.len() == 10).then_some(buckets)
    })
    .await;
    let first = &heart_rates[0];
    assert_eq!(
        (&first["count"], &first["mean"]),
        (&json!(5), &json!(62.0)),
        "{first}"
    );
    assert_eq!(
        (first["min"].as_f64(), first["max"].as_f64()),
        (Some(60.0), Some(64.0))
    );

    let pressures = ask("blood_pressure", "1h").await;
    let of = |metric: &str| {
        let mut found = pressures.iter().filter(|bucket| bucket["metric"] == metric);
        let bucket = found.next().unwrap();
        assert!(found.next().is_none(), "{pressures:?}");
        assert_eq!(bucket["count"], 50, "{bucket}");
        (
            bucket["min"].as_f64().unwrap(),
            bucket["max"].as_f64().unwrap(),
        )
    };
    assert_eq!(of("systolic"), (110.0, 129.0));
    assert_eq!(of("diastolic"), (70.0, 79.0));
    assert_eq!(pressures.len(), 2, "{pressures:?}");
}

#[tokio::test]
async fn a_persons_day_with_messages_inside_the_process() {
    a_persons_day(&Life::embedded().await).await;
}

#[tokio::test]
async fn a_persons_day_with_databases_on_postgresql() {
    let life = Life::with_postgres().await;
    a_persons_day(&life).await;
    let postgres = life.postgres.as_ref().unwrap();
    let stored = "SELECT count(*) > 0 FROM health.readings";
    assert_eq!(postgres.sql(stored).await, [[Some("t".to_owned())]]);
    assert_eq!(outside_of_months(postgres).await, "0");
}

#[tokio::test]
async fn readings_are_shown_while_the_replica_is_away() {
    let life = Life::with_postgres_without_its_replica().await;
    let token = life.register("fang@example.com").await;
    let path = "/api/v1/health/readings:batch";
    let sent = life.post(path, Some(&token), &hundred_readings()).await;
    assert_eq!(counts(&sent.expect(200).json()), (100, 0, 0));
    assert_eq!(life.readings(&token).await.len(), 100);
    let postgres = life.postgres.as_ref().unwrap();
    assert_eq!(outside_of_months(postgres).await, "0");
}

/// How many readings are in no partition of a month.
async fn outside_of_months(postgres: &Postgres) -> String {
    let count = "SELECT count(*) FROM health.readings_other";
    postgres.sql(count).await[0][0].clone().unwrap()
}

#[tokio::test]
async fn a_persons_day_with_messages_over_a_real_redis_server() {
    a_persons_day(&Life::with_redis().await).await;
}
