//! Schedules under a clock that moves only when told to.

#[path = "../tests/support/clock.rs"]
mod clock;
#[path = "runner_tests_log.rs"]
mod log;

use chrono_tz::Tz;
use host_app::FailureKind;
use proptest::prelude::*;
use tokio::sync::Semaphore;

use self::clock::{ManualClock, Recorder};
use self::log::MemoryLog;
use super::*;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Lets every other task run until it waits; the runtime has one thread.
async fn settle() {
    for _ in 0..300 {
        tokio::task::yield_now().await;
    }
}

/// Moves the clock and lets every task do what follows from it.
async fn set(clock: &ManualClock, now_ms: i64) {
    clock.put(now_ms);
    settle().await;
}

fn scheduled(expression: &str, policy: CronPolicy, job: &Arc<Recorder>) -> ScheduledJob {
    ScheduledJob {
        trigger: "t".to_owned(),
        component: "c".to_owned(),
        schedule: Schedule::parse(expression)
            .unwrap()
            .in_zone(policy.time_zone),
        policy,
        job: job.clone(),
        stats: Arc::default(),
    }
}

/// One schedule, and all that it can meet.
struct Scene {
    clock: Arc<ManualClock>,
    log: Arc<MemoryLog>,
    job: Arc<Recorder>,
    plan: ScheduledJob,
    runner: Option<CronRunner>,
}

impl Scene {
    async fn new(expression: &str, policy: CronPolicy, now_ms: i64) -> Self {
        Self::with(expression, policy, now_ms, Recorder::quick()).await
    }

    async fn with(expression: &str, policy: CronPolicy, now_ms: i64, job: Arc<Recorder>) -> Self {
        let mut scene = Self {
            clock: ManualClock::at(now_ms),
            log: Arc::default(),
            plan: scheduled(expression, policy, &job),
            job,
            runner: None,
        };
        scene.start().await;
        scene
    }

    /// A start of the host: it knows what is in the log, and no more.
    async fn start(&mut self) {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let log: Arc<dyn FiringLog> = self.log.clone();
        let plans = [self.plan.clone()];
        self.runner = Some(CronRunner::start(&plans, &clock, &log));
        settle().await;
    }

    /// The host is not there until it is started again.
    async fn crash(&mut self) {
        self.runner = None;
        self.log.forget_runs();
        settle().await;
    }

    async fn set(&self, now_ms: i64) {
        set(&self.clock, now_ms).await;
    }

    async fn let_end(&self, runs: usize) {
        self.job.may_end.add_permits(runs);
        settle().await;
    }

    fn seconds(&self) -> Vec<i64> {
        self.job.seconds()
    }
}

fn missed(missed: Missed) -> CronPolicy {
    CronPolicy {
        missed,
        ..CronPolicy::default()
    }
}

fn overlap(overlap: Overlap) -> CronPolicy {
    CronPolicy {
        overlap,
        ..CronPolicy::default()
    }
}

fn blocked() -> Arc<Recorder> {
    Recorder::new(0, || Ok(()))
}

#[tokio::test]
async fn a_job_runs_when_its_time_has_come() {
    let scene = Scene::new("*/10 * * * * *", CronPolicy::default(), 500).await;
    scene.set(9_999).await;
    assert_eq!(scene.seconds(), [0; 0]);
    for now_ms in [10_000, 10_400, 20_030] {
        scene.set(now_ms).await;
    }
    let ticks = scene.job.ticks.lock().unwrap().clone();
    let expected =
        [(10_000, 10_000), (20_000, 20_030)].map(|(scheduled_at_ms, fired_at_ms)| Tick {
            scheduled_at_ms,
            fired_at_ms,
        });
    assert_eq!(ticks, expected);
    assert_eq!(scene.plan.stats.fired(), 2);
    assert_eq!(scene.plan.stats.missed(), 0);
}

#[tokio::test]
async fn a_tick_during_a_run_is_skipped_and_counted() {
    let scene = Scene::with("* * * * * *", CronPolicy::default(), 0, blocked()).await;
    for second in 1..=3 {
        scene.set(second * SECOND).await;
    }
    assert_eq!(scene.seconds(), [1]);
    assert_eq!(scene.plan.stats.overlapped(), 2);
    scene.let_end(1).await;
    scene.set(4 * SECOND).await;
    assert_eq!(scene.seconds(), [1, 4]);
}

