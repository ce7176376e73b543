//! Bounds of one component, and what happens beside a component that breaks them.

use bytes::Bytes;
use system_tests::{Answer, Application, Host, channel, probe, whole};

fn limited(id: &str, limits: &str) -> String {
    probe(id, &format!("[component.{id}.tool.suoke]\n{limits}"))
}

/// Both forms of the host's errors are wanted: with problem details here.
async fn start(components: &[String]) -> Host {
    let options = "[application.tool.suoke]\nproblem_details = true\n";
    let manifest = format!("{options}{}", components.concat());
    Host::start(&Application::new(&manifest), &[]).await
}

/// A request whose body does not end before the sender is dropped, and whose
/// component runs so long.
fn hold(host: &Host, id: &str) -> (impl Drop, tokio::task::JoinHandle<Answer>) {
    struct Held(Option<http_body_util::channel::Sender<Bytes, std::convert::Infallible>>);
    impl Drop for Held {
        fn drop(&mut self) {
            drop(self.0.take());
        }
    }
    let (sender, body) = channel();
    let request = host
        .request("POST", &format!("/{id}/probe/echo"))
        .body(body)
        .unwrap();
    let client = host.client().clone();
    let answer = tokio::spawn(async move { client.send(request).await });
    (Held(Some(sender)), answer)
}

#[tokio::test]
async fn a_body_over_its_bound_is_refused_with_or_without_its_length() {
    let host = start(&[limited("all", "body_bytes_max = 1000")]).await;
    let path = "/all/probe/echo";
    host.post(path, vec![b'a'; 1000]).await.expect(200);
    let announced = host.post(path, vec![b'a'; 1001]).await.expect(413);
    assert_eq!(announced.json()["code"], "too_large");

    let (mut sender, body) = channel();
    let request = host.request("POST", path).body(body).unwrap();
    let client = host.client().clone();
    let answer = tokio::spawn(async move { client.send(request).await });
    for _ in 0..3 {
        // The host may have answered already.
        let _ = sender.send_data(Bytes::from(vec![b'a'; 500])).await;
    }
    drop(sender);
    let answer = answer.await.unwrap().expect(413);
    assert_eq!(answer.json()["code"], "too_large");
    host.get("/all/probe/hello").await.expect(200);
}

#[tokio::test]
async fn a_client_that_sends_far_too_much_still_reads_its_answer() {
    let host = start(&[limited("all", "body_bytes_max = 1000"), probe("free", "")]).await;
    for (path, status) in [
        ("/all/probe/echo", 413),
        ("/nowhere", 404),
        // A component that does not look at the body.
        ("/free/probe/hello", 200),
        ("/free/probe/trap", 500),
    ] {
        host.post(path, vec![b'a'; 8 << 20]).await.expect(status);
        let (mut sender, body) = channel();
        let request = host.request("POST", path).body(body).unwrap();
        let client = host.client().clone();
        let answer = tokio::spawn(async move { client.send(request).await });
        for _ in 0..80 {
            // The host may have answered already.
            let _ = sender.send_data(Bytes::from(vec![b'a'; 100_000])).await;
        }
        drop(sender);
        answer.await.unwrap().expect(status);
    }
}

#[tokio::test]
async fn calls_beyond_the_queue_are_refused_and_the_queue_is_served() {
    let limits = "concurrency_max = 1\nqueue_max = 1\nqueue_wait_ms = 100000";
    let host = start(&[limited("all", limits)]).await;
    let (held, first) = hold(&host, "all");
    host.running("all", 1).await;
    let ask = |host: &Host| {
        let request = host
            .request("GET", "/all/probe/hello")
            .body(whole(""))
            .unwrap();
        let client = host.client().clone();
        tokio::spawn(async move { client.send(request).await })
    };
    // One of them takes the only place in the queue.
    let (one, other) = (ask(&host), ask(&host));
    let (refused, waiting) = match futures::future::select(one, other).await {
        futures::future::Either::Left((answer, waiting)) => (answer, waiting),
        futures::future::Either::Right((answer, waiting)) => (answer, waiting),
    };
    let refused = refused.unwrap().expect(503);
    assert_eq!(refused.json()["code"], "overloaded");
    assert_eq!(refused.header("retry-after"), "1");
    drop(held);
    first.await.unwrap().expect(200);
    assert_eq!(waiting.await.unwrap().expect(200).text(), "hello");
}

