//! Components are started by schedules, through either export.
#![expect(clippy::unwrap_used, reason = "helpers of a test may stop it")]

mod support;

use std::sync::Arc;

use host_app::{CronPolicy, FailureKind, Limits};
use host_engine::Function;
use host_telemetry::Metrics;
use host_trigger_cron::{CronBinding, CronError, CronFunction, CronTrigger, SystemClock, Tick};
use support::{component, load};

/// Answers an error to a tick that was scheduled for 13, traps for 666.
const OURS: &str = r#"
(module
  (import "[export]suoke:cron/handler@1.0.0" "[task-return]handle-tick"
    (func $return (param i32 i32 i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "unlucky")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "[async-lift]suoke:cron/handler@1.0.0#handle-tick")
    (param $scheduled i64) (param $fired i64) (result i32)
    (if (i64.eq (local.get $scheduled) (i64.const 666)) (then unreachable))
    (if (i64.eq (local.get $scheduled) (i64.const 13))
      (then (call $return (i32.const 1) (i32.const 0) (i32.const 64) (i32.const 7)))
      (else (call $return (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))
    (i32.const 0))
  (func (export "[callback][async-lift]suoke:cron/handler@1.0.0#handle-tick")
    (param i32 i32 i32) (result i32) unreachable))
"#;

/// Answers an error unless the time is 1800000000 seconds.
const SPIN: &str = r#"
(module
  (memory (export "memory") 1)
  (data (i32.const 64) "late")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "handle-cron-event") (param $timestamp i64) (result i32)
    (i32.store8 (i32.const 0) (i64.ne (local.get $timestamp) (i64.const 1800000000)))
    (i32.store8 (i32.const 4) (i32.const 0))
    (i32.store (i32.const 8) (i32.const 64))
    (i32.store (i32.const 12) (i32.const 4))
    (i32.const 0)))
"#;

fn ours(metrics: &Metrics) -> Arc<Function> {
    let bytes = component(
        &["cron"],
        "world guest { include suoke:cron/scheduled@1.0.0; }",
        OURS,
    );
    load("tidy", &bytes, Limits::default(), vec![], metrics)
}

fn spin(metrics: &Metrics) -> Arc<Function> {
    let wit = "world guest { include fermyon:spin-cron/spin-cron@2.0.0; }";
    let bytes = component(&["deps/spin-cron"], wit, SPIN);
    load("tidy", &bytes, Limits::default(), vec![], metrics)
}

fn neither(metrics: &Metrics) -> Arc<Function> {
    let bytes = component(&[], "world guest {}", "(module)");
    load("tidy", &bytes, Limits::default(), vec![], metrics)
}

fn tick(scheduled_at_ms: i64, fired_at_ms: i64) -> Tick {
    Tick {
        scheduled_at_ms,
        fired_at_ms,
    }
}

#[tokio::test]
async fn our_export_gets_the_tick() {
    let metrics = Metrics::new();
    let function = CronFunction::new(ours(&metrics)).unwrap();
    for _ in 0..3 {
        function.invoke(tick(1000, 1010)).await.unwrap();
    }
    let failure = function.invoke(tick(13, 14)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Guest);
    assert_eq!(failure.cause, "unlucky");
    let failure = function.invoke(tick(666, 667)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Trap);
    function.invoke(tick(1000, 1010)).await.unwrap();
    let text = metrics.encode().unwrap();
    for line in [
        r#"function_calls_total{component="tidy",trigger="cron",outcome="ok"} 4"#,
        r#"function_failures_total{component="tidy",kind="guest"} 1"#,
        r#"function_failures_total{component="tidy",kind="trap"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}

#[tokio::test]
async fn the_export_of_the_plugin_gets_the_seconds_of_firing() {
    let function = CronFunction::new(spin(&Metrics::new())).unwrap();
    function
        .invoke(tick(1_799_999_999_000, 1_800_000_000_999))
        .await
        .unwrap();
    let failure = function
        .invoke(tick(0, 1_800_000_001_000))
        .await
        .unwrap_err();
    assert_eq!(failure.cause, "late");
}

#[test]
fn a_component_without_an_export_for_ticks_is_refused_at_start() {
    let error = CronFunction::new(neither(&Metrics::new())).err().unwrap();
    let text = error.to_string();
    for part in ["\"tidy\"", "suoke:cron/handler@1.0.0", "handle-cron-event"] {
        assert!(text.contains(part), "{text}");
    }
}

fn binding(trigger: &str, expression: &str, function: &Arc<Function>) -> CronBinding {
    CronBinding {
        trigger: trigger.to_owned(),
        expression: expression.to_owned(),
        policy: CronPolicy::default(),
        function: function.clone(),
    }
}

#[test]
fn a_bad_expression_is_refused_with_its_trigger() {
    let function = ours(&Metrics::new());
    let bindings = vec![
        binding("good", "@daily", &function),
        binding("bad", "* * * * *", &function),
    ];
    let error = CronTrigger::new(bindings).err().unwrap();
    assert!(matches!(error, CronError::Schedule { .. }));
    assert!(
        error
            .to_string()
            .contains("trigger \"bad\" of component \"tidy\"")
    );
}

#[tokio::test]
async fn a_trigger_can_be_run_beside_its_schedule() {
    let function = ours(&Metrics::new());
    let trigger = CronTrigger::new(vec![binding("nightly", "@daily", &function)]).unwrap();
    assert_eq!(trigger.jobs().len(), 1);
    trigger.run_now("nightly", 12, &SystemClock).await.unwrap();
    let failure = trigger
        .run_now("nightly", 13, &SystemClock)
        .await
        .unwrap_err();
    assert_eq!(failure.cause, "unlucky");
    let failure = trigger
        .run_now("weekly", 12, &SystemClock)
        .await
        .unwrap_err();
    assert!(failure.cause.contains("nightly"), "{failure}");
}