#[tokio::test]
async fn a_run_whose_lease_is_over_still_keeps_its_host_from_the_next_tick() {
    let scene = Scene::with("* * * * * *", CronPolicy::default(), 0, blocked()).await;
    scene.set(SECOND).await;
    // As after a suspend, or when the clock was put forward.
    scene.log.forget_runs();
    scene.set(2 * SECOND).await;
    assert_eq!(scene.seconds(), [1]);
    assert_eq!(scene.plan.stats.overlapped(), 1);
    scene.let_end(1).await;
    scene.set(3 * SECOND).await;
    assert_eq!(scene.seconds(), [1, 3]);
}

#[tokio::test]
async fn one_tick_waits_for_the_run_that_is_going() {
    let scene = Scene::with("* * * * * *", overlap(Overlap::Queue), 0, blocked()).await;
    for second in 1..=4 {
        scene.set(second * SECOND).await;
    }
    assert_eq!(scene.seconds(), [1]);
    scene.let_end(1).await;
    assert_eq!(scene.seconds(), [1, 2]);
    assert_eq!(scene.plan.stats.overlapped(), 2);
    scene.let_end(1).await;
    scene.set(5 * SECOND).await;
    assert_eq!(scene.seconds(), [1, 2, 5]);
}

#[tokio::test]
async fn a_tick_that_waits_is_run_however_late_it_gets() {
    let scene = Scene::with("0 * * * * *", overlap(Overlap::Queue), 0, blocked()).await;
    scene.set(MINUTE).await;
    scene.set(2 * MINUTE).await;
    scene.set(2 * MINUTE + 50 * SECOND).await;
    scene.let_end(1).await;
    assert_eq!(scene.seconds(), [60, 120]);
}

#[tokio::test]
async fn runs_go_on_side_by_side_up_to_their_bound() {
    let policy = overlap(Overlap::Allow { runs_max: 2 });
    let scene = Scene::with("* * * * * *", policy, 0, blocked()).await;
    for second in 1..=3 {
        scene.set(second * SECOND).await;
    }
    assert_eq!(scene.seconds(), [1, 2]);
    assert_eq!(scene.plan.stats.overlapped(), 1);
    scene.let_end(1).await;
    scene.set(4 * SECOND).await;
    assert_eq!(scene.seconds(), [1, 2, 4]);
}

#[tokio::test]
async fn ticks_that_pass_while_the_machine_sleeps_are_not_made_up_for() {
    let scene = Scene::new("0 * * * * *", CronPolicy::default(), 0).await;
    scene.set(HOUR + 2 * SECOND).await;
    assert_eq!(scene.seconds(), [3600]);
    assert_eq!(scene.plan.stats.missed(), 59);
    scene.set(HOUR + MINUTE).await;
    assert_eq!(scene.seconds(), [3600, 3660]);
}

#[tokio::test]
async fn a_tick_noticed_too_late_is_missed() {
    let scene = Scene::new("0 0 2 * * *", CronPolicy::default(), 0).await;
    scene.set(9 * HOUR).await;
    assert_eq!(scene.seconds(), [0; 0]);
    assert_eq!(scene.plan.stats.missed(), 1);
    scene.set(26 * HOUR).await;
    assert_eq!(scene.seconds(), [26 * 3600]);
}

/// A host that runs the tick of minute 1, is down until 30 s after minute 5,
/// and comes back.
async fn downtime(policy: CronPolicy) -> Scene {
    let mut scene = Scene::new("0 * * * * *", policy, 0).await;
    scene.set(MINUTE).await;
    scene.crash().await;
    scene.set(5 * MINUTE + 30 * SECOND).await;
    scene.start().await;
    scene
}

#[tokio::test]
async fn ticks_of_a_downtime_are_counted() {
    let scene = downtime(missed(Missed::Skip)).await;
    assert_eq!(scene.seconds(), [60]);
    assert_eq!(scene.plan.stats.missed(), 4);
    scene.set(6 * MINUTE).await;
    assert_eq!(scene.seconds(), [60, 360]);
}

#[tokio::test]
async fn the_latest_tick_of_a_downtime_is_run() {
    let scene = downtime(missed(Missed::RunOnce)).await;
    assert_eq!(scene.seconds(), [60, 300]);
    assert_eq!(scene.plan.stats.missed(), 3);
    scene.set(6 * MINUTE).await;
    assert_eq!(scene.seconds(), [60, 300, 360]);
}

