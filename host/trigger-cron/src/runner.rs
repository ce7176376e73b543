//! Runs jobs when their schedules fire: one task for each schedule.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use host_app::{CronPolicy, Failure, Missed, Overlap};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::{BoxFuture, Clock};
use crate::jitter;
use crate::log::{Claim, Claimed, Firing, FiringLog, LogError};
use crate::run::Run;
use crate::schedule::Schedule;

/// A tick that is noticed later than this is missed.
pub const LATENESS_MS_MAX: i64 = 5_000;
/// The clock is read this often, however far away the next tick is: soon enough
/// to run a tick in time when the clock was put forward.
const CLOCK_CHECK_MS: i64 = 2_000;
/// Ticks counted one by one after a long time away.
const MISSED_COUNT_MAX: usize = 10_000;
/// Pause before a tick that could not be claimed is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

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
    /// What happens to ticks that come at a bad time.
    pub policy: CronPolicy,
    /// What runs.
    pub job: Arc<dyn Job>,
    /// What has happened so far.
    pub stats: Arc<CronStats>,
}

/// What has happened to one schedule on this host.
#[derive(Debug, Default)]
pub struct CronStats {
    pub(crate) fired: AtomicU64,
    pub(crate) failed: AtomicU64,
    overlapped: AtomicU64,
    missed: AtomicU64,
    elsewhere: AtomicU64,
    unclaimed: AtomicU64,
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

    /// Ticks skipped because too many runs were going.
    pub fn overlapped(&self) -> u64 {
        self.overlapped.load(Ordering::Relaxed)
    }

    /// Ticks skipped because the host was down, asleep or too busy, or the log
    /// of firings could not be reached.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// Ticks left alone because another host had them, or this one before.
    pub fn elsewhere(&self) -> u64 {
        self.elsewhere.load(Ordering::Relaxed)
    }

    /// Attempts to claim a tick that the log of firings did not answer.
    pub fn unclaimed(&self) -> u64 {
        self.unclaimed.load(Ordering::Relaxed)
    }
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}

/// Running schedules; they end with [`CronRunner::stop`] or when it is dropped.
pub struct CronRunner {
    stop: watch::Sender<bool>,
    schedules: JoinSet<()>,
    /// Work that is not waited for.
    background: JoinSet<()>,
}

