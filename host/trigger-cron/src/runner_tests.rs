//! Schedules under a clock that moves only when told to.

use std::sync::Mutex;

use tokio::sync::Semaphore;

use super::*;

const SECOND: i64 = 1000;
const HOUR: i64 = 3600 * SECOND;

struct ManualClock {
    now_ms: watch::Sender<i64>,
}

impl ManualClock {
    fn at(now_ms: i64) -> Arc<Self> {
        let (now_ms, _) = watch::channel(now_ms);
        Arc::new(Self { now_ms })
    }

    /// Moves the clock and lets every task do what follows from it.
    async fn set(&self, now_ms: i64) {
        self.now_ms.send_replace(now_ms);
        settle().await;
    }
}

/// Lets every other task run until it waits; the runtime has one thread.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        *self.now_ms.borrow()
    }

    fn sleep_until_ms(&self, instant_ms: i64) -> BoxFuture<'_, ()> {
        let mut now_ms = self.now_ms.subscribe();
        let start_ms = *now_ms.borrow();
        Box::pin(async move {
            // A clock that is set back wakes sleepers too, as checks every minute would.
            let _ = now_ms
                .wait_for(|now| *now >= instant_ms || *now < start_ms)
                .await;
        })
    }
}

/// A job that records its ticks and does what it is told.
struct Recorder {
    ticks: Mutex<Vec<Tick>>,
    /// Each run takes one permit before it ends.
    may_end: Semaphore,
    behaviour: fn() -> Result<(), Failure>,
}

impl Recorder {
    fn new(permits: usize, behaviour: fn() -> Result<(), Failure>) -> Arc<Self> {
        Arc::new(Self {
            ticks: Mutex::default(),
            may_end: Semaphore::new(permits),
            behaviour,
        })
    }

    fn quick() -> Arc<Self> {
        Self::new(Semaphore::MAX_PERMITS, || Ok(()))
    }

    fn seconds(&self) -> Vec<i64> {
        let ticks = self.ticks.lock().unwrap();
        ticks
            .iter()
            .map(|tick| tick.scheduled_at_ms / SECOND)
            .collect()
    }
}

impl Job for Recorder {
    fn run(&self, tick: Tick) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            self.ticks.lock().unwrap().push(tick);
            self.may_end.acquire().await.unwrap().forget();
            (self.behaviour)()
        })
    }
}

fn scheduled(expression: &str, job: Arc<Recorder>) -> ScheduledJob {
    ScheduledJob {
        trigger: "t".to_owned(),
        component: "c".to_owned(),
        schedule: Schedule::parse(expression).unwrap(),
        job,
        stats: Arc::default(),
    }
}

async fn start(jobs: &[ScheduledJob], clock: &Arc<ManualClock>) -> CronRunner {
    let clock: Arc<dyn Clock> = clock.clone();
    let runner = CronRunner::start(jobs, &clock);
    settle().await;
    runner
}

#[tokio::test]
async fn a_job_runs_when_its_time_has_come() {
    let (clock, job) = (ManualClock::at(500), Recorder::quick());
    let plan = scheduled("*/10 * * * * *", job.clone());
    let _runner = start(std::slice::from_ref(&plan), &clock).await;
    clock.set(9_999).await;
    assert_eq!(job.seconds(), [0; 0]);
    clock.set(10_000).await;
    clock.set(10_400).await;
    clock.set(20_030).await;
    let ticks = job.ticks.lock().unwrap().clone();
    let expected =
        [(10_000, 10_000), (20_000, 20_030)].map(|(scheduled_at_ms, fired_at_ms)| Tick {
            scheduled_at_ms,
            fired_at_ms,
        });
    assert_eq!(ticks, expected);
    assert_eq!(plan.stats.fired(), 2);
    assert_eq!(plan.stats.missed(), 0);
}

#[tokio::test]
async fn a_tick_during_a_run_is_skipped_and_counted() {
    let (clock, job) = (ManualClock::at(0), Recorder::new(0, || Ok(())));
    let plan = scheduled("* * * * * *", job.clone());
    let _runner = start(std::slice::from_ref(&plan), &clock).await;
    for second in 1..=3 {
        clock.set(second * SECOND).await;
    }
    assert_eq!(job.seconds(), [1]);
    assert_eq!(plan.stats.overlapped(), 2);
    job.may_end.add_permits(1);
    settle().await;
    clock.set(4 * SECOND).await;
    assert_eq!(job.seconds(), [1, 4]);
}

