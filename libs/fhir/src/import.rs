//! An Observation as the JSON of one of our readings, which then is checked like any
//! other: range, unit, time.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use suoke_health::Violation;
use suoke_health::catalogue::ReadingType;

use crate::json::at;
use crate::observation::{is_own_identifier, joined_client_id};
use crate::outcome::{Issue, IssueType};
use crate::{terms, waveform};

/// An Observation that can be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The reading, as `POST /api/v1/health/readings` takes it.
    pub reading: Value,
    /// `subject.reference` as it stands there.
    pub subject: String,
    /// Whether the sender says that it was entered in error.
    pub is_error: bool,
}

/// Reads an Observation.
///
/// # Errors
/// Names the element that is missing or that cannot be kept.
pub fn reading(resource: &Value) -> Result<Imported, Issue> {
    if resource.get("resourceType").and_then(Value::as_str) != Some("Observation") {
        let message = "an Observation is needed: `resourceType` says otherwise";
        return Err(Issue::new(
            IssueType::Structure,
            "Observation.resourceType",
            message,
        ));
    }
    let is_error = status(resource)?;
    let kind = kind(resource)?;
    let mut reading = Map::new();
    reading.insert("type".to_owned(), kind.key.into());
    effective(resource, &mut reading)?;
    match kind.key {
        "ecg_summary" => waveform::read_summary(resource, &mut reading)?,
        "ecg_waveform" | "ppg_waveform" => waveform::read_samples(resource, &mut reading)?,
        _ if kind.is_panel() => components(resource, kind, &mut reading)?,
        _ => value(resource, kind, &mut reading)?,
    }
    circumstances(resource, &mut reading)?;
    Ok(Imported {
        reading: Value::Object(reading),
        subject: subject(resource)?,
        is_error,
    })
}

/// Whether it says to be entered in error; what is not final yet is refused.
fn status(resource: &Value) -> Result<bool, Issue> {
    let place = "Observation.status";
    match resource.get("status").and_then(Value::as_str) {
        Some("final" | "amended" | "corrected") => Ok(false),
        Some("entered-in-error") => Ok(true),
        Some("registered" | "preliminary" | "cancelled" | "unknown") => {
            let message =
                "only `final`, `amended` and `corrected` are stored: send it when it is final";
            Err(Issue::new(IssueType::NotSupported, place, message))
        }
        Some(_) => Err(Issue::new(IssueType::CodeInvalid, place, "no such status")),
        None => Err(Issue::new(
            IssueType::Required,
            place,
            "`status` is needed, such as `final`",
        )),
    }
}

fn kind(resource: &Value) -> Result<&'static ReadingType, Issue> {
    let place = "Observation.code";
    let codings = resource.pointer("/code/coding").and_then(Value::as_array);
    let codings = codings.map(Vec::as_slice).unwrap_or_default();
    if codings.is_empty() {
        let message = "`code.coding` is needed: LOINC or `urn:suoke:reading-type`";
        return Err(Issue::new(IssueType::Required, place, message));
    }
    let named = |system: &str| {
        let of_system = codings
            .iter()
            .filter(|coding| at(coding, "system") == system);
        let codes: Vec<_> = of_system
            .filter_map(|coding| at(coding, "code").as_str())
            .collect();
        let kinds = codes
            .into_iter()
            .flat_map(|code| terms::kinds_of_code(Some(system), code));
        kinds.collect::<Vec<_>>()
    };
    let found = [terms::KINDS, terms::LOINC]
        .into_iter()
        .map(named)
        .find(|kinds| !kinds.is_empty());
    let kinds = found.unwrap_or_default();
    // An electrocardiogram is a waveform when it has samples.
    let has_samples = resource.get("valueSampledData").is_some();
    let fits = |kind: &&&'static ReadingType| kind.key.ends_with("_waveform") == has_samples;
    kinds
        .iter()
        .find(fits)
        .or(kinds.first())
        .copied()
        .ok_or_else(|| {
            let message =
                "no code that is known here: see the CapabilityStatement for those that are";
            Issue::new(IssueType::CodeInvalid, place, message).coded("unknown_type")
        })
}

