//! Figures by five minutes, hours, days, weeks or months of a person's clock.

use serde::Serialize;
use suoke_guest::clock;
use suoke_health::aggregate::{BucketView, buckets};
use suoke_health::calendar::{Calendar, Span};
use suoke_readings::days::{are_pending, days};
use suoke_readings::profile;
use suoke_store::{Sql, StoreError};

use crate::asked::Buckets;

/// The answer.
#[derive(Debug, Serialize)]
pub struct Shown {
    #[serde(rename = "type")]
    kind: &'static str,
    unit: &'static str,
    timezone: &'static str,
    from: String,
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    computed_at: Option<String>,
    pending: bool,
    buckets: Vec<BucketView>,
}

/// The buckets that overlap the asked span, each whole. Marks are looked for first:
/// those that a run takes away between the two reads are in the figures.
pub async fn shown(sql: &impl Sql, user_id: &str, asked: &Buckets) -> Result<Shown, StoreError> {
    let calendar = Calendar::new(profile(sql, user_id).await?.profile.tz());
    let bucket = |at_ms| asked.resolution.bucket_of(calendar, at_ms);
    let span = Span {
        start_ms: bucket(asked.span.start_ms).start_ms,
        end_ms: bucket(asked.span.end_ms - 1).end_ms,
    };
    let whole_days = Span {
        start_ms: calendar.day_of(span.start_ms).start_ms,
        end_ms: calendar.day_of(span.end_ms - 1).end_ms,
    };
    let pending = are_pending(sql, user_id, asked.kind.key, whole_days).await?;
    let mut shown = Vec::new();
    let mut computed_ms = None;
    for metric in asked.kind.metrics {
        let with_series = asked.resolution.is_within_day();
        let found = days(sql, user_id, metric.key, span, with_series).await?;
        computed_ms = computed_ms.max(found.computed_ms);
        let each = buckets(metric.key, &found.days, asked.resolution, calendar, span);
        shown.extend(each);
    }
    Ok(Shown {
        kind: asked.kind.key,
        unit: asked.kind.unit,
        timezone: calendar.name(),
        from: calendar.rfc3339(span.start_ms),
        to: calendar.rfc3339(span.end_ms),
        computed_at: computed_ms.map(clock::rfc3339),
        pending,
        buckets: shown,
    })
}
