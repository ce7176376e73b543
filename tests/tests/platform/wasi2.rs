//! Functions of WASI 0.2.

use system_tests::{Application, Host, wasm, whole};

async fn host() -> Host {
    let source = wasm("guest-wasi2");
    let manifest = format!(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"old\"\n\
         [component.old]\nsource = {source:?}\n"
    );
    Host::start(&Application::new(&manifest), &[]).await
}

#[tokio::test]
async fn a_function_of_wasi_0_2_answers() {
    let host = host().await;
    let answer = host.post("/path?q=1", "a body").await.expect(202);
    assert_eq!(answer.text(), "Method::Post /path?q=1\na body");
    assert_eq!(answer.header("content-type"), "text/plain");
    let large = vec![b'a'; 5_000_000];
    let answer = host.post("/large", large.clone()).await.expect(202);
    assert!(answer.body.ends_with(&large), "{} bytes", answer.body.len());
}

#[tokio::test]
async fn a_function_of_wasi_0_2_that_gives_no_answer_fails_alone() {
    let host = host().await;
    for path in ["/trap", "/nothing"] {
        assert!(host.get(path).await.expect(500).body.is_empty(), "{path}");
        host.get("/").await.expect(202);
    }
    let series = "function_failures_total{component=\"old\",kind=\"trap\"}";
    assert_eq!(host.metric(series).await, 1.0);
}

#[tokio::test]
async fn many_requests_to_a_function_of_wasi_0_2_run_at_once() {
    let host = host().await;
    let calls = (0..100).map(|n| {
        let request = host
            .request("PUT", "/")
            .body(whole(format!("body {n}")))
            .unwrap();
        host.send(request)
    });
    for (n, answer) in futures::future::join_all(calls)
        .await
        .into_iter()
        .enumerate()
    {
        assert_eq!(
            answer.expect(202).text(),
            format!("Method::Put /\nbody {n}")
        );
    }
}
