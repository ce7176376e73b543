//! The whole application: its own manifest, its own components, its callers.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde_json::{Value, json};
use system_tests::{Answer, Application, Host, Redis, eventually, wasm_folder, whole};

/// The seed of the key that signs access tokens here.
const SEED: [u8; 32] = [7; 32];
const ISSUER: &str = "http://127.0.0.1:3000";
const AUDIENCE: &str = "suoke-life";

/// The application as it runs for one test.
struct Life {
    host: Host,
    /// Keeps the folder, and the server where there is one.
    _held: (Application, Option<Redis>),
}

impl Life {
    /// With messages inside the process.
    async fn embedded() -> Self {
        Self::start(None).await
    }

    /// With messages over a real Redis server.
    async fn with_redis() -> Self {
        Self::start(Some(Redis::start().await)).await
    }

    async fn start(redis: Option<Redis>) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let manifest = std::fs::read_to_string(root.join("spin.toml")).unwrap();
        let wasm = format!("{}/", wasm_folder().display());
        let manifest = manifest
            .replace("target/wasm32-wasip2/guest/", &wasm)
            .replace(
                "cron_expression = \"0 */5 * * * *\"",
                "cron_expression = \"* * * * * *\"",
            );
        let config = std::fs::read(root.join("runtime-config.toml")).unwrap();
        let application = Application::from_manifest(&manifest).with("runtime-config.toml", config);
        let seed = format!("identity_signing_key={}", URL_SAFE_NO_PAD.encode(SEED));
        let url = redis
            .as_ref()
            .map(|redis| format!("redis_url={}", redis.url()));
        let mut arguments = vec!["--variable", &seed];
        arguments.extend(url.iter().flat_map(|url| ["--variable", url]));
        let host = Host::start(&application, &arguments).await;
        Self {
            host,
            _held: (application, redis),
        }
    }

    /// Sends JSON, as somebody or as nobody.
    async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Answer {
        self.post_bytes(path, token, body.to_string()).await
    }

    async fn post_bytes(
        &self,
        path: &str,
        token: Option<&str>,
        body: impl Into<bytes::Bytes>,
    ) -> Answer {
        let mut request = self
            .host
            .request("POST", path)
            .header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.host.send(request.body(whole(body)).unwrap()).await
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        let request = self
            .host
            .request("GET", path)
            .header("authorization", format!("Bearer {token}"));
        self.host.send(request.body(whole("")).unwrap()).await
    }

    /// Registers somebody; their access token.
    async fn register(&self, email: &str) -> String {
        let body = json!({ "email": email, "password": "correct horse 1", "name": "王芳" });
        let answer = self
            .post("/api/v1/users/register", None, &body)
            .await
            .expect(201);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// The readings that somebody has.
    async fn readings(&self, token: &str) -> Vec<Value> {
        let list = self
            .get("/api/v1/health/readings?limit=200", token)
            .await
            .expect(200);
        list.json()["readings"].as_array().unwrap().clone()
    }
}

fn heart_rate(minute: u32, value: impl Into<Value>) -> Value {
    json!({
        "client_id": format!("hr-{minute}"),
        "type": "heart_rate",
        "value": value.into(),
        "unit": "/min",
        "effective_at": format!("2026-03-01T08:{minute:02}:00Z"),
    })
}

fn blood_pressure(minute: u32, systolic: u32, diastolic: u32) -> Value {
    json!({
        "client_id": format!("bp-{minute}"),
        "type": "blood_pressure",
        "components": { "systolic": systolic, "diastolic": diastolic },
        "unit": "mm[Hg]",
        "effective_at": format!("2026-03-01T08:{minute:02}:30Z"),
    })
}

/// Fifty heart rates and fifty blood pressures within an hour.
fn hundred_readings() -> Value {
    let heart_rates = (0..50).map(|minute| heart_rate(minute, 60 + minute));
    let pressures =
        (0..50).map(|minute| blood_pressure(minute, 110 + minute % 20, 70 + minute % 10));
    json!({ "device_id": "watch", "readings": heart_rates.chain(pressures).collect::<Vec<_>>() })
}

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

