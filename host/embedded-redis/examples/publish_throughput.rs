//! Measures how fast messages go from a publisher to a subscriber:
//! `cargo run --release -p host-embedded-redis --example publish_throughput`.
#![expect(clippy::print_stdout, reason = "its only purpose is to print a figure")]

use std::time::Instant;

use bytes::Bytes;
use host_embedded_redis::{EmbeddedRedis, RedisLimits};

const MESSAGES: u32 = 1_000_000;
/// Messages under way at one time: less than a subscriber's queue holds.
const WINDOW: u32 = 1024;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let redis = EmbeddedRedis::new(RedisLimits::default());
    let mut subscription = redis.subscribe(&["events".to_owned()]);
    let window = std::sync::Arc::new(tokio::sync::Semaphore::new(WINDOW as usize));
    let publisher_window = window.clone();
    let publisher = redis.clone();
    let payload = Bytes::from(vec![b'x'; 256]);
    let start = Instant::now();
    tokio::spawn(async move {
        for _ in 0..MESSAGES {
            if let Ok(permit) = publisher_window.acquire().await {
                permit.forget();
            }
            publisher.publish("events", payload.clone());
        }
    });
    for _ in 0..MESSAGES {
        if subscription.next().await.is_none() {
            break;
        }
        window.add_permits(1);
    }
    let seconds = start.elapsed().as_secs_f64();
    let per_second = f64::from(MESSAGES) / seconds;
    println!("{MESSAGES} messages of 256 bytes in {seconds:.2} s: {per_second:.0} per second");
    println!("{:?}", redis.stats());
}
