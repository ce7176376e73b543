//! The envelope: CloudEvents 1.0, structured JSON.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use suoke_guest::{Request, clock, ids, json, trace};

use crate::error::EventError;

/// How large an event may be, as JSON.
pub const EVENT_SIZE_BYTES_MAX: usize = 256 * 1024;

/// How long a text attribute may be: consumers refuse a longer one.
pub const ATTRIBUTE_SIZE_BYTES_MAX: usize = 512;

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Always `1.0`.
    pub specversion: String,
    /// Names this event; with `source` it is unique.
    pub id: String,
    /// Who says so: `/components/NAME`.
    pub source: String,
    /// What happened, which is also the channel: `user.created`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it happened to, the aggregate: `consultation/ID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// `application/json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacontenttype: Option<String>,
    /// Ties together everything that one request set off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlationid: Option<String>,
    /// The event that set this one off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causationid: Option<String>,
    /// Counts the events of the aggregate from 1. On the wire it is text, as
    /// the CloudEvents extension wants; numbers are read, too.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "write_sequence",
        deserialize_with = "read_sequence"
    )]
    pub sequence: Option<u64>,
    /// W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The version of what the type promises; without it, 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schemaversion: Option<u32>,
    /// What the type promises.
    #[serde(default)]
    pub data: Value,
    /// Attributes that are not ours; they are handed on.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

