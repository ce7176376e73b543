//! What the columns of a CSV export and the fields of an NDJSON export mean here.

use std::collections::BTreeMap;

use chrono::DateTime;
use chrono::SecondsFormat;
use serde_json::{Map, Value, json};

/// What a column says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// Whose reading it is.
    User,
    /// Its type.
    Type,
    /// Its value.
    Value,
    /// The values of a panel.
    Systolic,
    /// The values of a panel.
    Diastolic,
    /// The unit.
    Unit,
    /// When it was measured.
    At,
    /// When the measurement ended.
    End,
    /// With what.
    Device,
    /// Where it comes from.
    Source,
    /// Its id in the export.
    Id,
}

/// The names of each column, as exports write them.
pub const NAMES: [(Column, &[&str]); 11] = [
    (Column::User, &["user_id", "userid", "user"]),
    (Column::Type, &["data_type", "type", "metric"]),
    (Column::Value, &["value", "values", "components"]),
    (Column::Systolic, &["systolic"]),
    (Column::Diastolic, &["diastolic"]),
    (Column::Unit, &["unit", "units"]),
    (
        Column::At,
        &[
            "created_at",
            "effective_at",
            "timestamp",
            "recorded_at",
            "measured_at",
            "time",
        ],
    ),
    (Column::End, &["end_at", "end_time"]),
    (Column::Device, &["device", "device_id"]),
    (Column::Source, &["source"]),
    (Column::Id, &["id", "client_id", "record_id"]),
];

/// The column of this name; none where it means nothing here.
#[must_use]
pub fn column(name: &str) -> Option<Column> {
    let name = name.trim().to_lowercase();
    let mut known = NAMES.into_iter();
    known
        .find(|(_, names)| names.contains(&name.as_str()))
        .map(|(column, _)| column)
}

/// The names of a column.
pub(crate) fn names(column: Column) -> &'static [&'static str] {
    let mut known = NAMES.into_iter();
    let found = known.find(|(each, _)| *each == column);
    found.map_or(&[], |(_, names)| names)
}

/// What a line says, by column.
pub(crate) type Said = BTreeMap<Column, Value>;

/// The reading that a line means, in the form of the interface for devices. `offset`
/// (such as `+08:00`) belongs to times without one.
pub(crate) fn reading(said: &Said, offset: Option<&str>) -> Value {
    let mut reading = Map::new();
    let mut set = |field: &str, value: Value| {
        reading.insert(field.to_owned(), value);
    };
    for (column, value) in said {
        match column {
            Column::User | Column::Value | Column::Systolic | Column::Diastolic => {}
            Column::Type => set("type", value.clone()),
            Column::Unit => set("unit", value.clone()),
            Column::At => set("effective_at", instant(value, offset)),
            Column::End => set("end_at", instant(value, offset)),
            Column::Device => set("device_id", as_text(value)),
            Column::Source => set("source", value.clone()),
            Column::Id => set("client_id", as_text(value)),
        }
    }
    match values(said) {
        Some(Value::Object(components)) => set("components", Value::Object(components)),
        Some(value) => set("value", value),
        None => {}
    }
    Value::Object(reading)
}

/// The value, or the components of a panel: of their own columns, or as `120/80`.
fn values(said: &Said) -> Option<Value> {
    if let (Some(systolic), Some(diastolic)) =
        (said.get(&Column::Systolic), said.get(&Column::Diastolic))
    {
        return Some(panel(number(systolic), number(diastolic)));
    }
    match said.get(&Column::Value)? {
        Value::String(text) => match text.split_once('/') {
            Some((systolic, diastolic)) => {
                let part = |text: &str| number(&Value::from(text.trim()));
                Some(panel(part(systolic), part(diastolic)))
            }
            None => Some(number(&Value::from(text.as_str()))),
        },
        Value::Object(fields) => Some(alone(fields)),
        value => Some(value.clone()),
    }
}

fn panel(systolic: Value, diastolic: Value) -> Value {
    json!({ "systolic": systolic, "diastolic": diastolic })
}

/// `{"heart_rate": 72}` is the value alone.
fn alone(fields: &Map<String, Value>) -> Value {
    let mut values = fields.values();
    match (values.next(), values.next()) {
        (Some(value), None) if value.is_number() => value.clone(),
        _ => Value::Object(fields.clone()),
    }
}

