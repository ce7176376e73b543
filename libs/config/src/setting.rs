//! A setting as a function reads it: what the config centre holds comes before the
//! variable of the manifest.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use suoke_guest::{ApiError, clock, fetch, log, variables};

use crate::layer::Layer;
use crate::names::{self, Address};

/// Knows what holds; inside the application alone.
const AUTHORITY: &str = "config-values.spin.internal";

/// How large its answer may be: the largest value, and what stands around it.
const ANSWER_SIZE_BYTES_MAX: usize = crate::VALUE_SIZE_BYTES_MAX + 4 * 1024;

/// How long it takes at most until a function sees a change.
const FRESH_MS: i64 = 10_000;

/// For how long the last answer counts when the config centre does not answer; then the
/// variable does.
const STALE_MS_MAX: i64 = 5 * 60_000;

/// How many settings an instance remembers; then all are forgotten.
const KNOWN_MAX: usize = 64;

thread_local! {
    static KNOWN: Known = const { Known(RefCell::new(BTreeMap::new())) };
}

/// What holds for a key in an environment: the answer of `config-values`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effective {
    /// The value.
    pub value: Value,
    /// The layer that answers.
    pub layer: Layer,
    /// Counts the changes of the key.
    pub version: i64,
}

/// What was answered, and until when nobody is asked again.
#[derive(Clone)]
struct Answer {
    found: Option<Effective>,
    answered_ms: i64,
    fresh_until_ms: i64,
}

/// The settings that an instance remembers, by their paths.
struct Known(RefCell<BTreeMap<String, Answer>>);

/// A setting of a service: the value of the layer `runtime`, `environment` or `base` in
/// the config centre; otherwise the variable of the component that is called like the
/// key, with `_` for points and hyphens; otherwise the layer `default`. A change is seen
/// within ten seconds. What is not a `T` is passed over, and logged.
///
/// The manifest must allow `http://config-values.spin.internal`; where nobody answers
/// there, the last answer counts for five minutes, and then the variable.
///
/// # Errors
/// 500 when there is no value at all, or a name is none.
pub async fn setting<T: DeserializeOwned>(
    service: &str,
    key: &str,
    environment: Option<&str>,
) -> Result<T, ApiError> {
    let path = path(service, key, environment)?;
    let known = KNOWN.with(|known| known.fresh(&path, clock::now_ms()));
    let found = match known {
        Some(found) => found,
        None => {
            let answer = ask(&path).await;
            KNOWN.with(|known| known.note(&path, answer, clock::now_ms()))
        }
    };
    let variable = variables::get(&variable_name(key)).await.ok();
    choose(&path, found, variable)
}

/// Where a setting is asked for.
fn path(service: &str, key: &str, environment: Option<&str>) -> Result<String, ApiError> {
    let odd = |error: ApiError| ApiError::internal(format!("setting {service}/{key}: {error}"));
    // Names have no character that means something in a path or a query.
    let at = Address::new(service.to_owned(), key.to_owned()).map_err(odd)?;
    let path = format!("/{}/{}", at.service, at.key);
    match environment {
        None => Ok(path),
        Some(name) => {
            let name = names::environment(name.to_owned()).map_err(odd)?;
            Ok(format!("{path}?environment={name}"))
        }
    }
}

fn variable_name(key: &str) -> String {
    key.replace(['.', '-'], "_")
}

async fn ask(path: &str) -> Result<Option<Effective>, ApiError> {
    let reply = fetch::get(AUTHORITY, path, ANSWER_SIZE_BYTES_MAX).await?;
    match reply.status() {
        200 => Ok(Some(serde_json::from_slice(reply.body_bytes())?)),
        404 => Ok(None),
        status => Err(ApiError::unavailable(format!("{AUTHORITY}: {status}"))),
    }
}

impl Known {
    /// What is known and need not be asked for.
    fn fresh(&self, path: &str, now_ms: i64) -> Option<Option<Effective>> {
        let known = self.0.borrow();
        let answer = known.get(path)?;
        (now_ms < answer.fresh_until_ms).then(|| answer.found.clone())
    }

    /// Remembers an answer; without one the last counts for a while, so that not every
    /// call waits for who does not answer.
    fn note(
        &self,
        path: &str,
        answer: Result<Option<Effective>, ApiError>,
        now_ms: i64,
    ) -> Option<Effective> {
        let mut known = self.0.borrow_mut();
        let (found, answered_ms) = match answer {
            Ok(found) => (found, now_ms),
            Err(error) => {
                let cause = error.to_string();
                log::warn(
                    "a setting was not read",
                    &[("path", path), ("cause", &cause)],
                );
                let last = known.remove(path);
                let last = last.filter(|last| now_ms - last.answered_ms <= STALE_MS_MAX);
                last.map_or((None, now_ms), |last| (last.found, last.answered_ms))
            }
        };
        if known.len() >= KNOWN_MAX && !known.contains_key(path) {
            known.clear();
        }
        let answer = Answer {
            found: found.clone(),
            answered_ms,
            fresh_until_ms: now_ms + FRESH_MS,
        };
        known.insert(path.to_owned(), answer);
        found
    }
}