impl Event {
    /// A new event of a type, said by a component.
    ///
    /// # Errors
    /// When the data cannot be written as JSON.
    pub fn new<T: Serialize>(kind: &str, component: &str, data: &T) -> Result<Self, EventError> {
        let id = ids::new_id();
        let data = serde_json::to_value(data).map_err(|error| EventError::Data {
            id: id.clone(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            specversion: "1.0".to_owned(),
            correlationid: Some(id.clone()),
            id,
            source: format!("/components/{component}"),
            kind: kind.to_owned(),
            subject: None,
            time: Some(clock::rfc3339(clock::now_ms())),
            datacontenttype: Some("application/json".to_owned()),
            causationid: None,
            sequence: None,
            traceparent: None,
            schemaversion: None,
            data,
            extensions: Map::new(),
        })
    }

    /// The same about an aggregate, such as `consultation/ID`.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// The same, set off by a request: its id and its trace context.
    #[must_use]
    pub fn from_request(mut self, request: &Request) -> Self {
        self.correlationid = Some(request.id().to_owned());
        self.traceparent = request.traceparent().map(str::to_owned);
        self
    }

    /// The same, set off by another event: correlation and trace are kept.
    #[must_use]
    pub fn caused_by(mut self, cause: &Self) -> Self {
        let correlation = cause.correlationid.as_ref().unwrap_or(&cause.id);
        self.correlationid = Some(correlation.clone());
        self.causationid = Some(cause.id.clone());
        self.traceparent = cause.traceparent.clone();
        self
    }

    /// Reads and checks a message.
    ///
    /// # Errors
    /// When it is too large, not JSON, or its envelope is not ours to understand.
    pub fn parse(message: &[u8]) -> Result<Self, EventError> {
        check_size(message, EVENT_SIZE_BYTES_MAX)?;
        let object: Map<String, Value> =
            serde_json::from_slice(message).map_err(|error| EventError::NotJson(place(&error)))?;
        Self::from_object(object)
    }

    /// Checks what was read already.
    pub(crate) fn from_object(object: Map<String, Value>) -> Result<Self, EventError> {
        for attribute in ["specversion", "id", "source", "type"] {
            check_required(&object, attribute)?;
        }
        let version = object.get("specversion").and_then(Value::as_str);
        if version != Some("1.0") {
            return Err(wrong("specversion", "must be 1.0"));
        }
        for attribute in [
            "subject",
            "time",
            "datacontenttype",
            "correlationid",
            "causationid",
            "traceparent",
        ] {
            check_optional(&object, attribute)?;
        }
        check_binary(&object)?;
        if !is_version(object.get("schemaversion")) {
            return Err(wrong("schemaversion", "must be a whole number"));
        }
        let mut event: Self = serde_json::from_value(Value::Object(object))
            .map_err(|error| wrong("sequence", &error.to_string()))?;
        // A broken trace context must not break what it only describes.
        event.traceparent = event.traceparent.filter(|text| trace::is_traceparent(text));
        Ok(event)
    }

    /// The message as it goes over a channel.
    ///
    /// # Errors
    /// When it is larger than a channel should carry.
    pub fn to_message(&self) -> Result<Vec<u8>, EventError> {
        let message = serde_json::to_vec(self).map_err(|error| EventError::Data {
            id: self.id.clone(),
            reason: error.to_string(),
        })?;
        check_size(&message, EVENT_SIZE_BYTES_MAX)?;
        Ok(message)
    }

    /// Refuses what [`parse`](Self::parse) would refuse at every consumer.
    ///
    /// # Errors
    /// [`EventError::Attribute`] with the first attribute that is wrong.
    pub(crate) fn check(&self) -> Result<(), EventError> {
        if self.specversion != "1.0" {
            return Err(wrong("specversion", "must be 1.0"));
        }
        let attributes = [
            ("id", Some(&self.id)),
            ("source", Some(&self.source)),
            ("type", Some(&self.kind)),
            ("subject", self.subject.as_ref()),
            ("time", self.time.as_ref()),
            ("datacontenttype", self.datacontenttype.as_ref()),
            ("correlationid", self.correlationid.as_ref()),
            ("causationid", self.causationid.as_ref()),
            ("traceparent", self.traceparent.as_ref()),
        ];
        for (attribute, text) in attributes {
            text.map_or(Ok(()), |text| check_size_of_text(attribute, text))?;
        }
        check_binary(&self.extensions)
    }

    /// Refuses an event of any other type.
    ///
    /// # Errors
    /// [`EventError::UnknownType`], which no other delivery mends.
    pub fn expect_kind(&self, kinds: &[&str]) -> Result<(), EventError> {
        if kinds.contains(&self.kind.as_str()) {
            return Ok(());
        }
        Err(EventError::UnknownType {
            id: self.id.clone(),
            kind: self.kind.clone(),
            expected: kinds.join(", "),
        })
    }

    /// Refuses data whose version is newer than `version_max`.
    ///
    /// # Errors
    /// [`EventError::UnknownVersion`], which no other delivery mends.
    pub fn expect_version(&self, version_max: u32) -> Result<(), EventError> {
        match self.schemaversion {
            Some(version) if version > version_max => Err(EventError::UnknownVersion {
                id: self.id.clone(),
                version,
                version_max,
            }),
            _ => Ok(()),
        }
    }

    /// The data as what the type promises in its first version.
    ///
    /// # Errors
    /// When it is something else or of a newer version.
    pub fn data_as<T: DeserializeOwned>(&self) -> Result<T, EventError> {
        self.expect_version(1)?;
        serde_path_to_error::deserialize(&self.data).map_err(|error| {
            let path = error.path().to_string();
            let told = json::field_error(&path, &error.inner().to_string());
            EventError::Data {
                id: self.id.clone(),
                reason: format!("\"{}\" {}", told.field, told.message),
            }
        })
    }

    /// What its sequence counts: the subject, or the type where there is none.
    #[must_use]
    pub fn aggregate(&self) -> &str {
        self.subject.as_deref().unwrap_or(&self.kind)
    }
}

pub(crate) fn wrong(attribute: &str, reason: &str) -> EventError {
    EventError::Attribute {
        attribute: attribute.to_owned(),
        reason: reason.to_owned(),
    }
}

/// Refuses what is larger than `size_bytes_max`.
pub(crate) fn check_size(message: &[u8], size_bytes_max: usize) -> Result<(), EventError> {
    if message.len() > size_bytes_max {
        return Err(EventError::TooLarge {
            size_bytes: message.len(),
            size_bytes_max,
        });
    }
    Ok(())
}

fn is_version(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(value) => value
            .as_u64()
            .is_some_and(|version| u32::try_from(version).is_ok()),
    }
}

