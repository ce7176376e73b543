//! People: what they see, and what nobody sees of them.

use super::*;

#[tokio::test]
async fn an_address_is_registered_once_whatever_its_case() {
    let life = Life::embedded().await;
    life.register("fang@example.com").await;
    for email in ["fang@example.com", "FANG@example.com", " fang@example.com "] {
        let body = json!({ "email": email, "password": "correct horse 1", "name": "王芳" });
        let answer = life.post("/api/v1/users/register", None, &body).await;
        problem(&answer, 409, "email_exists", None);
    }
}

#[tokio::test]
async fn wrong_passwords_look_like_unknown_addresses_and_lock_in_the_end() {
    let life = Life::embedded().await;
    life.register("fang@example.com").await;
    let login = async |email: &str, password: &str| {
        let body = json!({ "email": email, "password": password });
        life.post("/api/v1/auth/login", None, &body).await
    };
    let unknown = login("nobody@example.com", "correct horse 1").await;
    problem(&unknown, 401, "invalid_credentials", None);
    for _ in 0..5 {
        let wrong = login("fang@example.com", "wrong horse 1").await;
        problem(&wrong, 401, "invalid_credentials", None);
        assert_eq!(wrong.json()["detail"], unknown.json()["detail"]);
    }
    let locked = login("fang@example.com", "correct horse 1").await;
    problem(&locked, 423, "locked", None);
    assert!(locked.header("retry-after").parse::<u64>().unwrap() > 0);
}

/// Another host with the same databases and the same Redis server.
async fn beside(life: &Life) -> Host {
    let path = life.application.path("runtime-config.toml");
    let config = std::fs::read_to_string(path).unwrap();
    // The server inside a process is that process's own.
    let config = config.replace(".suoke/redis.db", "other/redis.db");
    let config = life.application.write("other.toml", config);
    let config = config.display().to_string();
    let variables = life.variables.iter().map(String::as_str);
    let mut arguments = vec!["--runtime-config-file", &config];
    arguments.extend(variables.flat_map(|variable| ["--variable", variable]));
    Host::start(&life.application, &arguments).await
}

