//! A stored reading as an Observation.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use suoke_health::Milli;
use suoke_health::catalogue::Metric;
use suoke_health::view::{Status, StoredReading};

use crate::date::written;
use crate::json::set;
use crate::normal::{Unit, judge};
use crate::{terms, waveform};

/// What stays as it is in `meta.source`.
const SOURCE_PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A reading and under which name it is shown: corrections are stored beside what they
/// correct, and are versions of one Observation.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The newest of the readings, or the one that was asked for.
    pub reading: StoredReading,
    /// The id of the first: the Observation's.
    pub id: String,
    /// 1 for the first, and one more with each correction and with the deletion.
    pub version: u32,
}

impl Shown {
    /// A reading that corrects none.
    pub fn first(reading: StoredReading) -> Self {
        let deleted = u32::from(reading.status == Status::EnteredInError);
        Self {
            id: reading.id.clone(),
            version: 1 + deleted,
            reading,
        }
    }

    /// When this version came to be, in milliseconds since the Unix epoch.
    pub fn updated_ms(&self) -> i64 {
        match self.reading.status {
            Status::EnteredInError => self.reading.changed_ms,
            Status::Final | Status::Amended => self.reading.created_ms,
        }
    }

    /// Its `ETag`.
    pub fn etag(&self) -> String {
        format!("W/\"{}\"", self.version)
    }
}

/// The Observation of a person's reading.
pub fn observation(user_id: &str, shown: &Shown) -> Value {
    let stored = &shown.reading;
    let mut resource = json!({
        "resourceType": "Observation",
        "id": shown.id,
        "meta": meta(shown),
        "identifier": identifiers(stored),
        "status": status(stored),
        "category": [terms::category_concept(stored.kind)],
        "code": terms::code(stored.kind),
        "subject": { "reference": format!("Patient/{user_id}") },
        "issued": written(stored.created_ms, 0),
    });
    write_effective(&mut resource, stored);
    write_extensions(&mut resource, stored);
    if !stored.device_id.is_empty() {
        set(
            &mut resource,
            "device",
            json!({
                "identifier": { "system": terms::DEVICE_ID, "value": stored.device_id },
                "display": stored.device_id,
            }),
        );
    }
    match stored.kind.key {
        "ecg_summary" => waveform::write_summary(&mut resource, stored),
        "ecg_waveform" | "ppg_waveform" => waveform::write_samples(&mut resource, stored),
        _ if stored.kind.is_panel() => write_components(&mut resource, stored),
        _ => write_value(&mut resource, stored),
    }
    resource
}

fn meta(shown: &Shown) -> Value {
    let stored = &shown.reading;
    let mut meta = json!({
        "versionId": shown.version.to_string(),
        "lastUpdated": written(shown.updated_ms(), 0),
    });
    if let Some(profile) = terms::profile(stored.kind.key) {
        set(&mut meta, "profile", json!([profile]));
    }
    if !stored.source.is_empty() {
        let source = utf8_percent_encode(&stored.source, SOURCE_PLAIN);
        set(
            &mut meta,
            "source",
            json!(format!("{}{source}", terms::SOURCE)),
        );
    }
    meta
}

/// Final, amended where it corrects an earlier one, or entered in error.
fn status(stored: &StoredReading) -> &'static str {
    match stored.status {
        Status::EnteredInError => "entered-in-error",
        Status::Final | Status::Amended if stored.supersedes.is_some() => "amended",
        Status::Final | Status::Amended => "final",
    }
}

fn identifiers(stored: &StoredReading) -> Value {
    let mut identifiers = vec![json!({
        "use": "official",
        "system": terms::READING_ID,
        "value": stored.id,
    })];
    if !stored.client_id.is_empty() {
        let (system, value) = split_client_id(&stored.client_id);
        identifiers.push(json!({ "use": "secondary", "system": system, "value": value }));
    }
    Value::Array(identifiers)
}

