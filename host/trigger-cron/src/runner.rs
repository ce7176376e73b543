//! Runs jobs when their schedules fire: one task each, no two runs at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use host_app::{Failure, FailureKind};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use crate::clock::{BoxFuture, Clock};
use crate::schedule::Schedule;

/// A tick that is noticed later than this is missed, not run.
const LATENESS_MS_MAX: i64 = 5_000;
/// The clock is read this often, however far away the next tick is.
const CLOCK_CHECK_MS: i64 = 60_000;
/// Ticks counted one by one after a long sleep of the machine.
const MISSED_COUNT_MAX: u64 = 10_000;

/// One firing of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// The instant the schedule names, in milliseconds since the Unix epoch.
    pub scheduled_at_ms: i64,
    /// The instant the run started, in milliseconds since the Unix epoch.
    pub fired_at_ms: i64,
}

/// What runs when a schedule fires.
pub trait Job: Send + Sync {
    /// Runs once.
    fn run(&self, tick: Tick) -> BoxFuture<'_, Result<(), Failure>>;
}

/// A job and when it runs.
#[derive(Clone)]
pub struct ScheduledJob {
    /// The trigger's id.
    pub trigger: String,
    /// The component that runs.
    pub component: String,
    /// When it runs.
    pub schedule: Schedule,
    /// What runs.
    pub job: Arc<dyn Job>,
    /// What has happened so far.
    pub stats: Arc<CronStats>,
}

/// What has happened to one schedule.
#[derive(Debug, Default)]
pub struct CronStats {
    fired: AtomicU64,
    failed: AtomicU64,
    overlapped: AtomicU64,
    missed: AtomicU64,
}

impl CronStats {
    /// Runs that were started.
    pub fn fired(&self) -> u64 {
        self.fired.load(Ordering::Relaxed)
    }

    /// Runs that failed.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Ticks skipped because the last run was still going.
    pub fn overlapped(&self) -> u64 {
        self.overlapped.load(Ordering::Relaxed)
    }

    /// Ticks skipped because the host slept or was too busy.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

/// Running schedules; they end with [`CronRunner::stop`] or when it is dropped.
pub struct CronRunner {
    stop: watch::Sender<bool>,
    schedules: JoinSet<()>,
    /// Work that is not waited for.
    background: JoinSet<()>,
}

impl CronRunner {
    /// Starts the schedules: ticks before now are not made up for.
    ///
    /// Must be called within a Tokio runtime.
    pub fn start(jobs: &[ScheduledJob], clock: &Arc<dyn Clock>) -> Self {
        let (stop, stopping) = watch::channel(false);
        let mut schedules = JoinSet::new();
        for job in jobs {
            let loop_ = ScheduleLoop {
                plan: job.clone(),
                clock: clock.clone(),
                runs: JoinSet::new(),
            };
            schedules.spawn(loop_.run(stopping.clone()));
        }
        Self {
            stop,
            schedules,
            background: JoinSet::new(),
        }
    }

    /// Runs a task until the schedules stop.
    pub(crate) fn in_background(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.background.spawn(task);
    }

    /// Starts no more runs, and gives those that are going `grace` to end.
    /// How many schedules had to be cut off.
    pub async fn stop(mut self, grace: Duration) -> usize {
        self.stop.send_replace(true);
        let all_ended = async { while self.schedules.join_next().await.is_some() {} };
        let in_time = tokio::time::timeout(grace, all_ended).await;
        let unfinished = self.schedules.len();
        if in_time.is_err() {
            tracing::warn!(
                unfinished,
                "scheduled functions were cut off while stopping"
            );
        }
        unfinished
    }
}

struct ScheduleLoop {
    plan: ScheduledJob,
    clock: Arc<dyn Clock>,
    /// The run that is going, if any: a run that panics ends alone.
    runs: JoinSet<Result<(), Failure>>,
}

impl ScheduleLoop {
    async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let mut after_ms = self.clock.now_ms();
        let mut seen_ms = after_ms;
        while let Some(at_ms) = self.plan.schedule.next_after(after_ms) {
            let check_ms = at_ms.min(self.clock.now_ms().saturating_add(CLOCK_CHECK_MS));
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stop| *stop) => break,
                Some(ended) = self.runs.join_next() => self.ended(ended),
                () = self.clock.sleep_until_ms(check_ms) => {}
            }
            let now_ms = self.clock.now_ms();
            if now_ms < seen_ms.saturating_sub(CLOCK_CHECK_MS) {
                tracing::warn!(trigger = self.plan.trigger, "the clock was set back");
                after_ms = now_ms;
            } else if now_ms >= at_ms {
                self.due(at_ms, now_ms);
                after_ms = now_ms;
            }
            seen_ms = now_ms;
        }
        while let Some(ended) = self.runs.join_next().await {
            self.ended(ended);
        }
    }

    /// Runs the latest of the ticks that are due, unless it is too late or the
    /// last run is still going; counts the others.
    fn due(&mut self, first_ms: i64, now_ms: i64) {
        let stats = &self.plan.stats;
        let mut latest_ms = first_ms;
        let mut passed = 0;
        while let Some(next_ms) = self.plan.schedule.next_after(latest_ms)
            && next_ms <= now_ms
            && passed < MISSED_COUNT_MAX
        {
            latest_ms = next_ms;
            passed += 1;
        }
        let too_late = now_ms.saturating_sub(latest_ms) > LATENESS_MS_MAX;
        let missed = passed + u64::from(too_late);
        if missed > 0 {
            stats.missed.fetch_add(missed, Ordering::Relaxed);
            tracing::warn!(trigger = self.plan.trigger, missed, "ticks were missed");
        }
        // A run that has ended without having been looked at is no obstacle.
        while let Some(ended) = self.runs.try_join_next() {
            self.ended(ended);
        }
        if too_late {
            return;
        }
        if !self.runs.is_empty() {
            self.plan.stats.overlapped.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                trigger = self.plan.trigger,
                component = self.plan.component,
                "tick skipped: the last run is still going"
            );
            return;
        }
        self.plan.stats.fired.fetch_add(1, Ordering::Relaxed);
        let job = self.plan.job.clone();
        let tick = Tick {
            scheduled_at_ms: latest_ms,
            fired_at_ms: now_ms,
        };
        self.runs.spawn(async move { job.run(tick).await });
    }

    fn ended(&self, ended: Result<Result<(), Failure>, JoinError>) {
        let failure = match ended {
            Ok(Ok(())) => return,
            Ok(Err(failure)) => failure,
            Err(panic) => Failure::new(FailureKind::Internal, panic.to_string()),
        };
        self.plan.stats.failed.fetch_add(1, Ordering::Relaxed);
        tracing::error!(
            trigger = self.plan.trigger,
            component = self.plan.component,
            kind = failure.kind.as_str(),
            cause = failure.cause,
            "scheduled function failed"
        );
    }
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
