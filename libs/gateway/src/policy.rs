//! What a function asks of its gateway: the variable `gateway_policy`.

use serde::Deserialize;
use serde_json::Value;

use crate::limit::{LimitError, Rates};

/// Shorter deadlines would refuse everything.
const DEADLINE_MS_MIN: u64 = 1;

/// The longest deadline: ten minutes.
const DEADLINE_MS_MAX: u64 = 600_000;

/// How long answers may be kept: a day.
const CACHE_SECONDS_MAX: u32 = 24 * 60 * 60;

/// How long a circuit may stay open: an hour.
const OPEN_MS_MAX: u64 = 60 * 60 * 1000;

/// How long a counter's name may be.
const COUNTER_CHARS_MAX: usize = 32;

/// Who may ask.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// Only whom the gateway recognises.
    #[default]
    Required,
    /// Everybody; whoever sends a token must send a good one.
    Optional,
    /// Everybody; the function sees what was sent as `authorization`.
    Public,
}

/// How often somebody may ask this function, beside the limits that hold for
/// all functions together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The counter's name, which functions can share; the route's own without.
    pub counter: Option<String>,
    /// For each address of a client, recognised or not.
    pub ip: Rates,
    /// For each user, whatever was sent.
    pub user: Rates,
    /// For each virtual key.
    pub key: Rates,
    /// For all callers together.
    pub route: Rates,
}

/// When a function that fails is left alone for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Breaker {
    /// So many failures, one after the other.
    pub failures: u32,
    /// Or this part of the last [`WINDOW`](crate::circuit::WINDOW) calls.
    pub ratio: f64,
    /// How long it is left alone.
    pub open_ms: u64,
}

impl Default for Breaker {
    /// Five in a row, or half of the last twenty; for thirty seconds.
    fn default() -> Self {
        Self {
            failures: 5,
            ratio: 0.5,
            open_ms: 30_000,
        }
    }
}

/// What is answered while a function is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// The status.
    pub status: u16,
    /// The body, as JSON.
    pub body: String,
}

/// What a function asks of its gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Who may ask.
    pub auth: Auth,
    /// Whether virtual keys are accepted. They act for their user within their
    /// scopes, so a function that accepts them must look at the scopes.
    pub accepts_keys: bool,
    /// Whether requests count for the limits that hold for all functions
    /// together.
    pub is_counted: bool,
    /// How often.
    pub limits: Limits,
    /// Whether `Idempotency-Key` counts. The answers of such requests are kept
    /// in Redis for a day: not for functions that answer secrets.
    pub idempotency: bool,
    /// How long answers to GET are kept that do not forbid it; 0 for not at all.
    pub cache_seconds: u32,
    /// How long the function may take until it begins to answer.
    pub deadline_ms: u64,
    /// When it is left alone.
    pub breaker: Breaker,
    /// What is answered then, instead of 503.
    pub fallback: Option<Fallback>,
}

impl Default for Policy {
    /// Recognised callers only, and the deadline shorter than that of the host
    /// (30 s), which would end the gateway together with the function.
    fn default() -> Self {
        Self {
            auth: Auth::default(),
            accepts_keys: false,
            is_counted: true,
            limits: Limits::default(),
            idempotency: false,
            cache_seconds: 0,
            deadline_ms: 25_000,
            breaker: Breaker::default(),
            fallback: None,
        }
    }
}

/// Why a text is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It has another shape.
    #[error("gateway_policy is not what it must be: {0}")]
    Shape(String),
    /// One of its limits is none.
    #[error("gateway_policy, limits.{field}: {error}")]
    Limit {
        /// For whom it is.
        field: &'static str,
        /// What is wrong with it.
        error: LimitError,
    },
    /// A number is out of its bounds.
    #[error("gateway_policy: {field} must be {expected}")]
    Bounds {
        /// Which.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
}

