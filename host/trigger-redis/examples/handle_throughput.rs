//! Measures how fast messages go from a publisher, through the embedded server,
//! to a component that has handled them:
//! `cargo run --release -p host-trigger-redis --example handle_throughput`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it only measures and prints"
)]

#[path = "../../trigger-cron/tests/support/mod.rs"]
mod guests;

use std::time::{Duration, Instant};

use bytes::Bytes;
use host_app::Limits;
use host_embedded_redis::{EmbeddedRedis, RedisLimits};
use host_telemetry::Metrics;
use host_trigger_redis::{RedisBinding, RedisTrigger, RedisTriggerOptions};

const ADDRESS: &str = "redis://127.0.0.1:6379";
const MESSAGES: u64 = 500_000;
/// Messages under way at one time: less than a subscriber's queue holds.
const WINDOW: u64 = 2048;

/// Handles every message at once.
const SUBSCRIBER: &str = r#"
(module
  (import "[export]spin:redis/inbound-redis@3.0.0" "[task-return]handle-message"
    (func $return (param i32 i32 i32 i32)))
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "[async-lift]spin:redis/inbound-redis@3.0.0#handle-message")
    (param i32 i32) (result i32)
    (call $return (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
    (i32.const 0))
  (func (export "[callback][async-lift]spin:redis/inbound-redis@3.0.0#handle-message")
    (param i32 i32 i32) (result i32) unreachable))
"#;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let wit = "world guest { export spin:redis/inbound-redis@3.0.0; }";
    let bytes = guests::component(&["deps/spin-redis"], wit, SUBSCRIBER);
    let function = guests::load("c", &bytes, Limits::default(), vec![], &Metrics::new());
    let redis = EmbeddedRedis::new(RedisLimits::default());
    let options = RedisTriggerOptions {
        embedded: Some((ADDRESS.to_owned(), redis.clone())),
        ..RedisTriggerOptions::default()
    };
    let binding = RedisBinding {
        trigger: "t".to_owned(),
        address: ADDRESS.to_owned(),
        channel: "events".to_owned(),
        function,
    };
    let trigger = RedisTrigger::new(options, vec![binding]).unwrap();
    let runner = trigger.start();
    let handled = || {
        trigger
            .functions()
            .map(|f| f.stats().handled())
            .sum::<u64>()
    };
    let payload = Bytes::from(vec![b'x'; 256]);
    let start = Instant::now();
    for sent in 0..MESSAGES {
        while sent - handled() >= WINDOW {
            tokio::task::yield_now().await;
        }
        redis.publish("events", payload.clone());
    }
    while handled() < MESSAGES {
        tokio::task::yield_now().await;
    }
    let seconds = start.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "half a million is exact")]
    let per_second = MESSAGES as f64 / seconds;
    println!(
        "{MESSAGES} messages of 256 bytes in {seconds:.2} s: {per_second:.0} handled per second"
    );
    runner.stop(Duration::from_secs(10)).await;
}
