//! The whole application: its own manifest, its own components, its callers.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod accounts;
mod authorization;
mod clients;
mod day;
mod events;
mod faults;
mod fhir;
mod gateway;
mod health;
mod health_faults;
mod import;
mod input;
mod people;
mod saga;
mod search;
mod sessions;
mod stores;
mod tokens;

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde_json::{Value, json};
use system_tests::{Answer, Application, Host, Postgres, Redis, eventually, wasm_folder, whole};

/// What the keys that sign access tokens are made from here.
const SEED: [u8; 32] = [7; 32];
const ISSUER: &str = "http://127.0.0.1:3000";
const AUDIENCE: &str = "suoke-life";
/// What operators show.
const OPERATOR_TOKEN: &str = "operators-of-these-tests-show-this-token";

/// The application as it runs for one test.
struct Life {
    host: Host,
    application: Application,
    /// Where there is a real server.
    redis: Option<Redis>,
    /// Where the databases are, if they are no files.
    postgres: Option<Postgres>,
    variables: Vec<String>,
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

    /// With databases on a real PostgreSQL server.
    async fn with_postgres() -> Self {
        let postgres = Postgres::start().await;
        Self::run(application(), None, Some(postgres)).await
    }

    /// The same with the address of a replica where nobody listens.
    async fn with_postgres_without_its_replica() -> Self {
        let nowhere = "postgres://127.0.0.1:1";
        let replica = vec![
            format!("database_read_url={nowhere}/suoke"),
            format!("database_read_host={nowhere}"),
        ];
        let postgres = Postgres::start().await;
        Self::run_with(application(), None, Some(postgres), replica).await
    }

    /// With messages inside the process, and a host that another program starts.
    async fn launched_by(command: &[&str]) -> Self {
        Self::run(application().launched_by(command), None, None).await
    }

    async fn start(redis: Option<Redis>) -> Self {
        Self::run(application(), redis, None).await
    }

    async fn run(
        application: Application,
        redis: Option<Redis>,
        postgres: Option<Postgres>,
    ) -> Self {
        Self::run_with(application, redis, postgres, Vec::new()).await
    }

    async fn run_with(
        application: Application,
        redis: Option<Redis>,
        postgres: Option<Postgres>,
        mut variables: Vec<String>,
    ) -> Self {
        variables.extend(secrets());
        if let Some(redis) = &redis {
            variables.push(format!("redis_url={}", redis.url()));
        }
        if let Some(postgres) = &postgres {
            variables.push(format!("database_url={}", postgres.url()));
            variables.push(format!("database_host=postgres://{}", postgres.address()));
        }
        let host = start(&application, &variables).await;
        Self {
            host,
            application,
            redis,
            postgres,
            variables,
        }
    }

    /// Starts the host again, on what the last one left behind.
    async fn restart(&mut self) {
        self.host = start(&self.application, &self.variables).await;
    }

    /// Ends the Redis server, and with it all subscriptions, and starts it again.
    async fn restart_redis(&mut self) {
        let redis = self.redis.as_mut().unwrap();
        assert!(redis.restart().await, "its port was taken");
    }

    /// Sends JSON as somebody; nothing when there is no answer.
    async fn try_send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: &Value,
    ) -> Option<Answer> {
        let request = self
            .host
            .request(method, path)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"));
        let request = request.body(whole(body.to_string())).unwrap();
        self.host.client().try_send(request).await.ok()
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

/// The application's folder: its own manifest, whose schedules fire each second.
fn application() -> Application {
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
    Application::from_manifest(&manifest).with("runtime-config.toml", config)
}

/// The variables that have no default, and limits that no test reaches unless
/// it wants to.
fn secrets() -> [String; 5] {
    let seed = URL_SAFE_NO_PAD.encode(SEED);
    [
        "gateway_limits=1000000/s".to_owned(),
        "gateway_login_limits=1000000/s".to_owned(),
        format!("identity_encryption_key={seed}"),
        format!("identity_signing_key={seed}"),
        format!("operator_token={OPERATOR_TOKEN}"),
    ]
}

/// Starts a host with these variables.
async fn start(application: &Application, variables: &[String]) -> Host {
    // What the host itself remembers outlives it, as the databases do.
    let state = application.path("state").display().to_string();
    let variables = variables.iter().map(String::as_str);
    let mut arguments = vec!["--state-dir", &state];
    arguments.extend(variables.flat_map(|variable| ["--variable", variable]));
    Host::start(application, &arguments).await
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

/// How many readings were accepted, duplicated and rejected.
fn counts(outcome: &Value) -> (u64, u64, u64) {
    let count = |key: &str| outcome[key].as_u64().unwrap();
    (count("accepted"), count("duplicated"), count("rejected"))
}
