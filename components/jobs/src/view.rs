//! Jobs as callers see them.

use serde::Serialize;
use serde_json::Value;
use suoke_guest::page::{self, Cursor};
use suoke_guest::{ApiError, clock};
use suoke_jobs::Job;

/// A job.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    job_id: String,
    #[serde(rename = "type")]
    kind: String,
    data: Value,
    status: String,
    run_at: String,
    schedule: Option<String>,
    time_zone: Option<String>,
    unique_key: Option<String>,
    retries_max: u32,
    runs: i64,
    last_run_at: Option<String>,
    last_outcome: Option<String>,
    event_id: Option<String>,
    reason: Option<String>,
    created_at: String,
    updated_at: String,
}

/// A part of the list.
#[derive(Debug, Serialize)]
pub(crate) struct PageOfJobs {
    jobs: Vec<Shown>,
    next_cursor: Option<String>,
}

pub(crate) fn job(job: Job) -> Result<Shown, ApiError> {
    Ok(Shown {
        job_id: job.id,
        kind: job.kind,
        data: serde_json::from_str(&job.data)?,
        status: job.status,
        run_at: clock::rfc3339(job.run_at),
        schedule: job.schedule,
        time_zone: job.time_zone,
        unique_key: job.unique_key,
        retries_max: job.retries_max,
        runs: job.runs,
        last_run_at: job.last_run_at.map(clock::rfc3339),
        last_outcome: job.last_outcome,
        event_id: job.event_id,
        reason: job.reason,
        created_at: clock::rfc3339(job.created_at),
        updated_at: clock::rfc3339(job.updated_at),
    })
}

/// At most `limit` of the jobs, and where the list goes on.
pub(crate) fn page(mut jobs: Vec<Job>, limit: u32) -> Result<PageOfJobs, ApiError> {
    let last = page::cut(&mut jobs, limit).map(|job| Cursor {
        created_at: job.created_at,
        id: job.id.clone(),
    });
    let jobs: Result<Vec<Shown>, ApiError> = jobs.into_iter().map(job).collect();
    Ok(PageOfJobs {
        jobs: jobs?,
        next_cursor: last.map(|cursor| cursor.text()),
    })
}