fn effective(resource: &Value, reading: &mut Map<String, Value>) -> Result<(), Issue> {
    if let Some(at) = resource
        .get("effectiveDateTime")
        .or(resource.get("effectiveInstant"))
    {
        reading.insert("effective_at".to_owned(), at.clone());
        return Ok(());
    }
    if resource.get("effectiveTiming").is_some() {
        let message = "a timing cannot be stored: send `effectiveDateTime` or `effectivePeriod`";
        return Err(Issue::new(
            IssueType::NotSupported,
            "Observation.effectiveTiming",
            message,
        ));
    }
    let Some(start) = resource.pointer("/effectivePeriod/start") else {
        let message = "`effectiveDateTime` or `effectivePeriod.start` is needed, with an offset";
        return Err(Issue::new(
            IssueType::Required,
            "Observation.effective",
            message,
        ));
    };
    reading.insert("effective_at".to_owned(), start.clone());
    if let Some(end) = resource.pointer("/effectivePeriod/end") {
        reading.insert("end_at".to_owned(), end.clone());
    }
    Ok(())
}

fn value(
    resource: &Value,
    kind: &ReadingType,
    reading: &mut Map<String, Value>,
) -> Result<(), Issue> {
    let place = "Observation.valueQuantity";
    let Some(quantity) = resource.get("valueQuantity") else {
        return Err(missing_value(resource, place));
    };
    let (value, unit) = self::quantity(quantity, kind, place)?;
    reading.insert("value".to_owned(), value);
    reading.insert("unit".to_owned(), unit);
    Ok(())
}

fn missing_value(resource: &Value, place: &str) -> Issue {
    if resource.get("dataAbsentReason").is_some() {
        let message = "an Observation without a value says nothing that could be stored";
        return Issue::new(
            IssueType::NotSupported,
            "Observation.dataAbsentReason",
            message,
        );
    }
    Issue::new(
        IssueType::Required,
        place,
        "a quantity with value and unit is needed",
    )
}

/// The value of a quantity, and its unit as our catalogue accepts it.
pub(crate) fn quantity(
    quantity: &Value,
    kind: &ReadingType,
    place: &str,
) -> Result<(Value, Value), Issue> {
    if quantity.get("comparator").is_some() {
        let message = "a value that is only a bound cannot be stored";
        let place = format!("{place}.comparator");
        return Err(Issue::new(IssueType::NotSupported, place, message));
    }
    let Some(value) = quantity.get("value").filter(|value| value.is_number()) else {
        let place = format!("{place}.value");
        return Err(Issue::new(IssueType::Required, place, "a number is needed"));
    };
    let is_ucum = quantity
        .get("system")
        .is_none_or(|system| system == terms::UCUM);
    let code = quantity
        .get("code")
        .and_then(Value::as_str)
        .filter(|_| is_ucum);
    let shown = quantity.get("unit").and_then(Value::as_str);
    let words: Vec<&str> = code.into_iter().chain(shown).collect();
    match terms::accepted_unit(kind, &words) {
        Some(unit) => Ok((value.clone(), unit.into())),
        None => {
            let accepted: Vec<_> = kind.units.iter().map(|unit| unit.code).collect();
            let message = format!("{} is accepted in: {}", kind.key, accepted.join(", "));
            Err(
                Issue::new(IssueType::CodeInvalid, format!("{place}.code"), message)
                    .coded("unknown_unit"),
            )
        }
    }
}

fn components(
    resource: &Value,
    kind: &ReadingType,
    reading: &mut Map<String, Value>,
) -> Result<(), Issue> {
    if ["valueQuantity", "valueString", "valueCodeableConcept"]
        .iter()
        .any(|name| resource.get(name).is_some())
    {
        let message = "a panel has components and no value of its own";
        return Err(Issue::new(
            IssueType::BusinessRule,
            "Observation.value",
            message,
        ));
    }
    let given = resource.get("component").and_then(Value::as_array);
    let given = given.map(Vec::as_slice).unwrap_or_default();
    let mut values = Map::new();
    let mut unit = None;
    for metric in kind.metrics {
        let place = format!("Observation.component({})", metric.key);
        let Some(found) = given
            .iter()
            .find(|component| has_loinc(component, metric.loinc))
        else {
            let message = format!("the component {} ({}) is needed", metric.loinc, metric.en);
            return Err(Issue::new(IssueType::Required, place, message).coded("missing_component"));
        };
        let quantity = found
            .get("valueQuantity")
            .ok_or_else(|| missing_value(found, &place))?;
        let (value, own) = self::quantity(quantity, kind, &place)?;
        values.insert(metric.key.to_owned(), value);
        if unit.get_or_insert_with(|| own.clone()) != &own {
            let message = "the components of a panel have one unit";
            return Err(Issue::new(IssueType::BusinessRule, place, message));
        }
    }
    reading.insert("components".to_owned(), Value::Object(values));
    reading.insert("unit".to_owned(), unit.unwrap_or_default());
    Ok(())
}

