//! Components get the messages of their channels, from a real server and from
//! the embedded one.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test may stop it"
)]

#[path = "../../trigger-cron/tests/support/mod.rs"]
mod guests;
#[path = "../../embedded-redis/tests/support/mod.rs"]
mod server;
mod subscribers;

use std::time::{Duration, Instant};

use host_embedded_redis::{EmbeddedRedis, RedisLimits};
use host_trigger_redis::{
    AddressStats, RedisBinding, RedisFunction, RedisRunner, RedisTrigger, RedisTriggerError,
    RedisTriggerOptions,
};
use server::RealRedis;
use std::sync::Arc;
use subscribers::{Gate, LEGACY, LEGACY_WIT, binding, load, subscriber};

const EMBEDDED: &str = "redis://127.0.0.1:6379";
const DEADLINE: Duration = Duration::from_secs(30);

fn embedded() -> (EmbeddedRedis, RedisTriggerOptions) {
    let redis = EmbeddedRedis::new(RedisLimits {
        subscriber_queue_messages_max: 10,
        ..RedisLimits::default()
    });
    let options = RedisTriggerOptions {
        embedded: Some((EMBEDDED.to_owned(), redis.clone())),
        ..RedisTriggerOptions::default()
    };
    (redis, options)
}

/// A trigger that runs until it is stopped or dropped.
struct Running {
    trigger: RedisTrigger,
    runner: RedisRunner,
    stats: Arc<AddressStats>,
}

impl Running {
    fn start(options: RedisTriggerOptions, bindings: Vec<RedisBinding>) -> Self {
        let trigger = RedisTrigger::new(options, bindings).unwrap();
        let stats = trigger.subscriptions().next().unwrap().stats.clone();
        Self {
            runner: trigger.start(),
            stats,
            trigger,
        }
    }

    /// Starts, and is subscribed at a real server.
    async fn connected(options: RedisTriggerOptions, bindings: Vec<RedisBinding>) -> Self {
        let running = Self::start(options, bindings);
        until("it is subscribed", || running.stats.is_connected()).await;
        running
    }

    /// How many messages each component has handled.
    fn handled(&self) -> Vec<u64> {
        handled(&self.trigger)
    }
}

fn handled(trigger: &RedisTrigger) -> Vec<u64> {
    trigger
        .functions()
        .map(|function| function.stats().handled())
        .collect()
}

/// Looks again and again until something is so.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it is never so that {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_message_reaches_every_component_of_its_channel() {
    let gate = Gate::open();
    let (first, second) = (subscriber("a", &gate), subscriber("b", &gate));
    let (redis, options) = embedded();
    let bindings = vec![
        binding(EMBEDDED, "orders", &first),
        binding(EMBEDDED, "orders", &second),
        binding(EMBEDDED, "payments", &second),
    ];
    let running = Running::start(options, bindings);
    assert_eq!(redis.publish("orders", "1".into()), 1);
    assert_eq!(redis.publish("payments", "2".into()), 1);
    assert_eq!(redis.publish("returns", "3".into()), 0);
    until("all is handled", || running.handled() == [1, 2]).await;
    assert!(running.runner.stop(DEADLINE).await);
    assert_eq!(redis.publish("orders", "4".into()), 0);
}

#[tokio::test]
async fn failures_are_counted_and_what_follows_is_handled() {
    let gate = Gate::open();
    let function = subscriber("a", &gate);
    let (redis, options) = embedded();
    let running = Running::start(options, vec![binding(EMBEDDED, "c", &function)]);
    for payload in ["error", "trap", "", "fine"] {
        redis.publish("c", payload.into());
    }
    until("two are handled", || running.handled() == [2]).await;
    let failed = || running.trigger.functions().next().unwrap().stats().failed();
    until("two have failed", || failed() == 2).await;
}

#[tokio::test]
async fn the_older_export_gets_messages_too() {
    let function = load(&["deps/fermyon-spin-redis"], LEGACY_WIT, LEGACY);
    let function = RedisFunction::new(function).unwrap();
    function.invoke(b"fine").await.unwrap();
    let failure = function.invoke(b"error").await.unwrap_err();
    assert_eq!(failure.kind, host_app::FailureKind::Guest);
}

#[test]
fn a_component_without_an_export_for_messages_is_refused_at_start() {
    let function = load(&[], "world guest {}", "(module)");
    let text = RedisFunction::new(function).err().unwrap().to_string();
    assert!(text.contains("spin:redis/inbound-redis@3.0.0"), "{text}");
    assert!(text.contains("fermyon:spin/inbound-redis"), "{text}");
}

