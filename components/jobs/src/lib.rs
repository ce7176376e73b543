//! Jobs for operators: make, look at, cancel.

mod input;
mod view;

use serde::Deserialize;
use suoke_guest::page::{self, Cursor};
use suoke_guest::{ApiError, FieldError, Reply, Request, clock, reply};
use suoke_jobs::{CreateError, JobStatus, LABEL, NewJob};
use suoke_store::Database;

suoke_guest::http_service!(route);

/// The query of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    status: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

async fn route(mut request: Request) -> Result<Reply, ApiError> {
    let id = request.param("id").ok();
    let allowed: &[&str] = if id.is_some() {
        &["GET", "DELETE"]
    } else {
        &["GET", "POST"]
    };
    request.allow(allowed)?;
    suoke_identity::operator(&request)?;
    match (id, request.method()) {
        (None, "POST") => {
            let now_ms = clock::now_ms();
            let new = input::read(&mut request, now_ms).await?;
            create(&mut Database::open(LABEL).await?, new, now_ms).await
        }
        (None, _) => list(&Database::open(LABEL).await?, &request).await,
        (Some(id), "DELETE") => cancel(&mut Database::open(LABEL).await?, &id).await,
        (Some(id), _) => one(&Database::open(LABEL).await?, &id).await,
    }
}

async fn create(db: &mut Database, new: NewJob, now_ms: i64) -> Result<Reply, ApiError> {
    match suoke_jobs::create(db, new, now_ms).await {
        Ok(job) => {
            let location = format!("/api/v1/jobs/{}", job.id);
            reply::created(&location, &view::job(job)?)
        }
        Err(CreateError::KeyTaken { id, status }) => {
            let detail = format!("Job {id} has this unique_key and is {status}.");
            let zh = format!("任务 {id} 已使用此 unique_key，状态为 {status}。");
            Err(ApiError::conflict("unique_key_taken", detail).zh(zh))
        }
        Err(error) => Err(error.into()),
    }
}

async fn one(db: &Database, id: &str) -> Result<Reply, ApiError> {
    let found = suoke_jobs::one(db, id).await?;
    reply::json(&view::job(found.ok_or_else(missing)?)?)
}

async fn cancel(db: &mut Database, id: &str) -> Result<Reply, ApiError> {
    let found = suoke_jobs::cancel(db, id, clock::now_ms()).await?;
    let job = found.ok_or_else(missing)?;
    if job.status == JobStatus::Cancelled.as_str() {
        return reply::empty();
    }
    let detail = format!(
        "The job is {}: only a pending one can be cancelled.",
        job.status
    );
    let zh = format!("任务状态为 {}，只有等待中的任务可以取消。", job.status);
    Err(ApiError::conflict("job_not_pending", detail).zh(zh))
}

async fn list(db: &Database, request: &Request) -> Result<Reply, ApiError> {
    let asked: Page = request.query()?;
    let limit = page::limit(asked.limit)?;
    let is_status = |text: &str| JobStatus::ALL.iter().any(|one| one.as_str() == text);
    if asked.status.as_deref().is_some_and(|text| !is_status(text)) {
        let message = "must be pending, dispatched, done, dead or cancelled";
        let error = FieldError::new("status", "invalid_value", message);
        return Err(ApiError::invalid(vec![error]));
    }
    let after = Cursor::read(asked.cursor.as_deref())?;
    let before = (after.created_at, after.id.as_str());
    let (status, kind) = (asked.status.as_deref(), asked.kind.as_deref());
    let jobs = suoke_jobs::page(db, status, kind, before, limit + 1).await?;
    reply::json(&view::page(jobs, limit)?)
}

fn missing() -> ApiError {
    ApiError::not_found("There is no such job.").zh("没有这个任务。")
}

#[cfg(test)]
mod tests;
