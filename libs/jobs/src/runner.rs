//! The runner: what is due becomes an event, and what became of it is noted.

use serde_json::Value;
use suoke_events::{Event, EventError, outbox_with, outcomes};
use suoke_store::{Database, Transaction};

use crate::job::JobStatus;
use crate::queries::{self, Job, Open};
use crate::schedule::Schedule;

/// Who says what jobs say.
const COMPONENT: &str = "jobs-runner";

/// How many jobs run in one transaction.
const BATCH_JOBS_MAX: u32 = 100;

/// How many batches one run works on.
const RUN_BATCHES_MAX: usize = 20;

/// How long a job that ended is kept.
const RETENTION_MS: i64 = 90 * 24 * 60 * 60 * 1000;

/// How long a run's end is waited for before a later run is watched instead. An event
/// ends within an hour while the bus runs; one that takes so long is held up, or gone,
/// as after restoring a backup.
const WATCH_MS_MAX: i64 = 24 * 60 * 60 * 1000;

/// What a run did.
#[derive(Debug, Default)]
pub struct Ran {
    /// Events to announce.
    pub events: Vec<Event>,
    /// Jobs that can never run.
    pub dead: usize,
    /// Runs whose end is known now.
    pub settled: usize,
}

/// Notes what became of earlier runs, runs what is due at `now_ms`, and deletes
/// what ended long ago.
///
/// # Errors
/// When the database fails; what was done before stays done.
pub async fn run(db: &mut Database, now_ms: i64) -> Result<Ran, EventError> {
    let mut ran = Ran::default();
    // First, so that the next run of a job is watched when the one before has ended.
    settle(db, &mut ran, now_ms).await?;
    for _ in 0..RUN_BATCHES_MAX {
        if !queries::is_any_due(db, now_ms).await? {
            break;
        }
        db.transaction(async |tx| dispatch(tx, &mut ran, now_ms).await)
            .await?;
    }
    delete_old(db, now_ms).await?;
    Ok(ran)
}

/// Jobs and their events change together: a job cannot run twice.
async fn dispatch(tx: &Transaction<'_>, ran: &mut Ran, now_ms: i64) -> Result<(), EventError> {
    let watched_before_ms = now_ms.saturating_sub(WATCH_MS_MAX);
    for job in queries::due(tx, now_ms, BATCH_JOBS_MAX).await? {
        match next(&job, now_ms) {
            Ok((event, status, run_at)) => {
                let event = outbox_with(tx, event, job.retries_max).await?;
                let (status, event_id) = (status.as_str(), &event.id);
                queries::set_run(
                    tx,
                    &job.id,
                    status,
                    event_id,
                    run_at,
                    now_ms,
                    watched_before_ms,
                )
                .await?;
                ran.events.push(event);
            }
            Err(reason) => {
                queries::set_dead(tx, &job.id, &reason, now_ms).await?;
                ran.dead += 1;
            }
        }
    }
    Ok(())
}

/// The event of a run, and how the job goes on.
fn next(job: &Job, now_ms: i64) -> Result<(Event, JobStatus, i64), String> {
    let data: Value = serde_json::from_str(&job.data).map_err(|error| error.to_string())?;
    let event = Event::new(&job.kind, COMPONENT, &data).map_err(|error| error.to_string())?;
    let mut event = event.about(format!("job/{}", job.id));
    event.correlationid = Some(job.correlation_id.clone());
    event.to_message().map_err(|error| error.to_string())?;
    let (Some(expression), Some(zone)) = (&job.schedule, &job.time_zone) else {
        return Ok((event, JobStatus::Dispatched, job.run_at));
    };
    let schedule = Schedule::parse(expression, zone).map_err(|error| error.to_string())?;
    let next = schedule.next_after(now_ms.max(job.run_at));
    let run_at = next.ok_or_else(|| "its schedule names no further instant".to_owned())?;
    Ok((event, JobStatus::Pending, run_at))
}

/// Notes what became of runs. Reads without a lock; writes only what is new.
async fn settle(db: &mut Database, ran: &mut Ran, now_ms: i64) -> Result<(), EventError> {
    let mut after = (i64::MIN, String::new());
    for _ in 0..RUN_BATCHES_MAX {
        let open = queries::open(db, (after.0, &after.1), BATCH_JOBS_MAX).await?;
        let Some(last) = open.last() else {
            break;
        };
        after = (last.watched_at, last.id.clone());
        let known = ended(db, &open).await?;
        if known.is_empty() {
            continue;
        }
        db.transaction(async |tx| {
            for (job, outcome) in &known {
                queries::set_outcome(tx, job, outcome.as_str(), now_ms).await?;
            }
            Ok::<_, EventError>(())
        })
        .await?;
        ran.settled += known.len();
    }
    Ok(())
}

/// The runs whose event is done or dead.
async fn ended<'a>(
    db: &Database,
    open: &'a [Open],
) -> Result<Vec<(&'a Open, JobStatus)>, EventError> {
    let ids: Vec<&str> = open.iter().map(|job| job.event_id.as_str()).collect();
    let mut known = Vec::new();
    for outcome in outcomes(db, &ids).await? {
        let status = match (outcome.dead_at, outcome.done_at) {
            (Some(_), _) => JobStatus::Dead,
            (None, Some(_)) => JobStatus::Done,
            (None, None) => continue,
        };
        let job = open.iter().find(|job| job.event_id == outcome.id);
        known.extend(job.map(|job| (job, status)));
    }
    Ok(known)
}

async fn delete_old(db: &mut Database, now_ms: i64) -> Result<(), EventError> {
    let before = now_ms.saturating_sub(RETENTION_MS);
    let ids = queries::ended_before(db, before, BATCH_JOBS_MAX).await?;
    if ids.is_empty() {
        return Ok(());
    }
    let list = serde_json::to_string(&ids).map_err(EventError::work)?;
    Ok(queries::delete(db, &list).await?)
}

#[cfg(test)]
mod tests;
