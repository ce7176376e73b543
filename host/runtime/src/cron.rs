//! Schedules, as operators see them: `/cron` and `/cron/NAME/run`.

use std::sync::Arc;
use std::time::Instant;

use host_app::{App, Failure, FailureKind, Missed, Overlap};
use host_settings::Settings;
use host_sqlite::{Database, SqliteLimits};
use host_trigger_cron::{
    Clock, CronTrigger, FiringLog, RedisLog, Schedule, ScheduledJob, SqliteLog,
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::error::StartError;
use crate::options::HostOptions;

/// Firings that are announced.
const NEXT_COUNT: usize = 5;
const LOG_FILE: &str = "cron.db";

/// Opens the log of firings: in Redis where the settings name a server, else in
/// the state folder.
pub(crate) async fn open_log(
    app: &App,
    settings: &Settings,
    options: &HostOptions,
) -> Result<Arc<dyn FiringLog>, StartError> {
    if let Some(address) = &settings.cron.lease {
        if app.options.embedded_redis.as_ref() == Some(address) {
            return Err(StartError::Lease(
                "the application's embedded Redis is inside this process; name a server that all hosts reach".to_owned(),
            ));
        }
        let log = RedisLog::new(address, &app.name).map_err(StartError::Lease)?;
        return Ok(Arc::new(log));
    }
    let limits = SqliteLimits::default();
    let (database, place) = match &options.state_dir {
        Some(folder) => {
            let path = folder.join(LOG_FILE);
            let place = path.display().to_string();
            (Database::file(&path, limits), place)
        }
        None => (
            Database::memory("cron-firings", limits),
            "memory".to_owned(),
        ),
    };
    let unusable = |reason: String| StartError::FiringLog {
        place: place.clone(),
        reason,
    };
    let database = database.map_err(|error| unusable(error.to_string()))?;
    let log = SqliteLog::open(database, &app.name, &place).await;
    Ok(Arc::new(log.map_err(|error| unusable(error.reason))?))
}

/// What operators may ask of schedules.
#[derive(Clone)]
pub(crate) struct CronAdmin {
    pub(crate) trigger: Arc<CronTrigger>,
    pub(crate) log: Arc<dyn FiringLog>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl CronAdmin {
    /// Every schedule: its policies, next and last firings.
    pub(crate) async fn list(&self) -> Value {
        let mut triggers = Vec::new();
        for job in self.trigger.jobs() {
            triggers.push(self.describe(job).await);
        }
        json!({ "log": self.log.place(), "triggers": triggers })
    }

    async fn describe(&self, job: &ScheduledJob) -> Value {
        let outlook = job.outlook(&*self.clock, &*self.log, NEXT_COUNT).await;
        let local = |ms: &i64| job.schedule.local_time(*ms);
        let (last, last_error) = match outlook.last {
            Ok(last) => (last, None),
            Err(error) => (None, Some(error.to_string())),
        };
        json!({
            "trigger": job.trigger,
            "component": job.component,
            "cron_expression": job.schedule.expression(),
            "time_zone": job.policy.time_zone.name(),
            "overlap": job.policy.overlap.as_str(),
            "overlap_max": match job.policy.overlap {
                Overlap::Allow { runs_max } => Some(runs_max),
                Overlap::Skip | Overlap::Queue => None,
            },
            "missed": job.policy.missed.as_str(),
            "missed_max": match job.policy.missed {
                Missed::RunAll { ticks_max } => Some(ticks_max),
                Missed::Skip | Missed::RunOnce => None,
            },
            "jitter_ms_max": job.policy.jitter_ms_max,
            "next": outlook.next_ms.iter().map(local).collect::<Vec<_>>(),
            "last": last.map(|last| json!({
                "instant": local(&last.instant_ms),
                "result": last.result,
                "duration_ms": last.duration_ms,
                "host": last.host,
            })),
            "last_error": last_error,
        })
    }

    /// Runs a trigger's component now, for the instant `at` (RFC 3339) or now.
    pub(crate) async fn run(&self, trigger: &str, at: Option<&str>) -> (StatusCode, Value) {
        let Some(job) = self.trigger.job(trigger) else {
            let known: Vec<&str> = self.trigger.jobs().iter().map(|j| &*j.trigger).collect();
            let reason = format!(
                "there is no cron trigger {trigger:?}; there are: {}",
                known.join(", ")
            );
            return (StatusCode::NOT_FOUND, json!({ "error": reason }));
        };
        let at_ms = match at.map(Schedule::instant) {
            None => self.clock.now_ms(),
            Some(Some(at_ms)) => at_ms,
            Some(None) => {
                let reason = "`at` is no instant; write it as 2026-01-31T02:00:00Z";
                return (StatusCode::BAD_REQUEST, json!({ "error": reason }));
            }
        };
        tracing::info!(
            trigger,
            scheduled_at_ms = at_ms,
            "an operator runs a scheduled function"
        );
        let started = Instant::now();
        let outcome = self.run_to_its_end(trigger, at_ms).await;
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (status, result, cause) = match outcome {
            Ok(()) => (StatusCode::OK, "ok", None),
            Err(failure) => {
                let kind = failure.kind.as_str();
                tracing::error!(
                    trigger,
                    kind,
                    cause = failure.cause,
                    "scheduled function failed"
                );
                (StatusCode::INTERNAL_SERVER_ERROR, kind, Some(failure.cause))
            }
        };
        let answer = json!({
            "trigger": trigger,
            "instant": job.schedule.local_time(at_ms),
            "result": result,
            "cause": cause,
            "duration_ms": duration_ms,
        });
        (status, answer)
    }

    /// In a task of its own: an operator who goes away does not cut it off.
    async fn run_to_its_end(&self, trigger: &str, at_ms: i64) -> Result<(), Failure> {
        let (admin, trigger) = (self.clone(), trigger.to_owned());
        let run = tokio::spawn(async move {
            let clock = admin.clock.clone();
            admin.trigger.run_now(&trigger, at_ms, &*clock).await
        });
        run.await.unwrap_or_else(|panic| {
            let cause = panic.to_string();
            Err(Failure::new(FailureKind::Internal, cause))
        })
    }
}
