//! One reading, checked: schema, type, unit, hard range, cross-field rules, and
//! last what is only unlikely. The first rule that is broken is reported.

mod data;
mod fields;

use crate::catalogue::{self, Metric, ReadingType, Unit};
use crate::submission::Draft;
use crate::value::Milli;
use crate::violation::{Code, Violation};
pub use data::{SAMPLES_MS_MAX, Samples, Waveform};
use fields::{Fields, Instant};
use serde::Serialize;

/// How far ahead of the server a device's clock may run.
pub const FUTURE_MS_MAX: i64 = 5 * 60 * 1000;
/// 1900-01-01T00:00:00Z.
pub const OLDEST_MS: i64 = -2_208_988_800_000;
/// Pulse pressure outside of this is implausible, in mm\[Hg\].
const PULSE_PRESSURE: (i64, i64) = (15_000, 120_000);

/// How far a reading can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Nothing speaks against it.
    Ok,
    /// Possible, but outside of what is seen in people.
    Implausible,
}

impl Quality {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Implausible => "implausible",
        }
    }

    /// The worse of both.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::Ok, Self::Ok) => Self::Ok,
            _ => Self::Implausible,
        }
    }
}

/// A valid reading in canonical form.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The client's own key.
    pub client_id: Option<String>,
    /// What was measured.
    pub kind: &'static ReadingType,
    /// One value for each metric of the kind, in the canonical unit, rounded.
    pub values: Vec<Milli>,
    /// The values as they were sent.
    pub original_values: Vec<f64>,
    /// The unit as it was sent.
    pub original_unit: &'static str,
    /// When it was measured, in milliseconds since the Unix epoch.
    pub effective_ms: i64,
    /// When the measurement ended, where it took a while.
    pub end_ms: Option<i64>,
    /// Offset of the person's clock from UTC, for local days.
    pub offset_minutes: i32,
    /// Circumstances, as JSON.
    pub context: Option<String>,
    /// What is no number, as JSON. That of a waveform is there from
    /// [`Batch::prepare`](crate::batch::Batch::prepare) on: it names where the samples
    /// are, which depends on whose they are.
    pub data: Option<String>,
    /// The samples of a waveform.
    pub waveform: Option<Waveform>,
    /// The id of the reading that this one corrects.
    pub supersedes: Option<String>,
    /// The device, empty where none was named.
    pub device_id: String,
    /// Where it comes from, empty where nothing was named.
    pub source: String,
    /// How far it can be believed.
    pub quality: Quality,
}

impl Reading {
    /// Whether both tell of the same, whoever else sends it.
    pub fn has_same_value(&self, other: &Self) -> bool {
        self.values == other.values && self.data == other.data
    }
}

/// Checks one draft against the catalogue; `now_ms` is the server's clock.
pub fn check(draft: Draft, now_ms: i64) -> Result<Reading, Violation> {
    let mut fields = Fields::read(draft)?;
    check_instants(&fields, now_ms)?;
    let kind = catalogue::find(&fields.kind).ok_or_else(|| unknown_type(&fields.kind))?;
    let (data, waveform) = data::read(kind, fields.data.take())?;
    if let Some(waveform) = &waveform {
        waveform.stands_for(&mut fields)?;
    }
    let unit = fields::required("unit", fields.unit.as_deref())?;
    let unit = kind.accepted_unit(unit).ok_or_else(|| unknown_unit(kind))?;
    let originals = originals(&fields, kind)?;
    let values = convert(&originals, kind, unit)?;
    check_together(&values, kind)?;
    let quality = fields.quality.worse(quality(&values, kind));
    Ok(Reading {
        client_id: fields.client_id,
        kind,
        values,
        original_values: originals,
        original_unit: unit.code,
        effective_ms: fields.effective.ms,
        end_ms: fields.end.map(|end| end.ms),
        offset_minutes: fields.effective.offset_minutes,
        context: fields.context,
        data,
        waveform,
        supersedes: fields.supersedes,
        device_id: fields.device_id,
        source: fields.source,
        quality,
    })
}

fn unknown_type(name: &str) -> Violation {
    let message = catalogue::instead_of(name).unwrap_or("no such type of reading");
    Violation::new("type", Code::UnknownType, message)
}