/// Whether a component has this code of LOINC.
pub(crate) fn has_loinc(component: &Value, code: &str) -> bool {
    let codings = component.pointer("/code/coding").and_then(Value::as_array);
    let is_it = |coding: &Value| at(coding, "system") == terms::LOINC && at(coding, "code") == code;
    codings.is_some_and(|codings| codings.iter().any(is_it))
}

fn subject(resource: &Value) -> Result<String, Issue> {
    let reference = resource
        .pointer("/subject/reference")
        .and_then(Value::as_str);
    reference.map(str::to_owned).ok_or_else(|| {
        let message = "`subject.reference` is needed, such as `Patient/<id>`";
        Issue::new(IssueType::Required, "Observation.subject", message)
    })
}

/// Who and what measured, where it comes from, and the client's id.
fn circumstances(resource: &Value, reading: &mut Map<String, Value>) -> Result<(), Issue> {
    if let Some(client_id) = client_id(resource) {
        reading.insert("client_id".to_owned(), client_id.into());
    }
    if let Some(device) = device(resource) {
        reading.insert("device_id".to_owned(), device.into());
    }
    let source = resource.pointer("/meta/source").and_then(Value::as_str);
    if let Some(source) = source.and_then(|source| source.strip_prefix(terms::SOURCE)) {
        let source = percent_decode_str(source).decode_utf8().map_err(|_| {
            Issue::new(
                IssueType::Value,
                "Observation.meta.source",
                "this is no text",
            )
        })?;
        reading.insert("source".to_owned(), json!(source));
    }
    if extension(resource, terms::QUALITY, "valueCode") == Some("implausible") {
        reading.insert("quality".to_owned(), "implausible".into());
    }
    if let Some(context) = extension(resource, terms::CONTEXT, "valueString") {
        let context: Value = serde_json::from_str(context).map_err(|_| {
            Issue::new(
                IssueType::Value,
                "Observation.extension",
                "the context is no JSON",
            )
        })?;
        reading.insert("context".to_owned(), context);
    }
    Ok(())
}

/// The value of the first extension of this address.
pub(crate) fn extension<'a>(resource: &'a Value, url: &str, value: &str) -> Option<&'a str> {
    let extensions = resource.get("extension")?.as_array()?;
    let found = extensions
        .iter()
        .find(|extension| at(extension, "url") == url)?;
    found.get(value)?.as_str()
}

/// The first identifier that is not the id we gave.
fn client_id(resource: &Value) -> Option<String> {
    let mut each = identifiers(resource).into_iter();
    let (system, value) = each.find(|(system, _)| *system != Some(terms::READING_ID))?;
    let is_foreign = system.is_some_and(|system| !is_own_identifier(system));
    Some(joined_client_id(system.filter(|_| is_foreign), value))
}

/// The identifiers of an Observation: system and value.
pub fn identifiers(resource: &Value) -> Vec<(Option<&str>, &str)> {
    let given = resource.get("identifier").and_then(Value::as_array);
    let given = given.map(Vec::as_slice).unwrap_or_default();
    let each = given.iter().filter_map(|identifier| {
        let value = identifier.get("value")?.as_str()?;
        Some((identifier.get("system").and_then(Value::as_str), value))
    });
    each.collect()
}

fn device(resource: &Value) -> Option<&str> {
    let places = [
        "/device/identifier/value",
        "/device/reference",
        "/device/display",
    ];
    let mut each = places.iter().filter_map(|place| resource.pointer(place));
    each.find_map(Value::as_str)
}

/// What our own check of the reading found, in the words of the Observation.
pub fn issue(violation: &Violation) -> Issue {
    let place = match violation.field.as_str() {
        "type" => "Observation.code",
        "value" => "Observation.valueQuantity.value",
        "unit" => "Observation.valueQuantity.code",
        "effective_at" => "Observation.effective",
        "end_at" => "Observation.effectivePeriod.end",
        "client_id" => "Observation.identifier",
        "device_id" => "Observation.device",
        "source" => "Observation.meta.source",
        "context" => "Observation.extension",
        field if field.starts_with("components") => "Observation.component",
        field if field.starts_with("data") => "Observation.value",
        _ => "Observation",
    };
    Issue::new(IssueType::BusinessRule, place, violation.message.clone())
        .coded(violation.code.as_str())
}

#[cfg(test)]
mod tests;
