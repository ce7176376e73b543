//! Runs components on a schedule.

mod schedule;

pub use schedule::{Schedule, ScheduleError};
