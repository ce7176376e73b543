//! A clock that moves only when told to, and a job that says when it ran.

use std::sync::{Arc, Mutex};

use host_app::Failure;
use tokio::sync::{Semaphore, watch};

use super::{BoxFuture, Clock, Job, Tick};

/// A clock that moves only when told to.
pub struct ManualClock {
    now_ms: watch::Sender<i64>,
}

impl ManualClock {
    pub fn at(now_ms: i64) -> Arc<Self> {
        let (now_ms, _) = watch::channel(now_ms);
        Arc::new(Self { now_ms })
    }

    /// Moves the clock.
    pub fn put(&self, now_ms: i64) {
        self.now_ms.send_replace(now_ms);
    }

    /// Whether somebody sleeps until it shows a later time.
    pub fn is_awaited(&self) -> bool {
        self.now_ms.receiver_count() > 0
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
            // A clock that is set back wakes sleepers too, as looks at it would.
            let _ = now_ms
                .wait_for(|now| *now >= instant_ms || *now < start_ms)
                .await;
        })
    }
}

/// A job that records its ticks and does what it is told.
pub struct Recorder {
    pub ticks: Mutex<Vec<Tick>>,
    /// Each run takes one permit before it ends.
    pub may_end: Semaphore,
    behaviour: fn() -> Result<(), Failure>,
}

impl Recorder {
    pub fn new(permits: usize, behaviour: fn() -> Result<(), Failure>) -> Arc<Self> {
        Arc::new(Self {
            ticks: Mutex::default(),
            may_end: Semaphore::new(permits),
            behaviour,
        })
    }

    pub fn quick() -> Arc<Self> {
        Self::new(Semaphore::MAX_PERMITS, || Ok(()))
    }

    /// The instants it ran for, in seconds, in the order of the runs.
    pub fn seconds(&self) -> Vec<i64> {
        let ticks = self.ticks.lock().unwrap();
        ticks
            .iter()
            .map(|tick| tick.scheduled_at_ms / 1000)
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
