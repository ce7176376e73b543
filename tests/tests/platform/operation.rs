//! Starting, stopping and watching a host.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use system_tests::{Application, Host, channel, eventually, probe, wasm, whole};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_host_that_is_told_to_stop_ends_what_runs_and_takes_nothing_new() {
    let host = Host::start(&Application::new(&probe("all", "")), &[]).await;
    let (mut sender, body) = channel();
    let request = host.request("POST", "/all/probe/echo").body(body).unwrap();
    let client = host.client().clone();
    let running = tokio::spawn(async move { client.send(request).await });
    sender.send_data(Bytes::from("before, ")).await.unwrap();
    host.running("all", 1).await;
    host.terminate();
    eventually("connections are refused", async || {
        TcpStream::connect(host.address())
            .await
            .is_err()
            .then_some(())
    })
    .await;
    sender.send_data(Bytes::from("after")).await.unwrap();
    drop(sender);
    assert_eq!(running.await.unwrap().expect(200).text(), "before, after");
    assert!(host.ended().await.status.success());
}

#[tokio::test]
async fn an_idle_host_stops_at_once_and_well() {
    let host = Host::start(&Application::new(&probe("all", "")), &[]).await;
    // A connection that is kept alive is no reason to stay.
    host.get("/all/probe/hello").await.expect(200);
    let stopped = host.stop().await;
    assert!(stopped.status.success(), "{}", stopped.stderr);
}

#[tokio::test]
async fn a_second_signal_ends_the_host_without_waiting() {
    let host = Host::start(&Application::new(&probe("all", "")), &[]).await;
    let (sender, body) = channel();
    let request = host.request("POST", "/all/probe/echo").body(body).unwrap();
    let client = host.client().clone();
    let running = tokio::spawn(async move { client.try_send(request).await });
    host.running("all", 1).await;
    host.terminate();
    host.logged("stopping").await;
    host.terminate();
    let stopped = host.ended().await;
    assert_eq!(stopped.status.code(), Some(1));
    assert!(running.await.unwrap().is_err());
    drop(sender);
}