impl Limits {
    /// Under which name a function with this route is counted.
    #[must_use]
    pub fn counted_as(&self, route: &str) -> String {
        match &self.counter {
            // Routes begin with a slash, so that no name is a route.
            Some(name) => format!("as:{name}"),
            None => route.to_owned(),
        }
    }
}

impl Policy {
    /// Reads a policy; an empty text is the default.
    ///
    /// # Errors
    /// When a field is unknown, of another type, or out of bounds.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        if !text.trim_start().starts_with('{') {
            // A list would be read as the fields in their order.
            return Err(PolicyError::Shape("a JSON object is expected".to_owned()));
        }
        let raw: Raw =
            serde_json::from_str(text).map_err(|error| PolicyError::Shape(error.to_string()))?;
        let default = Self::default();
        let breaker = Breaker {
            failures: raw.breaker.failures.unwrap_or(default.breaker.failures),
            ratio: raw.breaker.ratio.unwrap_or(default.breaker.ratio),
            open_ms: raw.breaker.open_ms.unwrap_or(default.breaker.open_ms),
        };
        let policy = Self {
            auth: raw.auth,
            accepts_keys: raw.keys,
            is_counted: raw.counted.unwrap_or(default.is_counted),
            limits: Limits {
                counter: raw.limits.counter,
                ip: rates("ip", raw.limits.ip)?,
                user: rates("user", raw.limits.user)?,
                key: rates("key", raw.limits.key)?,
                route: rates("route", raw.limits.route)?,
            },
            idempotency: raw.idempotency,
            cache_seconds: raw.cache_seconds,
            deadline_ms: raw.deadline_ms.unwrap_or(default.deadline_ms),
            breaker,
            fallback: raw.fallback.map(|fallback| Fallback {
                status: fallback.status,
                body: fallback.body.to_string(),
            }),
        };
        policy.check()?;
        Ok(policy)
    }

    fn check(&self) -> Result<(), PolicyError> {
        let bounds = [
            (
                (DEADLINE_MS_MIN..=DEADLINE_MS_MAX).contains(&self.deadline_ms),
                "deadline_ms",
                "1 to 600000",
            ),
            (
                self.cache_seconds <= CACHE_SECONDS_MAX,
                "cache_seconds",
                "0 to 86400",
            ),
            (
                self.limits.counter.as_deref().is_none_or(is_counter),
                "limits.as",
                "1 to 32 of a-z, 0-9 and -",
            ),
            (self.breaker.failures > 0, "breaker.failures", "at least 1"),
            (
                self.breaker.ratio > 0.0 && self.breaker.ratio <= 1.0,
                "breaker.ratio",
                "above 0 and at most 1",
            ),
            (
                (1..=OPEN_MS_MAX).contains(&self.breaker.open_ms),
                "breaker.open_ms",
                "1 to 3600000",
            ),
            (
                self.fallback
                    .as_ref()
                    .is_none_or(|fallback| (200..=599).contains(&fallback.status)),
                "fallback.status",
                "200 to 599",
            ),
        ];
        match bounds.into_iter().find(|(is_fine, _, _)| !is_fine) {
            Some((_, field, expected)) => Err(PolicyError::Bounds { field, expected }),
            None => Ok(()),
        }
    }
}

fn is_counter(name: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=COUNTER_CHARS_MAX).contains(&name.len()) && name.bytes().all(is_fine)
}

