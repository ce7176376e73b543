//! Electrocardiograms and waveforms: what is more than one number.

use serde_json::{Map, Number, Value, json};
use suoke_health::view::StoredReading;

use crate::import::{extension, has_loinc};
use crate::json::{at, set};
use crate::normal::Unit;
use crate::observation::{absent, number};
use crate::outcome::{Issue, IssueType};
use crate::terms;

/// Most samples of a waveform: ten minutes of 1,000 Hz.
pub const SAMPLES_MAX: usize = 600_000;
/// LOINC: the rate of the heart.
const RATE: &str = "8867-4";
/// The parts of an electrocardiogram: the member of `data`, LOINC, and the name.
const PARTS: &[(&str, &str, &str)] = &[
    ("qrs_ms", "8633-0", "QRS duration"),
    ("qt_ms", "8634-8", "Q-T interval"),
];

/// What a reading holds beside numbers.
fn data(stored: &StoredReading) -> Value {
    let data = stored.data.as_deref();
    data.and_then(|json| serde_json::from_str(json).ok())
        .unwrap_or_default()
}

/// The conclusion, and the rate and intervals as components.
pub(crate) fn write_summary(resource: &mut Value, stored: &StoredReading) {
    let data = data(stored);
    match at(&data, "conclusion").as_str() {
        Some(conclusion) => {
            set(
                resource,
                "valueCodeableConcept",
                json!({ "coding": [{ "system": terms::PARTS, "code": conclusion }] }),
            );
        }
        None => set(resource, "dataAbsentReason", absent("unknown")),
    }
    let mut components = Vec::new();
    let mut add = |code: &str, name: &str, value: Value, unit: &Unit<'_>| {
        let coding = json!([{ "system": terms::LOINC, "code": code, "display": name }]);
        components
            .push(json!({ "code": { "coding": coding }, "valueQuantity": unit.quantity(value) }));
    };
    if let Some(rate) = stored.values.first() {
        let unit = Unit {
            shown: "beats/minute",
            code: "/min",
        };
        add(RATE, "Heart rate", number(*rate), &unit);
    }
    for (member, code, name) in PARTS {
        if let Some(value) = data.get(member).filter(|value| value.is_number()) {
            add(
                code,
                name,
                value.clone(),
                &Unit {
                    shown: "ms",
                    code: "ms",
                },
            );
        }
    }
    set(resource, "component", Value::Array(components));
}

/// The rate, the intervals and the conclusion of an electrocardiogram.
pub(crate) fn read_summary(
    resource: &Value,
    reading: &mut Map<String, Value>,
) -> Result<(), Issue> {
    let given = resource.get("component").and_then(Value::as_array);
    let given = given.map(Vec::as_slice).unwrap_or_default();
    let of = |code: &str| {
        let found = given.iter().find(|component| has_loinc(component, code))?;
        found
            .pointer("/valueQuantity/value")
            .filter(|value| value.is_number())
            .cloned()
    };
    let rate = of(RATE).ok_or_else(|| {
        let message = "the component 8867-4 (heart rate) is needed";
        Issue::new(IssueType::Required, "Observation.component", message).coded("missing_component")
    })?;
    reading.insert("value".to_owned(), rate);
    reading.insert("unit".to_owned(), "/min".into());
    let parts = PARTS
        .iter()
        .filter_map(|(member, code, _)| Some(((*member).to_owned(), of(code)?)));
    let mut data: Map<String, Value> = parts.collect();
    if let Some(conclusion) = conclusion(resource) {
        data.insert("conclusion".to_owned(), conclusion.into());
    }
    if !data.is_empty() {
        reading.insert("data".to_owned(), Value::Object(data));
    }
    Ok(())
}

fn conclusion(resource: &Value) -> Option<&str> {
    let codings = resource
        .pointer("/valueCodeableConcept/coding")?
        .as_array()?;
    let own = codings
        .iter()
        .find(|coding| at(coding, "system") == terms::PARTS);
    own.or(codings.first())?.get("code")?.as_str()
}

/// The samples as `SampledData`. Samples that are kept as a blob are left out here,
/// which FHIR allows: [`fill`] puts them in where one Observation alone is read.
pub(crate) fn write_samples(resource: &mut Value, stored: &StoredReading) {
    let data = data(stored);
    let exact = at(&data, "frequency_hz").as_f64();
    let kept = stored.values.first().map(|value| value.to_f64());
    let Some(frequency_hz) = exact.or(kept).filter(|hz| *hz > 0.0) else {
        set(resource, "dataAbsentReason", absent("error"));
        return;
    };
    let unit = at(&data, "unit").as_str().unwrap_or("1");
    let origin = data
        .get("origin")
        .filter(|value| value.is_number())
        .cloned();
    let mut sampled = json!({
        "origin": Unit { shown: unit, code: unit }.quantity(origin.unwrap_or_else(|| json!(0))),
        "period": 1000.0 / frequency_hz,
        "dimensions": 1,
    });
    if let Some(factor) = data.get("factor").filter(|value| value.is_number()) {
        set(&mut sampled, "factor", factor.clone());
    }
    set(resource, "valueSampledData", sampled);
    if let Some(blob) = at(&data, "blob").as_str() {
        let named = format!("{blob}#{}", at(&data, "count"));
        let added = json!({ "url": terms::BLOB, "valueString": named });
        match resource.get_mut("extension").and_then(Value::as_array_mut) {
            Some(extensions) => extensions.push(added),
            None => set(resource, "extension", json!([added])),
        }
    }
}

