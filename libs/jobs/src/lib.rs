//! Jobs: events that are to happen later, or again and again.
//!
//! A job is a row of `jobs` (label `platform`). When it is due, the runner
//! writes its event into the outbox in the same transaction in which the job
//! becomes `dispatched`: the event's type is the job's, its subject `job/<id>`.
//! Who subscribes to the type does the work, once, as with any event; when the
//! relay has seen all acknowledgements the job is `done`, and `dead` when its
//! retries are used up.
//!
//! A job with a schedule stays `pending` and shows the outcome of its last run.
//! Instants that passed while nothing ran are made up for by one run.

mod job;
mod queries;
pub mod runner;
mod schedule;

pub use job::{
    CreateError, DATA_SIZE_BYTES_MAX, JobStatus, NewJob, RETRIES_MAX, UNIQUE_KEY_BYTES_MAX, When,
    cancel, create,
};
pub use queries::{Job, one, page};
pub use schedule::{Schedule, ScheduleError};

/// The label that jobs are stored in.
pub const LABEL: &str = "platform";