fn rates(field: &'static str, text: Option<String>) -> Result<Rates, PolicyError> {
    match text {
        None => Ok(Rates::default()),
        Some(text) => text
            .parse()
            .map_err(|error| PolicyError::Limit { field, error }),
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    auth: Auth,
    keys: bool,
    counted: Option<bool>,
    limits: RawLimits,
    idempotency: bool,
    cache_seconds: u32,
    deadline_ms: Option<u64>,
    breaker: RawBreaker,
    fallback: Option<RawFallback>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawLimits {
    #[serde(rename = "as")]
    counter: Option<String>,
    ip: Option<String>,
    user: Option<String>,
    key: Option<String>,
    route: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawBreaker {
    failures: Option<u32>,
    ratio: Option<f64>,
    open_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFallback {
    status: u16,
    body: Value,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn without_a_policy_only_recognised_callers_pass() {
        for text in ["", " ", "{}"] {
            let policy = Policy::parse(text).unwrap();
            assert_eq!(policy, Policy::default());
            assert_eq!(policy.auth, Auth::Required);
        }
    }

    #[test]
    fn every_field_is_read() {
        let text = r#"{
            "auth": "optional", "keys": true, "counted": false,
            "limits": {"as": "orders", "ip": "5/min", "user": "6/min", "key": "7/min", "route": "8/s 9/d"},
            "idempotency": true, "cache_seconds": 60, "deadline_ms": 500,
            "breaker": {"failures": 2, "ratio": 0.25, "open_ms": 1000},
            "fallback": {"status": 200, "body": {"items": []}}
        }"#;
        let rates = |text: &str| text.parse::<Rates>().unwrap();
        let expected = Policy {
            auth: Auth::Optional,
            accepts_keys: true,
            is_counted: false,
            limits: Limits {
                counter: Some("orders".to_owned()),
                ip: rates("5/min"),
                user: rates("6/min"),
                key: rates("7/min"),
                route: rates("8/s 9/d"),
            },
            idempotency: true,
            cache_seconds: 60,
            deadline_ms: 500,
            breaker: Breaker {
                failures: 2,
                ratio: 0.25,
                open_ms: 1000,
            },
            fallback: Some(Fallback {
                status: 200,
                body: r#"{"items":[]}"#.to_owned(),
            }),
        };
        assert_eq!(Policy::parse(text).unwrap(), expected);
    }

    #[test]
    fn what_is_no_policy_is_refused_with_the_field() {
        for (text, told) in [
            ("public", "a JSON object"),
            (r#"["public"]"#, "a JSON object"),
            ("{", "EOF"),
            (r#"{"auth":"none"}"#, "none"),
            (r#"{"auths":"public"}"#, "auths"),
            (r#"{"limits":{"ip":"many"}}"#, "limits.ip"),
            (r#"{"limits":{"tenant":"1/s"}}"#, "tenant"),
            (r#"{"limits":{"as":""}}"#, "limits.as"),
            (r#"{"limits":{"as":"/a:ip"}}"#, "limits.as"),
            (r#"{"deadline_ms":0}"#, "deadline_ms"),
            (r#"{"cache_seconds":-1}"#, "-1"),
            (r#"{"cache_seconds":86401}"#, "cache_seconds"),
            (r#"{"breaker":{"failures":0}}"#, "breaker.failures"),
            (r#"{"breaker":{"ratio":0}}"#, "breaker.ratio"),
            (r#"{"breaker":{"ratio":1.5}}"#, "breaker.ratio"),
            (r#"{"breaker":{"open_ms":0}}"#, "breaker.open_ms"),
            (r#"{"fallback":{"status":99,"body":1}}"#, "fallback.status"),
            (r#"{"fallback":{"status":200}}"#, "body"),
        ] {
            let error = Policy::parse(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn routes_share_a_counter_only_by_its_name() {
        let counted = |text: &str, route| Policy::parse(text).unwrap().limits.counted_as(route);
        let named = r#"{"limits":{"as":"login"}}"#;
        assert_eq!(counted(named, "/login"), counted(named, "/token"));
        assert_ne!(counted("", "/login"), counted("", "/token"));
        assert_ne!(counted("", "login"), counted(named, "login"));
    }

    proptest! {
        #[test]
        fn no_text_opens_a_function_by_accident(text in ".{0,200}") {
            if let Ok(policy) = Policy::parse(&text) {
                prop_assert!(policy.auth == Auth::Required || text.contains("auth"));
            }
        }
    }
}