/// The blob that holds the samples of a waveform.
pub fn blob(stored: &StoredReading) -> Option<String> {
    let data = data(stored);
    let blob = at(&data, "blob").as_str().map(str::to_owned);
    blob.filter(|_| stored.kind.key.ends_with("_waveform"))
}

/// Puts samples, a JSON list of numbers as they are kept, into an Observation that was
/// written without. What is no such list is left out.
pub fn fill(resource: &mut Value, samples: &[u8]) {
    let samples: Vec<Number> = serde_json::from_slice(samples).unwrap_or_default();
    let each: Vec<String> = samples.iter().map(Number::to_string).collect();
    if let Some(sampled) = resource
        .get_mut("valueSampledData")
        .filter(|_| !each.is_empty())
    {
        set(sampled, "data", each.join(" "));
    }
}

/// The frequency, the unit and the samples of a waveform.
pub(crate) fn read_samples(
    resource: &Value,
    reading: &mut Map<String, Value>,
) -> Result<(), Issue> {
    let place = "Observation.valueSampledData";
    let needed = |name: &str, message: &str| {
        Issue::new(IssueType::Required, format!("{place}.{name}"), message)
    };
    let Some(sampled) = resource.get("valueSampledData") else {
        return Err(Issue::new(IssueType::Required, place, "samples are needed"));
    };
    if sampled.get("dimensions").is_some_and(|count| count != 1) {
        let message = "samples of one dimension are stored: send each lead as an Observation";
        let place = format!("{place}.dimensions");
        return Err(Issue::new(IssueType::NotSupported, place, message));
    }
    let period_ms = at(sampled, "period")
        .as_f64()
        .filter(|period| *period > 0.0);
    let period_ms =
        period_ms.ok_or_else(|| needed("period", "milliseconds between two samples are needed"))?;
    let unit = ["/origin/code", "/origin/unit"];
    let unit = unit.iter().find_map(|place| sampled.pointer(place));
    let mut data = Map::new();
    match (at(sampled, "data").as_str(), kept(resource)) {
        (Some(text), _) => {
            data.insert("samples".to_owned(), numbers(text)?.into());
        }
        (None, Some((blob, count))) => {
            data.insert("blob".to_owned(), blob.into());
            data.insert("count".to_owned(), count);
        }
        (None, None) => {
            let message = "the samples are needed, with spaces between them";
            return Err(needed("data", message));
        }
    }
    // Periods such as 7.8125 ms come with the noise of binary fractions.
    let frequency_hz = (1e9 / period_ms).round() / 1e6;
    data.insert("frequency_hz".to_owned(), frequency_hz.into());
    data.insert(
        "unit".to_owned(),
        unit.cloned().unwrap_or_else(|| "1".into()),
    );
    for (member, value) in [
        ("origin", sampled.pointer("/origin/value")),
        ("factor", sampled.get("factor")),
    ] {
        if let Some(value) = value {
            data.insert(member.to_owned(), value.clone());
        }
    }
    reading.insert("data".to_owned(), Value::Object(data));
    Ok(())
}

/// The blob that an Observation of ours names in the place of its samples, and how
/// many it holds.
fn kept(resource: &Value) -> Option<(&str, Value)> {
    let blob = extension(resource, terms::BLOB, "valueString")?;
    let (blob, count) = blob.split_once('#')?;
    Some((blob, count.parse::<u64>().ok()?.into()))
}

fn numbers(text: &str) -> Result<Vec<Value>, Issue> {
    let place = "Observation.valueSampledData.data";
    let mut numbers = Vec::new();
    for word in text.split_ascii_whitespace() {
        // Whole numbers stay whole, so that the same samples are the same bytes.
        let whole = word.parse::<i64>().ok().map(Value::from);
        let number = whole.or_else(|| {
            let number = word.parse::<f64>().ok().filter(|number| number.is_finite());
            number.map(Value::from)
        });
        // `E`, `U` and `L` stand for samples that are not there.
        let number = number.ok_or_else(|| {
            let message =
                "decimal numbers are read; samples that failed (E, U, L) cannot be stored";
            Issue::new(IssueType::Value, place, message)
        })?;
        if numbers.len() == SAMPLES_MAX {
            let message = format!("at most {SAMPLES_MAX} samples are stored");
            return Err(Issue::new(IssueType::TooCostly, place, message));
        }
        numbers.push(number);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_numbers_between_spaces() {
        let expected = [json!(1), json!(-2.5), json!(300.0)];
        assert_eq!(numbers(" 1 -2.5  3e2 ").unwrap(), expected);
        for text in ["1 E 2", "U", "1,2", "NaN", "inf"] {
            assert!(numbers(text).is_err(), "{text}");
        }
    }

    #[test]
    fn samples_of_several_leads_are_told_apart() {
        let resource =
            json!({ "valueSampledData": { "dimensions": 2, "period": 4, "data": "1 2" } });
        let issue = read_samples(&resource, &mut Map::new()).unwrap_err();
        assert_eq!(issue.place, "Observation.valueSampledData.dimensions");
    }
}
