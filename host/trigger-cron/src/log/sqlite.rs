//! The log in a file: of one host, or of several on one machine.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use host_sqlite::{Database, Rows, Session, SqliteError, Value};

use super::{
    CORRECTION_MS_MIN, Claim, Claimed, Firing, FiringLog, INSTANTS_KEPT, LEASE_MS, LogError,
    OVERLAPPED, RUNNING, this_host, whole_ms,
};
use crate::clock::BoxFuture;

/// Claims of a trigger between two looks for instants that are to be forgotten.
const CLAIMS_BETWEEN_PRUNES: u32 = 64;

/// `schedule` is the application and the trigger; `floor_ms` is the latest
/// instant that was forgotten.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS firings (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  schedule TEXT NOT NULL,
  instant_ms INTEGER NOT NULL,
  token TEXT NOT NULL,
  host TEXT NOT NULL,
  lease_until_ms INTEGER NOT NULL,
  result TEXT NOT NULL,
  duration_ms INTEGER,
  UNIQUE (schedule, instant_ms)
);
CREATE INDEX IF NOT EXISTS firings_by_schedule ON firings (schedule, id);
CREATE TABLE IF NOT EXISTS schedules (
  schedule TEXT PRIMARY KEY,
  begun_ms INTEGER NOT NULL,
  floor_ms INTEGER
) WITHOUT ROWID;";

const BEGIN: &str = "
INSERT INTO schedules (schedule, begun_ms) VALUES (?1, ?2)
ON CONFLICT (schedule) DO UPDATE SET begun_ms = begun_ms
RETURNING coalesce(
  (SELECT instant_ms FROM firings WHERE firings.schedule = ?1 ORDER BY id DESC LIMIT 1),
  begun_ms)";

/// One statement, so that it is one transaction. A lease further away than a
/// lease is long was made under another clock: it does not count. Who asks again
/// for a run may find its lease over, and others running: then it is as if it
/// asked for the first time.
const CLAIM: &str = "
INSERT INTO firings (schedule, instant_ms, token, host, lease_until_ms, result)
SELECT ?1, ?2, ?3, ?4, iif(busy, 0, ?5 + ?6), iif(busy, 'overlapped', 'running')
FROM (SELECT max(count(*), ?10) >= ?7 AS busy FROM firings
      WHERE schedule = ?1 AND result = 'running'
        AND lease_until_ms > ?5 AND lease_until_ms <= ?5 + ?6 AND token <> ?3)
WHERE (NOT busy OR NOT ?8)
  AND NOT EXISTS (SELECT 1 FROM schedules
                  WHERE schedule = ?1 AND floor_ms >= ?2 AND floor_ms - ?2 < ?9)
ON CONFLICT (schedule, instant_ms) DO UPDATE SET
    lease_until_ms = iif(result = 'running', excluded.lease_until_ms, lease_until_ms),
    result = iif(result = 'running', excluded.result, result)
  WHERE firings.token = excluded.token
RETURNING result";

/// A run that this host may ask for again is not over.
const IS_CLAIMED: &str = "
SELECT 1 FROM firings
WHERE schedule = ?1 AND instant_ms = ?2 AND NOT (token = ?4 AND result = 'running')
UNION ALL
SELECT 1 FROM schedules WHERE schedule = ?1 AND floor_ms >= ?2 AND floor_ms - ?2 < ?3";

const RENEW: &str = "
UPDATE firings SET lease_until_ms = ?3
WHERE schedule = ?1 AND instant_ms = ?2 AND result = 'running'";

const FINISH: &str = "
UPDATE firings SET result = ?3, duration_ms = ?4, lease_until_ms = 0
WHERE schedule = ?1 AND instant_ms = ?2 AND result = 'running'";

const LAST: &str = "
SELECT instant_ms, iif(result = 'running' AND lease_until_ms <= ?2, 'lost', result),
  duration_ms, host
FROM firings
WHERE schedule = ?1 ORDER BY id DESC LIMIT 1";

