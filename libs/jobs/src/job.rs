//! Jobs are made and cancelled.

use serde_json::{Map, Value};
use suoke_events::EventError;
use suoke_guest::ids;
use suoke_store::{Database, StoreError};
use thiserror::Error;

use crate::queries::{self, Job};
use crate::schedule::Schedule;

/// How large the data of a job may be, as JSON.
pub const DATA_SIZE_BYTES_MAX: usize = 64 * 1024;

/// How long a unique key may be.
pub const UNIQUE_KEY_BYTES_MAX: usize = 128;

/// How often an event of a job may be delivered again.
pub const RETRIES_MAX: u32 = 10;

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobStatus {
    /// It waits for its time.
    Pending,
    /// Its event is on its way.
    Dispatched,
    /// Every subscriber has handled its event.
    Done,
    /// A subscriber could not, or it can never run.
    Dead,
    /// Somebody took it back.
    Cancelled,
}

impl JobStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Dispatched,
        Self::Done,
        Self::Dead,
        Self::Cancelled,
    ];

    /// As it is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Dispatched => "dispatched",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }
}

/// When a job runs.
#[derive(Clone, Debug)]
pub enum When {
    /// Once, at this instant in milliseconds since the Unix epoch.
    At(i64),
    /// Again and again.
    Again {
        /// The expression as it was written.
        expression: String,
        /// The name of its zone.
        time_zone: String,
        /// What they mean.
        schedule: Box<Schedule>,
    },
}

/// A job that does not exist yet.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The type of its event.
    pub kind: String,
    /// The data of its event.
    pub data: Map<String, Value>,
    /// When it runs.
    pub when: When,
    /// No two live jobs share it.
    pub unique_key: Option<String>,
    /// How often an event that nobody acknowledges is delivered again.
    pub retries_max: u32,
    /// What ties it to the request that sets it off.
    pub correlation_id: String,
}

/// Why a job is not made.
#[derive(Debug, Error)]
pub enum CreateError {
    /// A live job has the key already.
    #[error("job {id} has this unique key and is {status}")]
    KeyTaken {
        /// That job.
        id: String,
        /// How far it is.
        status: String,
    },
    /// The database failed.
    #[error(transparent)]
    Events(#[from] EventError),
}

impl From<StoreError> for CreateError {
    fn from(error: StoreError) -> Self {
        Self::Events(error.into())
    }
}

/// Makes a job.
///
/// # Errors
/// When a live job has its key, or the database fails.
pub async fn create(db: &mut Database, new: NewJob, now_ms: i64) -> Result<Job, CreateError> {
    let (run_at, schedule, time_zone) = match new.when {
        When::At(at) => (at, None, None),
        When::Again {
            expression,
            time_zone,
            schedule,
        } => {
            // A schedule that was read has a next instant, for some thousand years.
            let first = schedule.next_after(now_ms).unwrap_or(now_ms);
            (first, Some(expression), Some(time_zone))
        }
    };
    let job = Job {
        id: ids::new_id(),
        kind: new.kind,
        data: Value::Object(new.data).to_string(),
        status: JobStatus::Pending.as_str().to_owned(),
        run_at,
        schedule,
        time_zone,
        unique_key: new.unique_key,
        retries_max: new.retries_max,
        correlation_id: new.correlation_id,
        runs: 0,
        last_run_at: None,
        event_id: None,
        last_outcome: None,
        reason: None,
        created_at: now_ms,
        updated_at: now_ms,
    };
    db.transaction(async |tx| {
        if let Some(key) = &job.unique_key
            && let Some(other) = queries::live(tx, key).await?
        {
            return Err(CreateError::KeyTaken {
                id: other.id,
                status: other.status,
            });
        }
        queries::insert(tx, &job).await?;
        Ok(job)
    })
    .await
}

/// Cancels a job that waits for its time; what is on its way already cannot be
/// called back. Gives the job as it is then; `None` when there is no such job.
///
/// # Errors
/// When the database fails.
pub async fn cancel(db: &mut Database, id: &str, now_ms: i64) -> Result<Option<Job>, StoreError> {
    db.transaction(async |tx| {
        queries::cancel(tx, id, now_ms).await?;
        queries::one(tx, id).await
    })
    .await
}