#[tokio::test]
async fn all_ticks_of_a_downtime_are_run_in_order() {
    let scene = downtime(missed(Missed::RunAll { ticks_max: 4 })).await;
    assert_eq!(scene.seconds(), [60, 120, 180, 240, 300]);
    assert_eq!(scene.plan.stats.missed(), 0);
}

#[tokio::test]
async fn ticks_over_the_bound_are_counted() {
    let scene = downtime(missed(Missed::RunAll { ticks_max: 2 })).await;
    assert_eq!(scene.seconds(), [60, 240, 300]);
    assert_eq!(scene.plan.stats.missed(), 2);
}

#[tokio::test]
async fn ticks_that_are_made_up_for_run_one_after_the_other() {
    let policy = missed(Missed::RunAll { ticks_max: 9 });
    let mut scene = Scene::with("0 * * * * *", policy, 0, Recorder::new(1, || Ok(()))).await;
    scene.set(MINUTE).await;
    scene.crash().await;
    scene.set(3 * MINUTE + 10 * SECOND).await;
    scene.start().await;
    assert_eq!(scene.seconds(), [60, 120]);
    // One that comes meanwhile waits behind them.
    scene.set(4 * MINUTE).await;
    scene.let_end(3).await;
    assert_eq!(scene.seconds(), [60, 120, 180, 240]);
    assert_eq!(scene.plan.stats.overlapped(), 0);
}

#[tokio::test]
async fn a_schedule_that_is_new_makes_up_for_nothing() {
    let policy = missed(Missed::RunAll { ticks_max: 9 });
    let scene = Scene::new("0 * * * * *", policy, 10 * HOUR + SECOND).await;
    assert_eq!(scene.seconds(), [0; 0]);
    assert_eq!(scene.plan.stats.missed(), 0);
}

#[tokio::test]
async fn a_tick_is_missed_also_when_none_has_fired_before() {
    let mut scene = Scene::new("0 0 2 * * *", missed(Missed::RunOnce), 0).await;
    scene.crash().await;
    scene.set(3 * HOUR).await;
    scene.start().await;
    assert_eq!(scene.seconds(), [2 * 3600]);
}

#[tokio::test]
async fn a_short_restart_costs_no_tick() {
    let mut scene = Scene::new("0 * * * * *", CronPolicy::default(), 0).await;
    scene.set(MINUTE).await;
    scene.crash().await;
    scene.set(2 * MINUTE + 3 * SECOND).await;
    scene.start().await;
    assert_eq!(scene.seconds(), [60, 120]);
}

#[tokio::test]
async fn a_clock_set_back_does_not_stop_a_schedule() {
    let scene = Scene::new("0 0 * * * *", CronPolicy::default(), 1000 * HOUR).await;
    scene.set(HOUR / 2).await;
    scene.set(HOUR).await;
    assert_eq!(scene.seconds(), [3600]);
}

#[tokio::test]
async fn instants_that_fired_do_not_fire_again_when_the_clock_is_set_back() {
    let scene = Scene::new("0 * * * * *", CronPolicy::default(), 0).await;
    for minute in [1, 2, 3, 1, 2, 3, 4] {
        scene.set(minute * MINUTE).await;
    }
    assert_eq!(scene.seconds(), [60, 120, 180, 240]);
    assert!(scene.plan.stats.elsewhere() > 0);
}

#[tokio::test]
async fn ticks_that_another_host_had_meanwhile_are_counted_and_not_missed() {
    let scene = Scene::new("* * * * * *", CronPolicy::default(), 0).await;
    for second in [1, 2] {
        let claim = Claim {
            trigger: "t",
            instant_ms: second * SECOND,
            runs_max: 1,
            own_runs: 0,
            waits: false,
            token: 1,
        };
        scene.log.claim(claim).await.unwrap();
        let ended = scene
            .log
            .finished("t", second * SECOND, "ok", Duration::ZERO);
        ended.await.unwrap();
    }
    scene.set(3 * SECOND).await;
    let stats = &scene.plan.stats;
    assert_eq!(scene.seconds(), [3]);
    assert_eq!((stats.elsewhere(), stats.missed()), (2, 0));
}

#[tokio::test]
async fn instants_that_a_clock_leapt_over_fire_when_it_is_set_right() {
    let scene = Scene::new("0 * * * * *", CronPolicy::default(), 0).await;
    for minute in [1, 60, 2, 3] {
        scene.set(minute * MINUTE).await;
    }
    assert_eq!(scene.seconds(), [60, 3600, 120, 180]);
}

