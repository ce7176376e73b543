//! What a reading holds that is no number: the findings of an ECG, and samples.

use super::fields::{Fields, number, required, text};
use crate::blob::blob_id;
use crate::catalogue::{ReadingType, Shape};
use crate::violation::{Code, Violation};
use serde::Serialize;
use serde_json::{Map, Value};

/// How long a waveform lasts at most.
pub const SAMPLES_MS_MAX: f64 = 10.0 * 60.0 * 1_000.0;

/// Plausible durations in an ECG, in milliseconds (engineering default): outside of
/// them something else was measured.
const QRS_MS: (f64, f64) = (20.0, 400.0);
const QT_MS: (f64, f64) = (100.0, 1_000.0);

/// What an ECG can come to.
const CONCLUSIONS: [&str; 12] = [
    "sinus_rhythm",
    "sinus_bradycardia",
    "sinus_tachycardia",
    "atrial_fibrillation",
    "atrial_flutter",
    "premature_beats",
    "av_block",
    "bundle_branch_block",
    "st_change",
    "inconclusive",
    "poor_signal",
    "other",
];

/// What samples count, by the kind of waveform.
const UNITS: [(&str, &[&str]); 2] = [
    ("ecg_waveform", &["mV", "uV"]),
    ("ppg_waveform", &["{adc}", "1"]),
];

/// The findings of an ECG.
#[derive(Serialize)]
struct Summary {
    #[serde(skip_serializing_if = "Option::is_none")]
    qrs_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qt_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conclusion: Option<String>,
}

/// Samples, described as `SampledData` of FHIR: the physical value of a sample is
/// `origin + sample × factor` in `unit`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Waveform {
    /// Samples a second.
    pub frequency_hz: f64,
    /// Unit of the physical values.
    pub unit: String,
    /// Physical value of a sample of 0.
    pub origin: f64,
    /// Physical value of a step of 1.
    pub factor: f64,
    /// How many samples.
    pub count: usize,
    /// The id of the blob with the samples. Empty until whose they are is known,
    /// where they come with the reading.
    pub blob: String,
    /// The samples that came with the reading, as a JSON list.
    #[serde(skip)]
    pub samples: Option<Vec<u8>>,
}

/// Bytes that a reading needs in the store of blobs.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// The id of the blob.
    pub blob: String,
    /// Its bytes: a JSON list of numbers. None where the blob has to be there already.
    pub bytes: Option<Vec<u8>>,
}

impl Waveform {
    /// Names the blob of a person's samples. Gives the data of the reading as JSON,
    /// and what has to be in the store of blobs.
    pub(crate) fn place(mut self, user_id: &str) -> (String, Samples) {
        if let Some(bytes) = &self.samples {
            self.blob = blob_id(user_id, bytes);
        }
        let data = serde_json::to_string(&self).unwrap_or_default();
        let samples = Samples {
            blob: self.blob,
            bytes: self.samples,
        };
        (data, samples)
    }

    /// The value of a waveform is its frequency, which is said once.
    pub(super) fn stands_for(&self, fields: &mut Fields) -> Result<(), Violation> {
        for (field, is_there) in [
            ("value", fields.value.is_some()),
            ("unit", fields.unit.is_some()),
        ] {
            if is_there {
                let message = "a waveform has this in its data";
                return Err(Violation::new(field, Code::UnexpectedComponent, message));
            }
        }
        fields.value = Some(self.frequency_hz);
        fields.unit = Some("Hz".to_owned());
        Ok(())
    }
}

/// Checks `data` for a kind: JSON of what is kept, or samples.
pub(super) fn read(
    kind: &ReadingType,
    data: Option<Value>,
) -> Result<(Option<String>, Option<Waveform>), Violation> {
    let members = match (kind.shape, data) {
        (Shape::Summary, None) => return Ok((None, None)),
        (Shape::Scalar | Shape::Panel, None) => return Ok((None, None)),
        (Shape::Scalar | Shape::Panel, Some(_)) => {
            let message = format!("{} has no data", kind.key);
            return Err(Violation::new("data", Code::UnknownField, message));
        }
        (Shape::Waveform, None) => {
            let message = "this field is needed: frequency_hz, unit, and samples or a blob";
            return Err(Violation::new("data", Code::MissingField, message));
        }
        (_, Some(Value::Object(members))) => members,
        (_, Some(_)) => {
            return Err(Violation::new(
                "data",
                Code::InvalidType,
                "this is an object",
            ));
        }
    };
    if kind.is_waveform() {
        return waveform(kind, members).map(|waveform| (None, Some(waveform)));
    }
    let data = serde_json::to_string(&summary(members)?).unwrap_or_default();
    Ok((Some(data), None))
}

fn summary(mut members: Map<String, Value>) -> Result<Summary, Violation> {
    let summary = Summary {
        qrs_ms: within(&mut members, "qrs_ms", QRS_MS)?,
        qt_ms: within(&mut members, "qt_ms", QT_MS)?,
        conclusion: text("data.conclusion", taken(&mut members, "conclusion"))?,
    };
    nothing_else(&members)?;
    let known = |code: &String| CONCLUSIONS.contains(&code.as_str());
    if !summary.conclusion.as_ref().is_none_or(known) {
        let message = format!("one of: {}", CONCLUSIONS.join(", "));
        return Err(Violation::new(
            "data.conclusion",
            Code::InvalidText,
            message,
        ));
    }
    Ok(summary)
}