#[tokio::test]
async fn operators_see_metrics_by_component() {
    let manifest = [probe("one", ""), probe("other", "")].concat();
    let host = Host::start(&Application::new(&manifest), &["--workers", "1"]).await;
    for _ in 0..3 {
        host.get("/one/probe/hello").await.expect(200);
    }
    host.get("/one/probe/status").await.expect(418);
    host.get("/one/probe/trap").await.expect(500);
    host.get("/other/probe/stream").await.expect(200);
    for (series, value) in [
        (
            "http_request_duration_seconds_count{component=\"one\",status=\"2xx\"}",
            3.0,
        ),
        (
            "http_request_duration_seconds_count{component=\"one\",status=\"4xx\"}",
            1.0,
        ),
        (
            "http_request_duration_seconds_count{component=\"one\",status=\"5xx\"}",
            1.0,
        ),
        (
            "http_request_duration_seconds_bucket{le=\"+Inf\",component=\"one\",status=\"2xx\"}",
            3.0,
        ),
        (
            "function_failures_total{component=\"one\",kind=\"trap\"}",
            1.0,
        ),
        (
            "function_failures_total{component=\"other\",kind=\"trap\"}",
            0.0,
        ),
        ("function_instances_made_total{component=\"one\"}", 1.0),
        ("function_instances_made_total{component=\"other\"}", 1.0),
        ("function_calls_running{component=\"one\"}", 0.0),
    ] {
        eventually(series, async || {
            (host.metric(series).await == value).then_some(())
        })
        .await;
    }
    eventually("the trapped instance is gone", async || {
        (host.metric("function_instances{component=\"one\"}").await == 0.0).then_some(())
    })
    .await;
    assert!(
        host.metric("function_cpu_seconds_total{component=\"one\"}")
            .await
            > 0.0
    );
    let metrics = host.ask_admin("/metrics").await.expect(200);
    assert!(
        metrics
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    assert!(metrics.text().ends_with("# EOF\n"));
}

#[tokio::test]
async fn instances_that_are_idle_are_given_up() {
    let limits = "[component.all.tool.suoke]\nreuse = { idle_ms_max = 50 }";
    let host = Host::start(&Application::new(&probe("all", limits)), &[]).await;
    host.get("/all/probe/hello").await.expect(200);
    eventually("no instance is left", async || {
        (host.metric("function_instances{component=\"all\"}").await == 0.0).then_some(())
    })
    .await;
    assert_eq!(host.get("/all/probe/calls").await.expect(200).json(), 1);
}

#[tokio::test]
async fn operators_see_health_and_what_is_loaded() {
    let limits = "[component.all.tool.suoke]\ndeadline_ms = 1234";
    let host = Host::start(&Application::new(&probe("all", limits)), &[]).await;
    host.ask_admin("/health/live").await.expect(200);
    eventually("the host is ready", async || {
        (host.ask_admin("/health/ready").await.status == 200).then_some(())
    })
    .await;
    host.ask_admin("/nothing").await.expect(404);
    let components = host.ask_admin("/components").await.expect(200).json();
    assert_eq!(components["name"], "tested");
    assert_eq!(components["components"][0]["id"], "all");
    assert_eq!(components["components"][0]["triggers"][0], "http /all/...");
    assert_eq!(components["components"][0]["limits"]["deadline_ms"], 1234);
    let request = http::Request::post(format!("{}/metrics", host.admin()));
    let answer = host.client().send(request.body(whole("")).unwrap()).await;
    assert_eq!(answer.expect(405).header("allow"), "GET, HEAD");
    // What operators see is not for everybody.
    host.get("/metrics").await.expect(404);
}

#[tokio::test]
async fn logs_are_json_and_carry_no_bodies_or_secrets() {
    let variables = "[variables]\nsecret = { required = true, secret = true }\n";
    let more = "[component.all.variables]\ngreeting = \"{{ secret }}\"\n\
                [component.all.tool.suoke]\nbody_bytes_max = 100";
    let application = Application::new(&format!("{variables}{}", probe("all", more)))
        .environment("SUOKE_LOG", "debug");
    let host = Host::start(&application, &["--variable", "secret=value-4711"]).await;
    host.post("/all/probe/echo", "body-4711").await.expect(200);
    host.post("/all/probe/echo", "body-4711".repeat(50))
        .await
        .expect(413);
    let request = host
        .request("POST", "/all/probe/trap")
        .header("authorization", "Bearer 4711");
    host.send(request.body(whole("body-4711")).unwrap())
        .await
        .expect(500);
    host.get("/all/probe/variable").await.expect(200);
    let trap = host.logged("asked to trap").await;
    assert_eq!(trap["component"], "all");
    let failed = host.logged("component failed").await;
    assert_eq!(
        (&failed["component"], &failed["kind"]),
        (&"all".into(), &"trap".into())
    );
    assert_eq!(failed["level"], "ERROR");
    let refused = host.logged("request refused").await;
    assert_eq!(refused["kind"], "too_large");
    assert!(host.logs().iter().all(|line| line["timestamp"].is_string()));
    let stopped = host.stop().await;
    assert!(!stopped.stderr.contains("4711"), "{}", stopped.stderr);
}

/// The compiled code in a cache: name, time of writing, size.
fn compiled(folder: &Path) -> BTreeMap<String, (SystemTime, u64)> {
    let entries = std::fs::read_dir(folder.join("compiled")).unwrap();
    let entries = entries.map(Result::unwrap);
    let entry = |entry: std::fs::DirEntry| {
        let data = entry.metadata().unwrap();
        let name = entry.file_name().into_string().unwrap();
        (name, (data.modified().unwrap(), data.len()))
    };
    entries.map(entry).collect()
}

#[tokio::test]
async fn the_second_start_runs_code_that_the_first_compiled() {
    let application = Application::new(&probe("all", ""));
    let folder = application.path("cache");
    let arguments = ["--cache-dir", folder.to_str().unwrap()];
    let start = async || {
        let host = Host::start(&application, &arguments).await;
        assert_eq!(
            host.get("/all/probe/hello").await.expect(200).text(),
            "hello"
        );
        host.stop().await;
        compiled(&folder)
    };
    let first = start().await;
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(start().await, first);

    let path = folder.join("compiled").join(first.keys().next().unwrap());
    let code = std::fs::read(&path).unwrap();
    for corrupt in [
        b"no code".to_vec(),
        Vec::new(),
        code[..code.len() / 2].to_vec(),
    ] {
        std::fs::write(&path, &corrupt).unwrap();
        let again = start().await;
        assert_eq!(again.len(), 1, "{again:?}");
        assert_eq!(std::fs::read(&path).unwrap().len(), code.len());
    }
}

#[tokio::test]
async fn components_of_the_same_code_share_what_is_compiled() {
    let ids = ["a", "b", "c", "d", "e", "f"];
    let manifest = ids.map(|id| probe(id, "")).concat();
    let application = Application::new(&manifest);
    let folder = application.path("cache");
    let host = Host::start(&application, &["--cache-dir", folder.to_str().unwrap()]).await;
    for id in ids {
        host.get(&format!("/{id}/probe/hello")).await.expect(200);
    }
    let stopped = host.stop().await;
    assert!(
        !stopped.stderr.contains("cannot be kept"),
        "{}",
        stopped.stderr
    );
    assert_eq!(compiled(&folder).len(), 1);
}

#[tokio::test]
async fn another_component_is_compiled_under_another_name() {
    let application = Application::new(&probe("all", ""));
    let folder = application.path("cache");
    let arguments = ["--cache-dir", folder.to_str().unwrap()];
    Host::start(&application, &arguments).await.stop().await;
    // A custom section at the end changes the file, not what it does.
    let mut other = std::fs::read(wasm("guest-probe")).unwrap();
    other.extend([0, 2, 1, b'x']);
    let path = application.write("other.wasm", other);
    let manifest = std::fs::read_to_string(application.path("spin.toml")).unwrap();
    let manifest = manifest.replace(
        wasm("guest-probe").to_str().unwrap(),
        path.to_str().unwrap(),
    );
    application.write("spin.toml", manifest);
    let host = Host::start(&application, &arguments).await;
    host.get("/all/probe/hello").await.expect(200);
    assert_eq!(compiled(&folder).len(), 2);
}

#[tokio::test]
async fn only_the_components_that_are_asked_for_are_started() {
    let manifest = [probe("one", ""), probe("other", "")].concat();
    let host = Host::start(&Application::new(&manifest), &["--component-id", "one"]).await;
    host.get("/one/probe/hello").await.expect(200);
    host.get("/other/probe/hello").await.expect(404);
}

#[tokio::test]
async fn routes_are_printed_as_json_for_programs() {
    let application = Application::new(&probe("all", ""));
    let host = Host::start(&application, &["--format", "json"]).await;
    let printed: serde_json::Value = serde_json::from_str(&host.stdout()).unwrap();
    assert_eq!(printed["base_url"], host.url());
    assert_eq!(printed["routes"][0]["id"], "all");
    assert_eq!(printed["routes"][0]["wildcard"], true);
}
