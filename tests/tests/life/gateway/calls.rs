//! How the gateway calls a function: once for each repeated request, within its
//! deadline, and not while it keeps failing.

use futures::future::join_all;

use super::*;

#[tokio::test]
async fn a_repeated_request_is_done_once() {
    let redis = Redis::start().await;
    let guarded = Guarded::with(r#"{"idempotency":true}"#);
    let hosts = [guarded.start(&redis).await, guarded.start(&redis).await];
    let post = async |host: &Host, key: &str, body: &'static str| {
        let headers = [operator(), ("idempotency-key", key)];
        send_body(host, "POST", "/guarded/probe/calls", &headers, body).await
    };
    let first = post(&hosts[0], "k1", "a").await.expect(200);
    assert_eq!(first.header("idempotency-replayed"), "");
    for host in &hosts {
        let again = post(host, "k1", "a").await.expect(200);
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.body, first.body);
    }
    problem(
        &post(&hosts[1], "k1", "b").await,
        422,
        "idempotency_key_reused",
        None,
    );
    problem(
        &post(&hosts[1], "k 1", "a").await,
        400,
        "idempotency_key_invalid",
        None,
    );
    let other = post(&hosts[0], "k2", "a").await.expect(200);
    assert_eq!(other.header("idempotency-replayed"), "");
    let count: u32 = other.text().parse().unwrap();
    assert_eq!(count, 2, "the function was called once for each key");
}

#[tokio::test]
async fn of_concurrent_duplicates_one_is_done() {
    let redis = Redis::start().await;
    let host = Guarded::with(r#"{"idempotency":true}"#).start(&redis).await;
    let headers = [operator(), ("idempotency-key", "k1")];
    let one = || send(&host, "POST", "/guarded/probe/slow", &headers);
    let answers = join_all((0..12).map(|_| one())).await;
    let done = answers
        .iter()
        .filter(|answer| answer.status == 200 && answer.header("idempotency-replayed").is_empty());
    assert_eq!(done.count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        problem(answer, 409, "idempotency_in_progress", None);
    }
    let again = one().await.expect(200);
    assert_eq!(again.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn without_redis_requests_pass_but_none_that_could_be_done_twice() {
    let mut redis = Redis::start().await;
    let guarded = Guarded::with(r#"{"idempotency":true}"#).set("gateway_limits", "1/d");
    let host = guarded.start(&redis).await;
    redis.kill();
    for _ in 0..3 {
        let answer = send(&host, "POST", "/guarded/probe/hello", &[operator()]).await;
        answer.expect(200);
    }
    host.logged("requests pass without limits").await;
    let headers = [operator(), ("idempotency-key", "k1")];
    let answer = send(&host, "POST", "/guarded/probe/hello", &headers).await;
    problem(&answer, 503, "unavailable", None);
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test]
async fn a_function_that_does_not_answer_is_left_alone_on_all_hosts() {
    let redis = Redis::start().await;
    let policy = r#"{"auth":"public","deadline_ms":50,
        "breaker":{"failures":2,"open_ms":3600000}}"#;
    let guarded = Guarded::with(policy);
    let (one, two) = (guarded.start(&redis).await, guarded.start(&redis).await);
    one.get("/guarded/probe/hello").await.expect(200);
    for _ in 0..2 {
        let answer = one.get("/guarded/probe/sleep").await;
        problem(&answer, 504, "deadline_exceeded", None);
    }
    for host in [&one, &two] {
        let answer = host.get("/guarded/probe/hello").await;
        problem(&answer, 503, "circuit_open", None);
        let retry_after: u32 = answer.header("retry-after").parse().unwrap();
        assert!((1..=3600).contains(&retry_after), "{retry_after}");
    }
    one.logged("a function is left alone").await;
}

#[tokio::test]
async fn a_function_that_works_again_is_called_again() {
    let redis = Redis::start().await;
    let policy = r#"{"auth":"public","deadline_ms":2000,"breaker":{"failures":1,"open_ms":1},
        "fallback":{"status":200,"body":{"items":[]}}}"#;
    let host = Guarded::with(policy).start(&redis).await;
    problem(
        &host.get("/guarded/probe/sleep").await,
        504,
        "deadline_exceeded",
        None,
    );
    eventually("the function is called again", async || {
        let answer = host.get("/guarded/probe/hello").await.expect(200);
        (answer.text() == "hello").then_some(())
    })
    .await;
    host.get("/guarded/probe/calls").await.expect(200);
}

#[tokio::test]
async fn instead_of_a_function_its_fallback_answers() {
    let redis = Redis::start().await;
    let policy = r#"{"auth":"public","deadline_ms":50,
        "breaker":{"failures":1,"open_ms":3600000},
        "fallback":{"status":200,"body":{"items":[]}}}"#;
    let host = Guarded::with(policy).start(&redis).await;
    host.get("/guarded/probe/sleep").await.expect(504);
    let answer = host.get("/guarded/probe/hello").await.expect(200);
    assert_eq!(answer.json(), json!({ "items": [] }));
}

#[tokio::test]
async fn bodies_pass_as_they_are() {
    let redis = Redis::start().await;
    let host = Guarded::with(r#"{"idempotency":true}"#).start(&redis).await;
    let body: Vec<u8> = (0..1_500_000u32).map(|byte| (byte % 251) as u8).collect();
    for key in [None, Some("k1")] {
        let mut request = host
            .request("POST", "/guarded/probe/echo")
            .header("authorization", operator().1);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = host.send(request.body(whole(body.clone())).unwrap()).await;
        assert_eq!(answer.expect(200).body, body);
    }
    let streamed = send(&host, "GET", "/guarded/probe/stream", &[operator()]).await;
    assert!(streamed.expect(200).text().ends_with("part 4\n"));
}
