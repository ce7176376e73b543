//! JSON objects whose fields are the caller's own: settings, profiles.

use serde_json::{Map, Value};

use crate::error::FieldError;

/// How large a document may be, as JSON.
pub const DOCUMENT_SIZE_BYTES_MAX: usize = 16 * 1024;

/// How deep its values may lie within each other.
const DEPTH_MAX: usize = 8;

/// A document as it is stored.
///
/// # Errors
/// Names what is wrong with `field`.
pub fn written(field: &str, document: &Map<String, Value>) -> Result<String, FieldError> {
    // Written without recursion into what is too deep.
    if document.values().any(|value| depth(value, DEPTH_MAX) == 0) {
        let message = format!("must be at most {DEPTH_MAX} levels deep");
        return Err(FieldError::new(field, "too_deep", message));
    }
    let text = serde_json::to_string(document)
        .map_err(|_| FieldError::new(field, "invalid_value", "must be a JSON object"))?;
    if text.len() > DOCUMENT_SIZE_BYTES_MAX {
        let message = format!("must be at most {DOCUMENT_SIZE_BYTES_MAX} bytes as JSON");
        return Err(FieldError::new(field, "too_long", message));
    }
    Ok(text)
}

/// A document as it was stored; what is none reads as empty.
#[must_use]
pub fn read(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

/// How many levels are left below a value: 0 when it is too deep.
fn depth(value: &Value, left: usize) -> usize {
    let within = |values: &mut dyn Iterator<Item = &Value>| {
        let left = left.saturating_sub(1);
        values
            .map(|value| if left == 0 { 0 } else { depth(value, left) })
            .min()
            .unwrap_or(left)
    };
    match value {
        Value::Array(values) => within(&mut values.iter()),
        Value::Object(values) => within(&mut values.values()),
        _ => left,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(document: &Value) -> Result<String, String> {
        let document = document.as_object().unwrap();
        written("settings", document).map_err(|error| error.code.into_owned())
    }

    #[test]
    fn documents_are_bounded_in_size_and_depth() {
        let fine = json!({"a": [1, {"b": "中"}]});
        assert_eq!(Value::Object(read(&told(&fine).unwrap())), fine);
        assert_eq!(
            told(&json!({"a": "x".repeat(16 * 1024)})),
            Err("too_long".to_owned())
        );
        let nested = |levels: usize| {
            let mut value = json!(1);
            for _ in 0..levels {
                value = json!([value]);
            }
            json!({ "a": value })
        };
        assert!(told(&nested(6)).is_ok());
        assert_eq!(told(&nested(60)), Err("too_deep".to_owned()));
        assert!(read("no json").is_empty());
    }
}
