//! Takes data points of Open mHealth and IEEE 1752.1 in, and shows readings as such.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use suoke_guest::{ApiError, FieldError, Reply, Request, clock, page, reply};
use suoke_health::batch::{Batch, Status};
use suoke_health::catalogue;
use suoke_health::submission::{BODY_BYTES_MAX, Draft, READINGS_MAX, Submission};
use suoke_identity::Identity;
use suoke_omh::{POINTS_MAX, Refused, data_point, readings, schema_of};
use suoke_readings::{Cause, Cursor, Filter, LABEL, note_access, record, select};
use suoke_store::{Database, Sql};

/// What the outbox calls the producer, and the route.
const COMPONENT: &str = "health-omh";
const RESOURCE: &str = "/api/v1/health/omh";

suoke_guest::http_service!(route);

/// Which readings are shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(rename = "type")]
    kind: Option<String>,
    from: Option<String>,
    to: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
    user_id: Option<String>,
}

/// A page of data points.
#[derive(Serialize)]
struct Shown {
    data_points: Vec<Value>,
    next_cursor: Option<String>,
}

/// What became of one reading of a data point.
#[derive(Debug, PartialEq, Serialize)]
struct PointResult {
    /// The place of the data point.
    index: usize,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<FieldError>,
}

/// What became of all.
#[derive(Debug, PartialEq, Serialize)]
struct Taken {
    accepted: usize,
    duplicated: usize,
    rejected: usize,
    results: Vec<PointResult>,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    request.allow(&["GET", "POST"])?;
    let who = suoke_identity::caller(&request)?;
    if request.method() == "POST" {
        return take(request, &who).await;
    }
    let wanted: Wanted = request.query()?;
    let mut db = Database::open(LABEL).await?;
    look(&mut db, &request, &who, wanted).await
}

/// Answers; that somebody else looks is noted before.
async fn look(
    db: &mut Database,
    request: &Request,
    who: &Identity,
    wanted: Wanted,
) -> Result<Reply, ApiError> {
    let user_id = who.subject(wanted.user_id.as_deref())?;
    let cause = Cause::request(COMPONENT, request);
    note_access(db, cause, &who.user_id, &[&user_id], RESOURCE).await?;
    reply::json(&show(db, &user_id, wanted).await?)
}

/// Stores what data points say.
async fn take(mut request: Request, who: &Identity) -> Result<Reply, ApiError> {
    let points = points(body(&mut request).await?)?;
    let now_ms = clock::now_ms();
    let mut db = Database::open(LABEL).await?;
    let cause = Cause::request(COMPONENT, &request);
    reply::json(&store(&mut db, &who.user_id, &points, now_ms, cause).await?)
}

/// The JSON of the body: an object or a list.
async fn body(request: &mut Request) -> Result<Value, ApiError> {
    let media = request.header("content-type").unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    let is_json = media.eq_ignore_ascii_case("application/json")
        || (media.starts_with("application/") && media.ends_with("+json"));
    if !is_json {
        return Err(ApiError::unsupported_media_type("Send application/json.")
            .header("accept", "application/json"));
    }
    let bytes = request.bytes_within(BODY_BYTES_MAX).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let detail = format!("The body is not valid JSON (line {line}, column {column}).");
        ApiError::bad_request("malformed_json", detail).zh("请求体不是有效的 JSON。")
    })
}

/// One data point, a list of them, or `{"data_points": […]}`.
fn points(body: Value) -> Result<Vec<Value>, ApiError> {
    let wrong = |code, message: &str| {
        ApiError::invalid(vec![FieldError::new("data_points", code, message)])
    };
    let points = match body {
        Value::Array(points) => points,
        Value::Object(mut members) => match members.remove("data_points") {
            Some(Value::Array(points)) => points,
            Some(_) => return Err(wrong("wrong_type", "this is a list")),
            None => vec![Value::Object(members)],
        },
        _ => return Err(wrong("wrong_type", "a data point is an object")),
    };
    if points.is_empty() {
        return Err(wrong("required", "at least one data point is needed"));
    }
    if points.len() > POINTS_MAX {
        let detail = format!("At most {POINTS_MAX} data points are accepted at once.");
        return Err(ApiError::new(413, "too_many_readings", detail).zh("数据点过多。"));
    }
    Ok(points)
}

