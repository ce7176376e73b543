//! The log in a Redis server: of hosts on several machines.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisResult};
use tokio::sync::Mutex;

use super::{
    CORRECTION_MS_MIN, Claim, Claimed, Firing, FiringLog, INSTANTS_KEPT, LEASE_MS, LogError,
    OVERLAPPED, RUNNING, this_host, whole_ms,
};
use crate::clock::BoxFuture;

/// How long connecting may take.
const CONNECT_MS_MAX: u64 = 2_000;
/// How long the server may take to answer.
const REPLY_MS_MAX: u64 = 2_000;
/// What is kept of a trigger that fires no more: longer than a year, so that
/// yearly ones are remembered.
const UNUSED_MS_MAX: i64 = 400 * 24 * 3600 * 1000;

/// A script is one step for all hosts. Time is the server's: hosts differ.
///
/// KEYS: a sorted set of instants by the order of their claims, the last claim
/// and the floor (the latest instant that was forgotten) and the tokens of the
/// claims that have not ended, the runs that are going by the end of their lease.
/// ARGV: instant, token, host, `runs_max`, `waits`, instants kept, ms of a lease,
/// of a correction, of being unused, the host's own runs.
///
/// Who asks again may find its lease over, and others running: then it is as if
/// it asked for the first time. Only instants before the claimed one are
/// forgotten: those that a clock ahead of its time has left would raise the
/// floor into the future, and the schedule would be silent until then.
const CLAIM: &str = "
local instant, token, host = ARGV[1], ARGV[2], ARGV[3]
local mark = 'token:' .. instant
local known = redis.call('ZSCORE', KEYS[1], instant)
local floor = redis.call('HGET', KEYS[2], 'floor')
if known then
  local kept = redis.call('HGET', KEYS[2], mark)
  if kept == 'overlapped:' .. token then return 'overlapped' end
  if kept ~= token then return 'before' end
elseif floor then
  local below = tonumber(floor) - tonumber(instant)
  if below >= 0 and below < tonumber(ARGV[8]) then return 'before' end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
local others = redis.call('ZCARD', KEYS[3])
if redis.call('ZSCORE', KEYS[3], instant) then others = others - 1 end
local result = 'running'
if math.max(others, tonumber(ARGV[10])) >= tonumber(ARGV[4]) then
  if ARGV[5] == '1' then return 'wait' end
  result = 'overlapped'
end
if result == 'running' then
  redis.call('ZADD', KEYS[3], now + ARGV[7], instant)
  redis.call('HSET', KEYS[2], mark, token)
else
  redis.call('ZREM', KEYS[3], instant)
  redis.call('HSET', KEYS[2], mark, 'overlapped:' .. token)
end
if known then
  if redis.call('HGET', KEYS[2], 'instant') == instant then
    redis.call('HSET', KEYS[2], 'result', result)
  end
else
  local count = redis.call('HINCRBY', KEYS[2], 'count', 1)
  redis.call('ZADD', KEYS[1], count, instant)
  redis.call('HSET', KEYS[2], 'instant', instant, 'result', result,
    'host', host, 'duration_ms', '')
end
for _, old in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1 - ARGV[6])) do
  if tonumber(old) < tonumber(instant) then
    redis.call('ZREM', KEYS[1], old)
    redis.call('HDEL', KEYS[2], 'token:' .. old)
    if not floor or tonumber(old) > tonumber(floor) then
      floor = old
      redis.call('HSET', KEYS[2], 'floor', floor)
    end
  end
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[9]) end
return result";