fn check_instants(fields: &Fields, now_ms: i64) -> Result<(), Violation> {
    check_instant("effective_at", fields.effective, now_ms)?;
    let Some(end) = fields.end else { return Ok(()) };
    check_instant("end_at", end, now_ms)?;
    if end.ms < fields.effective.ms {
        return Err(Violation::new(
            "end_at",
            Code::EndBeforeStart,
            "the end lies before the start",
        ));
    }
    Ok(())
}

fn check_instant(field: &str, instant: Instant, now_ms: i64) -> Result<(), Violation> {
    if instant.ms > now_ms.saturating_add(FUTURE_MS_MAX) {
        let message = "more than five minutes in the future; is the clock of the device right?";
        return Err(Violation::new(field, Code::FutureTimestamp, message));
    }
    if instant.ms < OLDEST_MS {
        return Err(Violation::new(
            field,
            Code::TimestampTooOld,
            "before the year 1900",
        ));
    }
    Ok(())
}

fn unknown_unit(kind: &ReadingType) -> Violation {
    let accepted: Vec<_> = kind.units.iter().map(|unit| unit.code).collect();
    let message = format!("{} is accepted in: {}", kind.key, accepted.join(", "));
    Violation::new("unit", Code::UnknownUnit, message)
}

/// The value, or one for each component, as they were sent.
fn originals(fields: &Fields, kind: &ReadingType) -> Result<Vec<f64>, Violation> {
    if !kind.is_panel() {
        if fields.components.is_some() {
            let message = format!("{} has a value and no components", kind.key);
            return Err(Violation::new(
                "components",
                Code::UnexpectedComponent,
                message,
            ));
        }
        let missing = || Violation::new("value", Code::MissingField, "a value is needed");
        return Ok(vec![fields.value.ok_or_else(missing)?]);
    }
    if fields.value.is_some() {
        let message = format!("{} has components and no value", kind.key);
        return Err(Violation::new("value", Code::UnexpectedComponent, message));
    }
    let given = fields.components.as_deref().unwrap_or_default();
    let known = |name: &str| kind.metrics.iter().any(|metric| metric.key == name);
    if let Some((name, _)) = given.iter().find(|(name, _)| !known(name)) {
        let message = format!("{} has no such component", kind.key);
        return Err(Violation::new(
            format!("components.{name}"),
            Code::UnexpectedComponent,
            message,
        ));
    }
    kind.metrics
        .iter()
        .map(|metric| component(given, metric))
        .collect()
}

fn component(given: &[(String, f64)], metric: &Metric) -> Result<f64, Violation> {
    let found = given
        .iter()
        .find(|(name, _)| name == metric.key)
        .map(|(_, value)| *value);
    found.ok_or_else(|| {
        Violation::new(
            format!("components.{}", metric.key),
            Code::MissingComponent,
            "this component is needed",
        )
    })
}

fn convert(originals: &[f64], kind: &ReadingType, unit: &Unit) -> Result<Vec<Milli>, Violation> {
    let each = originals
        .iter()
        .zip(kind.metrics)
        .map(|(original, metric)| {
            let value = unit.conversion.apply(*original);
            if metric.hard.contains(value) {
                return Ok(Milli::rounded(value, kind.decimals));
            }
            let field = if kind.is_panel() {
                format!("components.{}", metric.key)
            } else {
                "value".to_owned()
            };
            let message = format!(
                "outside of {} to {} {}",
                metric.hard.min, metric.hard.max, kind.unit
            );
            Err(Violation::new(field, Code::OutOfRange, message))
        });
    each.collect()
}

fn check_together(values: &[Milli], kind: &ReadingType) -> Result<(), Violation> {
    let pressures = if kind.is_panel() { values } else { &[] };
    match pressures {
        [systolic, diastolic] if systolic <= diastolic => {
            let message = "the systolic pressure must be above the diastolic one";
            Err(Violation::new(
                "components",
                Code::SystolicNotAboveDiastolic,
                message,
            ))
        }
        _ => Ok(()),
    }
}

fn quality(values: &[Milli], kind: &ReadingType) -> Quality {
    let usual = values
        .iter()
        .zip(kind.metrics)
        .all(|(value, metric)| metric.warn.contains(value.to_f64()));
    let pressures = if kind.is_panel() { values } else { &[] };
    let pulse_usual = match pressures {
        [systolic, diastolic] => {
            (PULSE_PRESSURE.0..=PULSE_PRESSURE.1).contains(&(systolic.0 - diastolic.0))
        }
        _ => true,
    };
    if usual && pulse_usual {
        Quality::Ok
    } else {
        Quality::Implausible
    }
}

#[cfg(test)]
mod tests;