/// Stores the readings of data points; what cannot be kept is told for each.
async fn store(
    db: &mut Database,
    user_id: &str,
    points: &[Value],
    now_ms: i64,
    cause: Cause<'_>,
) -> Result<Taken, ApiError> {
    let mut results = Vec::with_capacity(points.len());
    let mut drafts: Vec<Draft> = Vec::with_capacity(points.len());
    let mut places = Vec::with_capacity(points.len());
    for (index, point) in points.iter().enumerate() {
        match readings(point) {
            Ok(found) => {
                for reading in found {
                    let kind = reading
                        .get("type")
                        .and_then(Value::as_str)
                        .map(str::to_owned);
                    drafts.push(serde_json::from_value(reading)?);
                    places.push((index, kind));
                }
            }
            Err(refused) => results.push(rejected(index, refused)),
        }
    }
    let mut places = places.into_iter();
    // A night is several readings: a batch of points may be several of readings.
    while !drafts.is_empty() {
        let rest = drafts.split_off(drafts.len().min(READINGS_MAX));
        let submission = Submission {
            single: false,
            drafts,
        };
        drafts = rest;
        let batch = Batch::prepare(submission, user_id, now_ms);
        let outcome = record(db, &batch, user_id, now_ms, cause).await?;
        for (item, (index, kind)) in outcome.results.into_iter().zip(&mut places) {
            let error = item.error.map(|violation| {
                let field = format!("data_points[{index}].{}", violation.field);
                FieldError::new(field, violation.code.as_str(), violation.message)
            });
            let (id, status) = (item.id, item.status);
            results.push(PointResult {
                index,
                kind,
                id,
                status,
                error,
            });
        }
    }
    results.sort_by_key(|result| result.index);
    let count = |wanted: &[Status]| {
        let of_them = results
            .iter()
            .filter(|result| wanted.contains(&result.status));
        of_them.count()
    };
    Ok(Taken {
        accepted: count(&[Status::Created, Status::Updated]),
        duplicated: count(&[Status::Duplicate]),
        rejected: count(&[Status::Rejected]),
        results,
    })
}

fn rejected(index: usize, refused: Refused) -> PointResult {
    let field = format!("data_points[{index}].{}", refused.field);
    PointResult {
        index,
        kind: None,
        id: None,
        status: Status::Rejected,
        error: Some(FieldError::new(field, refused.code, refused.message)),
    }
}

/// Readings as data points, newest first; those of kinds without a schema are left out.
async fn show(sql: &impl Sql, user_id: &str, wanted: Wanted) -> Result<Shown, ApiError> {
    let kind = wanted.kind.as_deref().map(|name| {
        catalogue::find(name)
            .ok_or_else(|| wrong("type", "unknown_type", "no such type of reading"))
    });
    let types: Vec<&str> = match kind.transpose()? {
        Some(kind) => vec![kind.key],
        None => {
            let keys = catalogue::all().iter().map(|kind| kind.key);
            keys.filter(|key| schema_of(key).is_some()).collect()
        }
    };
    let limit = page::limit(wanted.limit)?;
    let before = wanted
        .cursor
        .as_deref()
        .map(|text| Cursor::parse(text).ok_or_else(page::invalid_cursor));
    let filter = Filter {
        types: &types,
        from_ms: instant("from", wanted.from.as_deref())?,
        to_ms: instant("to", wanted.to.as_deref())?,
        before: before.transpose()?,
        limit: limit + 1,
        ..Filter::default()
    };
    let mut found = select(sql, user_id, &filter).await?;
    let next_cursor = page::cut(&mut found, limit).map(|last| Cursor::after(last).to_string());
    let points = found
        .iter()
        .filter_map(|reading| data_point(user_id, reading));
    Ok(Shown {
        data_points: points.collect(),
        next_cursor,
    })
}

fn instant(field: &str, text: Option<&str>) -> Result<Option<i64>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let parsed = clock::parse_rfc3339(text).map(Some);
    parsed.ok_or_else(|| {
        wrong(
            field,
            "invalid_timestamp",
            "must be RFC 3339 with an offset",
        )
    })
}

fn wrong(field: &str, code: &'static str, message: &str) -> ApiError {
    ApiError::invalid(vec![FieldError::new(field, code, message)])
}

#[cfg(test)]
mod tests;