/// ARGV: now, ms of being unused.
const BEGIN: &str = "
redis.call('HSETNX', KEYS[2], 'begun', ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return redis.call('HGET', KEYS[2], 'instant') or redis.call('HGET', KEYS[2], 'begun')";

/// ARGV: instant, ms of a lease. A lease that was over is given again: the run
/// is still going. One that nobody ends is over by itself.
const RENEW: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return redis.call('ZADD', KEYS[3], now + ARGV[2], ARGV[1])";

/// ARGV: instant, result, duration in ms.
const FINISH: &str = "
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('HDEL', KEYS[2], 'token:' .. ARGV[1])
if redis.call('HGET', KEYS[2], 'instant') == ARGV[1] then
  redis.call('HSET', KEYS[2], 'result', ARGV[2], 'duration_ms', ARGV[3])
end
return 1";

const LAST: &str = "
local last = redis.call('HMGET', KEYS[2], 'instant', 'result', 'duration_ms', 'host')
if last[1] and last[2] == 'running' then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local lease = redis.call('ZSCORE', KEYS[3], last[1])
  if not lease or tonumber(lease) <= now then last[2] = 'lost' end
end
return last";

/// A log in a Redis server.
pub struct RedisLog {
    client: Client,
    connection: Mutex<Option<MultiplexedConnection>>,
    application: String,
    place: String,
    host: String,
}

/// The last claim as it is kept.
type LastClaim = (Option<i64>, Option<String>, Option<String>, Option<String>);

impl RedisLog {
    /// A log at an address; nothing is connected yet.
    ///
    /// # Errors
    /// When it is no address of a Redis server. The address is not repeated: it
    /// may hold a password.
    pub fn new(address: &str, application: &str) -> Result<Self, String> {
        let client = Client::open(address).map_err(|error| {
            error
                .detail()
                .map_or_else(|| error.category().to_owned(), str::to_owned)
        })?;
        let place = format!(
            "the Redis server at {}",
            client.get_connection_info().addr()
        );
        Ok(Self {
            client,
            connection: Mutex::default(),
            application: application.to_owned(),
            place,
            host: this_host(),
        })
    }

    /// In braces: the keys of one trigger are together in a cluster.
    fn keys(&self, trigger: &str) -> [String; 3] {
        let name = |part| format!("suoke:cron:{{{}/{trigger}}}:{part}", self.application);
        [name("instants"), name("last"), name("running")]
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let mut connection = self.connection.lock().await;
        if let Some(connection) = &*connection {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(Duration::from_millis(CONNECT_MS_MAX)))
            .set_response_timeout(Some(Duration::from_millis(REPLY_MS_MAX)));
        let client = &self.client;
        let new = client.get_multiplexed_async_connection_with_config(&config);
        let new = new.await?;
        *connection = Some(new.clone());
        Ok(new)
    }

    async fn run<T: FromRedisValue>(&self, command: redis::Cmd) -> Result<T, LogError> {
        let outcome = match self.connection().await {
            Ok(mut connection) => command.query_async(&mut connection).await,
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            // The next one tries a new connection.
            *self.connection.lock().await = None;
        }
        outcome.map_err(|error| LogError {
            place: self.place.clone(),
            reason: error.to_string(),
        })
    }

    fn script(&self, script: &str, trigger: &str) -> redis::Cmd {
        let mut command = redis::cmd("EVAL");
        let keys = self.keys(trigger);
        command.arg(script).arg(keys.len()).arg(&keys[..]);
        command
    }

    async fn try_claim(&self, claim: Claim<'_>) -> Result<Claimed, LogError> {
        let mut command = self.script(CLAIM, claim.trigger);
        command
            .arg(claim.instant_ms)
            .arg(claim.token)
            .arg(&self.host)
            .arg(claim.runs_max)
            .arg(u8::from(claim.waits))
            .arg(INSTANTS_KEPT)
            .arg(LEASE_MS)
            .arg(CORRECTION_MS_MIN)
            .arg(UNUSED_MS_MAX)
            .arg(claim.own_runs);
        let answer: String = self.run(command).await?;
        Ok(match answer.as_str() {
            RUNNING => Claimed::Yes,
            OVERLAPPED | "wait" => Claimed::Busy,
            _ => Claimed::Before,
        })
    }

    async fn read_last(&self, trigger: &str) -> Result<Option<Firing>, LogError> {
        let command = self.script(LAST, trigger);
        let (instant_ms, result, duration_ms, host): LastClaim = self.run(command).await?;
        Ok(instant_ms.map(|instant_ms| Firing {
            instant_ms,
            result: result.unwrap_or_default(),
            duration_ms: duration_ms.and_then(|ms| ms.parse().ok()),
            host: host.unwrap_or_default(),
        }))
    }
}

impl FiringLog for RedisLog {
    fn begin<'a>(&'a self, trigger: &'a str, now_ms: i64) -> BoxFuture<'a, Result<i64, LogError>> {
        let mut command = self.script(BEGIN, trigger);
        command.arg(now_ms).arg(UNUSED_MS_MAX);
        Box::pin(self.run(command))
    }

    fn claim<'a>(&'a self, claim: Claim<'a>) -> BoxFuture<'a, Result<Claimed, LogError>> {
        Box::pin(self.try_claim(claim))
    }

    fn renew<'a>(
        &'a self,
        trigger: &'a str,
        instant_ms: i64,
    ) -> BoxFuture<'a, Result<(), LogError>> {
        let mut command = self.script(RENEW, trigger);
        command.arg(instant_ms).arg(LEASE_MS);
        Box::pin(self.run(command))
    }

    fn finished<'a>(
        &'a self,
        trigger: &'a str,
        instant_ms: i64,
        result: &'a str,
        duration: Duration,
    ) -> BoxFuture<'a, Result<(), LogError>> {
        let mut command = self.script(FINISH, trigger);
        command.arg(instant_ms).arg(result).arg(whole_ms(duration));
        Box::pin(self.run(command))
    }

    fn last<'a>(&'a self, trigger: &'a str) -> BoxFuture<'a, Result<Option<Firing>, LogError>> {
        Box::pin(self.read_last(trigger))
    }

    fn place(&self) -> &str {
        &self.place
    }
}
