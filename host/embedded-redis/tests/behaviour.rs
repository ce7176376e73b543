//! What an embedded server does, seen from outside.
#![expect(clippy::unwrap_used, reason = "helpers of a test may stop it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use host_embedded_redis::{EmbeddedRedis, RedisLimits, Reply, Subscription};

/// A server, and its clock, which moves only when told to.
fn server_with_clock() -> (EmbeddedRedis, Arc<AtomicI64>) {
    let clock = Arc::new(AtomicI64::default());
    let read = clock.clone();
    let now_ms = move || read.load(Ordering::Relaxed);
    let redis = EmbeddedRedis::with_clock(RedisLimits::default(), now_ms);
    (redis, clock)
}

fn server() -> EmbeddedRedis {
    EmbeddedRedis::new(RedisLimits::default())
}

fn run(redis: &EmbeddedRedis, line: &str) -> Reply {
    let mut words = line.split(' ');
    let name = words.next().unwrap();
    let args: Vec<Vec<u8>> = words.map(|word| word.as_bytes().to_vec()).collect();
    redis.command(name, &args)
}

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.as_bytes().to_vec())
}

async fn payloads(subscription: &mut Subscription, count: usize) -> Vec<String> {
    let mut seen = Vec::new();
    for _ in 0..count {
        let message = subscription.next().await.unwrap();
        seen.push(String::from_utf8(message.payload.to_vec()).unwrap());
    }
    seen
}

#[test]
fn unknown_commands_are_refused_in_the_words_of_redis() {
    let redis = server();
    assert_eq!(
        run(&redis, "Frobnicate a b"),
        Reply::Error(
            "ERR unknown command 'Frobnicate', with args beginning with: 'a' 'b' ".to_owned()
        )
    );
    assert_eq!(
        run(&redis, "GET"),
        Reply::Error("ERR wrong number of arguments for 'get' command".to_owned())
    );
}

#[test]
fn keys_expire_when_their_time_has_come() {
    let (redis, clock) = server_with_clock();
    run(&redis, "SET k v PX 1500");
    assert_eq!(run(&redis, "PTTL k"), Reply::Integer(1500));
    assert_eq!(run(&redis, "TTL k"), Reply::Integer(2));
    clock.store(1499, Ordering::Relaxed);
    assert_eq!(run(&redis, "GET k"), bulk("v"));
    clock.store(1500, Ordering::Relaxed);
    assert_eq!(run(&redis, "EXISTS k"), Reply::Integer(0));
    assert_eq!(run(&redis, "GET k"), Reply::Nil);
    assert_eq!(run(&redis, "DBSIZE"), Reply::Integer(0));
    assert_eq!(redis.stats().used_bytes, 0);
}

#[test]
fn an_expired_key_does_not_count_as_removed() {
    let (redis, clock) = server_with_clock();
    run(&redis, "SET k v PX 10");
    clock.store(10, Ordering::Relaxed);
    assert_eq!(run(&redis, "DEL k"), Reply::Integer(0));
    assert_eq!(run(&redis, "PERSIST k"), Reply::Integer(0));
}

#[test]
fn writes_over_the_memory_bound_are_refused_and_change_nothing() {
    let redis = EmbeddedRedis::new(RedisLimits {
        memory_bytes_max: 1000,
        ..RedisLimits::default()
    });
    assert_eq!(run(&redis, "SET a 1"), Reply::Status("OK".into()));
    let big = "x".repeat(1000);
    let refused = run(&redis, &format!("APPEND a {big}"));
    assert_eq!(
        refused,
        Reply::Error("OOM command not allowed when used memory > 'maxmemory'.".to_owned())
    );
    assert_eq!(run(&redis, "GET a"), bulk("1"));
    assert_eq!(run(&redis, "DEL a"), Reply::Integer(1));
    assert_eq!(redis.stats().used_bytes, 0);
}