#[test]
fn a_component_with_both_exports_is_refused_at_start() {
    let function = subscribers::with_both_exports();
    let text = RedisFunction::new(function).err().unwrap().to_string();
    assert!(text.contains("exports both"), "{text}");
}

#[test]
fn an_address_that_is_none_is_refused_at_start_with_its_trigger() {
    let gate = Gate::open();
    let function = subscriber("a", &gate);
    for address in ["", "localhost", "http://u:s3cret@h"] {
        let bindings = vec![binding(address, "c", &function)];
        let error = RedisTrigger::new(RedisTriggerOptions::default(), bindings)
            .err()
            .unwrap();
        assert!(matches!(error, RedisTriggerError::Address { .. }));
        let text = error.to_string();
        assert!(
            text.contains("\"on-c\"") && !text.contains("s3cret"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_component_handles_a_bounded_number_of_messages_at_a_time() {
    let gate = Gate::closed();
    let function = subscriber("a", &gate);
    let (redis, mut options) = embedded();
    options.in_flight_max = 3;
    options.queue_messages_max = 4;
    let running = Running::start(options, vec![binding(EMBEDDED, "c", &function)]);
    for _ in 0..100 {
        redis.publish("c", "x".into());
        tokio::task::yield_now().await;
    }
    until("three are being handled", || gate.waiting() == 3).await;
    let stats = &running.stats;
    until("the embedded server drops the rest", || {
        redis.stats().dropped > 0 && stats.received() == 8
    })
    .await;
    assert_eq!(gate.waiting(), 3);
    gate.allow(100);
    let delivered = redis.stats().delivered;
    until("what was delivered is handled", || {
        running.handled() == [delivered]
    })
    .await;
    until("the loss is seen", || {
        stats.dropped() == redis.stats().dropped
    })
    .await;
    assert!(running.runner.stop(DEADLINE).await);
}

#[tokio::test]
async fn stopping_waits_for_messages_that_were_taken() {
    let gate = Gate::closed();
    let function = subscriber("a", &gate);
    let (redis, options) = embedded();
    let running = Running::start(options, vec![binding(EMBEDDED, "c", &function)]);
    redis.publish("c", "x".into());
    until("it is being handled", || gate.waiting() == 1).await;
    let stopping = tokio::spawn(running.runner.stop(DEADLINE));
    until("nobody is subscribed", || redis.stats().subscriptions == 0).await;
    assert!(!stopping.is_finished());
    gate.allow(1);
    assert!(stopping.await.unwrap());
    assert_eq!(handled(&running.trigger), [1]);
}

#[tokio::test]
async fn stopping_cuts_off_what_takes_too_long() {
    let gate = Gate::closed();
    let function = subscriber("a", &gate);
    let (redis, options) = embedded();
    let running = Running::start(options, vec![binding(EMBEDDED, "c", &function)]);
    redis.publish("c", "x".into());
    until("it is being handled", || gate.waiting() == 1).await;
    assert!(!running.runner.stop(Duration::ZERO).await);
}

fn impatient() -> RedisTriggerOptions {
    RedisTriggerOptions {
        backoff_ms_max: 200,
        ..RedisTriggerOptions::default()
    }
}

fn publish(connection: &mut redis::Connection, channel: &str, payload: &str) -> i64 {
    let mut command = redis::cmd("PUBLISH");
    command.arg(channel).arg(payload).query(connection).unwrap()
}

#[tokio::test]
async fn messages_of_a_real_server_arrive_again_after_it_was_away() {
    let gate = Gate::open();
    let function = subscriber("a", &gate);
    let mut redis = RealRedis::start();
    let bindings = vec![
        binding(&redis.address(), "a", &function),
        binding(&redis.address(), "b", &function),
    ];
    let running = Running::connected(impatient(), bindings).await;
    assert_eq!(publish(&mut redis.connect(), "a", "x"), 1);
    assert_eq!(publish(&mut redis.connect(), "b", "x"), 1);
    until("both are handled", || running.handled() == [2]).await;
    redis.stop();
    until("the loss is noticed", || !running.stats.is_connected()).await;
    redis.start_again();
    until("it is subscribed again", || running.stats.is_connected()).await;
    assert_eq!(running.stats.reconnects(), 1);
    assert!(running.stats.gap_ms() > 0);
    assert_eq!(publish(&mut redis.connect(), "b", "x"), 1);
    until("one more is handled", || running.handled() == [3]).await;
    assert!(running.runner.stop(DEADLINE).await);
}

#[tokio::test]
async fn many_channels_share_one_connection_also_after_it_was_lost() {
    const CHANNELS: u64 = 500;
    let gate = Gate::open();
    let function = subscriber("a", &gate);
    let mut redis = RealRedis::start();
    let bindings = (0..CHANNELS)
        .map(|n| binding(&redis.address(), &format!("channel.{n}"), &function))
        .collect();
    let running = Running::connected(impatient(), bindings).await;
    for handled_before in [0, CHANNELS] {
        let mut connection = redis.connect();
        let mut list = redis::cmd("CLIENT");
        list.arg("LIST").arg("TYPE").arg("PUBSUB");
        let clients: String = list.query(&mut connection).unwrap();
        assert_eq!(clients.lines().count(), 1, "{clients}");
        for n in 0..CHANNELS {
            assert_eq!(publish(&mut connection, &format!("channel.{n}"), "x"), 1);
        }
        until("all are handled", || {
            running.handled() == [handled_before + CHANNELS]
        })
        .await;
        redis.stop();
        until("the loss is noticed", || !running.stats.is_connected()).await;
        redis.start_again();
        until("it is subscribed again", || running.stats.is_connected()).await;
    }
    assert_eq!(running.stats.reconnects(), 2);
}

#[tokio::test]
async fn a_server_that_is_not_there_at_the_start_is_waited_for() {
    let gate = Gate::open();
    let function = subscriber("a", &gate);
    let mut redis = RealRedis::start();
    redis.stop();
    let bindings = vec![binding(&redis.address(), "a", &function)];
    let running = Running::start(impatient(), bindings);
    redis.start_again();
    until("it is subscribed", || running.stats.is_connected()).await;
    assert_eq!(running.stats.reconnects(), 0);
}

#[tokio::test]
async fn a_slow_component_makes_a_real_server_wait_and_loses_nothing() {
    let gate = Gate::closed();
    let function = subscriber("a", &gate);
    let redis = RealRedis::start();
    let options = RedisTriggerOptions {
        in_flight_max: 2,
        queue_messages_max: 3,
        ..RedisTriggerOptions::default()
    };
    let bindings = vec![binding(&redis.address(), "a", &function)];
    let running = Running::connected(options, bindings).await;
    let mut connection = redis.connect();
    let payload = "x".repeat(10_000);
    for _ in 0..500 {
        publish(&mut connection, "a", &payload);
    }
    until("two are being handled", || gate.waiting() == 2).await;
    until("the queue is full", || running.stats.received() == 6).await;
    gate.allow(500);
    until("all is handled", || running.handled() == [500]).await;
    assert_eq!(running.stats.received(), 500);
}

#[tokio::test]
async fn a_message_that_is_too_large_is_dropped_and_counted() {
    let gate = Gate::open();
    let function = subscriber("a", &gate);
    let redis = RealRedis::start();
    let options = RedisTriggerOptions {
        message_bytes_max: 100,
        ..RedisTriggerOptions::default()
    };
    let bindings = vec![binding(&redis.address(), "a", &function)];
    let running = Running::connected(options, bindings).await;
    let mut connection = redis.connect();
    for size in [101, 100] {
        publish(&mut connection, "a", &"x".repeat(size));
    }
    until("one is handled", || running.handled() == [1]).await;
    assert_eq!(running.stats.refused(), 1);
}

/// How often the server was asked whether it is there.
fn pings(connection: &mut redis::Connection) -> u64 {
    let info: String = redis::cmd("INFO")
        .arg("commandstats")
        .query(connection)
        .unwrap();
    let calls = info.split_once("cmdstat_ping:calls=").map(|(_, rest)| rest);
    let digits = calls.and_then(|rest| rest.split(',').next());
    digits.map_or(0, |digits| digits.parse().unwrap())
}

#[tokio::test]
async fn credentials_are_used_and_a_silent_server_is_asked() {
    let gate = Gate::open();
    let function = subscriber("a", &gate);
    let redis = RealRedis::start();
    let mut connection = redis.connect();
    let user = [
        "SETUSER",
        "events",
        "on",
        ">s3cret",
        "&*",
        "+subscribe",
        "+ping",
    ];
    redis::cmd("ACL").arg(&user).exec(&mut connection).unwrap();
    let options = RedisTriggerOptions {
        silence_ms_max: 50,
        ..RedisTriggerOptions::default()
    };
    let address = redis
        .address()
        .replace("redis://", "redis://events:s3cret@");
    let running = Running::connected(options, vec![binding(&address, "a", &function)]).await;
    until("the server was asked three times", || {
        pings(&mut connection) >= 3
    })
    .await;
    publish(&mut connection, "a", "x");
    until("it is handled", || running.handled() == [1]).await;
}
