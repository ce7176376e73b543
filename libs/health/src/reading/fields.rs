//! The schema: which JSON types and texts the fields hold.

use super::Quality;
use crate::submission::Draft;
use crate::violation::{Code, Violation};
use chrono::{DateTime, NaiveDateTime};
use serde_json::Value;

/// Most characters of `client_id`, `device_id` and `source`.
const TEXT_CHARS_MAX: usize = 128;
/// Most bytes of `context` as JSON.
const CONTEXT_BYTES_MAX: usize = 2_048;

/// One instant and the clock it was read from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instant {
    pub(super) ms: i64,
    pub(super) offset_minutes: i32,
}

/// The fields of a draft in their types.
pub(super) struct Fields {
    pub(super) client_id: Option<String>,
    pub(super) kind: String,
    pub(super) value: Option<f64>,
    pub(super) components: Option<Vec<(String, f64)>>,
    pub(super) unit: Option<String>,
    pub(super) effective: Instant,
    pub(super) end: Option<Instant>,
    pub(super) context: Option<String>,
    pub(super) data: Option<Value>,
    pub(super) quality: Quality,
    pub(super) supersedes: Option<String>,
    pub(super) device_id: String,
    pub(super) source: String,
}

impl Fields {
    pub(super) fn read(draft: Draft) -> Result<Self, Violation> {
        if draft.is_malformed {
            return Err(Violation::new(
                "",
                Code::InvalidJson,
                "this line is no JSON",
            ));
        }
        if !draft.is_object {
            return Err(Violation::new(
                "",
                Code::InvalidType,
                "a reading is a JSON object",
            ));
        }
        if let Some(field) = draft.unknown {
            let shown: String = field.chars().take(TEXT_CHARS_MAX).collect();
            return Err(Violation::new(
                shown,
                Code::UnknownField,
                "a reading has no such field",
            ));
        }
        Ok(Self {
            client_id: text("client_id", draft.client_id)?,
            kind: required("type", text("type", draft.kind)?)?,
            value: draft
                .value
                .map(|value| number("value", &value))
                .transpose()?,
            components: draft.components.map(components).transpose()?,
            unit: text("unit", draft.unit)?,
            effective: required("effective_at", instant("effective_at", draft.effective_at)?)?,
            end: instant("end_at", draft.end_at)?,
            context: context(draft.context)?,
            data: draft.data,
            quality: quality(text("quality", draft.quality)?)?,
            supersedes: id("supersedes", text("supersedes", draft.supersedes)?)?,
            device_id: text("device_id", draft.device_id)?.unwrap_or_default(),
            source: text("source", draft.source)?.unwrap_or_default(),
        })
    }
}

/// How far the sender itself believes the reading.
fn quality(text: Option<String>) -> Result<Quality, Violation> {
    match text.as_deref() {
        None | Some("ok") => Ok(Quality::Ok),
        Some("implausible") => Ok(Quality::Implausible),
        Some(_) => Err(Violation::new(
            "quality",
            Code::InvalidText,
            "this is ok or implausible",
        )),
    }
}

/// The id of a reading: 32 lower-case hexadecimal digits with hyphens.
fn id(field: &str, text: Option<String>) -> Result<Option<String>, Violation> {
    let is_id = |text: &String| {
        text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            })
    };
    if text.as_ref().is_none_or(is_id) {
        return Ok(text);
    }
    let message = "this is the id of a reading";
    Err(Violation::new(field, Code::InvalidText, message))
}

pub(super) fn required<T>(field: &str, value: Option<T>) -> Result<T, Violation> {
    value.ok_or_else(|| Violation::new(field, Code::MissingField, "this field is needed"))
}

pub(super) fn text(field: &str, value: Option<Value>) -> Result<Option<String>, Violation> {
    let text = match value {
        None => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return Err(Violation::new(field, Code::InvalidType, "this is a text")),
    };
    if text.is_empty()
        || text.chars().count() > TEXT_CHARS_MAX
        || text.chars().any(char::is_control)
    {
        let message = format!("1 to {TEXT_CHARS_MAX} characters without control characters");
        return Err(Violation::new(field, Code::InvalidText, message));
    }
    Ok(Some(text))
}

pub(super) fn number(field: &str, value: &Value) -> Result<f64, Violation> {
    let number = value.as_f64().filter(|number| number.is_finite());
    number.ok_or_else(|| Violation::new(field, Code::InvalidType, "this is a number"))
}

fn components(value: Value) -> Result<Vec<(String, f64)>, Violation> {
    let Value::Object(members) = value else {
        return Err(Violation::new(
            "components",
            Code::InvalidType,
            "this is an object of numbers",
        ));
    };
    let given = members.into_iter().filter(|(_, value)| !value.is_null());
    let numbers = given.map(|(name, value)| {
        let shown: String = name.chars().take(TEXT_CHARS_MAX).collect();
        number(&format!("components.{shown}"), &value).map(|number| (shown, number))
    });
    numbers.collect()
}

fn instant(field: &str, value: Option<Value>) -> Result<Option<Instant>, Violation> {
    let Some(text) = text(field, value)? else {
        return Ok(None);
    };
    if let Ok(instant) = DateTime::parse_from_rfc3339(&text) {
        let ms = instant.timestamp_millis();
        return Ok(Some(Instant {
            ms,
            offset_minutes: instant.offset().local_minus_utc() / 60,
        }));
    }
    if text.parse::<NaiveDateTime>().is_ok() {
        let message = "an offset such as Z or +08:00 is needed";
        return Err(Violation::new(field, Code::MissingOffset, message));
    }
    let message = "RFC 3339 with an offset is needed, such as 2026-11-20T08:00:00+08:00";
    Err(Violation::new(field, Code::InvalidTimestamp, message))
}

fn context(value: Option<Value>) -> Result<Option<String>, Violation> {
    let json = match value {
        None => return Ok(None),
        Some(value @ (Value::String(_) | Value::Object(_))) => value.to_string(),
        Some(_) => {
            return Err(Violation::new(
                "context",
                Code::InvalidType,
                "this is a text or an object",
            ));
        }
    };
    if json.len() > CONTEXT_BYTES_MAX {
        let message = format!("at most {CONTEXT_BYTES_MAX} bytes");
        return Err(Violation::new("context", Code::InvalidText, message));
    }
    Ok(Some(json))
}
