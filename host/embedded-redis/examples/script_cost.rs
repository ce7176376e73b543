//! Measures what one call of a script like a rate limiter's costs, and one `SET`
//! in memory and on disk, in the current folder:
//! `cargo run --release -p host-embedded-redis --example script_cost`.
#![expect(clippy::print_stdout, reason = "its only purpose is to print figures")]

use std::time::Instant;

use host_embedded_redis::{EmbeddedRedis, RedisLimits, Reply};

const CALLS: u32 = 200_000;

/// Looks at four keys, then counts four limits as arrival times.
const SCRIPT: &str = r"
local blocked = redis.call('MGET', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
for i = 1, 4 do
  if blocked[i] then return {-1, i} end
end
local now = tonumber(ARGV[1])
local arrivals = redis.call('MGET', KEYS[5], KEYS[6], KEYS[7], KEYS[8])
local remaining
for i = 1, 4 do
  local interval, burst = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local arrival = math.max(tonumber(arrivals[i] or 0), now) + interval
  if arrival - now > burst then return {0, i, arrival - now - burst} end
  arrivals[i] = arrival
  remaining = math.floor((burst - (arrival - now)) / interval)
end
for i = 1, 4 do
  redis.call('SET', KEYS[4 + i], arrivals[i], 'PX', math.ceil(arrivals[i] - now))
end
return {1, remaining}
";

/// Writes on disk that one caller makes one after the other.
const SAVES: u32 = 200;
/// Callers that write on disk at the same time.
const CALLERS: u32 = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    memory();
    let path = std::env::current_dir()?.join("script_cost.db");
    disk(&path)?;
    for ending in ["", "-wal"] {
        // A file that is not there needs no removal.
        let _ = std::fs::remove_file(format!("{}{ending}", path.display()));
    }
    Ok(())
}

fn memory() {
    let redis = EmbeddedRedis::new(RedisLimits::default());
    let Reply::Bulk(sha) = redis.command("SCRIPT", &[b"LOAD".to_vec(), SCRIPT.into()]) else {
        return;
    };
    let mut args = vec![sha, b"8".to_vec()];
    args.extend((1..=8).map(|n| format!("limit:some-subject-of-it:{n}").into_bytes()));
    args.push(b"1700000000000".to_vec());
    for _ in 0..4 {
        args.extend([b"1".to_vec(), b"1000000".to_vec()]);
    }
    println!("{:?}", redis.command("EVALSHA", &args));
    report("EVALSHA", || redis.command("EVALSHA", &args));
    let empty = [b"return 1".to_vec(), b"0".to_vec()];
    report("EVAL of nothing", || redis.command("EVAL", &empty));
    let set = set();
    report("SET in memory", || redis.command("SET", &set));
    report("GET", || redis.command("GET", &set[..1]));
}

fn set() -> [Vec<u8>; 2] {
    [b"key".to_vec(), vec![b'x'; 100]]
}

fn disk(path: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let redis = EmbeddedRedis::open(RedisLimits::default(), path)?;
    let start = Instant::now();
    for _ in 0..SAVES {
        runtime.block_on(redis.call("SET", &set()));
    }
    let ms = start.elapsed().as_secs_f64() * 1e3 / f64::from(SAVES);
    println!("SET on disk, one caller: {ms:.2} ms");
    let start = Instant::now();
    runtime.block_on(async {
        let local = tokio::task::LocalSet::new();
        for _ in 0..CALLERS {
            let redis = redis.clone();
            local.spawn_local(async move {
                for _ in 0..SAVES {
                    redis.call("SET", &set()).await;
                }
            });
        }
        local.await;
    });
    let us = start.elapsed().as_secs_f64() * 1e6 / f64::from(SAVES * CALLERS);
    println!("SET on disk, {CALLERS} callers: {us:.1} µs each");
    Ok(())
}

fn report(name: &str, mut call: impl FnMut() -> Reply) {
    let start = Instant::now();
    for _ in 0..CALLS {
        call();
    }
    let us = start.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS);
    println!("{name}: {us:.2} µs");
}