/// Where the JSON is broken, without what it says.
pub(crate) fn place(error: &serde_json::Error) -> String {
    format!("line {}, column {}", error.line(), error.column())
}

fn check_required(object: &Map<String, Value>, attribute: &str) -> Result<(), EventError> {
    match object.get(attribute) {
        None | Some(Value::Null) => Err(wrong(attribute, "is missing")),
        Some(value) => check_text(attribute, value),
    }
}

fn check_optional(object: &Map<String, Value>, attribute: &str) -> Result<(), EventError> {
    match object.get(attribute) {
        None | Some(Value::Null) => Ok(()),
        Some(value) => check_text(attribute, value),
    }
}

fn check_text(attribute: &str, value: &Value) -> Result<(), EventError> {
    match value.as_str() {
        None => Err(wrong(attribute, "must be text")),
        Some(text) => check_size_of_text(attribute, text),
    }
}

fn check_size_of_text(attribute: &str, text: &str) -> Result<(), EventError> {
    match text.len() {
        0 => Err(wrong(attribute, "must not be empty")),
        1..=ATTRIBUTE_SIZE_BYTES_MAX => Ok(()),
        _ => Err(wrong(attribute, "must be at most 512 bytes long")),
    }
}

fn check_binary(attributes: &Map<String, Value>) -> Result<(), EventError> {
    if attributes.contains_key("data_base64") {
        return Err(wrong("data_base64", "binary data is not accepted"));
    }
    Ok(())
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn write_sequence<S: serde::Serializer>(
    sequence: &Option<u64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match sequence {
        Some(number) => serializer.serialize_str(&format!("{number:010}")),
        None => serializer.serialize_none(),
    }
}

fn read_sequence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let number = match Value::deserialize(deserializer)? {
        Value::Null => return Ok(None),
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number
        .map(Some)
        .ok_or_else(|| serde::de::Error::custom("must be a whole number"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn event() -> Event {
        Event::new("user.created", "user-register", &json!({"user_id": "u1"}))
            .unwrap()
            .about("user/u1")
    }

    fn message(change: impl FnOnce(&mut Map<String, Value>)) -> Vec<u8> {
        let mut value = serde_json::to_value(event()).unwrap();
        change(value.as_object_mut().unwrap());
        serde_json::to_vec(&value).unwrap()
    }

    #[test]
    fn an_event_is_a_cloud_event() {
        let mut event = event();
        event.sequence = Some(7);
        let value: Value = serde_json::from_slice(&event.to_message().unwrap()).unwrap();
        assert_eq!(value["specversion"], "1.0");
        assert_eq!(value["type"], "user.created");
        assert_eq!(value["source"], "/components/user-register");
        assert_eq!(value["subject"], "user/u1");
        assert_eq!(value["sequence"], "0000000007");
        assert_eq!(value["correlationid"], value["id"]);
        assert!(value.get("causationid").is_none());
    }

    #[test]
    fn a_caused_event_keeps_the_correlation() {
        let request = Request::new("POST", "/")
            .with_header("x-request-id", "r1")
            .with_header(
                "traceparent",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            );
        let first = event().from_request(&request);
        let second = event().caused_by(&first);
        let third = event().caused_by(&second);
        assert_eq!(third.correlationid.as_deref(), Some("r1"));
        assert_eq!(third.causationid.as_ref(), Some(&second.id));
        assert_eq!(third.traceparent, first.traceparent);
        assert!(third.traceparent.is_some());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |change: fn(&mut Map<String, Value>)| {
            Event::parse(&message(change)).unwrap_err().to_string()
        };
        for (told, expected) in [
            (
                error(|event| {
                    event.remove("id");
                }),
                "event attribute \"id\": is missing",
            ),
            (
                error(|event| {
                    event.remove("type");
                }),
                "event attribute \"type\": is missing",
            ),
            (
                error(|event| {
                    event["id"] = json!("");
                }),
                "event attribute \"id\": must not be empty",
            ),
            (
                error(|event| {
                    event["type"] = json!(7);
                }),
                "event attribute \"type\": must be text",
            ),
            (
                error(|event| {
                    event["specversion"] = json!("0.3");
                }),
                "event attribute \"specversion\": must be 1.0",
            ),
            (
                error(|event| {
                    event["source"] = json!("x".repeat(513));
                }),
                "event attribute \"source\": must be at most 512 bytes long",
            ),
            (
                error(|event| {
                    event.insert("sequence".into(), json!(-1));
                }),
                "event attribute \"sequence\": must be a whole number",
            ),
            (
                error(|event| {
                    event.insert("data_base64".into(), json!("AA=="));
                }),
                "event attribute \"data_base64\": binary data is not accepted",
            ),
        ] {
            assert_eq!(told, expected);
        }
        assert!(matches!(Event::parse(b"[1]"), Err(EventError::NotJson(_))));
        assert!(matches!(Event::parse(b"\xff"), Err(EventError::NotJson(_))));
    }

    #[test]
    fn odd_data_is_told_without_repeating_it() {
        #[derive(Debug, Deserialize)]
        #[expect(dead_code, reason = "only decoding is looked at")]
        struct Told {
            count: u32,
        }
        let event = Event::new("x", "y", &json!({"count": "secret"})).unwrap();
        let error = event.data_as::<Told>().unwrap_err();
        let expected = format!("data of event {}: \"count\" must be u32", event.id);
        assert_eq!(error.to_string(), expected);
        assert!(error.is_permanent());
    }

    #[test]
    fn unknown_types_and_newer_versions_are_refused_for_good() {
        let mut event = event();
        assert!(event.expect_kind(&["a", "user.created"]).is_ok());
        let error = event.expect_kind(&["a", "b"]).unwrap_err();
        assert!(error.is_permanent() && error.to_string().ends_with("is not one of a, b"));
        event.schemaversion = Some(2);
        let event = Event::parse(&event.to_message().unwrap()).unwrap();
        let error = event.data_as::<Value>().unwrap_err();
        assert!(
            matches!(error, EventError::UnknownVersion { version: 2, .. }),
            "{error}"
        );
        assert!(error.is_permanent() && event.expect_version(2).is_ok());
        let odd = message(|event| {
            event.insert("schemaversion".into(), json!("2"));
        });
        let error = Event::parse(&odd).unwrap_err().to_string();
        assert_eq!(
            error,
            "event attribute \"schemaversion\": must be a whole number"
        );
    }

    #[test]
    fn too_large_is_refused_both_ways() {
        let large = Event::new("x", "y", &"a".repeat(EVENT_SIZE_BYTES_MAX)).unwrap();
        assert!(matches!(
            large.to_message(),
            Err(EventError::TooLarge { .. })
        ));
        let message = vec![b' '; EVENT_SIZE_BYTES_MAX + 1];
        assert!(matches!(
            Event::parse(&message),
            Err(EventError::TooLarge { .. })
        ));
    }

    #[test]
    fn foreign_attributes_are_handed_on_and_a_broken_trace_is_dropped() {
        let parsed = Event::parse(&message(|event| {
            event.insert("tenant".into(), json!("t1"));
            event.insert("traceparent".into(), json!("broken"));
            event.insert("sequence".into(), json!(3));
        }))
        .unwrap();
        assert_eq!(parsed.extensions.get("tenant"), Some(&json!("t1")));
        assert_eq!((parsed.traceparent, parsed.sequence), (None, Some(3)));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec(("[a-z]{1,8}", inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_event_survives_the_wire(
            kind in "[a-z.]{1,40}",
            subject in proptest::option::of("\\PC{1,60}"),
            sequence in proptest::option::of(any::<u64>()),
            data in any_json(),
        ) {
            let mut event = Event::new(&kind, "c", &data).unwrap();
            event.subject = subject;
            event.sequence = sequence;
            prop_assert_eq!(Event::parse(&event.to_message().unwrap()).unwrap(), event);
        }

        #[test]
        fn no_message_breaks_the_parser(message in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Event::parse(&message);
        }
    }
}