#[tokio::test]
async fn a_change_of_clocks_moves_the_instant_of_a_named_time() {
    // 2026-03-28T12:00:00Z; Berlin goes from +1 to +2 at 01:00Z on the 29th.
    let noon = 1_774_699_200_i64;
    let policy = CronPolicy {
        time_zone: Tz::Europe__Berlin,
        ..CronPolicy::default()
    };
    let scene = Scene::new("0 30 2 * * *", policy, noon * SECOND).await;
    for half_hour in 0..96 {
        scene.set((noon + half_hour * 1800) * SECOND).await;
    }
    // Left out on the 29th: at 03:00 +02:00 instead, and at 02:30 +02:00 the day after.
    assert_eq!(scene.seconds(), [noon + 13 * 3600, noon + 36 * 3600 + 1800]);
    assert_eq!(scene.plan.stats.missed(), 0);
}

#[tokio::test]
async fn a_time_that_comes_twice_fires_once() {
    // 2026-10-24T12:00:00Z; Berlin goes from +2 to +1 at 01:00Z on the 25th.
    let noon = 1_792_843_200_i64;
    let policy = CronPolicy {
        time_zone: Tz::Europe__Berlin,
        missed: Missed::RunAll { ticks_max: 9 },
        ..CronPolicy::default()
    };
    let scene = Scene::new("0 30 2 * * *", policy, noon * SECOND).await;
    for quarter in 0..(30 * 4) {
        scene.set((noon + quarter * 900) * SECOND).await;
    }
    assert_eq!(scene.seconds(), [noon + 12 * 3600 + 1800]);
}

#[tokio::test]
async fn a_tick_waits_for_its_jitter_and_no_longer() {
    let policy = CronPolicy {
        jitter_ms_max: 40_000,
        ..CronPolicy::default()
    };
    let scene = Scene::new("0 * * * * *", policy, 0).await;
    let delay_ms = jitter::jitter_ms("t", &scene.plan.schedule, MINUTE, 40_000);
    assert!(delay_ms > 0);
    scene.set(MINUTE + delay_ms - 1).await;
    assert_eq!(scene.seconds(), [0; 0]);
    scene.set(MINUTE + delay_ms).await;
    assert_eq!(scene.seconds(), [60]);
    assert_eq!(scene.plan.stats.missed(), 0);
}

/// Waits for what the runner does by itself, a moment later.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn without_its_log_a_schedule_waits_and_fires_while_the_tick_is_fresh() {
    let scene = Scene::new("0 * * * * *", CronPolicy::default(), 0).await;
    scene.log.answer(false);
    scene.set(MINUTE).await;
    assert_eq!(scene.seconds(), [0; 0]);
    assert_eq!(scene.plan.stats.unclaimed(), 1);
    scene.clock.put(MINUTE + 4 * SECOND);
    scene.log.answer(true);
    until("the tick is run", || scene.seconds() == [60]).await;
    assert_eq!(scene.plan.stats.missed(), 0);
}

#[tokio::test]
async fn a_tick_that_cannot_be_claimed_in_time_is_missed() {
    let scene = Scene::new("0 * * * * *", CronPolicy::default(), 0).await;
    scene.log.answer(false);
    scene.set(MINUTE).await;
    scene.set(MINUTE + 10 * SECOND).await;
    assert_eq!(scene.plan.stats.missed(), 1);
    scene.log.answer(true);
    scene.set(2 * MINUTE).await;
    assert_eq!(scene.seconds(), [120]);
}

#[tokio::test]
async fn ticks_that_could_not_be_claimed_are_made_up_for() {
    for (policy, expected) in [
        (Missed::RunOnce, vec![180]),
        (Missed::RunAll { ticks_max: 9 }, vec![60, 120, 180]),
    ] {
        let scene = Scene::new("0 * * * * *", missed(policy), 0).await;
        scene.log.answer(false);
        for minute in 1..=3 {
            scene.set(minute * MINUTE + SECOND).await;
        }
        scene.set(3 * MINUTE + 40 * SECOND).await;
        assert_eq!(scene.seconds(), [0; 0]);
        scene.log.answer(true);
        until("they are run", || scene.seconds() == expected).await;
    }
}

#[tokio::test]
async fn nothing_fires_before_the_log_has_said_what_has_fired() {
    let mut scene = Scene::new("0 * * * * *", missed(Missed::RunOnce), 0).await;
    scene.set(MINUTE).await;
    scene.crash().await;
    scene.log.answer(false);
    scene.set(9 * MINUTE + 30 * SECOND).await;
    scene.start().await;
    assert!(!scene.clock.is_awaited());
    assert_eq!(scene.seconds(), [60]);
    scene.log.answer(true);
    until("the latest is run", || scene.seconds() == [60, 540]).await;
}

