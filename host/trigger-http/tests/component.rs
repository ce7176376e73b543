//! A real component answers requests.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops where it fails"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use host_app::{Component, FailureKind, InstanceReuse, Limits};
use host_interface_key_value::KeyValue;
use host_interface_sqlite::Sqlite;
use host_testkit::Probe;
use http::Request;
use http_body_util::{BodyExt, Full};

fn probe(limits: Limits) -> Probe {
    let component = Component {
        limits,
        ..Component::default()
    };
    let (key_value, sqlite) = (KeyValue::new(BTreeMap::new()), Sqlite::new(BTreeMap::new()));
    Probe::new(component, key_value, sqlite)
}

/// The value of a metric.
fn metric(probe: &Probe, series: &str) -> f64 {
    let metrics = probe.loaded.metrics.encode().unwrap();
    let mut values = metrics.lines().filter_map(|line| line.strip_prefix(series));
    values
        .next()
        .map_or(0.0, |value| value.trim().parse().unwrap())
}

const RUNNING: &str = "function_calls_running{component=\"probe\"}";

/// Lets other tasks have their turn until it is so.
async fn until(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if so() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("did not happen: {what}");
}

#[tokio::test]
async fn each_failure_has_its_status_and_is_counted_under_its_kind() {
    let limits = Limits::default;
    for (action, limits, status, kind) in [
        ("trap", limits(), 500, FailureKind::Trap),
        (
            "spin",
            Limits {
                cpu_ms: 200,
                ..limits()
            },
            500,
            FailureKind::CpuExhausted,
        ),
        (
            "allocate",
            Limits {
                memory_bytes_max: 64 << 20,
                ..limits()
            },
            500,
            FailureKind::OutOfMemory,
        ),
        (
            "sleep",
            Limits {
                deadline_ms: 2_000,
                ..limits()
            },
            504,
            FailureKind::Timeout,
        ),
    ] {
        let probe = probe(limits);
        assert_eq!(
            probe.ask(action, "").await,
            (status, String::new()),
            "{action}"
        );
        let labels = format!("component=\"probe\",kind=\"{}\"", kind.as_str());
        assert_eq!(
            metric(&probe, &format!("function_failures_total{{{labels}}}")),
            1.0,
            "{action}: {}",
            probe.loaded.metrics.encode().unwrap()
        );
        assert_eq!(probe.ask("hello", "").await, (200, "hello".to_owned()));
        assert_eq!(metric(&probe, RUNNING), 0.0);
    }
}

#[tokio::test]
async fn what_a_component_has_begun_goes_on_when_the_caller_is_gone() {
    let probe = probe(Limits::default());
    // The caller leaves before the answer and in the middle of it.
    for polls in [0, 1, 3] {
        let mut call = Box::pin(probe.ask("stream", ""));
        for _ in 0..=polls {
            assert!(futures::poll!(&mut call).is_pending());
            tokio::task::yield_now().await;
        }
        drop(call);
    }
    until("the calls end", || metric(&probe, RUNNING) == 0.0).await;
    let made = metric(&probe, "function_instances_made_total{component=\"probe\"}");
    let alive = metric(&probe, "function_instances{component=\"probe\"}");
    assert_eq!(made, alive, "a call was torn off and its instance lost");
    let failures = probe.loaded.metrics.encode().unwrap();
    assert!(!failures.contains("function_failures_total{"), "{failures}");
}

#[tokio::test]
async fn an_instance_serves_as_many_calls_as_it_may() {
    let probe = probe(Limits {
        reuse: InstanceReuse {
            count_max: 3,
            ..Limits::default().reuse
        },
        ..Limits::default()
    });
    for expected in ["1", "2", "3", "1", "2", "3", "1"] {
        assert_eq!(probe.ask("calls", "").await, (200, expected.to_owned()));
    }
}

#[tokio::test]
async fn a_call_between_components_goes_past_the_router() {
    let probe = probe(Limits::default());
    let request = || {
        let request = Request::post("http://probe.spin.internal/probe/echo?q=1");
        request
            .body(
                Full::new(Bytes::from("body"))
                    .map_err(Into::into)
                    .boxed_unsync(),
            )
            .unwrap()
    };
    let answer = probe.app.chain("probe", request()).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "body");
    let failure = probe.app.chain("nobody", request()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::BadInput);
}

#[tokio::test]
async fn nothing_starts_after_the_application_is_closed() {
    let probe = Arc::new(probe(Limits::default()));
    let running = {
        let probe = probe.clone();
        tokio::spawn(async move { probe.ask("slow", "").await })
    };
    until("the call runs", || metric(&probe, RUNNING) == 1.0).await;
    probe.app.close().await;
    assert_eq!(running.await.unwrap(), (200, "\"done\"".to_owned()));
    assert_eq!(probe.ask("hello", "").await.0, 503);
}