/// The floor first: when the host dies between the two, nothing fires again.
/// Only instants before the one claimed last are forgotten: those that a clock
/// ahead of its time has left would raise the floor into the future, and the
/// schedule would be silent until then.
const RAISE_FLOOR: &str = "
UPDATE schedules SET floor_ms = max(coalesce(floor_ms, forgotten_ms), forgotten_ms)
FROM (SELECT max(instant_ms) AS forgotten_ms FROM firings
      WHERE schedule = ?1
        AND id <= (
          SELECT id FROM firings WHERE schedule = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)
        AND instant_ms < (
          SELECT instant_ms FROM firings WHERE schedule = ?1 ORDER BY id DESC LIMIT 1))
WHERE schedule = ?1 AND forgotten_ms IS NOT NULL";

/// Another host may have claimed since the floor was raised: it bounds what goes.
const PRUNE: &str = "
DELETE FROM firings
WHERE schedule = ?1
  AND id <= (SELECT id FROM firings WHERE schedule = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)
  AND instant_ms < (SELECT instant_ms FROM firings WHERE schedule = ?1 ORDER BY id DESC LIMIT 1)
  AND instant_ms <= (SELECT floor_ms FROM schedules WHERE schedule = ?1)";

/// A log in a SQLite database.
pub struct SqliteLog {
    database: Arc<Database>,
    application: String,
    place: String,
    host: String,
    /// Claims by trigger.
    claims: Mutex<HashMap<String, u32>>,
}

impl SqliteLog {
    /// Makes the tables. `place` is what people are told.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn open(
        database: Arc<Database>,
        application: &str,
        place: &str,
    ) -> Result<Self, LogError> {
        let log = Self {
            database,
            application: application.to_owned(),
            place: place.to_owned(),
            host: this_host(),
            claims: Mutex::default(),
        };
        let session = log.session()?;
        let made = session.execute_all(SCHEMA).await;
        made.map_err(|error| log.failed(&error))?;
        Ok(log)
    }

    fn session(&self) -> Result<Session, LogError> {
        self.database.session().map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &SqliteError) -> LogError {
        LogError {
            place: self.place.clone(),
            reason: error.to_string(),
        }
    }

    fn schedule(&self, trigger: &str) -> Value {
        Value::Text(format!("{}/{trigger}", self.application))
    }

    async fn run(&self, sql: &str, parameters: Vec<Value>) -> Result<Rows, LogError> {
        let outcome = self.session()?.execute(sql.to_owned(), parameters).await;
        outcome.map_err(|error| self.failed(&error))
    }

    async fn read_position(&self, trigger: &str, now_ms: i64) -> Result<i64, LogError> {
        let parameters = vec![self.schedule(trigger), Value::Integer(now_ms)];
        let rows = self.run(BEGIN, parameters).await?.rows;
        match rows.first().map(Vec::as_slice) {
            Some([Value::Integer(position_ms)]) => Ok(*position_ms),
            _ => Ok(now_ms),
        }
    }

    async fn try_claim(&self, claim: Claim<'_>) -> Result<Claimed, LogError> {
        let schedule = self.schedule(claim.trigger);
        let instant = Value::Integer(claim.instant_ms);
        let parameters = vec![
            schedule.clone(),
            instant.clone(),
            Value::Text(claim.token.to_string()),
            Value::Text(self.host.clone()),
            Value::Integer(now_ms()),
            Value::Integer(LEASE_MS),
            Value::Integer(claim.runs_max.into()),
            Value::Integer(claim.waits.into()),
            Value::Integer(CORRECTION_MS_MIN),
            Value::Integer(claim.own_runs.into()),
        ];
        let rows = self.run(CLAIM, parameters).await?.rows;
        match rows.first().map(Vec::as_slice) {
            Some([Value::Text(result)]) if result == OVERLAPPED => Ok(Claimed::Busy),
            Some([Value::Text(result)]) if result == RUNNING => {
                self.forget_some(claim.trigger, &schedule).await;
                Ok(Claimed::Yes)
            }
            Some(_) => Ok(Claimed::Before),
            None => {
                let floor = Value::Integer(CORRECTION_MS_MIN);
                let token = Value::Text(claim.token.to_string());
                let parameters = vec![schedule, instant, floor, token];
                let rows = self.run(IS_CLAIMED, parameters).await?;
                let claimed = !rows.rows.is_empty();
                Ok(if claimed {
                    Claimed::Before
                } else {
                    Claimed::Busy
                })
            }
        }
    }

    /// Now and then forgets the oldest instants of a schedule. Nothing depends
    /// on when it happens.
    async fn forget_some(&self, trigger: &str, schedule: &Value) {
        if !self.is_time_to_forget(trigger) {
            return;
        }
        for sql in [RAISE_FLOOR, PRUNE] {
            let parameters = vec![schedule.clone(), Value::Integer(INSTANTS_KEPT.into())];
            if let Err(error) = self.run(sql, parameters).await {
                tracing::warn!(%error, "old firings cannot be forgotten");
                return;
            }
        }
    }

    fn is_time_to_forget(&self, trigger: &str) -> bool {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        let count = claims.entry(trigger.to_owned()).or_default();
        let is_time = count.is_multiple_of(CLAIMS_BETWEEN_PRUNES);
        *count = count.wrapping_add(1);
        is_time
    }

    async fn read_last(&self, trigger: &str) -> Result<Option<Firing>, LogError> {
        let parameters = vec![self.schedule(trigger), Value::Integer(now_ms())];
        let rows = self.run(LAST, parameters).await?.rows;
        Ok(match rows.first().map(Vec::as_slice) {
            Some(
                [
                    Value::Integer(instant_ms),
                    Value::Text(result),
                    duration,
                    Value::Text(host),
                ],
            ) => Some(Firing {
                instant_ms: *instant_ms,
                result: result.clone(),
                duration_ms: match duration {
                    Value::Integer(ms) => u64::try_from(*ms).ok(),
                    _ => None,
                },
                host: host.clone(),
            }),
            _ => None,
        })
    }
}

