//! What operators see and do: dead letters, replays, streams, and a bus that is gone.

use system_tests::Failed;

use super::*;

impl Life {
    async fn ask(&self, path: &str) -> Value {
        self.get(path, OPERATOR_TOKEN).await.expect(200).json()
    }

    /// Publishes an event as an operator; its id.
    async fn publish(&self, kind: &str, data: &Value) -> String {
        let body = json!({ "type": kind, "data": data });
        let answer = self.post("/events", Some(OPERATOR_TOKEN), &body).await;
        let answer = answer.expect(202).json();
        answer["id"].as_str().unwrap().to_owned()
    }

    /// Runs `suoke events` against this application.
    async fn events(&self, arguments: &[&str]) -> Failed {
        let url = ["events", "--url", self.host.url()];
        let arguments: Vec<&str> = url.iter().chain(arguments).copied().collect();
        let token = [("SUOKE_OPERATOR_TOKEN", OPERATOR_TOKEN)];
        Host::command_with(&arguments, &token).await
    }

    /// The dead letter of an event, once there is one.
    async fn dead_letter(&self, id: &str) -> Value {
        eventually("there is a dead letter", async || {
            let dead = self.ask("/api/v1/events/dead-letters").await;
            let letters = dead["dead_letters"].as_array()?;
            letters.iter().find(|one| one["event_id"] == id).cloned()
        })
        .await
    }

    /// Where an event stands with a consumer, once it is there.
    async fn delivery(&self, id: &str, consumer: &str, state: &str) -> Value {
        eventually("the delivery is there", async || {
            let found = self.ask(&format!("/api/v1/events/{id}")).await;
            let deliveries = found["deliveries"].as_array()?;
            let own = deliveries.iter().find(|one| one["consumer"] == consumer)?;
            (own["state"] == state).then(|| own.clone())
        })
        .await
    }

    /// Opens a consultation and waits for what the agent found; its id.
    async fn consult(&self, token: &str) -> String {
        let complaint = json!({ "chief_complaint": "最近总是失眠，口干" });
        let created = self.post("/consultation", Some(token), &complaint).await;
        let created = created.expect(201).json();
        created["consultation_id"].as_str().unwrap().to_owned()
    }

    async fn diagnosed(&self, token: &str, id: &str) {
        let path = format!("/api/v1/consultations/{id}");
        eventually("the consultation is diagnosed", async || {
            let consultation = self.get(&path, token).await.expect(200).json();
            let diagnoses = consultation["diagnoses"].as_array()?;
            (!diagnoses.is_empty()).then_some(())
        })
        .await;
    }
}

