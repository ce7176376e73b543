//! Runs components on a schedule.
//!
//! ```text
//! "0 */5 * * * *" -> Schedule --CronRunner (Clock)--> Tick -> CronFunction -> component
//! ```
//!
//! A schedule has six fields, seconds first, on the clock of a time zone. What
//! happens to ticks that come while a run is going, or that nobody could run, is
//! for its policies to say. Before a tick is run it is claimed in a
//! [`FiringLog`], which hosts may share: each instant fires once, whatever
//! clocks and hosts do.
//!
//! A component exports either `suoke:cron/handler@1.0.0`, whose function may
//! await, or the function `handle-cron-event` of Spin's cron plugin. Which one
//! is found out when the application starts.

mod bindings;
mod clock;
mod component;
mod jitter;
mod log;
mod run;
mod runner;
mod schedule;
mod trigger;

pub use clock::{BoxFuture, Clock, SystemClock};
pub use component::CronFunction;
pub use log::{
    CORRECTION_MS_MIN, Claim, Claimed, Firing, FiringLog, INSTANTS_KEPT, LEASE_MS, LOST, LogError,
    OVERLAPPED, RUNNING, RedisLog, SqliteLog,
};
pub use runner::{CronRunner, CronStats, Job, LATENESS_MS_MAX, Outlook, ScheduledJob, Tick};
pub use schedule::{Schedule, ScheduleError};
pub use trigger::{CronBinding, CronError, CronTrigger};
