//! Data points as the JSON of our readings, which then are checked like any others.

use chrono::{DateTime, TimeDelta};
use serde_json::{Map, Value, json};

use crate::export::written;
use crate::schemas::{ALSO_READ, MEAL, Schema, UNITS, WRITTEN, is_mark};

/// Why a data point cannot be kept; never repeats what was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The member, such as `header.schema_id.name`.
    pub field: String,
    /// What is wrong, for programs.
    pub code: &'static str,
    /// What is wrong and how to mend it, for people.
    pub message: String,
}

impl Refused {
    fn new(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            code,
            message: message.into(),
        }
    }
}

/// The readings that a data point holds: one for most schemas, several for a night or
/// an activity.
///
/// # Errors
/// Names the member that is missing or cannot be kept.
pub fn readings(point: &Value) -> Result<Vec<Value>, Refused> {
    let name = point
        .pointer("/header/schema_id/name")
        .and_then(Value::as_str);
    let name = name.ok_or_else(|| {
        Refused::new(
            "header.schema_id.name",
            "missing_field",
            "the name of the schema is needed, such as heart-rate",
        )
    })?;
    let body = point.get("body").and_then(Value::as_object);
    let body = body.ok_or_else(|| Refused::new("body", "missing_field", "a body is needed"))?;
    let found = quantities(name, body);
    if found.is_empty() {
        let is_known = WRITTEN.iter().any(|schema| schema.name == name)
            || ALSO_READ.iter().any(|(known, ..)| *known == name);
        return Err(if is_known {
            Refused::new(
                "body",
                "missing_field",
                "the value that the schema is about is not there",
            )
        } else {
            Refused::new(
                "header.schema_id.name",
                "unknown_schema",
                "no reading is made of this schema",
            )
        });
    }
    let mut common = circumstances(point, body)?;
    time(body, &mut common)?;
    let each = found.into_iter().map(|(kind, value)| {
        let mut reading = common.clone();
        reading.insert("type".to_owned(), kind.into());
        measure(kind, value, &mut reading)?;
        Ok(Value::Object(reading))
    });
    each.collect()
}

/// The kinds that a body holds, and where each one's value is.
fn quantities<'a>(name: &str, body: &'a Map<String, Value>) -> Vec<(&'static str, &'a Value)> {
    let mut found: Vec<(&'static str, &Value)> = Vec::new();
    let mut add = |kind: &'static str, value: Option<&'a Value>| {
        if let Some(value) = value.filter(|_| found.iter().all(|(known, _)| *known != kind)) {
            found.push((kind, value));
        }
    };
    let of_name = |schema: &&Schema| schema.name == name;
    if name == "blood-pressure" {
        add("blood_pressure", body.get("systolic_blood_pressure"));
        return found;
    }
    // Schemas that share a member share a name: the first whose mark fits it is.
    let mut taken: Vec<&str> = Vec::new();
    for schema in WRITTEN.iter().filter(of_name) {
        let fits = schema
            .mark
            .is_none_or(|(member, word)| body.get(member).is_some_and(|said| said == word));
        let value = at(body, schema.member).filter(|_| fits && !taken.contains(&schema.member));
        if value.is_some() {
            taken.push(schema.member);
        }
        add(schema.kind, value);
    }
    for (_, member, kind) in ALSO_READ.iter().filter(|(known, ..)| *known == name) {
        add(kind, at(body, member));
    }
    found
}

fn at<'a>(body: &'a Map<String, Value>, member: &str) -> Option<&'a Value> {
    match member.split_once('.') {
        Some((outer, inner)) => body.get(outer)?.get(inner),
        None => body.get(member),
    }
}

/// The value, or the components, and the unit.
fn measure(kind: &str, value: &Value, reading: &mut Map<String, Value>) -> Result<(), Refused> {
    if kind != "blood_pressure" {
        let (value, unit) = quantity("body", value)?;
        reading.insert("value".to_owned(), json!(value));
        reading.insert("unit".to_owned(), unit.into());
        return Ok(());
    }
    let (systolic, unit) = quantity("body.systolic_blood_pressure", value)?;
    let diastolic = reading
        .remove("diastolic_blood_pressure")
        .unwrap_or_default();
    let (diastolic, other) = quantity("body.diastolic_blood_pressure", &diastolic)?;
    if unit != other {
        return Err(Refused::new(
            "body.diastolic_blood_pressure.unit",
            "unknown_unit",
            "both pressures have one unit",
        ));
    }
    reading.insert(
        "components".to_owned(),
        json!({ "systolic": systolic, "diastolic": diastolic }),
    );
    reading.insert("unit".to_owned(), unit.into());
    Ok(())
}

fn quantity(field: &str, quantity: &Value) -> Result<(f64, String), Refused> {
    let value = quantity.get("value").and_then(Value::as_f64);
    let value = value.ok_or_else(|| {
        Refused::new(
            &format!("{field}.value"),
            "missing_field",
            "a number is needed",
        )
    })?;
    let unit = quantity.get("unit").and_then(Value::as_str);
    let unit = unit.ok_or_else(|| {
        Refused::new(
            &format!("{field}.unit"),
            "missing_field",
            "a unit is needed",
        )
    })?;
    let known = UNITS.iter().find(|(word, ..)| *word == unit);
    Ok(known.map_or_else(
        || (value, unit.to_owned()),
        |(_, ours, factor)| (value * factor, (*ours).to_owned()),
    ))
}

