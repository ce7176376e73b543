//! Shows a person the figures of their readings by time.

mod queries;

use serde::{Deserialize, Serialize};
use suoke_guest::{ApiError, FieldError, Reply, Request, clock, reply};
use suoke_health::bucket::{DAY_MS, start_of};
use suoke_health::catalogue::{self, ReadingType};
use suoke_health::view::{BucketView, Resolution, buckets};
use suoke_store::Database;

suoke_guest::http_service!(route);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(rename = "type")]
    kind: String,
    from: Option<String>,
    to: Option<String>,
    resolution: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    #[serde(rename = "type")]
    kind: &'static str,
    unit: &'static str,
    from: String,
    to: String,
    buckets: Vec<BucketView>,
}

/// What is asked for, checked.
struct Span {
    kind: &'static ReadingType,
    resolution: Resolution,
    from_ms: i64,
    to_ms: i64,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    request.allow(&["GET"])?;
    let user = suoke_identity::caller(&request)?;
    let span = Span::read(request.query()?, clock::now_ms())?;
    let db = Database::open("health").await?;
    let mut shown = Vec::new();
    for metric in span.kind.metrics {
        let found =
            queries::figures(&db, &user.user_id, metric.key, span.from_ms, span.to_ms).await?;
        shown.extend(buckets(metric, found, span.resolution));
    }
    reply::json(&Shown {
        kind: span.kind.key,
        unit: span.kind.unit,
        from: clock::rfc3339(span.from_ms),
        to: clock::rfc3339(span.to_ms),
        buckets: shown,
    })
}

impl Span {
    /// The last day unless said otherwise, from the start of a bucket on.
    fn read(wanted: Wanted, now_ms: i64) -> Result<Self, ApiError> {
        let kind = catalogue::find(&wanted.kind)
            .ok_or_else(|| wrong("type", "unknown_type", "no such type of reading"))?;
        let resolution = Resolution::parse(wanted.resolution.as_deref().unwrap_or("5m"))
            .ok_or_else(|| wrong("resolution", "invalid_value", "must be 5m, 1h or 1d"))?;
        let to_ms = instant("to", wanted.to.as_deref())?.unwrap_or(now_ms);
        let from_ms = instant("from", wanted.from.as_deref())?.unwrap_or(to_ms - DAY_MS);
        if from_ms >= to_ms {
            return Err(wrong("from", "invalid_value", "must be before `to`"));
        }
        if to_ms - from_ms > resolution.span_ms_max() {
            let days = resolution.span_ms_max() / DAY_MS;
            return Err(wrong(
                "from",
                "span_too_long",
                &format!("at most {days} days before `to`"),
            ));
        }
        let from_ms = start_of(from_ms, resolution.length_ms());
        Ok(Self {
            kind,
            resolution,
            from_ms,
            to_ms,
        })
    }
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
