//! Stored readings and aggregates as they are answered.

use crate::bucket::{DAY_MS, FIVE_MINUTES_MS, Figures, HOUR_MS, coarser};
use crate::catalogue::{Metric, ReadingType};
use crate::value::Milli;
use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

/// A reading as it is stored.
#[derive(Clone, Debug)]
pub struct StoredReading {
    /// Its id.
    pub id: String,
    /// What was measured.
    pub kind: &'static ReadingType,
    /// One value for each metric of the kind.
    pub values: Vec<Milli>,
    /// When, in milliseconds since the Unix epoch.
    pub effective_ms: i64,
    /// When the measurement ended.
    pub end_ms: Option<i64>,
    /// Offset of the person's clock from UTC.
    pub offset_minutes: i32,
    /// Circumstances, as JSON.
    pub context: Option<String>,
    /// The device, empty where none was named.
    pub device_id: String,
    /// Where it comes from, empty where nothing was named.
    pub source: String,
    /// How far it can be believed.
    pub quality: String,
}

/// A reading as it is answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReadingView {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Milli>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    components: Map<String, Value>,
    unit: &'static str,
    effective_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Value>,
    #[serde(skip_serializing_if = "String::is_empty")]
    device_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    source: String,
    quality: String,
}

impl From<StoredReading> for ReadingView {
    fn from(stored: StoredReading) -> Self {
        let named = stored.kind.metrics.iter().zip(&stored.values);
        let components = if stored.kind.is_panel() {
            named
                .map(|(metric, value)| (metric.key.to_owned(), value.to_f64().into()))
                .collect()
        } else {
            Map::new()
        };
        let at = |ms| instant(ms, stored.offset_minutes);
        Self {
            value: stored
                .values
                .first()
                .copied()
                .filter(|_| !stored.kind.is_panel()),
            components,
            kind: stored.kind.key,
            unit: stored.kind.unit,
            effective_at: at(stored.effective_ms),
            end_at: stored.end_ms.map(at),
            context: stored
                .context
                .and_then(|json| serde_json::from_str(&json).ok()),
            id: stored.id,
            device_id: stored.device_id,
            source: stored.source,
            quality: stored.quality,
        }
    }
}

/// RFC 3339 on a clock with this offset.
pub(crate) fn instant(ms: i64, offset_minutes: i32) -> String {
    let utc = DateTime::<Utc>::from_timestamp_millis(ms).unwrap_or_default();
    match FixedOffset::east_opt(offset_minutes.saturating_mul(60)) {
        Some(offset) if offset_minutes != 0 => utc
            .with_timezone(&offset)
            .to_rfc3339_opts(SecondsFormat::Millis, true),
        _ => utc.to_rfc3339_opts(SecondsFormat::Millis, true),
    }
}

/// How long the buckets of an answer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// As they are stored.
    FiveMinutes,
    /// Hours of UTC.
    Hour,
    /// Days of UTC.
    Day,
}

impl Resolution {
    /// `5m`, `1h` or `1d`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "5m" => Some(Self::FiveMinutes),
            "1h" => Some(Self::Hour),
            "1d" => Some(Self::Day),
            _ => None,
        }
    }

    /// Length of one bucket.
    pub fn length_ms(self) -> i64 {
        match self {
            Self::FiveMinutes => FIVE_MINUTES_MS,
            Self::Hour => HOUR_MS,
            Self::Day => DAY_MS,
        }
    }

    /// The longest span that one answer covers.
    pub fn span_ms_max(self) -> i64 {
        match self {
            Self::FiveMinutes => 7 * DAY_MS,
            Self::Hour => 31 * DAY_MS,
            Self::Day => 92 * DAY_MS,
        }
    }
}

/// One bucket as it is answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BucketView {
    metric: &'static str,
    start: String,
    end: String,
    count: u64,
    min: Milli,
    max: Milli,
    mean: f64,
    sum: Milli,
}

/// The five-minute figures of a metric as buckets of `resolution`, in order. A
/// bucket without values is absent.
pub fn buckets(
    metric: &Metric,
    fine: impl IntoIterator<Item = (i64, Figures)>,
    resolution: Resolution,
) -> Vec<BucketView> {
    let length_ms = resolution.length_ms();
    let each = coarser(fine, length_ms)
        .into_iter()
        .map(|(start_ms, figures)| BucketView {
            metric: metric.key,
            start: instant(start_ms, 0),
            end: instant(start_ms.saturating_add(length_ms), 0),
            count: figures.count,
            min: figures.min,
            max: figures.max,
            mean: (figures.mean() * 1e6).round() / 1e6,
            sum: figures.sum,
        });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::find;
    use serde_json::json;

    fn stored(kind: &str, values: &[i64]) -> StoredReading {
        StoredReading {
            id: "i".to_owned(),
            kind: find(kind).unwrap(),
            values: values.iter().map(|value| Milli(*value)).collect(),
            effective_ms: 0,
            end_ms: None,
            offset_minutes: 480,
            context: Some("\"home\"".to_owned()),
            device_id: String::new(),
            source: "s".to_owned(),
            quality: "ok".to_owned(),
        }
    }

    #[test]
    fn shows_a_reading_on_its_own_clock() {
        let view =
            serde_json::to_value(ReadingView::from(stored("body_temperature", &[36_600]))).unwrap();
        let expected = json!({"id": "i", "type": "body_temperature", "value": 36.6, "unit": "Cel",
            "effective_at": "1970-01-01T08:00:00.000+08:00", "context": "home", "source": "s", "quality": "ok"});
        assert_eq!(view, expected);
    }

    #[test]
    fn shows_pressures_as_components() {
        let view = serde_json::to_value(ReadingView::from(stored(
            "blood_pressure",
            &[120_000, 80_000],
        )))
        .unwrap();
        assert_eq!(
            view["components"],
            json!({"systolic": 120.0, "diastolic": 80.0})
        );
        assert!(view.get("value").is_none());
    }

    #[test]
    fn shows_buckets_without_empty_ones() {
        let metric = &find("heart_rate").unwrap().metrics[0];
        let figures = |value| Figures::of(Milli(value));
        let fine = [
            (0, figures(60_000)),
            (300_000, figures(71_000)),
            (7_200_000, figures(80_000)),
        ];
        let view = serde_json::to_value(buckets(metric, fine, Resolution::Hour)).unwrap();
        assert_eq!(view.as_array().map(Vec::len), Some(2));
        assert_eq!(view[0]["mean"], 65.5);
        assert_eq!(view[0]["end"], "1970-01-01T01:00:00.000Z");
        assert_eq!(view[1]["start"], "1970-01-01T02:00:00.000Z");
    }
}
