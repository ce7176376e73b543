//! JSON bodies: errors name the field and never repeat what was sent.

use serde::de::DeserializeOwned;

use crate::error::{ApiError, FieldError};

/// Decodes a JSON body.
///
/// It must be an object: serde would also take an array for one, field by field.
pub(crate) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'[') {
        let error = FieldError::new(root("."), "wrong_type", "must be an object");
        return Err(ApiError::invalid(vec![error]));
    }
    decode_any(body)
}

/// Decodes a JSON body that is a list.
pub(crate) fn decode_list<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, ApiError> {
    decode_any(body)
}

fn decode_any<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let decoded = serde_path_to_error::deserialize(&mut deserializer);
    let value = decoded.map_err(|error| {
        let path = error.path().to_string();
        explain(&path, error.inner())
    })?;
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(error: &serde_json::Error) -> ApiError {
    let (line, column) = (error.line(), error.column());
    let detail = format!("The body is not valid JSON (line {line}, column {column}).");
    ApiError::bad_request("malformed_json", detail).zh(format!(
        "请求体不是有效的 JSON（第 {line} 行，第 {column} 列）。"
    ))
}

fn explain(path: &str, error: &serde_json::Error) -> ApiError {
    if !error.is_data() {
        return malformed(error);
    }
    ApiError::invalid(vec![field_error(path, &error.to_string())])
}

/// Turns what serde says about the value at `path` into a field error that
/// does not repeat the value.
#[must_use]
pub fn field_error(path: &str, message: &str) -> FieldError {
    let message = message
        .rsplit_once(" at line ")
        .map_or(message, |(text, _)| text);
    if let Some(name) = quoted(message, "missing field `") {
        return FieldError::new(child(path, name), "required", "is required");
    }
    if let Some(name) = quoted(message, "unknown field `") {
        // serde's path names the unknown field itself.
        let field = if ends_with(path, name) {
            path.to_owned()
        } else {
            child(path, name)
        };
        return FieldError::new(field, "unknown_field", "is not known here");
    }
    if let Some(name) = quoted(message, "duplicate field `") {
        return FieldError::new(child(path, name), "duplicate_field", "is given twice");
    }
    let expected = message
        .rsplit_once("expected ")
        .map(|(_, expected)| expected);
    let code = if message.starts_with("invalid type") {
        "wrong_type"
    } else {
        "invalid_value"
    };
    let told = expected.map_or("is not valid".to_owned(), |expected| {
        format!("must be {expected}")
    });
    FieldError::new(root(path), code, told)
}

fn quoted<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    message.strip_prefix(start)?.split('`').next()
}

fn ends_with(path: &str, name: &str) -> bool {
    path == name
        || path
            .strip_suffix(name)
            .is_some_and(|head| head.ends_with('.'))
}

fn child(path: &str, name: &str) -> String {
    match path {
        "." | "" => name.to_owned(),
        _ if ends_with(path, name) => path.to_owned(),
        _ => format!("{path}.{name}"),
    }
}

fn root(path: &str) -> &str {
    if path == "." { "" } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only decoding is looked at")]
    struct Batch {
        readings: Vec<Reading>,
        kind: Option<Kind>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only decoding is looked at")]
    struct Reading {
        value: f64,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        One,
        Two,
    }

    #[test]
    fn errors_name_the_field_and_not_the_value() {
        for (body, field, code, message) in [
            (
                r#"{"readings":[{"value":1},{}]}"#,
                "readings[1].value",
                "required",
                "is required",
            ),
            (
                r#"{"readings":[],"x":1}"#,
                "x",
                "unknown_field",
                "is not known here",
            ),
            (
                r#"{"readings":[{"value":1,"y":2}]}"#,
                "readings[0].y",
                "unknown_field",
                "is not known here",
            ),
            (
                r#"{"readings":[{"value":"secret"}]}"#,
                "readings[0].value",
                "wrong_type",
                "must be f64",
            ),
            (
                r#"{"readings":[],"readings":[]}"#,
                "readings",
                "duplicate_field",
                "is given twice",
            ),
            (
                r#"{"readings":[],"kind":"secret"}"#,
                "kind",
                "invalid_value",
                "must be `one` or `two`",
            ),
            (r#""secret""#, "", "wrong_type", "must be struct Batch"),
            ("{}", "readings", "required", "is required"),
        ] {
            let error = decode::<Batch>(body.as_bytes()).unwrap_err();
            assert_eq!(
                (error.status(), error.code()),
                (400, "validation_failed"),
                "{body}"
            );
            assert_eq!(
                error.errors(),
                [FieldError::new(field, code, message)],
                "{body}"
            );
        }
    }

    #[test]
    fn what_is_not_json_is_told_by_place() {
        for body in [
            "",
            "{",
            "{\"readings\":[]} x",
            "\u{feff}{}",
            "{\"readings\":[1e999]}",
        ] {
            let error = decode::<Batch>(body.as_bytes()).unwrap_err();
            assert_eq!(
                (error.status(), error.code()),
                (400, "malformed_json"),
                "{body}"
            );
        }
    }

    #[test]
    fn an_array_is_not_taken_for_an_object() {
        #[derive(Debug, serde::Deserialize)]
        struct Pair {
            #[expect(dead_code, reason = "only decoded")]
            name: String,
        }
        let error = decode::<Pair>(b" [\"a\"]").unwrap_err();
        assert_eq!(error.status(), 400);
        decode::<Pair>(b"{\"name\":\"a\"}").unwrap();
    }
}