/// A number that is written as text; what is none stays as it is, and is refused.
fn number(value: &Value) -> Value {
    let text = value.as_str().map(str::trim);
    let parsed = text.and_then(|text| text.parse::<f64>().ok());
    let parsed = parsed.and_then(serde_json::Number::from_f64);
    parsed.map_or_else(|| value.clone(), Value::Number)
}

fn as_text(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.to_string()),
        other => other.clone(),
    }
}

/// A time as RFC 3339: with a `T`, with an offset; seconds (10 digits) and milliseconds
/// (13 digits) since the Unix epoch are UTC. What is none stays as it is.
fn instant(value: &Value, offset: Option<&str>) -> Value {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        other => return other.clone(),
    };
    if let Some(ms) = since_epoch(&text) {
        let at = DateTime::from_timestamp_millis(ms).unwrap_or_default();
        return Value::from(at.to_rfc3339_opts(SecondsFormat::Millis, true));
    }
    let mut text = text;
    let is_blank = text.get(10..11) == Some(" ");
    if is_blank {
        text.replace_range(10..11, "T");
        // An offset may stand behind another blank.
        text.retain(|letter| letter != ' ');
    }
    let time = text.get(10..).unwrap_or_default();
    if let (false, Some(offset)) = (has_offset(time), offset) {
        text.push_str(offset);
    }
    Value::from(text)
}

fn since_epoch(text: &str) -> Option<i64> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.len() {
        10 if is_digits => Some(text.parse::<i64>().ok()?.saturating_mul(1_000)),
        13 if is_digits => text.parse().ok(),
        _ => None,
    }
}

fn has_offset(time: &str) -> bool {
    time.ends_with(['Z', 'z']) || time.contains(['+', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pairs: &[(Column, Value)]) -> Said {
        pairs.iter().cloned().collect()
    }

    #[test]
    fn names_of_exports_are_known() {
        assert_eq!(column(" Data_Type "), Some(Column::Type));
        assert_eq!(column("created_at"), Some(Column::At));
        assert_eq!(column("note"), None);
    }

    #[test]
    fn times_become_rfc_3339() {
        for (text, offset, expected) in [
            (
                json!("2025-01-02 03:04:05"),
                Some("+08:00"),
                "2025-01-02T03:04:05+08:00",
            ),
            (json!("2025-01-02 03:04:05"), None, "2025-01-02T03:04:05"),
            (
                json!("2025-01-02T03:04:05Z"),
                Some("+08:00"),
                "2025-01-02T03:04:05Z",
            ),
            (
                json!("2025-01-02 03:04:05 +09:00"),
                Some("+08:00"),
                "2025-01-02T03:04:05+09:00",
            ),
            (json!(1_735_787_045), None, "2025-01-02T03:04:05.000Z"),
            (
                json!("1735787045006"),
                Some("+08:00"),
                "2025-01-02T03:04:05.006Z",
            ),
            (json!("yesterday"), None, "yesterday"),
        ] {
            assert_eq!(instant(&text, offset), json!(expected), "{text}");
        }
    }

    #[test]
    fn values_are_numbers_or_panels() {
        for (value, expected) in [
            (json!(" 72.5 "), json!({ "value": 72.5 })),
            (json!(72), json!({ "value": 72 })),
            (json!("NaN"), json!({ "value": "NaN" })),
            (
                json!("120/80"),
                json!({ "components": { "systolic": 120.0, "diastolic": 80.0 } }),
            ),
            (json!({ "heart_rate": 72 }), json!({ "value": 72 })),
            (
                json!({ "systolic": 120, "diastolic": 80 }),
                json!({ "components": { "systolic": 120, "diastolic": 80 } }),
            ),
        ] {
            assert_eq!(
                reading(&said(&[(Column::Value, value.clone())]), None),
                expected,
                "{value}"
            );
        }
        let columns = said(&[
            (Column::Systolic, json!("120")),
            (Column::Diastolic, json!("80")),
        ]);
        let expected = json!({ "components": { "systolic": 120.0, "diastolic": 80.0 } });
        assert_eq!(reading(&columns, None), expected);
    }

    #[test]
    fn ids_of_exports_are_those_of_the_client() {
        let line = said(&[(Column::Id, json!(17)), (Column::Device, json!("watch"))]);
        assert_eq!(
            reading(&line, None),
            json!({ "client_id": "17", "device_id": "watch" })
        );
    }
}
