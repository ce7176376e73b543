//! One run of a job, from its claim to its place in the log.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use host_app::{Failure, FailureKind};
use tokio::task::JoinSet;

use crate::log::{FiringLog, LEASE_MS};
use crate::runner::{ScheduledJob, Tick};

/// How often it is said that a run is still going: a lease survives two that get lost.
const RENEW_INTERVAL: Duration = Duration::from_millis(LEASE_MS as u64 / 3);
/// How often the end of a run is written, at most.
const FINISH_ATTEMPTS_MAX: u32 = 3;
/// Pause between two of these.
const FINISH_PAUSE: Duration = Duration::from_millis(500);

/// A run that may start.
pub(crate) struct Run {
    pub(crate) plan: ScheduledJob,
    pub(crate) log: Arc<dyn FiringLog>,
    pub(crate) tick: Tick,
    /// Held until the job has ended; its end may be written long after.
    pub(crate) going: Option<Arc<()>>,
}

impl Run {
    /// Runs the job, and says meanwhile and at the end how it goes.
    pub(crate) async fn complete(mut self) {
        let started = Instant::now();
        let outcome = self.call().await;
        self.going = None;
        let result = match &outcome {
            Ok(()) => "ok",
            Err(failure) => {
                self.plan.stats.failed.fetch_add(1, Ordering::Relaxed);
                tracing::error!(
                    trigger = self.plan.trigger,
                    component = self.plan.component,
                    scheduled_at_ms = self.tick.scheduled_at_ms,
                    kind = failure.kind.as_str(),
                    cause = failure.cause,
                    "scheduled function failed"
                );
                failure.kind.as_str()
            }
        };
        self.finish(result, started.elapsed()).await;
    }

    /// In a task of its own: a job that panics ends alone.
    async fn call(&self) -> Result<(), Failure> {
        let (job, tick) = (self.plan.job.clone(), self.tick);
        let mut call = JoinSet::new();
        call.spawn(async move { job.run(tick).await });
        loop {
            tokio::select! {
                biased;
                Some(ended) = call.join_next() => {
                    return ended.unwrap_or_else(|panic| {
                        Err(Failure::new(FailureKind::Internal, panic.to_string()))
                    });
                }
                () = tokio::time::sleep(RENEW_INTERVAL) => self.renew().await,
            }
        }
    }

    async fn renew(&self) {
        let instant_ms = self.tick.scheduled_at_ms;
        if let Err(error) = self.log.renew(&self.plan.trigger, instant_ms).await {
            let trigger = &self.plan.trigger;
            tracing::warn!(trigger, %error, "it cannot be said that a run is still going");
        }
    }

    async fn finish(&self, result: &str, duration: Duration) {
        let (trigger, instant_ms) = (&self.plan.trigger, self.tick.scheduled_at_ms);
        for attempt in 1..=FINISH_ATTEMPTS_MAX {
            let written = self.log.finished(trigger, instant_ms, result, duration);
            match written.await {
                Ok(()) => return,
                Err(error) if attempt == FINISH_ATTEMPTS_MAX => {
                    tracing::warn!(trigger, %error, "the end of a run is not in the log of firings");
                }
                Err(_) => tokio::time::sleep(FINISH_PAUSE).await,
            }
        }
    }
}
