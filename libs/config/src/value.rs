//! Values: JSON, or YAML that means JSON.

use serde_json::{Map, Value};
use suoke_guest::{ApiError, FieldError};

/// How large a value may be, as JSON and as YAML.
pub const VALUE_SIZE_BYTES_MAX: usize = 64 * 1024;

/// How deep values may lie within each other.
const DEPTH_MAX: usize = 32;

/// A value as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// It as JSON.
    pub json: String,
    /// The YAML that it was written as.
    pub yaml: Option<String>,
}

impl Written {
    /// A JSON value.
    ///
    /// # Errors
    /// 400 for the field `value` where it is too large or too deep.
    pub fn json(value: &Value) -> Result<Self, ApiError> {
        Ok(Self {
            json: bounded("value", value)?,
            yaml: None,
        })
    }

    /// A value written in YAML; it is kept as it was written, too.
    ///
    /// # Errors
    /// 400 for the field `yaml` where it is not YAML, means no JSON, or is too
    /// large or too deep.
    pub fn yaml(text: String) -> Result<Self, ApiError> {
        if text.len() > VALUE_SIZE_BYTES_MAX {
            return Err(wrong("yaml", "too_long", "must be at most 65536 bytes"));
        }
        let value: serde_norway::Value = serde_norway::from_str(&text).map_err(|error| {
            let place = error.location().map_or_else(String::new, |place| {
                format!(" (line {}, column {})", place.line(), place.column())
            });
            wrong("yaml", "invalid_value", &format!("must be YAML{place}"))
        })?;
        let value =
            plain(value, DEPTH_MAX).map_err(|message| wrong("yaml", "invalid_value", message))?;
        Ok(Self {
            json: bounded("yaml", &value)?,
            yaml: Some(text),
        })
    }
}

fn bounded(field: &str, value: &Value) -> Result<String, ApiError> {
    if is_deeper(value, DEPTH_MAX) {
        return Err(wrong(field, "too_deep", "must be at most 32 levels deep"));
    }
    let json = value.to_string();
    if json.len() > VALUE_SIZE_BYTES_MAX {
        return Err(wrong(
            field,
            "too_long",
            "must be at most 65536 bytes as JSON",
        ));
    }
    Ok(json)
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    let Some(left) = levels.checked_sub(1) else {
        return true;
    };
    match value {
        Value::Array(items) => items.iter().any(|item| is_deeper(item, left)),
        Value::Object(entries) => entries.values().any(|item| is_deeper(item, left)),
        _ => false,
    }
}

/// YAML as JSON: keys are text, and there are no tags and no infinite numbers.
fn plain(value: serde_norway::Value, levels: usize) -> Result<Value, &'static str> {
    use serde_norway::Value as Yaml;
    let left = levels
        .checked_sub(1)
        .ok_or("must be at most 32 levels deep")?;
    Ok(match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(is) => Value::Bool(is),
        Yaml::String(text) => Value::String(text),
        Yaml::Number(number) => number_of(&number).ok_or("must have finite numbers only")?,
        Yaml::Sequence(items) => {
            let items: Result<Vec<Value>, _> =
                items.into_iter().map(|item| plain(item, left)).collect();
            Value::Array(items?)
        }
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let Yaml::String(key) = key else {
                    return Err("must have text as keys");
                };
                object.insert(key, plain(value, left)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(_) => return Err("must not have tags"),
    })
}

fn number_of(number: &serde_norway::Number) -> Option<Value> {
    if let Some(number) = number.as_i64() {
        return Some(number.into());
    }
    if let Some(number) = number.as_u64() {
        return Some(number.into());
    }
    number
        .as_f64()
        .and_then(serde_json::Number::from_f64)
        .map(Value::Number)
}

fn wrong(field: &str, code: &'static str, message: &str) -> ApiError {
    ApiError::invalid(vec![FieldError::new(field, code, message)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_is_kept_and_read_as_json() {
        let text = "retries: 3\nwhen: [no, 1.5, ~]\n";
        let written = Written::yaml(text.to_owned()).unwrap();
        assert_eq!(written.yaml.as_deref(), Some(text));
        let value: Value = serde_json::from_str(&written.json).unwrap();
        assert_eq!(value, json!({"retries": 3, "when": ["no", 1.5, null]}));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["a: [", "1: 2", "!secret x", ".inf", "? [a]\n: b"] {
            let error = Written::yaml(text.to_owned()).unwrap_err();
            assert_eq!(
                (error.status(), error.errors()[0].field.as_str()),
                (400, "yaml"),
                "{text}"
            );
        }
    }

    #[test]
    fn values_are_bounded() {
        let deep = (0..DEPTH_MAX).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(
            Written::json(&deep).unwrap_err().errors()[0].code,
            "too_deep"
        );
        let large = json!("x".repeat(VALUE_SIZE_BYTES_MAX));
        assert_eq!(
            Written::json(&large).unwrap_err().errors()[0].code,
            "too_long"
        );
        let text = "x".repeat(VALUE_SIZE_BYTES_MAX + 1);
        assert_eq!(
            Written::yaml(text).unwrap_err().errors()[0].code,
            "too_long"
        );
    }

    #[test]
    fn repetition_does_not_multiply() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let before = format!("*a{}", level - 1);
            let list = vec![before; 9].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{list}]\n"));
        }
        assert_eq!(Written::yaml(text).unwrap_err().status(), 400);
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(text in ".{0,200}") {
            let _ = Written::yaml(text);
        }
    }
}
