//! Which instants have fired, kept where several hosts and the next start see it.

mod redis;
mod sqlite;

use std::time::Duration;

pub use self::redis::RedisLog;
pub use self::sqlite::SqliteLog;
use crate::clock::BoxFuture;

/// Instants that are remembered for each trigger. An older one counts as fired.
pub const INSTANTS_KEPT: u32 = 1_000;
/// How long a run counts as going when nobody says so again.
pub const LEASE_MS: i64 = 10_000;
/// A clock that was set back further than this has been corrected: instants
/// before all that is remembered may fire.
pub const CORRECTION_MS_MIN: i64 = 24 * 3600 * 1000;

/// The result of a run that has not ended.
pub const RUNNING: &str = "running";
/// The result of a run whose host went away before its end.
pub const LOST: &str = "lost";
/// The result of a tick that was skipped because of another run.
pub const OVERLAPPED: &str = "overlapped";

/// A host that asks whether it may run a tick.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The trigger's id.
    pub trigger: &'a str,
    /// The instant the schedule names, in milliseconds since the Unix epoch.
    pub instant_ms: i64,
    /// Runs of the trigger that may go on at the same time, on all hosts.
    pub runs_max: u32,
    /// Runs of the trigger that go on on this host. They count also when their
    /// leases are over: the machine may have slept, or its clock been put forward.
    pub own_runs: u32,
    /// Whether the host will ask again when too many runs are going; otherwise
    /// the tick is skipped, by all hosts.
    pub waits: bool,
    /// The same each time this host asks for this tick: an answer may get lost.
    pub token: u64,
}

/// What a host may do with a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// Run it.
    Yes,
    /// Leave it: it was run or skipped before, here or elsewhere.
    Before,
    /// Leave it for now: too many runs are going.
    Busy,
}

/// The tick of a trigger that was claimed last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firing {
    /// The instant the schedule names, in milliseconds since the Unix epoch.
    pub instant_ms: i64,
    /// `ok`, a kind of failure, [`RUNNING`], [`LOST`] or [`OVERLAPPED`].
    pub result: String,
    /// How long the run took; `None` before its end.
    pub duration_ms: Option<u64>,
    /// The host that ran it.
    pub host: String,
}

/// Why the log gives no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct LogError {
    /// The log.
    pub place: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Which instants have fired. Every answer holds for all hosts that share it.
pub trait FiringLog: Send + Sync {
    /// Where a schedule goes on: at the tick that was claimed last, or, before
    /// any was, where it was begun for the first time, which is remembered.
    fn begin<'a>(&'a self, trigger: &'a str, now_ms: i64) -> BoxFuture<'a, Result<i64, LogError>>;

    /// Takes a tick, unless it was taken before or too many runs are going.
    fn claim<'a>(&'a self, claim: Claim<'a>) -> BoxFuture<'a, Result<Claimed, LogError>>;

    /// Says that a claimed run is still going.
    fn renew<'a>(
        &'a self,
        trigger: &'a str,
        instant_ms: i64,
    ) -> BoxFuture<'a, Result<(), LogError>>;

    /// Says how a claimed run has ended.
    fn finished<'a>(
        &'a self,
        trigger: &'a str,
        instant_ms: i64,
        result: &'a str,
        duration: Duration,
    ) -> BoxFuture<'a, Result<(), LogError>>;

    /// The tick that was claimed last.
    fn last<'a>(&'a self, trigger: &'a str) -> BoxFuture<'a, Result<Option<Firing>, LogError>>;

    /// What it is, for people; without credentials.
    fn place(&self) -> &str;
}

/// This process among those that share a log.
fn this_host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}:{}", name.trim(), std::process::id())
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