#[tokio::test]
async fn a_locked_address_is_locked_on_every_host_and_after_a_restart() {
    let mut life = Life::with_redis().await;
    life.register("fang@example.com").await;
    let login = async |host: &Host, password: &str| {
        let body = json!({ "email": "fang@example.com", "password": password }).to_string();
        let request = host.request("POST", "/api/v1/auth/login");
        let request = request.header("content-type", "application/json");
        host.send(request.body(whole(body)).unwrap()).await
    };
    let other = beside(&life).await;
    for attempt in 0..5 {
        let host = if attempt % 2 == 0 { &life.host } else { &other };
        let wrong = login(host, "wrong horse 1").await;
        problem(&wrong, 401, "invalid_credentials", None);
    }
    for host in [&life.host, &other] {
        let locked = login(host, "correct horse 1").await;
        problem(&locked, 423, "locked", None);
    }
    life.host.kill();
    eventually("the host has ended", async || {
        life.host.is_ended().then_some(())
    })
    .await;
    life.restart().await;
    let locked = login(&life.host, "correct horse 1").await;
    problem(&locked, 423, "locked", None);
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_problems() {
    let life = Life::embedded().await;
    let token = life.register("fang@example.com").await;
    for path in ["/", "/api/v1/nothing", "/api/v2/consultations"] {
        problem(&life.get(path, &token).await, 404, "no_route", None);
    }
    for path in ["/api/v1/consultations/unknown", "/api/v1/diagnosis/nothing"] {
        let method = if path.contains("diagnosis") {
            "POST"
        } else {
            "GET"
        };
        let request = life
            .host
            .request(method, path)
            .header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {token}"));
        let answer = life
            .host
            .send(request.body(whole("{\"text\":\"头痛\"}")).unwrap())
            .await;
        problem(&answer, 404, "not_found", None);
    }
    for (method, path, allowed) in [
        ("GET", "/api/v1/users/register", "POST"),
        ("DELETE", "/api/v1/auth/login", "POST"),
        ("PUT", "/consultation", "POST"),
        ("DELETE", "/api/v1/consultations", "GET"),
        ("DELETE", "/api/v1/health/readings", "GET"),
        ("POST", "/api/v1/health/aggregates", "GET"),
        ("POST", "/.well-known/jwks.json", "GET"),
    ] {
        let request = life
            .host
            .request(method, path)
            .header("authorization", format!("Bearer {token}"));
        let answer = life.host.send(request.body(whole("")).unwrap()).await;
        println!("{method} {path}");
        problem(&answer, 405, "method_not_allowed", None);
        assert!(
            answer.header("allow").contains(allowed),
            "{}",
            answer.header("allow")
        );
    }
}

#[tokio::test]
async fn nobody_sees_what_is_somebody_elses() {
    let life = Life::embedded().await;
    let fang = life.register("fang@example.com").await;
    let li = life.register("li@example.com").await;
    life.post("/api/v1/health/readings", Some(&fang), &heart_rate(0, 72))
        .await
        .expect(200);
    let complaint = json!({ "chief_complaint": "头痛三天" });
    let created = life
        .post("/consultation", Some(&fang), &complaint)
        .await
        .expect(201);
    let path = created.header("location").to_owned();
    life.get(&path, &fang).await.expect(200);
    // It is as if it did not exist.
    problem(&life.get(&path, &li).await, 404, "not_found", None);
    let list = life
        .get("/api/v1/consultations", &li)
        .await
        .expect(200)
        .json();
    assert_eq!(list["consultations"], json!([]));
    assert_eq!(life.readings(&li).await, Vec::<Value>::new());

    // The same readings of two people are two.
    let own = life
        .post("/api/v1/health/readings", Some(&li), &heart_rate(0, 72))
        .await;
    assert_eq!(counts(&own.expect(200).json()), (1, 0, 0));
    assert_eq!(life.readings(&fang).await.len(), 1);
    let span = "from=2026-03-01T08:00:00Z&to=2026-03-01T09:00:00Z";
    let aggregates = format!("/api/v1/health/aggregates?type=heart_rate&{span}");
    for token in [&fang, &li] {
        eventually("each has one reading in the figures", async || {
            let figures = life.get(&aggregates, token).await.expect(200).json();
            (figures["buckets"][0]["count"] == 1).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let life = Life::embedded().await;
    let token = life.register("fang@example.com").await;
    let readings: Vec<Value> = (0..25).map(|minute| heart_rate(minute, 72)).collect();
    let path = "/api/v1/health/readings:batch";
    life.post(path, Some(&token), &json!({ "readings": readings }))
        .await
        .expect(200);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/health/readings?limit=10{cursor}");
        let page = life.get(&path, &token).await.expect(200).json();
        let ids = page["readings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|reading| reading["id"].to_string());
        seen.extend(ids);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 25);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 25, "a reading came twice");
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    let mut life = Life::embedded().await;
    let token = life.register("fang@example.com").await;
    life.post("/api/v1/health/readings", Some(&token), &heart_rate(0, 72))
        .await
        .expect(200);
    life.host.terminate();
    eventually("the host has ended", async || {
        life.host.is_ended().then_some(())
    })
    .await;
    life.restart().await;
    assert_eq!(life.readings(&token).await.len(), 1);
}

#[tokio::test]
async fn problems_are_told_in_chinese_where_asked_for() {
    let life = Life::embedded().await;
    let request = life
        .host
        .request("POST", "/api/v1/users/register")
        .header("content-type", "application/json")
        .header("accept-language", "zh-CN,zh;q=0.9");
    let answer = life
        .host
        .send(request.body(whole("{\"email\":\"x\"}")).unwrap())
        .await
        .expect(400);
    assert_eq!(answer.header("content-language"), "zh-CN");
    assert_eq!(answer.json()["title"], "请求有误");
}

#[tokio::test]
async fn logs_tell_nothing_about_people() {
    let life = Life::embedded().await;
    let token = life.register("fang@example.com").await;
    let body = json!({ "email": "fang@example.com", "password": "wrong horse 2" });
    life.post("/api/v1/auth/login", None, &body)
        .await
        .expect(401);
    let complaint = json!({ "chief_complaint": "最近总是失眠" });
    let created = life
        .post("/consultation", Some(&token), &complaint)
        .await
        .expect(201);
    let path = created.header("location").to_owned();
    eventually("the diagnosis is there", async || {
        let consultation = life.get(&path, &token).await.expect(200).json();
        (!consultation["diagnoses"].as_array()?.is_empty()).then_some(())
    })
    .await;
    let log = life.host.stop().await.stderr;
    for secret in ["fang@", "horse", "失眠", "王芳", &token] {
        assert!(!log.contains(secret), "{secret:?} is in the log:\n{log}");
    }
}

#[tokio::test]
async fn whoever_looks_at_the_health_of_somebody_else_is_seen_by_them() {
    let life = Life::embedded().await;
    let fang = life.register("fang@example.com").await;
    let li = life.register("li@example.com").await;
    life.post("/api/v1/health/readings", Some(&fang), &heart_rate(0, 87))
        .await
        .expect(200);
    let me = life.get("/api/v1/users/me", &fang).await.expect(200).json();
    let id = me["user_id"].as_str().unwrap();
    let looks = [
        ("/api/v1/health/aggregates", "type=heart_rate&user_id="),
        ("/api/v1/health/trends", "type=heart_rate&user_id="),
        ("/api/v1/health/assessment", "user_id="),
        ("/api/v1/health/omh", "user_id="),
        ("/fhir", "patient="),
    ];
    for (route, named) in looks {
        let place = if route == "/fhir" { "/Observation" } else { "" };
        let of_fang = format!("{route}{place}?{named}{id}");
        life.get(&of_fang, OPERATOR_TOKEN).await.expect(200);
        // Neither a look at oneself nor one that is refused.
        life.get(&of_fang, &fang).await.expect(200);
        assert_eq!(life.get(&of_fang, &li).await.status, 403);
    }
    let entries = eventually("all is noted", async || {
        let audit = life.get("/api/v1/audit", &fang).await.expect(200).json();
        let entries = audit["entries"].as_array().unwrap().clone();
        (entries.len() >= looks.len()).then_some(entries)
    })
    .await;
    let mut routes: Vec<&str> = Vec::new();
    for entry in &entries {
        assert_eq!(entry["type"], "health.data.accessed");
        assert_eq!(entry["actor"], "operator");
        assert_eq!(entry["details"]["user_id"], id);
        routes.push(entry["details"]["resource"].as_str().unwrap());
    }
    routes.sort_unstable();
    let mut expected = looks.map(|(route, _)| route);
    expected.sort_unstable();
    assert_eq!(routes, expected);

    // Others see nothing of it, operators all.
    let none = life.get("/api/v1/audit", &li).await.expect(200).json();
    assert_eq!(none["entries"], json!([]));
    let path = format!("/api/v1/audit?subject=readings/{id}");
    problem(&life.get(&path, &li).await, 403, "forbidden", None);
    let all = life.get(&path, OPERATOR_TOKEN).await.expect(200).json();
    assert_eq!(all["entries"].as_array().unwrap().len(), looks.len());

    // What cannot be noted is not shown.
    let path = life.application.folder().join(".suoke/health.db");
    rusqlite::Connection::open(path)
        .unwrap()
        .execute_batch("ALTER TABLE event_outbox RENAME TO elsewhere")
        .unwrap();
    let path = format!("/api/v1/health/assessment?user_id={id}");
    let refused = life.get(&path, OPERATOR_TOKEN).await;
    assert_eq!(refused.header("retry-after"), "1");
    problem(&refused, 503, "unavailable", None);
    life.get("/api/v1/health/assessment", &fang)
        .await
        .expect(200);
}