#[tokio::test]
async fn nobody_waits_in_the_queue_for_longer_than_allowed() {
    let limits = "concurrency_max = 1\nqueue_wait_ms = 50";
    let host = start(&[limited("all", limits)]).await;
    let (held, first) = hold(&host, "all");
    host.running("all", 1).await;
    let refused = host.get("/all/probe/hello").await.expect(503);
    assert_eq!(refused.json()["code"], "overloaded");
    drop(held);
    first.await.unwrap().expect(200);
    host.get("/all/probe/hello").await.expect(200);
}

#[tokio::test]
async fn one_component_cannot_take_the_places_of_another() {
    let limits = "concurrency_max = 1\nqueue_wait_ms = 50";
    let host = start(&[limited("full", limits), probe("free", "")]).await;
    let (held, first) = hold(&host, "full");
    host.running("full", 1).await;
    host.get("/full/probe/hello").await.expect(503);
    host.get("/free/probe/hello").await.expect(200);
    drop(held);
    first.await.unwrap().expect(200);
}

/// Fifty requests to each of the components, all of which succeed.
async fn fifty_good(host: &Host, components: &[&str]) {
    let calls = components.iter().flat_map(|id| {
        (0..50).map(move |n| async move {
            let (path, body) = (format!("/{id}/probe/echo"), format!("{id} {n}"));
            assert_eq!(
                host.post(&path, body.clone()).await.expect(200).text(),
                body
            );
        })
    });
    futures::future::join_all(calls).await;
}

#[tokio::test]
async fn a_guest_that_misbehaves_harms_only_its_own_request() {
    let host = start(&[
        limited("looping", "cpu_ms = 500"),
        limited("sleeping", "deadline_ms = 500"),
        limited("greedy", "memory_bytes_max = 67108864"),
        probe("good", ""),
    ])
    .await;
    for (id, path, status, kind) in [
        ("looping", "/looping/probe/spin", 500, "cpu_exhausted"),
        ("sleeping", "/sleeping/probe/sleep", 504, "timeout"),
        ("greedy", "/greedy/probe/allocate", 500, "out_of_memory"),
        ("good", "/good/probe/trap", 500, "trap"),
    ] {
        // Those beside it in the same component and those in another.
        let beside = ["good", id];
        let (bad, ()) = tokio::join!(host.get(path), fifty_good(&host, &beside));
        assert_eq!(bad.expect(status).json()["code"], kind);
        let series = format!("function_failures_total{{component=\"{id}\",kind=\"{kind}\"}}");
        assert_eq!(host.metric(&series).await, 1.0, "{series}");
        fifty_good(&host, &[id]).await;
    }
}

#[tokio::test]
async fn an_instance_that_trapped_is_never_used_again() {
    let application = Application::new(&probe("all", ""));
    let host = Host::start(&application, &["--workers", "1"]).await;
    for _ in 0..3 {
        assert_eq!(host.get("/all/probe/calls").await.expect(200).json(), 1);
        assert_eq!(host.get("/all/probe/calls").await.expect(200).json(), 2);
        host.get("/all/probe/trap").await.expect(500);
    }
}

#[tokio::test]
async fn a_trap_after_the_head_cuts_the_answer_off() {
    let host = start(&[limited("all", "deadline_ms = 500")]).await;
    let (mut sender, body) = channel();
    sender.send_data(Bytes::from("first")).await.unwrap();
    let request = host.request("POST", "/all/probe/pipe").body(body).unwrap();
    let broken = host.client().try_send(request).await;
    assert!(broken.is_err(), "{broken:?}");
    drop(sender);
    host.get("/all/probe/hello").await.expect(200);
}

#[tokio::test]
async fn memory_on_the_command_line_bounds_every_component() {
    let application = Application::new(&probe("all", ""));
    let host = Host::start(&application, &["--max-instance-memory", "33554432"]).await;
    host.get("/all/probe/allocate").await.expect(500);
    let series = "function_failures_total{component=\"all\",kind=\"out_of_memory\"}";
    assert_eq!(host.metric(series).await, 1.0);
    host.get("/all/probe/hello").await.expect(200);
}
