//! Runs components on a schedule.
//!
//! ```text
//! "0 */5 * * * *" -> Schedule --CronRunner (Clock)--> Tick -> CronFunction -> component
//! ```
//!
//! A schedule has six fields, seconds first, in UTC. A tick that comes while
//! the last run of the same trigger is still going is skipped, and so are ticks
//! that pass while the host is down or asleep; both are counted.
//!
//! A component exports either `suoke:cron/handler@1.0.0`, whose function may
//! await, or the function `handle-cron-event` of Spin's cron plugin. Which one
//! is found out when the application starts.

mod bindings;
mod clock;
mod component;
mod runner;
mod schedule;
mod trigger;

pub use clock::{BoxFuture, Clock, SystemClock};
pub use component::CronFunction;
pub use runner::{CronRunner, CronStats, Job, ScheduledJob, Tick};
pub use schedule::{Schedule, ScheduleError};
pub use trigger::{CronBinding, CronError, CronTrigger};