impl FiringLog for SqliteLog {
    fn begin<'a>(&'a self, trigger: &'a str, now_ms: i64) -> BoxFuture<'a, Result<i64, LogError>> {
        Box::pin(self.read_position(trigger, now_ms))
    }

    fn claim<'a>(&'a self, claim: Claim<'a>) -> BoxFuture<'a, Result<Claimed, LogError>> {
        Box::pin(self.try_claim(claim))
    }

    fn renew<'a>(
        &'a self,
        trigger: &'a str,
        instant_ms: i64,
    ) -> BoxFuture<'a, Result<(), LogError>> {
        let until = Value::Integer(now_ms().saturating_add(LEASE_MS));
        let parameters = vec![self.schedule(trigger), Value::Integer(instant_ms), until];
        Box::pin(async move { self.run(RENEW, parameters).await.map(drop) })
    }

    fn finished<'a>(
        &'a self,
        trigger: &'a str,
        instant_ms: i64,
        result: &'a str,
        duration: Duration,
    ) -> BoxFuture<'a, Result<(), LogError>> {
        let duration_ms = i64::try_from(whole_ms(duration)).unwrap_or(i64::MAX);
        let parameters = vec![
            self.schedule(trigger),
            Value::Integer(instant_ms),
            Value::Text(result.to_owned()),
            Value::Integer(duration_ms),
        ];
        Box::pin(async move { self.run(FINISH, parameters).await.map(drop) })
    }

    fn last<'a>(&'a self, trigger: &'a str) -> BoxFuture<'a, Result<Option<Firing>, LogError>> {
        Box::pin(self.read_last(trigger))
    }

    fn place(&self) -> &str {
        &self.place
    }
}

/// Leases are about runs, not about schedules: they follow the machine's clock.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
