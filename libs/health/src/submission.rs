//! The bytes of a request as drafts: which fields are there, not yet whether they
//! are right. One draft that is wrong does not spoil the others.

use crate::violation::{Code, Violation};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// Most readings in one request.
pub const READINGS_MAX: usize = 1_000;
/// Most bytes in one request.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// One reading as it was sent.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    pub(crate) client_id: Option<Value>,
    pub(crate) kind: Option<Value>,
    pub(crate) value: Option<Value>,
    pub(crate) components: Option<Value>,
    pub(crate) unit: Option<Value>,
    pub(crate) effective_at: Option<Value>,
    pub(crate) end_at: Option<Value>,
    pub(crate) context: Option<Value>,
    pub(crate) data: Option<Value>,
    pub(crate) quality: Option<Value>,
    pub(crate) supersedes: Option<Value>,
    pub(crate) device_id: Option<Value>,
    pub(crate) source: Option<Value>,
    pub(crate) unknown: Option<String>,
    pub(crate) is_object: bool,
    pub(crate) is_malformed: bool,
    readings: Option<Vec<Draft>>,
}

/// What one request holds.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Whether it is one reading alone and not a batch of them.
    pub single: bool,
    /// The readings, in the order of the request.
    pub drafts: Vec<Draft>,
}

/// Reads one reading, or a batch `{device_id?, source?, readings: […]}` whose
/// `device_id` and `source` hold for the readings that name none.
pub fn parse(body: &[u8]) -> Result<Submission, Violation> {
    let draft: Draft = serde_json::from_slice(body).map_err(|error| {
        Violation::new(
            "",
            Code::InvalidJson,
            format!("the body is not valid: {error}"),
        )
    })?;
    submission(draft)
}

/// Reads one reading a line (NDJSON). `device_id` and `source` hold for the readings
/// that name none. A line that is no JSON is refused alone; empty lines do not count.
pub fn parse_lines(
    body: &[u8],
    device_id: Option<&str>,
    source: Option<&str>,
) -> Result<Submission, Violation> {
    let (device_id, source) = (device_id.map(Value::from), source.map(Value::from));
    let mut drafts = Vec::new();
    let lines = body.split(|byte| *byte == b'\n');
    for line in lines.filter(|line| !line.trim_ascii().is_empty()) {
        if drafts.len() == READINGS_MAX {
            return Err(too_many());
        }
        let mut draft = match serde_json::from_slice::<Inner>(line) {
            Ok(Inner(draft)) => draft,
            Err(_) => Draft {
                is_malformed: true,
                ..Draft::default()
            },
        };
        draft.device_id = draft.device_id.take().or_else(|| device_id.clone());
        draft.source = draft.source.take().or_else(|| source.clone());
        drafts.push(draft);
    }
    if drafts.is_empty() {
        return Err(empty(""));
    }
    Ok(Submission {
        single: false,
        drafts,
    })
}

fn empty(field: &str) -> Violation {
    Violation::new(field, Code::EmptyBatch, "at least one reading is needed")
}

fn too_many() -> Violation {
    let message = format!("at most {READINGS_MAX} readings are accepted at once");
    Violation::new("readings", Code::TooManyReadings, message)
}

/// [`parse`] for a body that was decoded already.
pub fn submission(mut draft: Draft) -> Result<Submission, Violation> {
    let Some(mut drafts) = draft.readings.take() else {
        return Ok(Submission {
            single: true,
            drafts: vec![draft],
        });
    };
    if let Some(field) = draft.foreign_to_batch() {
        return Err(Violation::new(
            field,
            Code::UnknownField,
            "a batch has no such field",
        ));
    }
    if drafts.is_empty() {
        return Err(empty("readings"));
    }
    if drafts.len() > READINGS_MAX {
        return Err(too_many());
    }
    for each in &mut drafts {
        each.device_id = each.device_id.take().or_else(|| draft.device_id.clone());
        each.source = each.source.take().or_else(|| draft.source.clone());
    }
    Ok(Submission {
        single: false,
        drafts,
    })
}

