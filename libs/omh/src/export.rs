//! A stored reading as a data point.

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use suoke_health::Milli;
use suoke_health::view::StoredReading;

use crate::schemas::{MEAL, Schema, is_mark, schema_of};

/// The data point of a person's reading; none where the kind has no schema.
pub fn data_point(user_id: &str, stored: &StoredReading) -> Option<Value> {
    let schema = schema_of(stored.kind.key)?;
    let mut body = Map::new();
    if schema.member.is_empty() {
        for (metric, value) in stored.kind.metrics.iter().zip(&stored.values) {
            body.insert(
                format!("{}_blood_pressure", metric.key),
                quantity(*value, schema),
            );
        }
    } else {
        put(
            &mut body,
            schema.member,
            quantity(*stored.values.first()?, schema),
        );
    }
    for (member, word) in [schema.mark, schema.also].into_iter().flatten() {
        body.insert(member.to_owned(), word.into());
    }
    let context = stored
        .context
        .as_deref()
        .and_then(|json| serde_json::from_str::<Value>(json).ok());
    for (member, name) in [
        ("measurement_location", "site"),
        ("descriptive_statistic", "descriptive_statistic"),
    ] {
        if let Some(word) = context
            .as_ref()
            .and_then(|context| context.get(name))
            .and_then(Value::as_str)
        {
            body.insert(member.to_owned(), word.into());
        }
    }
    let meal = context.as_ref().and_then(|context| context.get("meal"));
    let meal = meal
        .and_then(Value::as_str)
        .filter(|word| !is_mark(MEAL, word));
    if let Some(word) = meal.filter(|_| schema.kind == "glucose_random") {
        body.insert(MEAL.to_owned(), word.into());
    }
    body.insert("effective_time_frame".to_owned(), time_frame(stored));
    Some(json!({ "header": header(user_id, stored, schema, context), "body": body }))
}

fn header(user_id: &str, stored: &StoredReading, schema: &Schema, context: Option<Value>) -> Value {
    let modality = if matches!(stored.kind.key, "mood" | "pain") || stored.source == "manual" {
        "self-reported"
    } else {
        "sensed"
    };
    let source = if stored.source.is_empty() {
        "suoke"
    } else {
        &stored.source
    };
    let mut own = Map::new();
    for (member, text) in [
        ("client_id", &stored.client_id),
        ("device_id", &stored.device_id),
        ("source", &stored.source),
    ] {
        if !text.is_empty() {
            own.insert(member.to_owned(), text.as_str().into());
        }
    }
    if let Some(context) = context {
        own.insert("context".to_owned(), context);
    }
    json!({
        "id": stored.id,
        "creation_date_time": written(stored.created_ms, 0),
        "schema_id": { "namespace": schema.namespace, "name": schema.name, "version": schema.version },
        "acquisition_provenance": { "source_name": source, "modality": modality },
        "user_id": user_id,
        "suoke": own,
    })
}

fn quantity(value: Milli, schema: &Schema) -> Value {
    let value = if value.0 % 1000 == 0 {
        json!(value.0 / 1000)
    } else {
        json!(value.to_f64())
    };
    json!({ "value": value, "unit": schema.unit })
}

/// Puts a value at `member`, or at `outer.inner`.
fn put(body: &mut Map<String, Value>, member: &str, value: Value) {
    match member.split_once('.') {
        Some((outer, inner)) => {
            body.insert(outer.to_owned(), json!({ inner: value }));
        }
        None => {
            body.insert(member.to_owned(), value);
        }
    }
}

fn time_frame(stored: &StoredReading) -> Value {
    let at = |ms| written(ms, stored.offset_minutes);
    match stored.end_ms {
        Some(end_ms) => json!({ "time_interval": {
            "start_date_time": at(stored.effective_ms),
            "end_date_time": at(end_ms),
        } }),
        None => json!({ "date_time": at(stored.effective_ms) }),
    }
}

/// An instant on a clock with this offset.
pub(crate) fn written(ms: i64, offset_minutes: i32) -> String {
    let utc = DateTime::<Utc>::from_timestamp_millis(ms).unwrap_or_default();
    match FixedOffset::east_opt(offset_minutes.saturating_mul(60)) {
        Some(offset) if offset_minutes != 0 => utc
            .with_timezone(&offset)
            .to_rfc3339_opts(SecondsFormat::Millis, true),
        _ => utc.to_rfc3339_opts(SecondsFormat::Millis, true),
    }
}