/// The system and the value of a client's id. An identifier of another system is
/// stored as `system|value`.
pub fn split_client_id(client_id: &str) -> (&str, &str) {
    match client_id.split_once('|') {
        Some((system, value))
            if system.contains(':')
                && !value.is_empty()
                && !is_own_identifier(system)
                && !system.contains(' ') =>
        {
            (system, value)
        }
        _ => (terms::CLIENT_ID, client_id),
    }
}

/// The client's id that an identifier is stored as.
pub fn joined_client_id(system: Option<&str>, value: &str) -> String {
    match system {
        None | Some("" | terms::CLIENT_ID) => value.to_owned(),
        Some(system) => format!("{system}|{value}"),
    }
}

/// Whether a system of identifiers is ours, so that it is never part of a client's id.
pub fn is_own_identifier(system: &str) -> bool {
    matches!(system, terms::CLIENT_ID | terms::READING_ID)
}

fn write_effective(resource: &mut Value, stored: &StoredReading) {
    let at = |ms| written(ms, stored.offset_minutes);
    match stored.end_ms {
        Some(end_ms) => {
            set(
                resource,
                "effectivePeriod",
                json!({ "start": at(stored.effective_ms), "end": at(end_ms) }),
            );
        }
        None => set(
            resource,
            "effectiveDateTime",
            json!(at(stored.effective_ms)),
        ),
    }
}

fn write_extensions(resource: &mut Value, stored: &StoredReading) {
    let mut extensions = Vec::new();
    if let Some(context) = &stored.context {
        extensions.push(json!({ "url": terms::CONTEXT, "valueString": context }));
    }
    if stored.quality != "ok" {
        extensions.push(json!({ "url": terms::QUALITY, "valueCode": stored.quality }));
    }
    if !extensions.is_empty() {
        set(resource, "extension", Value::Array(extensions));
    }
}

fn write_value(resource: &mut Value, stored: &StoredReading) {
    let unit = unit(stored);
    match (stored.values.first(), stored.kind.metrics.first()) {
        (Some(value), Some(metric)) => {
            set(resource, "valueQuantity", unit.quantity(number(*value)));
            write_judged(resource, stored, metric, *value, &unit);
        }
        _ => set(resource, "dataAbsentReason", absent("error")),
    }
}

/// The components of a panel. The panel itself has no value.
fn write_components(resource: &mut Value, stored: &StoredReading) {
    let unit = unit(stored);
    let each = stored.kind.metrics.iter().enumerate();
    let components = each.map(|(at, metric)| {
        let mut component = json!({ "code": { "coding": [
            { "system": terms::LOINC, "code": metric.loinc, "display": metric.en },
        ], "text": metric.en } });
        match stored.values.get(at) {
            Some(value) => {
                set(
                    &mut component,
                    "valueQuantity",
                    unit.quantity(number(*value)),
                );
                write_judged(&mut component, stored, metric, *value, &unit);
            }
            None => set(&mut component, "dataAbsentReason", absent("unknown")),
        }
        component
    });
    set(resource, "component", components.collect::<Value>());
}

fn write_judged(
    target: &mut Value,
    stored: &StoredReading,
    metric: &Metric,
    value: Milli,
    unit: &Unit<'_>,
) {
    if let Some(judged) = judge(stored, metric.key, value.to_f64(), unit) {
        set(target, "interpretation", json!([judged.interpretation]));
        set(target, "referenceRange", json!([judged.range]));
    }
}

fn unit(stored: &StoredReading) -> Unit<'static> {
    let code = stored.kind.unit;
    Unit {
        shown: terms::unit_shown(stored.kind.key, code),
        code,
    }
}

/// Why there is no value.
pub(crate) fn absent(code: &str) -> Value {
    json!({ "coding": [{ "system": terms::ABSENT_REASONS, "code": code }] })
}

/// A number without decimals where it has none: they would claim a precision.
pub(crate) fn number(value: Milli) -> Value {
    if value.0 % 1000 == 0 {
        json!(value.0 / 1000)
    } else {
        json!(value.to_f64())
    }
}

#[cfg(test)]
mod tests;
