//! Measures what one call of a script like a rate limiter's costs, and one `SET`:
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

fn main() {
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
    let set = [b"key".to_vec(), vec![b'x'; 100]];
    report("SET", || redis.command("SET", &set));
    report("GET", || redis.command("GET", &set[..1]));
}

fn report(name: &str, mut call: impl FnMut() -> Reply) {
    let start = Instant::now();
    for _ in 0..CALLS {
        call();
    }
    let us = start.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS);
    println!("{name}: {us:.2} µs");
}