/// The first that is a `T`: the config centre but for its last layer, the variable, and
/// that layer.
fn choose<T: DeserializeOwned>(
    path: &str,
    found: Option<Effective>,
    variable: Option<String>,
) -> Result<T, ApiError> {
    let is_last = found
        .as_ref()
        .is_some_and(|found| found.layer == Layer::Default);
    let centre = || {
        let value = serde_json::from_value(found.clone()?.value).ok();
        noted(path, "the config centre", value)
    };
    let manifest = || {
        let text = variable?;
        let as_json = serde_json::from_str(&text).ok();
        let value = as_json.or_else(|| serde_json::from_value(Value::String(text)).ok());
        noted(path, "the variable", value)
    };
    let chosen = if is_last {
        manifest().or_else(centre)
    } else {
        centre().or_else(manifest)
    };
    chosen.ok_or_else(|| {
        let detail = "has no value that fits, in the config centre or as a variable";
        ApiError::internal(format!("setting {path} {detail}"))
    })
}

/// Tells of a value that does not fit, but never what it is.
fn noted<T>(path: &str, source: &str, value: Option<T>) -> Option<T> {
    if value.is_none() {
        let fields = [("path", path), ("source", source)];
        log::warn("a setting does not fit and is passed over", &fields);
    }
    value
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use serde_json::json;

    use super::*;

    fn holds(layer: Layer, value: Value) -> Option<Effective> {
        Some(Effective {
            value,
            layer,
            version: 1,
        })
    }

    fn known() -> Known {
        Known(RefCell::new(BTreeMap::new()))
    }

    #[test]
    fn the_centre_goes_before_the_variable_and_that_before_the_last_layer() {
        let variable = || Some("5".to_owned());
        for (layer, expected) in [
            (Layer::Runtime, 9),
            (Layer::Environment, 9),
            (Layer::Base, 9),
            (Layer::Default, 5),
        ] {
            let chosen = choose::<u32>("/a/b", holds(layer, json!(9)), variable());
            assert_eq!(chosen.unwrap(), expected, "{layer:?}");
        }
        assert_eq!(choose::<u32>("/a/b", None, variable()).unwrap(), 5);
        let last = choose::<u32>("/a/b", holds(Layer::Default, json!(9)), None);
        assert_eq!(last.unwrap(), 9);
        let none = choose::<u32>("/a/b", None, None).unwrap_err();
        assert_eq!(none.status(), 500);
    }

    #[test]
    fn what_does_not_fit_is_passed_over() {
        let odd = holds(Layer::Runtime, json!("many"));
        let chosen = choose::<u32>("/a/b", odd.clone(), Some("5".to_owned()));
        assert_eq!(chosen.unwrap(), 5);
        assert!(choose::<u32>("/a/b", odd, Some("x".to_owned())).is_err());
        let default = holds(Layer::Default, json!(9));
        assert_eq!(
            choose::<u32>("/a/b", default, Some(String::new())).unwrap(),
            9
        );
    }

    #[test]
    fn a_variable_is_json_or_text() {
        let text = |variable: &str| choose::<String>("/a/b", None, Some(variable.to_owned()));
        assert_eq!(text("plain").unwrap(), "plain");
        assert_eq!(text("17").unwrap(), "17");
        let list = choose::<Vec<u8>>("/a/b", None, Some("[1,2]".to_owned()));
        assert_eq!(list.unwrap(), [1, 2]);
    }

    #[test]
    fn an_answer_counts_for_a_while_and_longer_when_nobody_answers() {
        let known = known();
        let nine = holds(Layer::Runtime, json!(9));
        let silent = || Err(ApiError::unavailable("nobody"));
        assert_eq!(known.fresh("/a/b", 0), None);
        assert_eq!(known.note("/a/b", Ok(nine.clone()), 0), nine);
        assert_eq!(known.fresh("/a/b", FRESH_MS - 1), Some(nine.clone()));
        assert_eq!(known.fresh("/a/b", FRESH_MS), None);
        assert_eq!(known.note("/a/b", silent(), STALE_MS_MAX), nine);
        // Not even a silent centre is asked by each call.
        assert_eq!(known.fresh("/a/b", STALE_MS_MAX + 1), Some(nine));
        assert_eq!(known.note("/a/b", silent(), STALE_MS_MAX + 1), None);
        assert_eq!(known.fresh("/a/b", STALE_MS_MAX + 2), Some(None));
    }

    #[test]
    fn an_instance_remembers_a_bounded_number() {
        let known = known();
        for number in 0..1_000 {
            known.note(&format!("/a/k{number}"), Ok(None), 0);
            assert!(known.0.borrow().len() <= KNOWN_MAX);
        }
        assert_eq!(known.fresh("/a/k999", 1), Some(None));
    }

    #[test]
    fn paths_and_variables_are_made_of_names_alone() {
        let made = path("agents", "time-out.s", Some("staging")).unwrap();
        assert_eq!(made, "/agents/time-out.s?environment=staging");
        assert_eq!(variable_name("time-out.s"), "time_out_s");
        for (service, key, environment) in [
            ("a/b", "c", None),
            ("a", "..", None),
            ("a", "c?x", None),
            ("a", "c", Some("x&y")),
        ] {
            let error = path(service, key, environment).unwrap_err();
            assert_eq!(error.status(), 500, "{service}/{key}");
        }
    }

    #[test]
    fn without_a_centre_and_a_variable_there_is_no_value() {
        let error = block_on(setting::<u32>("agents", "timeout", None)).unwrap_err();
        assert_eq!(error.status(), 500);
    }
}