impl CronRunner {
    /// Starts the schedules. Ticks between the last one in the log and now are
    /// missed; a schedule that the log does not know begins now.
    ///
    /// Must be called within a Tokio runtime.
    pub fn start(jobs: &[ScheduledJob], clock: &Arc<dyn Clock>, log: &Arc<dyn FiringLog>) -> Self {
        let (stop, stopping) = watch::channel(false);
        let mut schedules = JoinSet::new();
        for job in jobs {
            let loop_ = ScheduleLoop {
                started_ms: clock.now_ms(),
                plan: job.clone(),
                clock: clock.clone(),
                log: log.clone(),
                log_answers: true,
                pending: VecDeque::new(),
                runs: JoinSet::new(),
                going: Arc::default(),
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

/// A tick that is due and not decided yet.
struct Due {
    at_ms: i64,
    /// With its jitter.
    due_ms: i64,
    token: u64,
    /// Whether it waits for other runs to end.
    waits: bool,
    /// Whether it was found to have to wait.
    queued: bool,
}

struct ScheduleLoop {
    plan: ScheduledJob,
    clock: Arc<dyn Clock>,
    log: Arc<dyn FiringLog>,
    started_ms: i64,
    /// Whether the log answered when it was last asked.
    log_answers: bool,
    /// In the order of their instants.
    pending: VecDeque<Due>,
    runs: JoinSet<()>,
    /// Each run whose job has not ended holds one.
    going: Arc<()>,
}

impl ScheduleLoop {
    async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let position_ms = tokio::select! {
            biased;
            _ = stopping.wait_for(|stop| *stop) => return,
            position_ms = self.first_position() => position_ms,
        };
        self.keep(position_ms, &mut stopping).await;
        while self.runs.join_next().await.is_some() {}
    }

    /// Where to go on. Nothing fires before the log has said where.
    async fn first_position(&mut self) -> i64 {
        loop {
            let position_ms = self.log.begin(&self.plan.trigger, self.started_ms).await;
            if let Some(position_ms) = self.answer(position_ms) {
                return position_ms;
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    /// Decides every tick after `position_ms` when it is due, until told to stop.
    async fn keep(&mut self, mut position_ms: i64, stopping: &mut watch::Receiver<bool>) {
        loop {
            let now_ms = self.clock.now_ms();
            if now_ms < position_ms {
                // Ticks that fired before are in the log; the others may.
                tracing::info!(trigger = self.plan.trigger, "the clock was set back");
                self.pending.retain(|due| due.at_ms < now_ms);
                // This very one is not over yet.
                position_ms = now_ms.saturating_sub(1);
            }
            position_ms = self.collect(position_ms, now_ms).await;
            self.advance().await;
            let next_ms = self.plan.schedule.next_after(position_ms);
            let check_ms = now_ms.saturating_add(CLOCK_CHECK_MS);
            let wake_ms = next_ms.map_or(check_ms, |at| self.due_ms(at).min(check_ms));
            let (clock, waiting) = (self.clock.clone(), !self.pending.is_empty());
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stop| *stop) => return,
                Some(_) = self.runs.join_next() => {}
                () = tokio::time::sleep(RETRY_PAUSE), if waiting => {}
                () = clock.sleep_until_ms(wake_ms) => {}
            }
        }
    }

    fn due_ms(&self, at_ms: i64) -> i64 {
        let plan = &self.plan;
        let ms_max = plan.policy.jitter_ms_max;
        at_ms.saturating_add(jitter::jitter_ms(
            &plan.trigger,
            &plan.schedule,
            at_ms,
            ms_max,
        ))
    }

    /// Takes up the ticks after `position_ms` that are due and are to be run by
    /// the policy, and counts the others; how far it came.
    async fn collect(&mut self, position_ms: i64, now_ms: i64) -> i64 {
        let missed = self.plan.policy.missed;
        let wanted = match missed {
            Missed::RunAll { ticks_max } => ticks_max as usize,
            Missed::Skip | Missed::RunOnce => 1,
        };
        // One that is on time, and one whose jitter is not over.
        let mut due = self.plan.schedule.latest(position_ms, now_ms, wanted + 2);
        due.retain(|at_ms| self.due_ms(*at_ms) <= now_ms);
        let Some(latest_ms) = due.last().copied() else {
            return position_ms;
        };
        let on_time = now_ms.saturating_sub(self.due_ms(latest_ms)) <= LATENESS_MS_MAX;
        let mut from_ms = position_ms;
        if due.len() > 1 || !on_time {
            from_ms = self.decided_by(latest_ms).await.max(position_ms);
            due.retain(|at_ms| *at_ms > from_ms);
            let elsewhere = self.count(position_ms, from_ms);
            add(&self.plan.stats.elsewhere, elsewhere);
        }
        let runs_max = match missed {
            Missed::Skip => usize::from(on_time),
            Missed::RunOnce => 1,
            Missed::RunAll { .. } => wanted + usize::from(on_time),
        };
        let run = due.split_off(due.len().saturating_sub(runs_max));
        let passed = self.count(from_ms, latest_ms);
        self.missed(passed.saturating_sub(run.len()));
        for at_ms in run {
            self.take_up(at_ms, on_time && at_ms == latest_ms);
        }
        latest_ms
    }

    /// The ticks after one instant and up to another, as far as they are counted.
    fn count(&self, after_ms: i64, up_to_ms: i64) -> usize {
        let schedule = &self.plan.schedule;
        schedule.between(after_ms, up_to_ms, MISSED_COUNT_MAX).len()
    }

    /// Up to where other hosts have decided, when this one was not there.
    async fn decided_by(&mut self, latest_ms: i64) -> i64 {
        let last = self.log.last(&self.plan.trigger).await;
        let last_ms = self.answer(last).flatten().map(|last| last.instant_ms);
        last_ms
            .filter(|last| *last <= latest_ms)
            .unwrap_or(i64::MIN)
    }

    /// Puts a tick behind those that wait, within the bounds of the policies.
    fn take_up(&mut self, at_ms: i64, on_time: bool) {
        let CronPolicy {
            missed, overlap, ..
        } = self.plan.policy;
        let first_waits = self.pending.front().is_some_and(|first| first.queued);
        let mut waits = !on_time || overlap == Overlap::Queue;
        match missed {
            Missed::RunAll { ticks_max } => {
                waits |= !self.pending.is_empty();
                if self.pending.len() > ticks_max as usize {
                    self.pending.pop_front();
                    self.missed(1);
                }
            }
            Missed::Skip | Missed::RunOnce if first_waits && overlap == Overlap::Queue => {
                self.overlapped(at_ms);
                return;
            }
            Missed::RunOnce if !self.pending.is_empty() => {
                waits |= first_waits;
                self.missed(self.pending.len());
                self.pending.clear();
            }
            Missed::Skip | Missed::RunOnce => {}
        }
        self.pending.push_back(Due {
            at_ms,
            due_ms: self.due_ms(at_ms),
            token: jitter::token(),
            waits,
            queued: false,
        });
    }

    /// Claims the ticks that are due, in order, as far as it goes now.
    async fn advance(&mut self) {
        self.drop_late();
        while let Some(first) = self.pending.front() {
            // Without the loop's own.
            let own_runs = Arc::strong_count(&self.going).saturating_sub(1);
            let own_runs = u32::try_from(own_runs).unwrap_or(u32::MAX);
            let claim = Claim {
                trigger: &self.plan.trigger,
                instant_ms: first.at_ms,
                runs_max: self.plan.policy.overlap.runs_max(),
                own_runs,
                waits: first.waits,
                token: first.token,
            };
            let (at_ms, waits) = (first.at_ms, first.waits);
            let claimed = self.log.claim(claim).await;
            match self.answer(claimed) {
                Some(Claimed::Yes) => self.start(at_ms),
                Some(Claimed::Before) => add(&self.plan.stats.elsewhere, 1),
                Some(Claimed::Busy) if waits => {
                    if let Some(first) = self.pending.front_mut() {
                        first.queued = true;
                    }
                    return;
                }
                Some(Claimed::Busy) => self.overlapped(at_ms),
                None => {
                    add(&self.plan.stats.unclaimed, 1);
                    return;
                }
            }
            self.pending.pop_front();
        }
    }

    /// Gives up ticks that could not be claimed in time, if nobody wants them later.
    fn drop_late(&mut self) {
        if self.plan.policy.missed != Missed::Skip {
            return;
        }
        let now_ms = self.clock.now_ms();
        let before = self.pending.len();
        self.pending
            .retain(|due| due.queued || now_ms.saturating_sub(due.due_ms) <= LATENESS_MS_MAX);
        self.missed(before - self.pending.len());
    }

    fn start(&mut self, at_ms: i64) {
        add(&self.plan.stats.fired, 1);
        let run = Run {
            plan: self.plan.clone(),
            log: self.log.clone(),
            tick: Tick {
                scheduled_at_ms: at_ms,
                fired_at_ms: self.clock.now_ms(),
            },
            going: Some(self.going.clone()),
        };
        self.runs.spawn(run.complete());
    }

    fn missed(&self, count: usize) {
        if count > 0 {
            add(&self.plan.stats.missed, count);
            tracing::warn!(
                trigger = self.plan.trigger,
                missed = count,
                "ticks were missed"
            );
        }
    }

    fn overlapped(&self, at_ms: i64) {
        add(&self.plan.stats.overlapped, 1);
        tracing::warn!(
            trigger = self.plan.trigger,
            component = self.plan.component,
            scheduled_at_ms = at_ms,
            "tick skipped: an earlier run is still going"
        );
    }

    /// What the log answered; tells when it begins and ends not to.
    fn answer<T>(&mut self, answer: Result<T, LogError>) -> Option<T> {
        let trigger = &self.plan.trigger;
        match answer {
            Ok(value) => {
                if !self.log_answers {
                    tracing::info!(trigger, "the log of firings answers again");
                }
                self.log_answers = true;
                Some(value)
            }
            Err(error) => {
                if self.log_answers {
                    tracing::error!(trigger, %error, "nothing fires: the log of firings does not answer");
                }
                self.log_answers = false;
                None
            }
        }
    }
}

/// The next firings of a schedule, without their jitter, and its last one.
pub struct Outlook {
    /// The instants, in milliseconds since the Unix epoch.
    pub next_ms: Vec<i64>,
    /// What the log knows.
    pub last: Result<Option<Firing>, LogError>,
}

impl ScheduledJob {
    /// Looks ahead by `count` firings.
    pub async fn outlook(&self, clock: &dyn Clock, log: &dyn FiringLog, count: usize) -> Outlook {
        let now_ms = clock.now_ms();
        Outlook {
            next_ms: self.schedule.between(now_ms, i64::MAX, count),
            last: log.last(&self.trigger).await,
        }
    }
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