/// Client's id, device, source and context.
fn circumstances(point: &Value, body: &Map<String, Value>) -> Result<Map<String, Value>, Refused> {
    let header = point.get("header").unwrap_or(&Value::Null);
    let mut reading = Map::new();
    if let Some(diastolic) = body.get("diastolic_blood_pressure") {
        // Taken out again where the pressures are read.
        reading.insert("diastolic_blood_pressure".to_owned(), diastolic.clone());
    }
    if let Some(own) = header.get("suoke").and_then(Value::as_object) {
        for member in ["client_id", "device_id", "source", "context"] {
            if let Some(value) = own.get(member) {
                reading.insert(member.to_owned(), value.clone());
            }
        }
        return Ok(reading);
    }
    let id = header.get("id").or(header.get("uuid"));
    let id = id.ok_or_else(|| {
        Refused::new(
            "header.id",
            "missing_field",
            "the id of the data point is needed",
        )
    })?;
    reading.insert("client_id".to_owned(), id.clone());
    let provenance = header.get("acquisition_provenance").unwrap_or(&Value::Null);
    let modality = provenance.get("modality").or(header.get("modality"));
    if modality.is_some_and(|modality| modality == "self-reported") {
        reading.insert("source".to_owned(), "manual".into());
    } else if let Some(name) = provenance.get("source_name").filter(|name| *name != "") {
        reading.insert("source".to_owned(), name.clone());
    }
    let mut context = Map::new();
    for (member, name) in [
        ("measurement_location", "site"),
        ("descriptive_statistic", "descriptive_statistic"),
    ] {
        if let Some(word) = body.get(member).filter(|word| word.is_string()) {
            context.insert(name.to_owned(), word.clone());
        }
    }
    // What makes a kind of its own is said by the kind; `after meal` is not two hours.
    if let Some(word) = body.get(MEAL).and_then(Value::as_str)
        && !is_mark(MEAL, word)
    {
        context.insert("meal".to_owned(), word.into());
    }
    let activity = body
        .get("temporal_relationship_to_physical_activity")
        .and_then(Value::as_str);
    match activity {
        Some("at rest") => drop(context.insert("activity".to_owned(), "rest".into())),
        Some("during exercise" | "active") => {
            drop(context.insert("activity".to_owned(), "exercise".into()))
        }
        _ => {}
    }
    if !context.is_empty() {
        reading.insert("context".to_owned(), Value::Object(context));
    }
    Ok(reading)
}

/// When: an instant, or an interval of which two of start, end and duration are given.
fn time(body: &Map<String, Value>, reading: &mut Map<String, Value>) -> Result<(), Refused> {
    let field = "body.effective_time_frame";
    let missing = |message: &str| Refused::new(field, "missing_field", message);
    let frame = body
        .get("effective_time_frame")
        .ok_or_else(|| missing("when it was measured is needed"))?;
    if let Some(at) = frame.get("date_time") {
        reading.insert("effective_at".to_owned(), at.clone());
        return Ok(());
    }
    let interval = frame
        .get("time_interval")
        .ok_or_else(|| missing("`date_time` or `time_interval` is needed"))?;
    let (start, end) = (
        interval.get("start_date_time"),
        interval.get("end_date_time"),
    );
    let lasts = interval
        .get("duration")
        .map(|duration| duration_ms(field, duration))
        .transpose()?;
    match (start, end, lasts) {
        (Some(start), Some(end), _) => {
            reading.insert("effective_at".to_owned(), start.clone());
            reading.insert("end_at".to_owned(), end.clone());
        }
        (Some(start), None, Some(lasts)) => {
            reading.insert("effective_at".to_owned(), start.clone());
            reading.insert("end_at".to_owned(), moved(field, start, lasts)?);
        }
        (None, Some(end), Some(lasts)) => {
            reading.insert("effective_at".to_owned(), moved(field, end, -lasts)?);
            reading.insert("end_at".to_owned(), end.clone());
        }
        (Some(start), None, None) => drop(reading.insert("effective_at".to_owned(), start.clone())),
        _ => return Err(missing("two of start, end and duration are needed")),
    }
    Ok(())
}

fn duration_ms(field: &str, duration: &Value) -> Result<i64, Refused> {
    let wrong = |message: &str| {
        Refused::new(
            &format!("{field}.time_interval.duration"),
            "invalid_value",
            message,
        )
    };
    let (value, unit) = (
        duration.get("value").and_then(Value::as_f64),
        duration.get("unit").and_then(Value::as_str),
    );
    let each_ms = match unit {
        Some("ms") => 1.0,
        Some("sec") => 1e3,
        Some("min") => 6e4,
        Some("h") => 3.6e6,
        Some("d") => 8.64e7,
        Some("wk") => 6.048e8,
        _ => return Err(wrong("ms, sec, min, h, d and wk are understood")),
    };
    let value = value.filter(|value| (0.0..=1e9).contains(value));
    value
        .map(|value| (value * each_ms).round() as i64)
        .ok_or_else(|| wrong("a number of 0 or more is needed"))
}

/// An instant so many milliseconds later, on the same clock.
fn moved(field: &str, instant: &Value, by_ms: i64) -> Result<Value, Refused> {
    let wrong = || {
        Refused::new(
            &format!("{field}.time_interval"),
            "invalid_timestamp",
            "RFC 3339 with an offset is needed",
        )
    };
    let parsed = instant
        .as_str()
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
        .ok_or_else(wrong)?;
    let later = TimeDelta::try_milliseconds(by_ms)
        .and_then(|delta| parsed.checked_add_signed(delta))
        .ok_or_else(wrong)?;
    let offset_minutes = parsed.offset().local_minus_utc() / 60;
    Ok(written(later.timestamp_millis(), offset_minutes).into())
}

#[cfg(test)]
mod tests;
