//! Stored readings as they are answered.

use crate::catalogue::ReadingType;
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
    /// The values as they were sent; empty where the kind takes none.
    pub original_values: Vec<f64>,
    /// The unit as it was sent.
    pub original_unit: String,
    /// Circumstances, as JSON.
    pub context: Option<String>,
    /// What is no number, as JSON: parts of an ECG, where samples are.
    pub data: Option<String>,
    /// The client's own id, empty where there is none.
    pub client_id: String,
    /// The device, empty where none was named.
    pub device_id: String,
    /// Where it comes from, empty where nothing was named.
    pub source: String,
    /// How much the source counts, from 0 to 4 ([`crate::source::rank`]).
    pub source_rank: u8,
    /// Whether a better source measured the same at that moment.
    pub shadowed: bool,
    /// How far it can be believed.
    pub quality: String,
    /// Whether it counts.
    pub status: Status,
    /// The id of the reading that this one corrects.
    pub supersedes: Option<String>,
    /// When it was stored, in milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// When its status last changed.
    pub changed_ms: i64,
}

/// Whether a stored reading counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It counts.
    Final,
    /// Another reading supersedes it.
    Amended,
    /// It was deleted.
    EnteredInError,
}

impl Status {
    /// As it is stored and answered.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Final => "final",
            Self::Amended => "amended",
            Self::EnteredInError => "entered_in_error",
        }
    }

    /// What [`as_str`](Self::as_str) wrote; none for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "final" => Some(Self::Final),
            "amended" => Some(Self::Amended),
            "entered_in_error" => Some(Self::EnteredInError),
            _ => None,
        }
    }
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
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    original: Original,
    #[serde(skip_serializing_if = "String::is_empty")]
    client_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    device_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    source: String,
    quality: String,
    #[serde(skip_serializing_if = "is_false")]
    shadowed: bool,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    supersedes: Option<String>,
}

/// What was sent, before it was converted and rounded.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Original {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<f64>,
    unit: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
fn is_false(value: &bool) -> bool {
    !value
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
            data: stored
                .data
                .and_then(|json| serde_json::from_str(&json).ok()),
            original: Original {
                values: stored.original_values,
                unit: stored.original_unit,
            },
            id: stored.id,
            client_id: stored.client_id,
            device_id: stored.device_id,
            source: stored.source,
            quality: stored.quality,
            shadowed: stored.shadowed,
            status: stored.status,
            supersedes: stored.supersedes,
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
            original_values: values.iter().map(|value| Milli(*value).to_f64()).collect(),
            original_unit: "°C".to_owned(),
            context: Some("\"home\"".to_owned()),
            data: None,
            client_id: String::new(),
            device_id: String::new(),
            source: "s".to_owned(),
            source_rank: 0,
            shadowed: false,
            quality: "ok".to_owned(),
            status: Status::Final,
            supersedes: None,
            created_ms: 1,
            changed_ms: 1,
        }
    }

    #[test]
    fn shows_a_reading_on_its_own_clock() {
        let view =
            serde_json::to_value(ReadingView::from(stored("body_temperature", &[36_600]))).unwrap();
        let expected = json!({"id": "i", "type": "body_temperature", "value": 36.6, "unit": "Cel",
            "effective_at": "1970-01-01T08:00:00.000+08:00", "context": "home", "source": "s", "quality": "ok",
            "original": {"values": [36.6], "unit": "°C"}, "status": "final"});
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
}