/// The id of the newest event of a type.
async fn newest(life: &Life, kind: &str) -> String {
    let events = life
        .ask(&format!("/api/v1/events?type={kind}&limit=1"))
        .await;
    events["events"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn poison_is_a_dead_letter_that_can_be_redriven_and_holds_nobody_up() {
    let life = Life::embedded().await;
    let poison = life
        .publish("diagnosis.request", &json!({ "odd": true }))
        .await;
    let letter = life.dead_letter(&poison).await;
    assert_eq!(letter["consumer"], "diagnosis-worker");
    let reason = letter["reason"].as_str().unwrap();
    assert!(reason.contains("consultation_id"), "{reason}");

    let token = life.register("fang@example.com").await;
    let id = life.consult(&token).await;
    life.diagnosed(&token, &id).await;

    let dead = life.events(&["dead"]).await;
    assert_eq!((dead.code, dead.stderr.as_str()), (0, ""));
    assert!(dead.stdout.contains(&poison) && dead.stdout.contains("diagnosis-worker"));
    let redriven = life.events(&["redrive", "--event", &poison]).await;
    assert_eq!(redriven.code, 0, "{}", redriven.stderr);
    assert_eq!(redriven.stdout, "1 dead letters");
    // It was delivered again, and nobody could handle it again.
    eventually("it failed again", async || {
        let letter = life.dead_letter(&poison).await;
        (letter["attempts"].as_u64() > Some(1)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_happened_while_the_bus_was_gone_is_handled_when_it_is_back() {
    let mut life = Life::with_redis().await;
    let token = life.register("fang@example.com").await;
    life.redis.as_mut().unwrap().kill();
    let id = life.consult(&token).await;
    let event = newest(&life, "health.consultation").await;
    assert!(life.redis.as_mut().unwrap().restart().await);
    life.diagnosed(&token, &id).await;
    let done = eventually("the event is done", async || {
        let found = life.ask(&format!("/api/v1/events/{event}")).await;
        (found["state"] == "done").then_some(found)
    })
    .await;
    assert_eq!(done["event"]["data"]["consultation_id"], id.as_str());
}

#[tokio::test]
async fn past_events_are_given_to_one_consumer_again() {
    past_events_are_given_again(&Life::embedded().await).await;
}

#[tokio::test]
async fn past_events_on_postgresql_are_given_to_one_consumer_again() {
    past_events_are_given_again(&Life::with_postgres().await).await;
}

async fn past_events_are_given_again(life: &Life) {
    let token = life.register("fang@example.com").await;
    let id = life.consult(&token).await;
    life.diagnosed(&token, &id).await;
    let event = newest(life, "diagnosis.request").await;
    let first = life.delivery(&event, "diagnosis-worker", "handled").await;

    let replayed = life
        .events(&["replay", "diagnosis-worker", "--type", "diagnosis.request"])
        .await;
    assert_eq!(replayed.code, 0, "{}", replayed.stderr);
    assert!(replayed.stdout.starts_with("1 events for diagnosis-worker"));
    eventually("it is handled again", async || {
        let again = life.delivery(&event, "diagnosis-worker", "handled").await;
        (again["at"] != first["at"]).then_some(())
    })
    .await;
    let path = format!("/api/v1/consultations/{id}");
    let consultation = life.get(&path, &token).await.expect(200).json();
    assert_eq!(consultation["diagnoses"].as_array().unwrap().len(), 1);

    let stranger = life.events(&["replay", "nobody"]).await;
    stranger.says(&["consumer no component of this name acknowledges events"]);
}

#[tokio::test]
async fn events_are_listed_shown_and_published_by_the_command_line() {
    let life = Life::embedded().await;
    let published = life
        .events(&["publish", "test", "{\"a\":1}", "--subject", "thing/1"])
        .await;
    assert_eq!(published.code, 0, "{}", published.stderr);
    let id = published.stdout.trim();
    let listed = life.events(&["list", "--subject", "thing/1"]).await;
    assert!(listed.stdout.contains(id), "{}", listed.stdout);
    let shown = life.events(&["--format", "json", "show", id]).await;
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["event"]["data"], json!({ "a": 1 }));
    life.events(&["publish", "test", "{"])
        .await
        .says(&["is not JSON"]);
    life.events(&["show", "none"])
        .await
        .says(&["no such event"]);
}

#[tokio::test]
async fn operators_alone_are_answered() {
    let life = Life::embedded().await;
    let user = life.register("fang@example.com").await;
    for (token, status) in [(user.as_str(), 403), ("x", 401), ("", 401)] {
        let answer = life.get("/api/v1/events", token).await;
        assert_eq!(answer.status, status, "{token:?}");
    }
    let arguments = ["events", "--url", life.host.url(), "list"];
    let without = Host::command(&arguments).await;
    without.says(&["there is no operator's token"]);
    let wrong = [("SUOKE_OPERATOR_TOKEN", "another-token-of-somebody-else")];
    let wrong = Host::command_with(&arguments, &wrong).await;
    wrong.says(&["Is it the token of this application?"]);
}

#[tokio::test]
async fn of_two_who_append_to_a_stream_with_one_version_one_wins() {
    let life = Life::embedded().await;
    let path = "/api/v1/streams/audit/u1";
    let append = async |expected: u64| {
        let events = json!([{ "type": "changed", "data": { "field": "name" } }]);
        let body = json!({ "expected_version": expected, "events": events });
        life.post(path, Some(OPERATOR_TOKEN), &body).await
    };
    let (first, second) = tokio::join!(append(0), append(0));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let lost = if first.status == 409 { first } else { second };
    problem(&lost, 409, "concurrency_conflict", None);
    assert_eq!(append(1).await.expect(201).json()["version"], 2);
    let stream = life.ask(path).await;
    assert_eq!(
        (&stream["version"], &stream["events"][1]["version"]),
        (&json!(2), &json!(2))
    );
}

#[tokio::test]
async fn one_request_is_followed_through_all_its_events() {
    let life = Life::embedded().await;
    let token = life.register("fang@example.com").await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let request = life
        .host
        .request("POST", "/consultation")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"))
        .header("x-request-id", "request-to-follow")
        .header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"));
    let body = json!({ "chief_complaint": "最近总是失眠，口干" }).to_string();
    let created = life.host.send(request.body(whole(body)).unwrap()).await;
    created.expect(201);
    let listed = eventually("the saga is completed", async || {
        let path = "/api/v1/events?correlation=request-to-follow&limit=100";
        let listed = life.ask(path).await["events"].as_array()?.clone();
        let ended = listed.iter().any(|event| event["type"] == "saga.completed");
        ended.then_some(listed)
    })
    .await;
    let ids: Vec<&str> = listed
        .iter()
        .filter_map(|event| event["id"].as_str())
        .collect();
    assert!(ids.len() > 10, "{listed:?}");
    let mut first = 0;
    for id in &ids {
        let event = life.ask(&format!("/api/v1/events/{id}")).await["event"].clone();
        assert!(
            event["traceparent"].as_str().unwrap().contains(trace),
            "{event}"
        );
        match event["causationid"].as_str() {
            Some(cause) => assert!(ids.contains(&cause), "{event}"),
            None => {
                assert_eq!(event["type"], "health.consultation");
                first += 1;
            }
        }
    }
    assert_eq!(first, 1);
}
