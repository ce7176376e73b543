//! A reading as it is sent, and what must become of it.

use std::fmt::Write as _;

use crate::clock::{DAY_MS, days_of, local_text, rfc3339};
use crate::day::{Device, Measured};
use crate::fault::Fault;
use crate::kind::{Judged, Kind, Milli};
use crate::person::Person;

/// Readings from here on are of the future, whenever the server takes them.
const FUTURE_MS: i64 = days_of(2098, 1, 1) * DAY_MS;
/// Readings before are refused.
const OLDEST_MS: i64 = days_of(1900, 1, 1) * DAY_MS;

/// One reading as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Whose.
    pub person: u32,
    /// What measured it.
    pub device: Device,
    /// Its device's name.
    pub device_id: String,
    /// Where it says to come from.
    pub source: &'static str,
    /// What was measured.
    pub kind: Kind,
    /// The value of `type`.
    pub type_name: &'static str,
    /// The value as it is sent, in thousandths.
    pub sent: Milli,
    /// The second one of a blood pressure.
    pub sent2: Option<Milli>,
    /// The unit as it is sent.
    pub unit: &'static str,
    /// When it was measured, as its device believes.
    pub at_ms: i64,
    /// When it ended.
    pub end_ms: Option<i64>,
    /// The clock that is shown.
    pub offset_minutes: i32,
    /// Whether the clock's offset is told.
    pub has_offset: bool,
    /// The device's own name for it.
    pub client_id: Option<String>,
    /// JSON of the circumstances.
    pub context: Option<&'static str>,
    /// What is wrong with it.
    pub fault: Option<Fault>,
    /// Whether its clock shows the time of another zone.
    pub is_offset_wrong: bool,
}

/// What must become of a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is kept, unless it is there already.
    Kept(Kept),
    /// It is refused with this code.
    Refused(&'static str),
}

/// A reading as it must be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Whose.
    pub person: u32,
    /// What measured it.
    pub device: Device,
    /// What was measured.
    pub kind: Kind,
    /// The value in the canonical unit, rounded.
    pub value: Milli,
    /// The second one of a blood pressure.
    pub value2: Option<Milli>,
    /// When.
    pub at_ms: i64,
    /// Whether it is what people have; else it is marked as implausible.
    pub usual: bool,
}

impl Reading {
    pub(crate) fn of(person: &Person, measured: &Measured) -> Self {
        let Measured {
            device,
            kind,
            value,
            value2,
            at_ms,
            end_ms,
            context,
        } = *measured;
        // Apps on phones name what they send; sensors do not.
        let named = matches!(device, Device::Phone | Device::Clinic);
        Self {
            person: person.index,
            device,
            device_id: format!("{}-{}", device.name(), person.index),
            source: device.source(person),
            kind,
            type_name: kind.key(),
            sent: value,
            sent2: value2,
            unit: kind.unit().code,
            at_ms,
            end_ms,
            offset_minutes: person.offset_minutes,
            has_offset: true,
            client_id: named.then(|| format!("{}-{}", kind.key(), at_ms / 1_000)),
            context,
            fault: None,
            is_offset_wrong: false,
        }
    }

    /// Moves it in time.
    pub(crate) fn shift(&mut self, by_ms: i64) {
        self.at_ms += by_ms;
        self.end_ms = self.end_ms.map(|end_ms| end_ms + by_ms);
    }

    /// What must become of it, by rules written down here independently of the
    /// application.
    #[must_use]
    pub fn fate(&self) -> Fate {
        let refused = if !self.has_offset {
            Some("missing_offset")
        } else if self.at_ms >= FUTURE_MS {
            Some("future_timestamp")
        } else if self.at_ms < OLDEST_MS {
            Some("timestamp_too_old")
        } else if self.type_name != self.kind.key() {
            Some("unknown_type")
        } else {
            None
        };
        if let Some(code) = refused {
            return Fate::Refused(code);
        }
        match self.kind.judge(self.sent, self.sent2, self.unit) {
            Judged::Refused(code) => Fate::Refused(code),
            Judged::Kept {
                value,
                value2,
                usual,
            } => Fate::Kept(Kept {
                person: self.person,
                device: self.device,
                kind: self.kind,
                value,
                value2,
                at_ms: self.at_ms,
                usual,
            }),
        }
    }

    /// When it was measured, as text.
    #[must_use]
    pub fn effective_at(&self) -> String {
        if self.has_offset {
            rfc3339(self.at_ms, self.offset_minutes)
        } else {
            local_text(self.at_ms, self.offset_minutes)
        }
    }

    /// The value as text; two with a stroke between them for a blood pressure.
    #[must_use]
    pub fn value_text(&self) -> String {
        let second = self.sent2.map(|second| format!("/{}", decimal(second)));
        decimal(self.sent) + &second.unwrap_or_default()
    }

    /// Its JSON in a batch.
    pub(crate) fn write_json(&self, text: &mut String, alone: bool) {
        text.push('{');
        if alone {
            self.write_origin(text);
            text.push(',');
        }
        if let Some(client_id) = &self.client_id {
            let _ = write!(text, "\"client_id\":\"{client_id}\",");
        }
        let _ = write!(text, "\"type\":\"{}\",", self.type_name);
        match self.sent2 {
            None => {
                let _ = write!(text, "\"value\":{},", decimal(self.sent));
            }
            Some(second) => {
                let _ = write!(
                    text,
                    "\"components\":{{\"systolic\":{},\"diastolic\":{}}},",
                    decimal(self.sent),
                    decimal(second)
                );
            }
        }
        let at = self.effective_at();
        let _ = write!(text, "\"unit\":\"{}\",\"effective_at\":\"{at}\"", self.unit);
        if let Some(end_ms) = self.end_ms {
            let end = rfc3339(end_ms, self.offset_minutes);
            let _ = write!(text, ",\"end_at\":\"{end}\"");
        }
        if let Some(context) = self.context {
            let _ = write!(text, ",\"context\":{context}");
        }
        text.push('}');
    }

    pub(crate) fn write_origin(&self, text: &mut String) {
        let (device, source) = (&self.device_id, self.source);
        // Writing into a String cannot fail.
        let _ = write!(text, "\"device_id\":\"{device}\",\"source\":\"{source}\"");
    }
}

/// A number of thousandths as JSON has it: 36,600 is `36.6`.
#[must_use]
pub fn decimal(milli: Milli) -> String {
    let sign = if milli < 0 { "-" } else { "" };
    let (whole, part) = (milli.unsigned_abs() / 1_000, milli.unsigned_abs() % 1_000);
    if part == 0 {
        return format!("{sign}{whole}");
    }
    let text = format!("{sign}{whole}.{part:03}");
    text.trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousandths_are_written_as_json_numbers() {
        for (milli, text) in [(36_600, "36.6"), (72_000, "72"), (-5, "-0.005"), (0, "0")] {
            assert_eq!(decimal(milli), text);
        }
    }
}
