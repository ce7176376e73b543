//! The gateway in front of a function that does what a test asks for, and in
//! front of the whole application.

mod calls;

use std::collections::BTreeSet;

use system_tests::wasm;

use super::*;

/// The probe behind the gateway, and what its manifest says about it.
struct Guarded {
    variables: Vec<(&'static str, String)>,
}

impl Guarded {
    /// With this policy, and limits that are not reached.
    fn with(policy: &str) -> Self {
        let variable = |name, value: &str| (name, value.to_owned());
        Self {
            variables: vec![
                variable("gateway_policy", policy),
                variable("gateway_limits", "1000000/s"),
                variable("operator_token", OPERATOR_TOKEN),
                variable("identity_issuer", ISSUER),
                variable("identity_audience", AUDIENCE),
            ],
        }
    }

    fn set(mut self, name: &'static str, value: &str) -> Self {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
        self
    }

    /// A host that serves it at `/guarded/probe/...`.
    async fn start(&self, redis: &Redis) -> Host {
        let (probe, gateway) = (wasm("guest-probe"), wasm("component-gateway"));
        let redis = redis.url();
        let mut manifest = format!(
            "[[trigger.http]]\nroute = \"/guarded/...\"\ncomponent = \"guarded\"\n\
             dependencies.middleware = [{{ component = \"gateway\", \
             inherit_configuration = [\"allowed_outbound_hosts\", \"variables\"] }}]\n\
             [component.gateway]\nsource = {gateway:?}\n\
             [component.guarded]\nsource = {probe:?}\nallowed_outbound_hosts = [{redis:?}]\n\
             [component.guarded.variables]\nredis_url = {redis:?}\n"
        );
        for (name, value) in &self.variables {
            manifest.push_str(&format!("{name} = {value:?}\n"));
        }
        Host::start(&Application::new(&manifest), &[]).await
    }
}

/// Sends a request with these headers.
async fn send(host: &Host, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    send_body(host, method, path, headers, "").await
}

async fn send_body(
    host: &Host,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &'static str,
) -> Answer {
    let mut request = host.request(method, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    host.send(request.body(whole(body)).unwrap()).await
}

/// What operators send.
fn operator() -> (&'static str, &'static str) {
    static VALUE: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| format!("Bearer {OPERATOR_TOKEN}"));
    ("authorization", &VALUE)
}

/// The values of a header that the function received.
fn received(answer: &Answer, name: &str) -> Vec<String> {
    let seen = answer.json();
    let headers = seen["headers"].as_array().unwrap().iter();
    let of_name = headers.filter(|header| header[0] == name);
    of_name
        .map(|header| header[1].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn nobody_can_say_who_they_are() {
    let redis = Redis::start().await;
    let host = Guarded::with(r#"{"auth":"optional"}"#).start(&redis).await;
    let forged = [
        ("x-user-id", "u1"),
        ("X-User-Id", "u2"),
        ("X-USER-ROLES", "admin,operator"),
        ("x-scopes", "everything"),
        ("x-session-id", "s1"),
        ("x-token-id", "t1"),
        ("x-token-expires-at", "99999999999"),
        ("x-auth-method", "operator"),
        ("x-client-ip", "1.1.1.1"),
        ("x-forwarded-for", "1.1.1.1"),
        ("forwarded", "for=1.1.1.1"),
        ("spin-client-addr", "1.1.1.1:1"),
        ("x-own", "stays"),
    ];
    let answer = send(&host, "GET", "/guarded/probe/headers", &forged).await;
    let answer = answer.expect(200);
    for (name, _) in &forged[..8] {
        assert!(
            received(&answer, &name.to_ascii_lowercase()).is_empty(),
            "{name}"
        );
    }
    assert_eq!(received(&answer, "x-client-ip"), ["127.0.0.1"]);
    assert!(received(&answer, "x-forwarded-for").is_empty());
    assert!(received(&answer, "forwarded").is_empty());
    assert_eq!(received(&answer, "x-own"), ["stays"]);
}

#[tokio::test]
async fn the_function_is_told_who_asks_and_not_with_what_secret() {
    let redis = Redis::start().await;
    let host = Guarded::with("").start(&redis).await;
    let headers = [operator(), ("x-user-id", "u1"), ("x-request-id", "r-1")];
    let answer = send(&host, "GET", "/guarded/probe/headers", &headers).await;
    let answer = answer.expect(200);
    assert_eq!(received(&answer, "x-user-id"), ["operator"]);
    assert_eq!(received(&answer, "x-user-roles"), ["operator"]);
    assert_eq!(received(&answer, "x-request-id"), ["r-1"]);
    assert!(received(&answer, "authorization").is_empty());
    assert_eq!(answer.header("x-request-id"), "r-1");
    assert_eq!(answer.header("x-gateway"), "suoke-life-gateway");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn what_is_no_credential_is_refused() {
    let redis = Redis::start().await;
    let host = Guarded::with("").start(&redis).await;
    let long = format!("Bearer {}", "a".repeat(20_000));
    let almost = format!("Bearer {OPERATOR_TOKEN}x");
    for (headers, code) in [
        (vec![], "token_missing"),
        (
            vec![("authorization", "Basic b3BlcmF0b3I6eA==")],
            "token_missing",
        ),
        (vec![("authorization", "Bearer ")], "token_missing"),
        (vec![("authorization", long.as_str())], "token_invalid"),
        (vec![("authorization", almost.as_str())], "token_invalid"),
        (vec![operator(), operator()], "token_invalid"),
        (
            vec![operator(), ("authorization", "Bearer x")],
            "token_invalid",
        ),
    ] {
        let answer = send(&host, "GET", "/guarded/probe/calls", &headers).await;
        problem(&answer, 401, code, None);
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    let key = [("authorization", "Bearer sk-lyss-0123456789")];
    let answer = send(&host, "GET", "/guarded/probe/calls", &key).await;
    problem(&answer, 403, "forbidden", None);
    let answer = send(&host, "GET", "/guarded/probe/calls", &[operator()]).await;
    assert_eq!(
        answer.expect(200).text(),
        "1",
        "nobody else reached the function"
    );
}

#[tokio::test]
async fn no_path_leads_around_the_gateway() {
    let redis = Redis::start().await;
    let host = Guarded::with("").start(&redis).await;
    for path in [
        "/guarded/probe/hello",
        "//guarded/probe/hello",
        "/guarded//probe/hello",
        "/./guarded/probe/hello",
        "/x/../guarded/probe/hello",
        "/guarded/../guarded/probe/hello",
        "/%67uarded/probe/hello",
        "/guarded%2Fprobe/hello",
        "/guarded/%2e%2e/guarded/probe/hello",
        "/GUARDED/probe/hello",
        "/guarded/probe/hello/",
        "/guarded/probe/hello?x=/public",
        "/guarded;x=1/probe/hello",
        "/guarded\\probe/hello",
    ] {
        let Ok(request) = host.request("GET", path).body(whole("")) else {
            continue;
        };
        let status = host.send(request).await.status.as_u16();
        assert!([400, 401, 404].contains(&status), "{path}: {status}");
    }
}

#[tokio::test]
async fn hosts_share_limits_which_survive_their_restart() {
    let redis = Redis::start().await;
    let guarded = Guarded::with(r#"{"auth":"public"}"#).set("gateway_limits", "5/d");
    let (one, two) = (guarded.start(&redis).await, guarded.start(&redis).await);
    let mut left = Vec::new();
    for turn in 0..5 {
        let host = if turn % 2 == 0 { &one } else { &two };
        let answer = host.get("/guarded/probe/hello").await.expect(200);
        assert_eq!(answer.header("ratelimit-limit"), "5");
        left.push(answer.header("ratelimit-remaining").to_owned());
    }
    assert_eq!(left, ["4", "3", "2", "1", "0"]);
    for host in [&one, &two] {
        let answer = host.get("/guarded/probe/hello").await;
        problem(&answer, 429, "rate_limited", None);
        assert_eq!(answer.json()["detail"], "rate limit exceeded");
        assert_eq!(answer.header("ratelimit-remaining"), "0");
        let retry_after: u32 = answer.header("retry-after").parse().unwrap();
        assert!((1..=17_280).contains(&retry_after), "{retry_after}");
    }
    one.kill();
    let restarted = guarded.start(&redis).await;
    problem(
        &restarted.get("/guarded/probe/hello").await,
        429,
        "rate_limited",
        None,
    );
}

#[tokio::test]
async fn clients_are_told_apart_by_trusted_proxies_alone() {
    let redis = Redis::start().await;
    let public = || Guarded::with(r#"{"auth":"public","limits":{"ip":"1/d"}}"#);
    let ask = async |host: &Host, client: &str| {
        let headers = [("x-forwarded-for", client)];
        let answer = send(host, "GET", "/guarded/probe/headers", &headers).await;
        (answer.status == 200).then(|| received(&answer, "x-client-ip"))
    };
    let trusting = public().set("gateway_trusted_proxies", "127.0.0.0/8");
    let host = trusting.start(&redis).await;
    assert_eq!(
        ask(&host, "203.0.113.1").await,
        Some(vec!["203.0.113.1".to_owned()])
    );
    assert_eq!(ask(&host, "203.0.113.1").await, None);
    // What the client itself wrote stands left of what the proxy saw.
    assert_eq!(ask(&host, "198.51.100.7, 203.0.113.1").await, None);
    assert!(ask(&host, "203.0.113.2").await.is_some());
    let host = public().start(&redis).await;
    assert_eq!(
        ask(&host, "203.0.113.3").await,
        Some(vec!["127.0.0.1".to_owned()])
    );
    assert_eq!(ask(&host, "203.0.113.4").await, None);
}

#[tokio::test]
async fn who_guesses_secrets_is_limited_and_operators_are_not() {
    let redis = Redis::start().await;
    let guarded = Guarded::with("").set("gateway_limits", "3/d");
    let host = guarded.start(&redis).await;
    let guess = [("authorization", "Bearer guess")];
    for _ in 0..3 {
        let answer = send(&host, "GET", "/guarded/probe/hello", &guess).await;
        problem(&answer, 401, "token_invalid", None);
    }
    let answer = send(&host, "GET", "/guarded/probe/hello", &guess).await;
    problem(&answer, 429, "rate_limited", None);
    for _ in 0..10 {
        let answer = send(&host, "GET", "/guarded/probe/hello", &[operator()]).await;
        answer.expect(200);
    }
}

#[tokio::test]
async fn only_listed_pages_may_read() {
    let redis = Redis::start().await;
    let guarded = Guarded::with("").set("gateway_cors_origins", "https://app.example.com");
    let host = guarded.start(&redis).await;
    let preflight = async |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization"),
        ];
        send(&host, "OPTIONS", "/guarded/probe/hello", &headers).await
    };
    let allowed = preflight("https://app.example.com").await.expect(204);
    let origin = "access-control-allow-origin";
    assert_eq!(allowed.header(origin), "https://app.example.com");
    assert!(
        allowed
            .header("access-control-allow-methods")
            .contains("POST")
    );
    assert!(
        allowed
            .header("access-control-allow-headers")
            .contains("authorization")
    );
    assert_eq!(allowed.header("access-control-allow-credentials"), "");
    let refused = preflight("https://evil.example.com").await.expect(204);
    assert_eq!(refused.header(origin), "");
    // A page may read why it was refused.
    let headers = [("origin", "https://app.example.com")];
    let answer = send(&host, "GET", "/guarded/probe/hello", &headers).await;
    let answer = answer.expect(401);
    assert_eq!(answer.header(origin), "https://app.example.com");
    assert_eq!(answer.header("vary"), "origin");
    assert!(
        answer
            .header("access-control-expose-headers")
            .contains("ratelimit")
    );
    // Without the question of a browser OPTIONS is a method like others.
    let answer = send(&host, "OPTIONS", "/guarded/probe/hello", &[]).await;
    problem(&answer, 401, "token_missing", None);
}

#[tokio::test]
async fn a_function_whose_policy_cannot_be_read_is_closed() {
    let redis = Redis::start().await;
    for (name, value) in [
        ("gateway_policy", r#"{"auth":"nobody"}"#),
        ("gateway_limits", "many"),
        ("gateway_trusted_proxies", "everybody"),
    ] {
        let host = Guarded::with("").set(name, value).start(&redis).await;
        let answer = send(&host, "GET", "/guarded/probe/hello", &[operator()]).await;
        problem(&answer, 500, "internal_error", None);
        let logged = host.logged("request failed").await;
        assert!(logged.to_string().contains(name), "{logged}");
    }
}

#[tokio::test]
async fn what_a_caller_has_is_not_sent_again() {
    let life = Life::with_redis().await;
    let path = "/.well-known/jwks.json";
    let first = life.host.get(path).await.expect(200);
    let tag = first.header("etag").to_owned();
    assert!(tag.len() > 16, "{tag}");
    let kept = life.host.get(path).await.expect(200);
    assert_eq!(
        (kept.header("etag"), &kept.body),
        (tag.as_str(), &first.body)
    );
    let headers = [("if-none-match", tag.as_str())];
    let answer = send(&life.host, "GET", path, &headers).await.expect(304);
    assert!(answer.body.is_empty());
    let headers = [("if-none-match", "\"other\"")];
    let answer = send(&life.host, "GET", path, &headers).await.expect(200);
    assert_eq!(answer.body, first.body);
}

#[tokio::test]
async fn a_revoked_token_is_refused_whether_redis_knows_it_or_not() {
    let mut life = Life::with_redis().await;
    let path = "/api/v1/health/readings";
    let (revoked, good) = (
        life.register("fang@example.com").await,
        life.register("li@example.com").await,
    );
    life.get(path, &revoked).await.expect(200);
    let body = json!({ "token": revoked });
    life.post("/api/v1/auth/revoke", None, &body)
        .await
        .expect(200);
    problem(&life.get(path, &revoked).await, 401, "token_revoked", None);
    // A Redis that has forgotten all.
    life.restart_redis().await;
    problem(&life.get(path, &revoked).await, 401, "token_revoked", None);
    life.get(path, &good).await.expect(200);
    // None at all.
    life.redis.as_mut().unwrap().kill();
    problem(&life.get(path, &revoked).await, 401, "token_revoked", None);
    life.get(path, &good).await.expect(200);
}

#[tokio::test]
async fn a_token_says_nothing_about_how_it_is_verified() {
    let life = Life::with_redis().await;
    let token = life.register("fang@example.com").await;
    let keys = life.host.get("/.well-known/jwks.json").await.json();
    let public = keys["keys"][0]["x"].as_str().unwrap().to_owned();
    let (text, signature) = token.rsplit_once('.').unwrap();
    let (head, payload) = text.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).unwrap()).unwrap();
    let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let kid = &header["kid"];
    let mac = {
        use hmac::{Hmac, KeyInit, Mac};
        let secret = URL_SAFE_NO_PAD.decode(&public).unwrap();
        let head = encode(&json!({ "alg": "HS256", "kid": kid }));
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&secret).unwrap();
        mac.update(format!("{head}.{payload}").as_bytes());
        let mac = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        format!("{head}.{payload}.{mac}")
    };
    let with_head = |head: Value| format!("{}.{payload}.{signature}", encode(&head));
    let own_key = json!({ "kty": "OKP", "crv": "Ed25519", "x": public });
    let tokens = BTreeSet::from([
        mac,
        format!(
            "{}.{payload}.",
            encode(&json!({ "alg": "none", "kid": kid }))
        ),
        with_head(json!({ "alg": "EdDSA", "kid": kid, "jwk": own_key })),
        with_head(json!({ "alg": "EdDSA", "kid": kid, "jku": "http://evil.example.com" })),
        with_head(json!({ "alg": "EdDSA", "kid": kid, "crit": ["exp"] })),
        with_head(json!({ "alg": "EdDSA", "kid": "../../etc/passwd" })),
        with_head(json!({ "alg": "RS256", "kid": kid })),
    ]);
    for token in &tokens {
        let answer = life.get("/api/v1/health/readings", token).await;
        problem(&answer, 401, "token_invalid", None);
    }
    life.get("/api/v1/health/readings", &token)
        .await
        .expect(200);
}