impl Draft {
    /// The first field that a batch cannot have.
    fn foreign_to_batch(&self) -> Option<&str> {
        let own = [
            ("client_id", &self.client_id),
            ("type", &self.kind),
            ("value", &self.value),
            ("components", &self.components),
            ("unit", &self.unit),
            ("effective_at", &self.effective_at),
            ("end_at", &self.end_at),
            ("context", &self.context),
            ("data", &self.data),
            ("quality", &self.quality),
            ("supersedes", &self.supersedes),
        ];
        let named = own
            .iter()
            .find(|(_, value)| value.is_some())
            .map(|(name, _)| *name);
        named.or(self.unknown.as_deref())
    }

    fn slot(&mut self, field: &str) -> Option<&mut Option<Value>> {
        Some(match field {
            "client_id" => &mut self.client_id,
            "type" => &mut self.kind,
            "value" => &mut self.value,
            "components" => &mut self.components,
            "unit" => &mut self.unit,
            "effective_at" => &mut self.effective_at,
            "end_at" => &mut self.end_at,
            "context" => &mut self.context,
            "data" => &mut self.data,
            "quality" => &mut self.quality,
            "supersedes" => &mut self.supersedes,
            "device_id" => &mut self.device_id,
            "source" => &mut self.source,
            _ => return None,
        })
    }
}

impl<'de> Deserialize<'de> for Draft {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DraftVisitor {
            inside_batch: false,
        })
    }
}

/// A reading inside a batch: anything that is not an object is a draft that fails alone.
struct Inner(Draft);

impl<'de> Deserialize<'de> for Inner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(DraftVisitor { inside_batch: true })
            .map(Inner)
    }
}

/// The readings of a batch: one too many is kept to tell that, and none after it.
struct Drafts(Vec<Draft>);

impl<'de> Deserialize<'de> for Drafts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(DraftsVisitor)
    }
}

struct DraftsVisitor;

impl<'de> Visitor<'de> for DraftsVisitor {
    type Value = Drafts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of readings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Drafts, A::Error> {
        let mut drafts = Vec::new();
        while drafts.len() <= READINGS_MAX {
            let Some(Inner(draft)) = items.next_element()? else {
                return Ok(Drafts(drafts));
            };
            drafts.push(draft);
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Drafts(drafts))
    }
}

struct DraftVisitor {
    inside_batch: bool,
}

