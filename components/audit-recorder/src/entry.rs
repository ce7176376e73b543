//! What is kept of an event.

use serde_json::{Map, Value, json};
use suoke_events::Event;
use suoke_events::streams::NewEvent;

/// Where events say who did it, in the order in which they are looked at.
const ACTORS: [&str; 10] = [
    "by",
    "actor",
    "updated_by",
    "added_by",
    "changed_by",
    "removed_by",
    "deleted_by",
    "created_by",
    "owner",
    "subject",
];

/// What says nothing about a person that an id does not.
const KEPT: [&str; 22] = [
    "client_id",
    "count",
    "enabled",
    "environment",
    "flag",
    "grant",
    "group_id",
    "key",
    "key_id",
    "layer",
    "old_role",
    "period",
    "reason",
    "resource",
    "role",
    "saga",
    "service",
    "session_id",
    "status",
    "token_id",
    "user_id",
    "version",
];

/// How long a text that is kept may be, in bytes.
const TEXT_SIZE_BYTES_MAX: usize = 200;

/// How many names of fields are kept.
const FIELDS_MAX: usize = 64;

/// The entry of an event.
pub(crate) fn of(event: &Event) -> NewEvent {
    let none = Map::new();
    let data = event.data.as_object().unwrap_or(&none);
    NewEvent {
        kind: event.kind.clone(),
        data: json!({ "fields": fields(data), "details": details(data) }),
        metadata: json!({
            "actor": actor(data),
            "event_id": event.id,
            "source": event.source,
            "correlation_id": event.correlationid,
            "time": event.time,
        }),
    }
}

/// Who did it; whom it happened to, where nobody else is named.
fn actor(data: &Map<String, Value>) -> Option<&str> {
    let mut named = ACTORS.iter().chain(&["user_id"]);
    named.find_map(|field| text(data.get(*field)))
}

/// The names of the fields that were changed: those the event lists, otherwise those of
/// its data.
fn fields(data: &Map<String, Value>) -> Vec<&str> {
    let listed = |name: &str| data.get(name).and_then(Value::as_array);
    let fields: Vec<&str> = if let Some(changes) = listed("changes") {
        let fields = changes
            .iter()
            .filter_map(|change| text(change.get("field")));
        fields.collect()
    } else if let Some(fields) = listed("fields") {
        fields
            .iter()
            .filter_map(|field| text(Some(field)))
            .collect()
    } else {
        data.keys().map(String::as_str).collect()
    };
    let is_short = |field: &&str| field.len() <= TEXT_SIZE_BYTES_MAX;
    fields
        .into_iter()
        .filter(is_short)
        .take(FIELDS_MAX)
        .collect()
}

fn details(data: &Map<String, Value>) -> Map<String, Value> {
    let is_plain = |value: &Value| match value {
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => text.len() <= TEXT_SIZE_BYTES_MAX,
        _ => false,
    };
    let kept = KEPT.iter().filter_map(|name| {
        let value = data.get(*name).filter(|value| is_plain(value))?;
        Some(((*name).to_owned(), value.clone()))
    });
    kept.collect()
}

fn text(value: Option<&Value>) -> Option<&str> {
    let text = value.and_then(Value::as_str);
    text.filter(|text| !text.is_empty() && text.len() <= TEXT_SIZE_BYTES_MAX)
}