#[test]
fn one_value_does_not_grow_without_end() {
    let redis = server();
    let part = vec![b'x'; 8 << 20];
    for (command, more) in [
        ("RPUSH", None),
        ("SADD", None),
        ("APPEND", None),
        ("HSET", Some("f")),
    ] {
        let key = command.as_bytes().to_vec();
        let mut refused = 0;
        for n in 0..5_u8 {
            let mut args = vec![key.clone()];
            args.extend(more.map(|field| format!("{field}{n}").into_bytes()));
            let mut value = part.clone();
            value.push(n);
            args.push(value);
            let reply = redis.command(command, &args);
            refused += u32::from(
                matches!(reply, Reply::Error(text) if text.contains("exceeds the maximum")),
            );
        }
        assert_eq!(refused, 2, "{command}");
        redis.command("DEL", &[key]);
    }
    let too_large = vec![0; (32 << 20) + 1];
    let reply = redis.command("SET", &[b"k".to_vec(), too_large]);
    assert!(matches!(reply, Reply::Error(_)));
    assert_eq!(redis.stats().used_bytes, 0);
}

#[tokio::test]
async fn every_subscriber_of_a_channel_gets_every_message_in_order() {
    let redis = server();
    let mut first = redis.subscribe(&["a".to_owned(), "b".to_owned()]);
    let mut second = redis.subscribe(&["a".to_owned()]);
    for n in 0..100 {
        assert_eq!(run(&redis, &format!("PUBLISH a {n}")), Reply::Integer(2));
    }
    assert_eq!(run(&redis, "PUBLISH b other"), Reply::Integer(1));
    assert_eq!(run(&redis, "PUBLISH c nobody"), Reply::Integer(0));
    let expected: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    assert_eq!(payloads(&mut first, 100).await, expected);
    assert_eq!(payloads(&mut second, 100).await, expected);
    assert_eq!(&*first.next().await.unwrap().channel, "b");
}

#[tokio::test]
async fn a_slow_subscriber_loses_messages_and_hinders_nobody() {
    let redis = EmbeddedRedis::new(RedisLimits {
        subscriber_queue_messages_max: 2,
        ..RedisLimits::default()
    });
    let mut slow = redis.subscribe(&["a".to_owned()]);
    for n in 0..5 {
        run(&redis, &format!("PUBLISH a {n}"));
    }
    assert_eq!(slow.dropped(), 3);
    assert_eq!(redis.stats().dropped, 3);
    assert_eq!(redis.stats().delivered, 2);
    assert_eq!(payloads(&mut slow, 2).await, ["0", "1"]);
    assert_eq!(run(&redis, "PUBLISH a again"), Reply::Integer(1));
}

#[tokio::test]
async fn queued_bytes_are_bounded_too() {
    let redis = EmbeddedRedis::new(RedisLimits {
        subscriber_queue_bytes_max: 10,
        ..RedisLimits::default()
    });
    let mut subscription = redis.subscribe(&["a".to_owned()]);
    assert_eq!(redis.publish("a", Bytes::from_static(b"12345678")), 1);
    assert_eq!(redis.publish("a", Bytes::from_static(b"123")), 0);
    assert_eq!(payloads(&mut subscription, 1).await, ["12345678"]);
    assert_eq!(redis.publish("a", Bytes::from_static(b"123")), 1);
}

#[tokio::test]
async fn a_dropped_subscriber_is_no_receiver() {
    let redis = server();
    drop(redis.subscribe(&["a".to_owned(), "a".to_owned()]));
    assert_eq!(run(&redis, "PUBLISH a x"), Reply::Integer(0));
    assert_eq!(redis.stats().subscriptions, 0);
}

#[tokio::test]
async fn subscriptions_end_with_the_server() {
    let redis = server();
    let mut subscription = redis.subscribe(&["a".to_owned()]);
    run(&redis, "PUBLISH a last");
    drop(redis);
    assert_eq!(payloads(&mut subscription, 1).await, ["last"]);
    assert_eq!(subscription.next().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_subscriber_wakes_up_for_every_message() {
    let redis = server();
    let mut subscription = redis.subscribe(&["a".to_owned()]);
    let publisher = tokio::spawn(async move {
        for n in 0..20_000 {
            redis.publish("a", Bytes::from(n.to_string()));
            if n % 64 == 0 {
                tokio::task::yield_now().await;
            }
        }
    });
    let seen = payloads(&mut subscription, 20_000).await;
    publisher.await.unwrap();
    assert!(
        seen.iter()
            .enumerate()
            .all(|(n, text)| *text == n.to_string())
    );
}
