//! Takes readings of a person in, one or many, and lists them.

use serde::{Deserialize, Serialize};
use suoke_guest::{ApiError, FieldError, Reply, Request, clock, page, reply};
use suoke_health::batch::{Batch, Outcome};
use suoke_health::catalogue;
use suoke_health::submission::{BODY_BYTES_MAX, Draft, Submission, parse_lines, submission};
use suoke_health::view::ReadingView;
use suoke_health::{Code, Violation};
use suoke_readings::{Cause, Cursor, Filter, LABEL, record, select};
use suoke_store::Database;

/// Readings on one page unless asked otherwise, and most.
const PAGE_DEFAULT: u32 = 50;
const PAGE_MAX: u32 = 200;
/// Most types in one query.
const TYPES_MAX: usize = 10;
/// The name in events.
const COMPONENT: &str = "health-ingest";
/// Media types of one reading a line.
const LINES: [&str; 2] = ["application/x-ndjson", "application/ndjson"];

suoke_guest::http_service!(route);

/// The query of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    /// Types, separated by commas.
    #[serde(rename = "type")]
    kind: Option<String>,
    from: Option<String>,
    to: Option<String>,
    device_id: Option<String>,
    include: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// What holds for the lines that do not say it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sender {
    device_id: Option<String>,
    source: Option<String>,
}

#[derive(Serialize)]
struct Listed {
    readings: Vec<ReadingView>,
    next_cursor: Option<String>,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    // The colon of `readings:batch` would begin a parameter of the route.
    match (request.path().rsplit('/').next(), request.method()) {
        (Some("readings"), "GET" | "HEAD") => {
            let user = suoke_identity::caller(&request)?;
            let db = Database::open_for_reading(LABEL).await?;
            list(&db, &request, &user.user_id).await
        }
        (Some("readings" | "readings:batch" | "readings%3Abatch" | "readings%3abatch"), "POST") => {
            let user = suoke_identity::caller(&request)?;
            let mut db = Database::open(LABEL).await?;
            ingest(&mut db, request, &user.user_id, clock::now_ms()).await
        }
        (Some("readings"), _) => Err(ApiError::method_not_allowed(&["GET", "POST"])),
        (Some("readings:batch"), _) => Err(ApiError::method_not_allowed(&["POST"])),
        _ => Err(ApiError::not_found("There is nothing at this path.")),
    }
}

async fn ingest(
    db: &mut Database,
    mut request: Request,
    user_id: &str,
    now_ms: i64,
) -> Result<Reply, ApiError> {
    let submission = submitted(&mut request).await?;
    let single = submission.single;
    let batch = Batch::prepare(submission, user_id, now_ms);
    if let (true, Some(violation)) = (single, batch.only_violation()) {
        return Err(refused(violation.clone()));
    }
    let cause = Cause::request(COMPONENT, &request);
    let outcome = record(db, &batch, user_id, now_ms, cause).await?;
    match only_error(single, &outcome) {
        Some(violation) => Err(refused(violation.clone())),
        None => reply::json(&outcome),
    }
}

/// The readings of the body: JSON, or one reading a line.
async fn submitted(request: &mut Request) -> Result<Submission, ApiError> {
    let media_type = request.header("content-type").unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !LINES
        .iter()
        .any(|lines| lines.eq_ignore_ascii_case(media_type))
    {
        let draft: Draft = request.json_within(BODY_BYTES_MAX).await?;
        return submission(draft).map_err(refused);
    }
    let sender: Sender = request.query()?;
    let body = request.bytes_within(BODY_BYTES_MAX).await?;
    let (device_id, source) = (sender.device_id.as_deref(), sender.source.as_deref());
    parse_lines(&body, device_id, source).map_err(refused)
}

/// Why the only reading of a request was not stored.
fn only_error(single: bool, outcome: &Outcome) -> Option<&Violation> {
    let result = outcome.results.first().filter(|_| single)?;
    result.error.as_ref()
}

async fn list(db: &Database, request: &Request, user_id: &str) -> Result<Reply, ApiError> {
    let page: Page = request.query()?;
    let types = types(page.kind.as_deref())?;
    let limit = page.limit.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(wrong("limit", "out_of_range", "must be between 1 and 200"));
    }
    let before = page
        .cursor
        .as_deref()
        .map(|text| Cursor::parse(text).ok_or_else(page::invalid_cursor));
    let filter = Filter {
        types: &types,
        from_ms: instant("from", page.from.as_deref())?,
        to_ms: instant("to", page.to.as_deref())?,
        device: page.device_id.as_deref(),
        before: before.transpose()?,
        limit: limit + 1,
        include_all: includes_all(page.include.as_deref())?,
    };
    let mut readings = select(db, user_id, &filter).await?;
    let next_cursor = page::cut(&mut readings, limit).map(|last| Cursor::after(last).to_string());
    let readings = readings.into_iter().map(ReadingView::from).collect();
    reply::json(&Listed {
        readings,
        next_cursor,
    })
}

/// Keys of the types that are asked for.
fn types(asked: Option<&str>) -> Result<Vec<&'static str>, ApiError> {
    let Some(asked) = asked else {
        return Ok(Vec::new());
    };
    let mut types = Vec::new();
    for name in asked.split(',') {
        let kind = catalogue::find(name.trim());
        let kind = kind.ok_or_else(|| wrong("type", "unknown_type", "no such type of reading"))?;
        if !types.contains(&kind.key) {
            types.push(kind.key);
        }
    }
    if types.len() > TYPES_MAX {
        return Err(wrong("type", "too_many", "at most ten types at once"));
    }
    Ok(types)
}

fn includes_all(asked: Option<&str>) -> Result<bool, ApiError> {
    match asked {
        None => Ok(false),
        Some("all") => Ok(true),
        Some(_) => Err(wrong("include", "invalid_value", "must be all")),
    }
}

fn instant(field: &str, text: Option<&str>) -> Result<Option<i64>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let message = "must be RFC 3339 with an offset";
    let parsed = clock::parse_rfc3339(text).map(Some);
    parsed.ok_or_else(|| wrong(field, "invalid_timestamp", message))
}

fn wrong(field: &str, code: &'static str, message: &str) -> ApiError {
    ApiError::invalid(vec![FieldError::new(field, code, message)])
}

/// A whole body that is not valid, or its only reading.
fn refused(violation: Violation) -> ApiError {
    let status = match violation.code {
        Code::TooManyReadings => 413,
        Code::ValueConflict | Code::NotCorrectable | Code::Deleted => 409,
        _ => 422,
    };
    let code = violation.code.as_str();
    ApiError::new(status, code, violation.to_string())
        .zh("健康数据无效。")
        .field(FieldError::new(violation.field, code, violation.message))
}

#[cfg(test)]
mod tests;
