//! Hosts that share a log of firings: in a file, and in a real Redis server.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test may stop it"
)]

#[path = "support/clock.rs"]
mod clock;
#[path = "../../embedded-redis/tests/support/mod.rs"]
mod server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use clock::{ManualClock, Recorder};
use host_app::{CronPolicy, Failure, Missed, Overlap};
use host_sqlite::{Database, SqliteLimits};
use host_trigger_cron::{
    BoxFuture, CORRECTION_MS_MIN, Claim, Claimed, Clock, CronRunner, CronStats, FiringLog,
    INSTANTS_KEPT, Job, LOST, OVERLAPPED, RUNNING, RedisLog, Schedule, ScheduledJob, SqliteLog,
    Tick,
};
use server::RealRedis;

const APPLICATION: &str = "clinic";
const DEADLINE: Duration = Duration::from_secs(60);
const SECOND: i64 = 1000;

/// A place that hosts share, and how each opens it.
enum Place {
    File(tempfile::TempDir),
    Redis(Box<RealRedis>),
}

impl Place {
    fn both() -> [Self; 2] {
        [
            Self::File(tempfile::tempdir().unwrap()),
            Self::Redis(Box::new(RealRedis::start())),
        ]
    }

    /// The log as a host of its own sees it.
    async fn open(&self) -> Arc<dyn FiringLog> {
        match self {
            Self::File(folder) => {
                let path = folder.path().join("state/cron.db");
                let database = Database::file(&path, SqliteLimits::default()).unwrap();
                Arc::new(
                    SqliteLog::open(database, APPLICATION, "file")
                        .await
                        .unwrap(),
                )
            }
            Self::Redis(redis) => Arc::new(RedisLog::new(&redis.address(), APPLICATION).unwrap()),
        }
    }
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it is never so that {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Waits until the run of a tick is over: the next one would overlap it.
async fn ended(log: &dyn FiringLog, at_ms: i64) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let last = log.last("t").await.unwrap();
        if last.is_some_and(|last| last.instant_ms == at_ms && last.result == "ok") {
            return;
        }
        assert!(Instant::now() < deadline, "{at_ms} never ends");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

struct Replica {
    clock: Arc<ManualClock>,
    stats: Arc<CronStats>,
    _runner: CronRunner,
}

impl Replica {
    async fn start(place: &Place, now_ms: i64, policy: &CronPolicy, job: &Arc<Recorder>) -> Self {
        let clock = ManualClock::at(now_ms);
        let stats = Arc::<CronStats>::default();
        let plan = ScheduledJob {
            trigger: "t".to_owned(),
            component: "c".to_owned(),
            schedule: Schedule::parse("* * * * * *").unwrap(),
            policy: policy.clone(),
            job: job.clone(),
            stats: stats.clone(),
        };
        let log = place.open().await;
        // The runner does so too, a moment after its start.
        log.begin("t", now_ms).await.unwrap();
        let dyn_clock: Arc<dyn Clock> = clock.clone();
        let _runner = CronRunner::start(&[plan], &dyn_clock, &log);
        Self {
            clock,
            stats,
            _runner,
        }
    }

    fn decided(&self) -> u64 {
        let stats = &self.stats;
        stats.fired() + stats.elsewhere() + stats.overlapped() + stats.missed()
    }
}

#[tokio::test]
async fn three_hosts_fire_each_instant_once() {
    for place in Place::both() {
        let job = Recorder::quick();
        let policy = CronPolicy::default();
        let log = place.open().await;
        let mut hosts = Vec::new();
        for _ in 0..3 {
            hosts.push(Replica::start(&place, 0, &policy, &job).await);
        }
        until("all have begun", || {
            hosts.iter().all(|host| host.clock.is_awaited())
        })
        .await;
        for second in 1..=20 {
            for host in &hosts {
                host.clock.put(second * SECOND);
            }
            let ticks = u64::try_from(second).unwrap();
            until("all have decided", || {
                hosts.iter().all(|host| host.decided() == ticks)
            })
            .await;
            ended(&*log, second * SECOND).await;
        }
        assert!(hosts.iter().any(|host| host.stats.elsewhere() > 0));
        let mut seconds = job.seconds();
        seconds.sort_unstable();
        assert_eq!(seconds, (1..=20).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn hosts_that_come_back_together_make_up_for_each_tick_once() {
    for place in Place::both() {
        let job = Recorder::quick();
        let policy = CronPolicy {
            missed: Missed::RunAll { ticks_max: 100 },
            ..CronPolicy::default()
        };
        let first = Replica::start(&place, 0, &policy, &job).await;
        first.clock.put(SECOND);
        until("one tick has fired", || job.seconds() == [1]).await;
        ended(&*place.open().await, SECOND).await;
        drop(first);
        let mut hosts = Vec::new();
        for ahead_ms in [0, 20, 40] {
            hosts.push(Replica::start(&place, 30 * SECOND + ahead_ms, &policy, &job).await);
        }
        until("all are made up for", || job.seconds().len() == 30).await;
        let mut seconds = job.seconds();
        seconds.sort_unstable();
        assert_eq!(seconds, (1..=30).collect::<Vec<_>>());
    }
}

fn claim(instant_ms: i64, token: u64) -> Claim<'static> {
    Claim {
        trigger: "t",
        instant_ms,
        runs_max: 1,
        own_runs: 0,
        waits: false,
        token,
    }
}

#[tokio::test]
async fn a_run_on_one_host_keeps_the_others_from_the_next_tick() {
    for place in Place::both() {
        let (here, there) = (place.open().await, place.open().await);
        assert_eq!(here.claim(claim(1, 1)).await.unwrap(), Claimed::Yes);
        assert_eq!(there.last("t").await.unwrap().unwrap().result, RUNNING);
        let waiting = Claim {
            waits: true,
            ..claim(2, 2)
        };
        assert_eq!(there.claim(waiting).await.unwrap(), Claimed::Busy);
        here.renew("t", 1).await.unwrap();
        here.finished("t", 1, "ok", Duration::from_millis(70))
            .await
            .unwrap();
        let last = there.last("t").await.unwrap().unwrap();
        assert_eq!((&*last.result, last.duration_ms), ("ok", Some(70)));
        assert_eq!(there.claim(waiting).await.unwrap(), Claimed::Yes);
        // Skipped by one is skipped by all.
        assert_eq!(here.claim(claim(3, 3)).await.unwrap(), Claimed::Busy);
        there.finished("t", 2, "ok", Duration::ZERO).await.unwrap();
        assert_eq!(there.claim(claim(3, 4)).await.unwrap(), Claimed::Before);
        assert_eq!(here.last("t").await.unwrap().unwrap().result, OVERLAPPED);
        // Other triggers are not held up.
        let other = Claim {
            trigger: "u",
            ..claim(3, 5)
        };
        assert_eq!(there.claim(other).await.unwrap(), Claimed::Yes);
    }
}

#[tokio::test]
async fn who_asks_again_for_the_same_tick_gets_the_same_answer() {
    for place in Place::both() {
        let log = place.open().await;
        for _ in 0..2 {
            assert_eq!(log.claim(claim(1, 7)).await.unwrap(), Claimed::Yes);
        }
        assert_eq!(log.claim(claim(1, 8)).await.unwrap(), Claimed::Before);
    }
}

#[tokio::test]
async fn a_schedule_begins_where_the_last_claim_was() {
    for place in Place::both() {
        let log = place.open().await;
        assert_eq!(log.begin("t", 500).await.unwrap(), 500);
        assert_eq!(log.begin("t", 900).await.unwrap(), 500);
        assert_eq!(log.last("t").await.unwrap(), None);
        log.claim(claim(1_000, 1)).await.unwrap();
        assert_eq!(place.open().await.begin("t", 5_000).await.unwrap(), 1_000);
        assert_eq!(log.begin("u", 5_000).await.unwrap(), 5_000);
    }
}

#[tokio::test]
async fn what_is_forgotten_does_not_fire_again_unless_the_clock_was_far_off() {
    for place in Place::both() {
        let log = place.open().await;
        log.begin("t", 0).await.unwrap();
        let start_ms = CORRECTION_MS_MIN;
        let count = i64::from(INSTANTS_KEPT) + 70;
        for tick in 0..count {
            let at_ms = start_ms + tick * SECOND;
            let token = u64::try_from(tick).unwrap();
            assert_eq!(log.claim(claim(at_ms, token)).await.unwrap(), Claimed::Yes);
            log.finished("t", at_ms, "ok", Duration::ZERO)
                .await
                .unwrap();
        }
        for (at_ms, expected) in [
            (start_ms, Claimed::Before),
            // Never claimed, but older than all that is known.
            (start_ms - 1, Claimed::Before),
            (start_ms + (count - 1) * SECOND, Claimed::Before),
            (1, Claimed::Yes),
        ] {
            let claimed = log.claim(claim(at_ms, u64::MAX)).await.unwrap();
            assert_eq!(claimed, expected, "{at_ms}");
        }
    }
}

#[tokio::test]
async fn a_clock_that_leapt_ahead_and_was_set_right_leaves_no_silence() {
    const LEAP_MS: i64 = 8 * 3600 * SECOND;
    for place in Place::both() {
        let log = place.open().await;
        log.begin("t", 0).await.unwrap();
        let leap = (1..=3).map(|tick| LEAP_MS + tick * SECOND);
        let after = (1..=i64::from(INSTANTS_KEPT) + 100).map(|tick| tick * SECOND);
        for (token, at_ms) in (0..).zip(leap.chain(after)) {
            let claimed = log.claim(claim(at_ms, token)).await.unwrap();
            assert_eq!(claimed, Claimed::Yes, "{at_ms}");
            log.finished("t", at_ms, "ok", Duration::ZERO)
                .await
                .unwrap();
        }
        // What fired in the leap does not fire again when its time comes.
        let again = log.claim(claim(LEAP_MS + SECOND, u64::MAX)).await.unwrap();
        assert_eq!(again, Claimed::Before);
    }
}

#[tokio::test]
async fn each_of_several_triggers_forgets() {
    for place in Place::both() {
        let log = place.open().await;
        for trigger in ["t", "u"] {
            log.begin(trigger, 0).await.unwrap();
        }
        for (token, tick) in (0..).zip(1..=i64::from(INSTANTS_KEPT) + 70) {
            for trigger in ["t", "u"] {
                let at_ms = tick * SECOND;
                let claim = Claim {
                    trigger,
                    ..claim(at_ms, token)
                };
                assert_eq!(log.claim(claim).await.unwrap(), Claimed::Yes);
                log.finished(trigger, at_ms, "ok", Duration::ZERO)
                    .await
                    .unwrap();
            }
        }
        for trigger in ["t", "u"] {
            let older_than_all = Claim {
                trigger,
                ..claim(1, u64::MAX)
            };
            let claimed = log.claim(older_than_all).await.unwrap();
            assert_eq!(claimed, Claimed::Before, "{trigger}");
        }
    }
}

#[tokio::test]
async fn a_claim_whose_answer_got_lost_is_kept_when_others_claim_in_between() {
    for place in Place::both() {
        let (here, there) = (place.open().await, place.open().await);
        let side_by_side = |instant_ms, token| Claim {
            runs_max: 2,
            ..claim(instant_ms, token)
        };
        for (log, at_ms, token) in [(&here, 1_000, 1), (&there, 2_000, 2), (&here, 1_000, 1)] {
            let claimed = log.claim(side_by_side(at_ms, token)).await.unwrap();
            assert_eq!(claimed, Claimed::Yes, "{at_ms}");
        }
        let skipped = here.claim(side_by_side(3_000, 3)).await.unwrap();
        assert_eq!(skipped, Claimed::Busy);
        here.finished("t", 1_000, "ok", Duration::ZERO)
            .await
            .unwrap();
        // What has ended has ended, and what was skipped stays skipped.
        for (at_ms, token, expected) in [(1_000, 1, Claimed::Before), (3_000, 3, Claimed::Busy)] {
            let claimed = here.claim(side_by_side(at_ms, token)).await.unwrap();
            assert_eq!(claimed, expected, "{at_ms}");
        }
    }
}

/// Waits until nobody holds a lease of the run claimed last.
async fn lease_over(log: &dyn FiringLog) {
    let deadline = Instant::now() + DEADLINE;
    while log.last("t").await.unwrap().unwrap().result != LOST {
        assert!(Instant::now() < deadline, "the lease never ends");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn lapse_and_ask(place: &Place) {
    let (here, there) = (place.open().await, place.open().await);
    let waiting = |instant_ms, token| Claim {
        waits: true,
        ..claim(instant_ms, token)
    };
    assert_eq!(here.claim(waiting(1, 1)).await.unwrap(), Claimed::Yes);
    lease_over(&*here).await;
    here.renew("t", 1).await.unwrap();
    assert_eq!(there.claim(waiting(2, 2)).await.unwrap(), Claimed::Busy);
    lease_over(&*here).await;
    assert_eq!(there.claim(waiting(2, 2)).await.unwrap(), Claimed::Yes);
    // Another's run began meanwhile: who asks again waits for its end.
    assert_eq!(here.claim(waiting(1, 1)).await.unwrap(), Claimed::Busy);
    there.finished("t", 2, "ok", Duration::ZERO).await.unwrap();
    assert_eq!(here.claim(waiting(1, 1)).await.unwrap(), Claimed::Yes);
    assert_eq!(there.claim(waiting(3, 3)).await.unwrap(), Claimed::Busy);
}

#[tokio::test]
async fn a_run_gets_its_lease_back_by_renewing_or_asking_again() {
    let [file, redis] = Place::both();
    tokio::join!(lapse_and_ask(&file), lapse_and_ask(&redis));
}

#[tokio::test]
async fn a_host_that_runs_one_is_busy_without_a_lease() {
    for place in Place::both() {
        let log = place.open().await;
        let beside_its_own = Claim {
            own_runs: 1,
            waits: true,
            ..claim(1, 1)
        };
        assert_eq!(log.claim(beside_its_own).await.unwrap(), Claimed::Busy);
        assert_eq!(log.claim(claim(1, 1)).await.unwrap(), Claimed::Yes);
    }
}

#[tokio::test]
async fn a_log_that_is_away_is_an_error_and_comes_back() {
    let mut redis = RealRedis::start();
    let log = RedisLog::new(&redis.address(), APPLICATION).unwrap();
    assert_eq!(log.claim(claim(1, 1)).await.unwrap(), Claimed::Yes);
    redis.stop();
    let error = log.claim(claim(2, 2)).await.unwrap_err();
    assert!(
        error.to_string().contains("the Redis server at 127.0.0.1"),
        "{error}"
    );
    redis.start_again();
    assert_eq!(log.claim(claim(2, 2)).await.unwrap(), Claimed::Yes);
}

#[test]
fn what_is_no_address_is_refused_without_its_password() {
    let reason = RedisLog::new("http://u:s3cret@h", APPLICATION)
        .err()
        .unwrap();
    assert!(!reason.contains("s3cret"), "{reason}");
    let log = RedisLog::new("redis://u:s3cret@h:1", APPLICATION).unwrap();
    assert_eq!(log.place(), "the Redis server at h:1");
}

/// A job that does not end.
struct Long;

impl Job for Long {
    fn run(&self, _tick: Tick) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn the_run_of_a_host_that_went_away_holds_others_up_for_a_lease() {
    for place in Place::both() {
        let log = place.open().await;
        let clock = ManualClock::at(0);
        let plan = ScheduledJob {
            trigger: "t".to_owned(),
            component: "c".to_owned(),
            schedule: Schedule::parse("* * * * * *").unwrap(),
            policy: CronPolicy {
                overlap: Overlap::Queue,
                ..CronPolicy::default()
            },
            job: Arc::new(Long),
            stats: Arc::default(),
        };
        let stats = plan.stats.clone();
        let dyn_clock: Arc<dyn Clock> = clock.clone();
        log.begin("t", 0).await.unwrap();
        let runner = CronRunner::start(&[plan], &dyn_clock, &log);
        clock.put(SECOND);
        until("it runs", || stats.fired() == 1).await;
        drop(runner);
        let waiting = Claim {
            waits: true,
            ..claim(2 * SECOND, 2)
        };
        assert_eq!(log.claim(waiting).await.unwrap(), Claimed::Busy);
        let deadline = Instant::now() + DEADLINE;
        while log.last("t").await.unwrap().unwrap().result != LOST {
            assert!(Instant::now() < deadline, "the lease never ends");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        while log.claim(waiting).await.unwrap() == Claimed::Busy {
            assert!(Instant::now() < deadline, "the lease never ends");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        log.finished("t", 2 * SECOND, "ok", Duration::ZERO)
            .await
            .unwrap();
        assert_eq!(log.claim(claim(SECOND, 9)).await.unwrap(), Claimed::Before);
    }
}