#[tokio::test]
async fn ticks_that_pass_while_the_machine_sleeps_are_not_made_up_for() {
    let (clock, job) = (ManualClock::at(0), Recorder::quick());
    let plan = scheduled("0 * * * * *", job.clone());
    let _runner = start(std::slice::from_ref(&plan), &clock).await;
    clock.set(HOUR + 2 * SECOND).await;
    assert_eq!(job.seconds(), [3600]);
    assert_eq!(plan.stats.missed(), 59);
    clock.set(HOUR + 60 * SECOND).await;
    assert_eq!(job.seconds(), [3600, 3660]);
}

#[tokio::test]
async fn a_tick_noticed_too_late_is_missed() {
    let (clock, job) = (ManualClock::at(0), Recorder::quick());
    let plan = scheduled("0 0 2 * * *", job.clone());
    let _runner = start(std::slice::from_ref(&plan), &clock).await;
    clock.set(9 * HOUR).await;
    assert_eq!(job.seconds(), [0; 0]);
    assert_eq!(plan.stats.missed(), 1);
    clock.set(26 * HOUR).await;
    assert_eq!(job.seconds(), [26 * 3600]);
}

#[tokio::test]
async fn a_clock_set_back_does_not_stop_a_schedule() {
    let (clock, job) = (ManualClock::at(1000 * HOUR), Recorder::quick());
    let _runner = start(&[scheduled("0 0 * * * *", job.clone())], &clock).await;
    clock.set(HOUR / 2).await;
    clock.set(HOUR).await;
    assert_eq!(job.seconds(), [3600]);
}

#[tokio::test]
async fn failures_and_panics_are_counted_and_the_schedule_goes_on() {
    let clock = ManualClock::at(0);
    let failing = Recorder::new(Semaphore::MAX_PERMITS, || {
        Err(Failure::new(FailureKind::Guest, "no"))
    });
    let panicking = Recorder::new(Semaphore::MAX_PERMITS, || panic!("broken"));
    let plans = [
        scheduled("* * * * * *", failing.clone()),
        scheduled("* * * * * *", panicking.clone()),
    ];
    let _runner = start(&plans, &clock).await;
    for second in 1..=3 {
        clock.set(second * SECOND).await;
    }
    for plan in &plans {
        assert_eq!(plan.stats.failed(), 3);
        assert_eq!(plan.stats.overlapped(), 0);
    }
}

#[tokio::test]
async fn one_slow_job_does_not_hold_another() {
    let clock = ManualClock::at(0);
    let (slow, quick) = (Recorder::new(0, || Ok(())), Recorder::quick());
    let plans = [
        scheduled("* * * * * *", slow.clone()),
        scheduled("* * * * * *", quick.clone()),
    ];
    let _runner = start(&plans, &clock).await;
    clock.set(SECOND).await;
    clock.set(2 * SECOND).await;
    assert_eq!(slow.seconds(), [1]);
    assert_eq!(quick.seconds(), [1, 2]);
}

#[tokio::test]
async fn stopping_waits_for_the_run_that_is_going() {
    let (clock, job) = (ManualClock::at(0), Recorder::new(0, || Ok(())));
    let runner = start(&[scheduled("* * * * * *", job.clone())], &clock).await;
    clock.set(SECOND).await;
    let stopping = tokio::spawn(runner.stop(Duration::from_secs(60)));
    settle().await;
    assert!(!stopping.is_finished());
    clock.set(2 * SECOND).await;
    job.may_end.add_permits(1);
    assert_eq!(stopping.await.unwrap(), 0);
    assert_eq!(job.seconds(), [1]);
}

#[tokio::test]
async fn stopping_cuts_off_what_does_not_end() {
    let (clock, job) = (ManualClock::at(0), Recorder::new(0, || Ok(())));
    let runner = start(&[scheduled("* * * * * *", job.clone())], &clock).await;
    clock.set(SECOND).await;
    assert_eq!(runner.stop(Duration::ZERO).await, 1);
    settle().await;
    assert_eq!(Arc::strong_count(&job), 1);
}