#[tokio::test]
async fn failures_and_panics_are_counted_and_the_schedule_goes_on() {
    let failing = Recorder::new(Semaphore::MAX_PERMITS, || {
        Err(Failure::new(FailureKind::Guest, "no"))
    });
    let panicking = Recorder::new(Semaphore::MAX_PERMITS, || panic!("broken"));
    for (job, result) in [(failing, "guest"), (panicking, "internal")] {
        let scene = Scene::with("* * * * * *", CronPolicy::default(), 0, job).await;
        for second in 1..=3 {
            scene.set(second * SECOND).await;
        }
        assert_eq!(scene.plan.stats.failed(), 3);
        assert_eq!(scene.plan.stats.overlapped(), 0);
        let last = scene.log.last("t").await.unwrap().unwrap();
        assert_eq!((last.instant_ms, &*last.result), (3 * SECOND, result));
    }
}

#[tokio::test]
async fn one_slow_job_does_not_hold_another() {
    let clock = ManualClock::at(0);
    let (slow, quick) = (blocked(), Recorder::quick());
    let mut plans = [&slow, &quick].map(|job| scheduled("* * * * * *", CronPolicy::default(), job));
    plans[1].trigger = "u".to_owned();
    let log: Arc<dyn FiringLog> = Arc::<MemoryLog>::default();
    let dyn_clock: Arc<dyn Clock> = clock.clone();
    let _runner = CronRunner::start(&plans, &dyn_clock, &log);
    settle().await;
    set(&clock, SECOND).await;
    set(&clock, 2 * SECOND).await;
    assert_eq!(slow.seconds(), [1]);
    assert_eq!(quick.seconds(), [1, 2]);
}

#[tokio::test]
async fn stopping_waits_for_the_run_that_is_going() {
    let mut scene = Scene::with("* * * * * *", CronPolicy::default(), 0, blocked()).await;
    scene.set(SECOND).await;
    let runner = scene.runner.take().unwrap();
    let stopping = tokio::spawn(runner.stop(Duration::from_secs(60)));
    settle().await;
    assert!(!stopping.is_finished());
    scene.set(2 * SECOND).await;
    scene.let_end(1).await;
    assert_eq!(stopping.await.unwrap(), 0);
    assert_eq!(scene.seconds(), [1]);
    assert_eq!(scene.log.last("t").await.unwrap().unwrap().result, "ok");
}

#[tokio::test]
async fn stopping_cuts_off_what_does_not_end() {
    let mut scene = Scene::with("* * * * * *", CronPolicy::default(), 0, blocked()).await;
    scene.set(SECOND).await;
    let runner = scene.runner.take().unwrap();
    assert_eq!(runner.stop(Duration::ZERO).await, 1);
    settle().await;
    // Ours and the plan's.
    assert_eq!(Arc::strong_count(&scene.job), 2);
}

#[tokio::test]
async fn three_hosts_whose_clocks_differ_fire_each_instant_once() {
    let job = Recorder::quick();
    let log: Arc<dyn FiringLog> = Arc::<MemoryLog>::default();
    let plan = scheduled("* * * * * *", CronPolicy::default(), &job);
    let mut hosts = Vec::new();
    for _ in 0..3 {
        let clock = ManualClock::at(0);
        let dyn_clock: Arc<dyn Clock> = clock.clone();
        let runner = CronRunner::start(std::slice::from_ref(&plan), &dyn_clock, &log);
        hosts.push((clock, runner));
    }
    settle().await;
    for now_ms in (SECOND..=20 * SECOND).step_by(250) {
        for (ahead, (clock, _)) in hosts.iter().enumerate() {
            clock.put(now_ms + 300 * i64::try_from(ahead).unwrap());
        }
        settle().await;
    }
    assert_eq!(job.seconds(), (1..=20).collect::<Vec<_>>());
    assert_eq!(plan.stats.missed(), 0);
}

/// What can happen to a host.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The clock moves, mostly forward, by milliseconds.
    Clock(i64),
    Crash,
    Start,
    Log(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..70 * SECOND).prop_map(Step::Clock),
        2 => (0..2 * HOUR).prop_map(Step::Clock),
        2 => (-HOUR..0).prop_map(Step::Clock),
        1 => Just(Step::Crash),
        2 => Just(Step::Start),
        1 => Just(Step::Log(false)),
        2 => Just(Step::Log(true)),
    ]
}

