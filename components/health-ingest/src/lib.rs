//! Takes readings of a person in, one or many, and lists them.

use serde::{Deserialize, Serialize};
use suoke_guest::{ApiError, FieldError, Reply, Request, clock, page, reply};
use suoke_health::batch::Batch;
use suoke_health::submission::{BODY_BYTES_MAX, Draft, submission};
use suoke_health::view::ReadingView;
use suoke_health::{Code, Violation};
use suoke_readings::{Cause, Cursor, Filter, LABEL, record, select};
use suoke_store::Database;

/// Most readings on one page.
const PAGE_MAX: u32 = 200;
/// The name in events.
const COMPONENT: &str = "health-ingest";

suoke_guest::http_service!(route);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct Listed {
    readings: Vec<ReadingView>,
    next_cursor: Option<String>,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    // The colon of `readings:batch` would begin a parameter of the route.
    match (request.path().rsplit('/').next(), request.method()) {
        (Some("readings"), "GET" | "HEAD") => list(request).await,
        (Some("readings" | "readings:batch" | "readings%3Abatch" | "readings%3abatch"), "POST") => {
            ingest(request).await
        }
        (Some("readings"), _) => Err(ApiError::method_not_allowed(&["GET", "POST"])),
        (Some("readings:batch"), _) => Err(ApiError::method_not_allowed(&["POST"])),
        _ => Err(ApiError::not_found("There is nothing at this path.")),
    }
}

async fn ingest(mut request: Request) -> Result<Reply, ApiError> {
    let user = suoke_identity::caller(&request)?;
    let draft: Draft = request.json_within(BODY_BYTES_MAX).await?;
    let submission = submission(draft).map_err(refused)?;
    let single = submission.single;
    let now_ms = clock::now_ms();
    let batch = Batch::prepare(submission, &user.user_id, now_ms);
    if let (true, Some(violation)) = (single, batch.only_violation()) {
        return Err(refused(violation.clone()));
    }
    let mut db = Database::open(LABEL).await?;
    let cause = Cause::request(COMPONENT, &request);
    reply::json(&record(&mut db, &batch, &user.user_id, now_ms, cause).await?)
}

async fn list(request: Request) -> Result<Reply, ApiError> {
    let user = suoke_identity::caller(&request)?;
    let page: Page = request.query()?;
    let limit = page.limit.unwrap_or(50).clamp(1, PAGE_MAX);
    let before = page
        .cursor
        .as_deref()
        .map(|text| Cursor::parse(text).ok_or_else(page::invalid_cursor))
        .transpose()?;
    let filter = Filter {
        before,
        limit: limit + 1,
        ..Filter::default()
    };
    let db = Database::open(LABEL).await?;
    let mut readings = select(&db, &user.user_id, &filter).await?;
    let next_cursor = page::cut(&mut readings, limit).map(|last| Cursor::after(last).to_string());
    let readings = readings.into_iter().map(ReadingView::from).collect();
    reply::json(&Listed {
        readings,
        next_cursor,
    })
}

/// A whole body that is not valid, or its only reading.
fn refused(violation: Violation) -> ApiError {
    let status = if violation.code == Code::TooManyReadings {
        413
    } else {
        422
    };
    let code = violation.code.as_str();
    ApiError::new(status, code, violation.to_string())
        .zh("健康数据无效。")
        .field(FieldError::new(violation.field, code, violation.message))
}