impl<'de> Visitor<'de> for DraftVisitor {
    type Value = Draft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reading, or an object with a list of readings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Draft, A::Error> {
        let mut draft = Draft {
            is_object: true,
            ..Draft::default()
        };
        while let Some(field) = map.next_key::<String>()? {
            if field == "readings" && !self.inside_batch {
                let Drafts(drafts) = map.next_value()?;
                draft.readings = Some(drafts);
            } else if let Some(slot) = draft.slot(&field) {
                // An explicit null is the same as leaving the field out.
                *slot = map.next_value::<Option<Value>>()?;
            } else {
                map.next_value::<IgnoredAny>()?;
                draft.unknown.get_or_insert(field);
            }
        }
        Ok(draft)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Draft, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Draft::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Draft, E> {
        Ok(Draft::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Draft, E> {
        Ok(Draft::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Draft, E> {
        Ok(Draft::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Draft, E> {
        Ok(Draft::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Draft, E> {
        Ok(Draft::default())
    }

    fn visit_unit<E>(self) -> Result<Draft, E> {
        Ok(Draft::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_one_reading() {
        let submission = parse(br#"{"type":"steps","value":1}"#).unwrap();
        assert!(submission.single);
        assert_eq!(submission.drafts.len(), 1);
    }

    #[test]
    fn hands_device_and_source_down() {
        let json = br#"{"device_id":"w","source":"s","readings":[{},{"device_id":"x"}]}"#;
        let submission = parse(json).unwrap();
        assert!(!submission.single);
        let devices: Vec<_> = submission
            .drafts
            .iter()
            .map(|draft| draft.device_id.clone().unwrap())
            .collect();
        assert_eq!(devices, ["w", "x"]);
        assert!(
            submission
                .drafts
                .iter()
                .all(|draft| draft.source == Some("s".into()))
        );
    }

    #[test]
    fn refuses_what_is_wrong_as_a_whole() {
        let cases: [(&[u8], Code); 6] = [
            (b"", Code::InvalidJson),
            (b"{", Code::InvalidJson),
            (br#"{"readings":[]}"#, Code::EmptyBatch),
            (br#"{"readings":7}"#, Code::InvalidJson),
            (br#"{"readings":[{}],"unit":"kg"}"#, Code::UnknownField),
            (br#"{"readings":[{}],"more":1}"#, Code::UnknownField),
        ];
        for (body, code) in cases {
            assert_eq!(parse(body).unwrap_err().code, code);
        }
        let many = format!(
            "{{\"readings\":[{}]}}",
            vec!["{}"; READINGS_MAX + 1].join(",")
        );
        assert_eq!(
            parse(many.as_bytes()).unwrap_err().code,
            Code::TooManyReadings
        );
        let most = format!("{{\"readings\":[{}]}}", vec!["{}"; READINGS_MAX].join(","));
        assert_eq!(parse(most.as_bytes()).unwrap().drafts.len(), READINGS_MAX);
    }

    #[test]
    fn what_is_beyond_the_bound_is_not_kept() {
        let zeros = format!(
            "{{\"readings\":[{}0]}}",
            "0,".repeat(BODY_BYTES_MAX / 2 - 20)
        );
        let draft: Draft = serde_json::from_str(&zeros).unwrap();
        assert_eq!(draft.readings.as_ref().unwrap().len(), READINGS_MAX + 1);
        assert_eq!(submission(draft).unwrap_err().code, Code::TooManyReadings);
        // What is no JSON is found there, too.
        let broken = zeros.replace("0]}", "]}");
        assert_eq!(
            parse(broken.as_bytes()).unwrap_err().code,
            Code::InvalidJson
        );
    }

    #[test]
    fn each_line_is_a_reading_of_its_own() {
        let body = b"{\"type\":\"steps\"}\n\n {\"device_id\":\"x\"}\r\n{broken\n[]";
        let submission = parse_lines(body, Some("w"), None).unwrap();
        assert!(!submission.single);
        let devices: Vec<_> = submission
            .drafts
            .iter()
            .map(|draft| draft.device_id.clone().unwrap())
            .collect();
        assert_eq!(devices, ["w", "x", "w", "w"]);
        let broken: Vec<_> = submission
            .drafts
            .iter()
            .map(|draft| (draft.is_object, draft.is_malformed))
            .collect();
        assert_eq!(
            broken,
            [(true, false), (true, false), (false, true), (false, false)]
        );
    }

    #[test]
    fn lines_have_the_bounds_of_batches() {
        assert_eq!(
            parse_lines(b" \n\n", None, None).unwrap_err().code,
            Code::EmptyBatch
        );
        let most = "{}\n".repeat(READINGS_MAX);
        let drafts = parse_lines(most.as_bytes(), None, None).unwrap().drafts;
        assert_eq!(drafts.len(), READINGS_MAX);
        let many = most + "{}";
        assert_eq!(
            parse_lines(many.as_bytes(), None, None).unwrap_err().code,
            Code::TooManyReadings
        );
        // A batch cannot be a line.
        let nested = parse_lines(br#"{"readings":[{}]}"#, None, None).unwrap();
        assert_eq!(nested.drafts[0].unknown.as_deref(), Some("readings"));
    }

    #[test]
    fn keeps_items_that_are_no_objects_as_drafts() {
        let submission =
            parse(br#"{"readings":[1,"a",null,[1,[2]],true,-1.5,{"readings":[]}]}"#).unwrap();
        assert_eq!(submission.drafts.len(), 7);
        assert_eq!(
            submission
                .drafts
                .iter()
                .filter(|draft| draft.is_object)
                .count(),
            1
        );
        assert_eq!(
            submission
                .drafts
                .last()
                .and_then(|draft| draft.unknown.as_deref()),
            Some("readings")
        );
    }
}