fn waveform(kind: &ReadingType, mut members: Map<String, Value>) -> Result<Waveform, Violation> {
    let frequency = taken(&mut members, "frequency_hz");
    let frequency = required("data.frequency_hz", frequency)?;
    let frequency_hz = number("data.frequency_hz", &frequency)?;
    let unit = text("data.unit", taken(&mut members, "unit"))?;
    let unit = sample_unit(kind, required("data.unit", unit)?)?;
    let origin = optional_number(&mut members, "origin")?.unwrap_or(0.0);
    let factor = optional_number(&mut members, "factor")?.unwrap_or(1.0);
    let (samples, count, blob) = content(&mut members)?;
    nothing_else(&members)?;
    check_hard(kind, frequency_hz)?;
    if factor == 0.0 {
        let message = "samples times 0 say nothing";
        return Err(Violation::new("data.factor", Code::OutOfRange, message));
    }
    if count as f64 / frequency_hz * 1_000.0 > SAMPLES_MS_MAX {
        let field = if samples.is_some() {
            "data.samples"
        } else {
            "data.count"
        };
        let message = "at most ten minutes; send several readings";
        return Err(Violation::new(field, Code::OutOfRange, message));
    }
    Ok(Waveform {
        frequency_hz,
        unit,
        origin,
        factor,
        count,
        blob,
        samples,
    })
}

fn sample_unit(kind: &ReadingType, unit: String) -> Result<String, Violation> {
    let known = UNITS.iter().find(|(key, _)| *key == kind.key);
    let units = known.map_or(&[] as &[&str], |(_, units)| units);
    if units.contains(&unit.as_str()) {
        return Ok(unit);
    }
    let message = format!("samples are accepted in: {}", units.join(", "));
    Err(Violation::new("data.unit", Code::UnknownUnit, message))
}

/// The frequency is the value of the reading: it is named here, where it was sent.
fn check_hard(kind: &ReadingType, frequency_hz: f64) -> Result<(), Violation> {
    let hard = kind.metrics.first().map(|metric| metric.hard);
    let Some(hard) = hard.filter(|hard| !hard.contains(frequency_hz)) else {
        return Ok(());
    };
    let message = format!("outside of {} to {} Hz", hard.min, hard.max);
    Err(Violation::new(
        "data.frequency_hz",
        Code::OutOfRange,
        message,
    ))
}

/// The samples with their number, or the blob that holds so many.
fn content(
    members: &mut Map<String, Value>,
) -> Result<(Option<Vec<u8>>, usize, String), Violation> {
    let samples = taken(members, "samples");
    let blob = text("data.blob", taken(members, "blob"))?;
    let count = taken(members, "count");
    match (samples, blob) {
        (Some(Value::Array(samples)), None) => {
            if count.is_some_and(|count| count.as_u64() != u64::try_from(samples.len()).ok()) {
                let message = "not the number of samples; leave it out";
                return Err(Violation::new("data.count", Code::OutOfRange, message));
            }
            if samples.is_empty() {
                let message = "at least one sample is needed";
                return Err(Violation::new("data.samples", Code::MissingField, message));
            }
            if !samples.iter().all(Value::is_number) {
                let message = "these are numbers";
                return Err(Violation::new("data.samples", Code::InvalidType, message));
            }
            let bytes = serde_json::to_vec(&samples).unwrap_or_default();
            Ok((Some(bytes), samples.len(), String::new()))
        }
        (None, Some(blob)) => {
            let count = required("data.count", count)?;
            let count = count.as_u64().filter(|count| *count > 0);
            let count = count.and_then(|count| usize::try_from(count).ok());
            let message = "how many samples the blob holds";
            let wrong = || Violation::new("data.count", Code::InvalidType, message);
            Ok((None, count.ok_or_else(wrong)?, blob))
        }
        (Some(Value::Array(_)) | None, _) => {
            let message = "either samples or a blob is needed";
            Err(Violation::new("data.samples", Code::MissingField, message))
        }
        (Some(_), _) => {
            let message = "this is a list of numbers";
            Err(Violation::new("data.samples", Code::InvalidType, message))
        }
    }
}

/// Takes a member; null is the same as leaving it out.
fn taken(members: &mut Map<String, Value>, name: &str) -> Option<Value> {
    members.remove(name).filter(|value| !value.is_null())
}

fn optional_number(members: &mut Map<String, Value>, name: &str) -> Result<Option<f64>, Violation> {
    let value = taken(members, name);
    let field = format!("data.{name}");
    value.map(|value| number(&field, &value)).transpose()
}

fn within(
    members: &mut Map<String, Value>,
    name: &str,
    (min, max): (f64, f64),
) -> Result<Option<f64>, Violation> {
    let value = optional_number(members, name)?;
    if value.is_none_or(|value| (min..=max).contains(&value)) {
        return Ok(value);
    }
    let message = format!("outside of {min} to {max} ms");
    Err(Violation::new(
        format!("data.{name}"),
        Code::OutOfRange,
        message,
    ))
}

fn nothing_else(members: &Map<String, Value>) -> Result<(), Violation> {
    let Some(name) = members.iter().find(|(_, value)| !value.is_null()) else {
        return Ok(());
    };
    let shown: String = name.0.chars().take(64).collect();
    Err(Violation::new(
        format!("data.{shown}"),
        Code::UnknownField,
        "there is no such field",
    ))
}
