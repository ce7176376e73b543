//! What callers may send.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use suoke_config::{Layer, Place, Written, environment};
use suoke_guest::{ApiError, FieldError, Request, page};

use crate::BODY_SIZE_BYTES_MAX;
use crate::poll::Wait;

/// The longest time that a change is waited for.
const WAIT_MS_MAX: u64 = 30_000;

/// The body of a value: JSON, or YAML as text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    #[serde(default, deserialize_with = "given")]
    value: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    yaml: Option<String>,
    #[serde(default, deserialize_with = "given")]
    layer: Option<Layer>,
    #[serde(default, deserialize_with = "given")]
    environment: Option<String>,
}

/// What is there: null is a value like others, and no text.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rollback {
    version: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    environment: Option<String>,
    wait: Option<String>,
    index: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Layered {
    layer: Option<Layer>,
    environment: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfService {
    environment: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: Option<u32>,
    cursor: Option<String>,
}

/// What is asked of a key.
pub(crate) struct Asked {
    pub(crate) environment: Option<String>,
    pub(crate) wait: Option<Wait>,
}

/// What is asked of a service.
pub(crate) struct Part {
    pub(crate) environment: Option<String>,
    /// The key that was shown last; empty at the beginning.
    pub(crate) after: String,
    pub(crate) limit: u32,
}

fn wrong(field: &str, code: &'static str, message: &str) -> ApiError {
    ApiError::invalid(vec![FieldError::new(field, code, message)])
}

/// Where a value goes, and the value.
pub(crate) async fn set(request: &mut Request) -> Result<(Place, Written), ApiError> {
    let body: Set = request.json_within(BODY_SIZE_BYTES_MAX).await?;
    let place = place(body.layer, body.environment)?;
    let written = match (body.value, body.yaml) {
        (Some(value), None) => Written::json(&value)?,
        (None, Some(text)) => Written::yaml(text)?,
        (Some(_), Some(_)) => {
            return Err(wrong(
                "yaml",
                "conflict",
                "only one of value and yaml can be given",
            ));
        }
        (None, None) => return Err(wrong("value", "required", "is required, or yaml")),
    };
    Ok((place, written))
}

/// The change to go back to.
pub(crate) async fn rollback(request: &mut Request) -> Result<i64, ApiError> {
    let body: Rollback = request.json().await?;
    Ok(body.version)
}

/// The layer that a query names.
pub(crate) fn place_of_query(request: &Request) -> Result<Place, ApiError> {
    let query: Layered = request.query()?;
    place(query.layer, query.environment)
}

/// Which part of a service, in which environment.
pub(crate) fn service(request: &Request) -> Result<Part, ApiError> {
    let query: OfService = request.query()?;
    Ok(Part {
        limit: page::limit(query.limit)?,
        environment: query.environment.map(environment).transpose()?,
        after: query.cursor.unwrap_or_default(),
    })
}

/// `runtime` unless another layer is named; an environment goes with its layer alone.
fn place(layer: Option<Layer>, named: Option<String>) -> Result<Place, ApiError> {
    let layer = layer.unwrap_or(Layer::Runtime);
    let environment = match (layer, named) {
        (Layer::Environment, None) => {
            return Err(wrong(
                "environment",
                "required",
                "is required for this layer",
            ));
        }
        (Layer::Environment, Some(name)) => environment(name)?,
        (_, None) => String::new(),
        (_, Some(_)) => {
            let message = "goes with the layer environment alone";
            return Err(wrong("environment", "conflict", message));
        }
    };
    Ok(Place { layer, environment })
}

/// What is asked of a key; a wait needs the version that was seen last.
pub(crate) fn read(request: &Request) -> Result<Asked, ApiError> {
    let query: Read = request.query()?;
    let wait = match (query.wait, query.index) {
        (None, None) => None,
        (None, Some(_)) => return Err(wrong("wait", "required", "is required with index")),
        (Some(wait), index) => Some(Wait {
            wait_ms: duration_ms(&wait)?,
            seen: i64::from(index.unwrap_or(0)),
        }),
    };
    Ok(Asked {
        environment: query.environment.map(environment).transpose()?,
        wait,
    })
}

/// `500ms`, `30s`: at most half a minute.
fn duration_ms(text: &str) -> Result<u64, ApiError> {
    let (digits, unit) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => (text.strip_suffix('s').unwrap_or_default(), 1_000),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let ms = digits.parse::<u64>().ok().filter(|_| is_number);
    let ms = ms.and_then(|number| number.checked_mul(unit));
    ms.filter(|ms| *ms <= WAIT_MS_MAX).ok_or_else(|| {
        wrong(
            "wait",
            "invalid_value",
            "must be like 500ms or 30s, at most 30s",
        )
    })
}

/// Before which version, and how many.
pub(crate) fn history(request: &Request) -> Result<(i64, u32), ApiError> {
    let query: Page = request.query()?;
    let limit = page::limit(query.limit)?;
    let before = match query.cursor {
        None => i64::MAX,
        Some(text) => {
            let version = text.parse().ok().filter(|version: &i64| *version > 0);
            version.ok_or_else(page::invalid_cursor)?
        }
    };
    Ok((before, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_written_with_their_unit_and_bounded() {
        for (text, ms) in [
            ("0s", 0),
            ("500ms", 500),
            ("30s", 30_000),
            ("30000ms", 30_000),
        ] {
            assert_eq!(duration_ms(text).unwrap(), ms, "{text}");
        }
        for text in [
            "",
            "s",
            "ms",
            "30",
            "31s",
            "30001ms",
            "-1s",
            "+1s",
            "1.5s",
            "1m",
            "99999999999999999999s",
        ] {
            assert_eq!(
                duration_ms(text).unwrap_err().errors()[0].field,
                "wait",
                "{text}"
            );
        }
    }

    #[test]
    fn an_environment_goes_with_its_layer() {
        assert_eq!(place(None, None).unwrap().layer, Layer::Runtime);
        let staging = place(Some(Layer::Environment), Some("staging".to_owned())).unwrap();
        assert_eq!(staging.environment, "staging");
        for (layer, name) in [
            (Some(Layer::Environment), None),
            (Some(Layer::Base), Some("staging".to_owned())),
            (None, Some("staging".to_owned())),
            (Some(Layer::Environment), Some("No".to_owned())),
        ] {
            assert_eq!(
                place(layer, name).unwrap_err().errors()[0].field,
                "environment"
            );
        }
    }
}