/// Schedules that fire some times in an hour or two.
fn any_schedule() -> impl Strategy<Value = String> {
    let second = prop_oneof![
        (0u32..60).prop_map(|second| second.to_string()),
        (20u32..40).prop_map(|step| format!("*/{step}")),
        (0u32..30, 30u32..60).prop_map(|(first, second)| format!("{first},{second}")),
    ];
    let minute = prop_oneof![
        Just("*".to_owned()),
        (0u32..60).prop_map(|minute| minute.to_string()),
        (2u32..60).prop_map(|step| format!("*/{step}")),
        (0u32..30, 30u32..60).prop_map(|(first, last)| format!("{first}-{last}")),
    ];
    let hour = prop::sample::select(vec!["*", "*/2", "1-3", "2", "3"]);
    (second, minute, hour)
        .prop_map(|(second, minute, hour)| format!("{second} {minute} {hour} * * *"))
}

fn any_policy() -> impl Strategy<Value = CronPolicy> {
    let missed = prop_oneof![
        Just(Missed::Skip),
        Just(Missed::RunOnce),
        (1u32..20).prop_map(|ticks_max| Missed::RunAll { ticks_max }),
        Just(Missed::RunAll {
            ticks_max: u32::MAX
        }),
    ];
    let overlap = prop_oneof![
        Just(Overlap::Skip),
        Just(Overlap::Queue),
        (1u32..4).prop_map(|runs_max| Overlap::Allow { runs_max }),
    ];
    let zone = prop_oneof![Just(Tz::UTC), Just(Tz::Europe__Berlin)];
    let jitter = prop_oneof![Just(0u64), 0u64..90_000];
    (missed, overlap, zone, jitter).prop_map(|(missed, overlap, time_zone, jitter_ms_max)| {
        CronPolicy {
            time_zone,
            overlap,
            missed,
            jitter_ms_max,
        }
    })
}

/// Lets what follows happen to its end, also what is tried again later.
async fn settle_all(scene: &Scene) {
    let quiet = || (scene.plan.stats.fired(), scene.log.claims());
    loop {
        let before = quiet();
        settle().await;
        if quiet() == before {
            return;
        }
    }
}

async fn live(expression: &str, policy: CronPolicy, steps: &[Step]) -> (Scene, i64, i64) {
    // 2026-10-25T00:30:00Z: half an hour before Berlin's clocks go back.
    let started_ms = 1_792_888_200_000;
    let (mut now_ms, mut latest_ms) = (started_ms, started_ms);
    let mut scene = Scene::new(expression, policy, now_ms).await;
    for step in steps {
        match step {
            Step::Clock(by_ms) => now_ms += by_ms,
            Step::Crash => scene.crash().await,
            Step::Start if scene.runner.is_none() => scene.start().await,
            Step::Start => {}
            Step::Log(answers) => scene.log.answer(*answers),
        }
        latest_ms = latest_ms.max(now_ms);
        scene.clock.put(now_ms);
        settle_all(&scene).await;
    }
    // In the end everything works again, and nothing is due any more.
    scene.crash().await;
    scene.log.answer(true);
    scene.clock.put(latest_ms + HOUR);
    scene.start().await;
    settle_all(&scene).await;
    (scene, started_ms, latest_ms)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_instant_fires_twice_and_none_is_lost_that_is_to_be_made_up_for(
        expression in any_schedule(),
        policy in any_policy(),
        steps in prop::collection::vec(step(), 0..25),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let all = policy.missed == Missed::RunAll { ticks_max: u32::MAX };
        let (scene, started_ms, latest_ms) = runtime.block_on(live(&expression, policy, &steps));
        let mut fired: Vec<i64> = scene.job.ticks.lock().unwrap()
            .iter().map(|tick| tick.scheduled_at_ms).collect();
        fired.sort_unstable();
        prop_assert!(fired.is_sorted_by(|a, b| a < b), "an instant fired twice: {fired:?}");
        for at_ms in &fired {
            prop_assert_eq!(scene.plan.schedule.next_after(at_ms - 1), Some(*at_ms));
        }
        if all {
            for at_ms in scene.plan.schedule.between(started_ms, latest_ms, usize::MAX) {
                prop_assert!(fired.binary_search(&at_ms).is_ok(), "{at_ms} is lost: {fired:?}");
            }
        }
    }
}