/// How many readings were accepted, duplicated and rejected.
fn counts(outcome: &Value) -> (u64, u64, u64) {
    let count = |key: &str| outcome[key].as_u64().unwrap();
    (count("accepted"), count("duplicated"), count("rejected"))
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
async fn a_persons_day_with_messages_over_a_real_redis_server() {
    a_persons_day(&Life::with_redis().await).await;
}

/// The parts of a token.
fn parts(token: &str) -> (Value, Value, Vec<u8>) {
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let json = |part: &str| serde_json::from_slice(&decode(part)).unwrap();
    (json(parts[0]), json(parts[1]), decode(parts[2]))
}

/// A token with these claims, signed as ours are.
fn signed(kid: &Value, claims: &Value, seed: &[u8; 32]) -> String {
    let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": kid });
    let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let text = format!("{}.{}", encode(&header), encode(claims));
    let signature = SigningKey::from_bytes(seed)
        .sign(text.as_bytes())
        .to_bytes();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn published_keys_verify_the_tokens_that_are_issued() {
    let life = Life::embedded().await;
    let token = life.register("fang@example.com").await;
    let (header, claims, signature) = parts(&token);
    let keys = life
        .host
        .get("/.well-known/jwks.json")
        .await
        .expect(200)
        .json();
    let keys = keys["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"] == header["kid"]).unwrap();
    assert_eq!(
        (&key["kty"], &key["crv"]),
        (&json!("OKP"), &json!("Ed25519"))
    );
    assert!(key.get("d").is_none(), "the private key is published");
    let public = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
    let public = VerifyingKey::from_bytes(&public.try_into().unwrap()).unwrap();
    let (text, _) = token.rsplit_once('.').unwrap();
    let signature = Signature::from_slice(&signature).unwrap();
    public.verify_strict(text.as_bytes(), &signature).unwrap();
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&json!(ISSUER), &json!(AUDIENCE))
    );
    let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(lifetime, 1800);
    assert!(!token.contains("fang"), "nothing personal is in a token");
    let discovery = life
        .host
        .get("/.well-known/openid-configuration")
        .await
        .expect(200)
        .json();
    assert_eq!(discovery["issuer"], ISSUER);
}

/// Checks a problem, which names `field` where one is at fault.
#[track_caller]
fn problem(answer: &Answer, status: u16, code: &str, field: Option<&str>) {
    let text = answer.text();
    assert_eq!(answer.status, status, "{text}");
    assert_eq!(
        answer.header("content-type"),
        "application/problem+json",
        "{text}"
    );
    let body = answer.json();
    assert_eq!(body["status"], status, "{text}");
    assert_eq!(body["code"], code, "{text}");
    if let Some(field) = field {
        assert_eq!(body["errors"][0]["field"], field, "{text}");
        assert!(body["errors"][0]["message"].is_string(), "{text}");
    }
}

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

/// Every path that needs a token, with a method it knows.
const GUARDED: [(&str, &str); 6] = [
    ("GET", "/api/v1/consultations"),
    ("POST", "/api/v1/consultations"),
    ("POST", "/consultation"),
    ("GET", "/api/v1/health/readings"),
    ("GET", "/api/v1/health/aggregates?type=heart_rate"),
    ("POST", "/api/v1/diagnosis/inquiry"),
];

#[tokio::test]
async fn only_tokens_that_are_ours_and_still_good_are_accepted() {
    let life = Life::embedded().await;
    let token = life.register("fang@example.com").await;
    let (header, claims, _) = parts(&token);
    let kid = &header["kid"];
    let with = |key: &str, value: Value| {
        let mut claims = claims.clone();
        claims[key] = value;
        signed(kid, &claims, &SEED)
    };
    let issued = claims["iat"].as_i64().unwrap();
    let (text, signature) = token.rsplit_once('.').unwrap();
    let (head, payload) = text.split_once('.').unwrap();
    let unsigned = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "kid": kid }).to_string());
    let other = URL_SAFE_NO_PAD.encode(json!({ "sub": "somebody else" }).to_string());
    let tokens = [
        (String::new(), "token_missing"),
        ("nonsense".to_owned(), "token_invalid"),
        (format!("{head}.{other}.{signature}"), "token_invalid"),
        (
            format!("{text}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
            "token_invalid",
        ),
        (format!("{unsigned}.{payload}."), "token_invalid"),
        (signed(kid, &claims, &[8; 32]), "token_invalid"),
        (signed(&json!("unknown"), &claims, &SEED), "token_invalid"),
        (with("aud", json!("another application")), "token_invalid"),
        (with("iss", json!("http://elsewhere")), "token_invalid"),
        (with("exp", json!(issued - 3600)), "token_expired"),
    ];
    // What is signed here is what is issued there.
    life.get("/api/v1/consultations", &signed(kid, &claims, &SEED))
        .await
        .expect(200);
    for (method, path) in GUARDED {
        for (token, code) in &tokens {
            let mut request = life
                .host
                .request(method, path)
                .header("content-type", "application/json");
            if !token.is_empty() {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let answer = life.host.send(request.body(whole("{}")).unwrap()).await;
            println!("{method} {path} {token}");
            problem(&answer, 401, code, None);
            assert!(answer.header("www-authenticate").starts_with("Bearer"));
        }
    }
    life.get("/api/v1/consultations", &token).await.expect(200);
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
    let life = Life::embedded().await;
    let token = life.register("fang@example.com").await;
    life.post("/api/v1/health/readings", Some(&token), &heart_rate(0, 72))
        .await
        .expect(200);
    let Life { host, _held } = life;
    assert!(host.stop().await.status.success());
    let seed = format!("identity_signing_key={}", URL_SAFE_NO_PAD.encode(SEED));
    let host = Host::start(&_held.0, &["--variable", &seed]).await;
    let life = Life { host, _held };
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
