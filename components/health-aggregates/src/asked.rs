//! What is asked for, checked.

use serde::Deserialize;
use suoke_guest::{ApiError, FieldError, clock};
use suoke_health::aggregate::Resolution;
use suoke_health::calendar::Span;
use suoke_health::catalogue::{self, ReadingType};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Days that a trend looks at, unless said otherwise.
const DAYS_DEFAULT: u32 = 28;
/// The fewest and the most days of a trend.
const DAYS: (u32, u32) = (2, 366);

/// The query of `/aggregates`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aggregates {
    #[serde(rename = "type")]
    kind: String,
    from: Option<String>,
    to: Option<String>,
    resolution: Option<String>,
    /// Whose figures.
    pub user_id: Option<String>,
}

/// The query of `/trends`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trends {
    #[serde(rename = "type")]
    kind: String,
    days: Option<u32>,
    /// Whose trend.
    pub user_id: Option<String>,
}

/// Which buckets.
#[derive(Clone, Copy, Debug)]
pub struct Buckets {
    /// Of which type.
    pub kind: &'static ReadingType,
    /// How long each.
    pub resolution: Resolution,
    /// From the bucket that holds its start to the one before its end.
    pub span: Span,
}

impl Aggregates {
    /// The last day unless said otherwise.
    pub fn check(&self, now_ms: i64) -> Result<Buckets, ApiError> {
        let kind = kind(&self.kind)?;
        let resolution = Resolution::parse(self.resolution.as_deref().unwrap_or("5m"));
        let resolution = resolution.ok_or_else(|| {
            wrong(
                "resolution",
                "invalid_value",
                "must be 5m, 1h, 1d, 1w or 1mo",
            )
        })?;
        let end_ms = instant("to", self.to.as_deref())?.unwrap_or(now_ms);
        let start_ms = instant("from", self.from.as_deref())?.unwrap_or(end_ms - DAY_MS);
        if start_ms >= end_ms {
            return Err(wrong("from", "invalid_value", "must be before `to`"));
        }
        if end_ms - start_ms > resolution.span_ms_max() {
            let days = resolution.span_ms_max() / DAY_MS;
            let message = format!("at most {days} days before `to`");
            return Err(wrong("from", "span_too_long", &message));
        }
        let span = Span { start_ms, end_ms };
        Ok(Buckets {
            kind,
            resolution,
            span,
        })
    }
}

impl Trends {
    /// The type and the number of days.
    pub fn check(&self) -> Result<(&'static ReadingType, u32), ApiError> {
        let days = self.days.unwrap_or(DAYS_DEFAULT);
        if !(DAYS.0..=DAYS.1).contains(&days) {
            let message = format!("must be from {} to {}", DAYS.0, DAYS.1);
            return Err(wrong("days", "out_of_range", &message));
        }
        Ok((kind(&self.kind)?, days))
    }
}

fn kind(name: &str) -> Result<&'static ReadingType, ApiError> {
    let found = catalogue::find(name);
    found.ok_or_else(|| wrong("type", "unknown_type", "no such type of reading"))
}

fn instant(field: &str, text: Option<&str>) -> Result<Option<i64>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let parsed = clock::parse_rfc3339(text).map(Some);
    let message = "must be RFC 3339 with an offset";
    parsed.ok_or_else(|| wrong(field, "invalid_timestamp", message))
}

fn wrong(field: &str, code: &'static str, message: &str) -> ApiError {
    ApiError::invalid(vec![FieldError::new(field, code, message)])
}
