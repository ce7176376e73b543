//! A log of firings in memory that can be made to give no answer.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::super::{BoxFuture, Claim, Claimed, Firing, FiringLog, LogError};
use crate::log::{LOST, OVERLAPPED, RUNNING};

#[derive(Default)]
pub(super) struct MemoryLog {
    silent: AtomicBool,
    claims: AtomicU64,
    begun: Mutex<HashMap<String, i64>>,
    firings: Mutex<HashMap<String, Vec<Firing>>>,
}

impl MemoryLog {
    /// Whether it gives answers.
    pub(super) fn answer(&self, answers: bool) {
        self.silent.store(!answers, Ordering::Relaxed);
    }

    /// Ticks that were claimed.
    pub(super) fn claims(&self) -> u64 {
        self.claims.load(Ordering::Relaxed)
    }

    /// The hosts are gone, and the leases of their runs are over.
    pub(super) fn forget_runs(&self) {
        let mut firings = self.firings.lock().unwrap();
        for firing in firings.values_mut().flatten() {
            if firing.result == RUNNING {
                firing.result = LOST.to_owned();
            }
        }
    }

    fn with<T>(
        &self,
        trigger: &str,
        act: impl FnOnce(&mut Vec<Firing>) -> T,
    ) -> Result<T, LogError> {
        if self.silent.load(Ordering::Relaxed) {
            return Err(LogError {
                place: "memory".to_owned(),
                reason: "silent".to_owned(),
            });
        }
        let mut firings = self.firings.lock().unwrap();
        Ok(act(firings.entry(trigger.to_owned()).or_default()))
    }
}

impl FiringLog for MemoryLog {
    fn begin<'a>(&'a self, trigger: &'a str, now_ms: i64) -> BoxFuture<'a, Result<i64, LogError>> {
        let last = self.with(trigger, |firings| {
            firings.last().map(|last| last.instant_ms)
        });
        Box::pin(async move {
            let mut begun = self.begun.lock().unwrap();
            let begun = *begun.entry(trigger.to_owned()).or_insert(now_ms);
            Ok(last?.unwrap_or(begun))
        })
    }

    fn claim<'a>(&'a self, claim: Claim<'a>) -> BoxFuture<'a, Result<Claimed, LogError>> {
        let claimed = self.with(claim.trigger, |firings| {
            if firings
                .iter()
                .any(|known| known.instant_ms == claim.instant_ms)
            {
                return Claimed::Before;
            }
            let running = firings.iter().filter(|known| known.result == RUNNING);
            let running = running.count().max(claim.own_runs as usize);
            let busy = running >= claim.runs_max as usize;
            if busy && claim.waits {
                return Claimed::Busy;
            }
            self.claims.fetch_add(1, Ordering::Relaxed);
            firings.push(Firing {
                instant_ms: claim.instant_ms,
                result: if busy { OVERLAPPED } else { RUNNING }.to_owned(),
                duration_ms: None,
                host: "here".to_owned(),
            });
            if busy { Claimed::Busy } else { Claimed::Yes }
        });
        Box::pin(async { claimed })
    }

    fn renew<'a>(
        &'a self,
        trigger: &'a str,
        _instant_ms: i64,
    ) -> BoxFuture<'a, Result<(), LogError>> {
        Box::pin(async { self.with(trigger, |_| ()) })
    }

    fn finished<'a>(
        &'a self,
        trigger: &'a str,
        instant_ms: i64,
        result: &'a str,
        duration: Duration,
    ) -> BoxFuture<'a, Result<(), LogError>> {
        Box::pin(async move {
            self.with(trigger, |firings| {
                for known in firings
                    .iter_mut()
                    .filter(|known| known.instant_ms == instant_ms)
                {
                    known.result = result.to_owned();
                    known.duration_ms = u64::try_from(duration.as_millis()).ok();
                }
            })
        })
    }

    fn last<'a>(&'a self, trigger: &'a str) -> BoxFuture<'a, Result<Option<Firing>, LogError>> {
        Box::pin(async { self.with(trigger, |firings| firings.last().cloned()) })
    }

    fn place(&self) -> &str {
        "memory"
    }
}
