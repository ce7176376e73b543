//! A key as it is asked for.

use serde::Deserialize;
use serde_json::{Map, Value};
use suoke_guest::{ApiError, FieldError, Invalid, clock, document};

/// How long a name may be, in characters.
const NAME_CHARS_MAX: usize = 100;

/// How many models a key may name.
const MODELS_MAX: usize = 100;

/// How long the name of a model may be.
const MODEL_BYTES_MAX: usize = 128;

/// The largest budget, in units of the currency.
const BUDGET_MAX: f64 = 1e9;

/// How far ahead a key may end: about ten years.
const AHEAD_MS_MAX: i64 = 10 * 366 * 24 * 60 * 60 * 1000;

/// The body of a new key. Where a limit is not given there is none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyDraft {
    /// What it is for.
    pub name: String,
    /// The models it may use; all when empty.
    #[serde(default)]
    pub models: Vec<String>,
    /// How much it may cost in a period, in units of the currency.
    pub max_budget: Option<f64>,
    /// The period, such as `30d`; without it the budget is for good.
    pub budget_duration: Option<String>,
    /// Requests in a minute.
    pub rpm_limit: Option<u32>,
    /// Tokens in a minute.
    pub tpm_limit: Option<u32>,
    /// Requests at the same time.
    pub max_parallel: Option<u32>,
    /// Until when it is good, in RFC 3339.
    pub expires_at: Option<String>,
    /// What its owner notes with it.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

/// A draft that was checked, as it is stored.
pub(crate) struct Checked {
    pub(crate) name: String,
    pub(crate) models: String,
    pub(crate) budget_micros_max: Option<i64>,
    pub(crate) budget_duration: Option<String>,
    pub(crate) requests_per_minute_max: Option<u32>,
    pub(crate) tokens_per_minute_max: Option<u32>,
    pub(crate) parallel_max: Option<u32>,
    pub(crate) metadata: String,
    pub(crate) expires_at: Option<i64>,
}

/// Checks a draft; everything that is wrong is told at once.
pub(crate) fn checked(draft: KeyDraft, now_ms: i64) -> Result<Checked, ApiError> {
    let mut invalid = Invalid::new();
    let name = draft.name.trim().to_owned();
    let is_name =
        (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && !name.contains(char::is_control);
    let message = "must have 1 to 100 characters without control characters";
    invalid.check(is_name, "name", "invalid_name", message);
    let is_fine = draft.models.len() <= MODELS_MAX;
    invalid.check(
        is_fine,
        "models",
        "too_long",
        "must name at most 100 models",
    );
    if let Some(index) = draft.models.iter().position(|model| !is_model(model)) {
        let message = "must be 1 to 128 printable characters without spaces";
        invalid.add(FieldError::new(
            format!("models[{index}]"),
            "invalid_value",
            message,
        ));
    }
    let budget_micros_max = budget(&draft, &mut invalid);
    for (field, value) in [
        ("rpm_limit", draft.rpm_limit),
        ("tpm_limit", draft.tpm_limit),
        ("max_parallel", draft.max_parallel),
    ] {
        invalid.check(
            value != Some(0),
            field,
            "out_of_range",
            "must be at least 1",
        );
    }
    let expires_at = draft.expires_at.as_deref().and_then(clock::parse_rfc3339);
    let is_fine = draft.expires_at.is_none()
        || expires_at.is_some_and(|at| at > now_ms && at - now_ms <= AHEAD_MS_MAX);
    let message = "must be an RFC 3339 instant of the next ten years";
    invalid.check(is_fine, "expires_at", "invalid_value", message);
    let metadata = document::written("metadata", &draft.metadata);
    let metadata = metadata
        .map_err(|error| invalid.add(error))
        .unwrap_or_default();
    invalid.finish()?;
    Ok(Checked {
        name,
        models: serde_json::to_string(&draft.models)?,
        budget_micros_max,
        budget_duration: draft.budget_duration,
        requests_per_minute_max: draft.rpm_limit,
        tokens_per_minute_max: draft.tpm_limit,
        parallel_max: draft.max_parallel,
        metadata,
        expires_at,
    })
}

fn is_model(text: &str) -> bool {
    (1..=MODEL_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The budget in millionths; a period goes with a budget.
fn budget(draft: &KeyDraft, invalid: &mut Invalid) -> Option<i64> {
    let is_fine = draft.budget_duration.as_deref().is_none_or(is_duration);
    let message = "must be like 30s, 30m, 30h or 30d";
    invalid.check(is_fine, "budget_duration", "invalid_value", message);
    let is_fine = draft.budget_duration.is_none() || draft.max_budget.is_some();
    invalid.check(
        is_fine,
        "budget_duration",
        "conflict",
        "goes with max_budget",
    );
    let budget = draft.max_budget?;
    let is_fine = (0.0..=BUDGET_MAX).contains(&budget);
    let message = "must be between 0 and 1000000000";
    invalid.check(is_fine, "max_budget", "out_of_range", message);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked: at most 10^15, and finer than a millionth is rounded"
    )]
    is_fine.then(|| (budget * 1e6).round() as i64)
}

/// A number of up to four digits and its unit.
fn is_duration(text: &str) -> bool {
    let number = text.strip_suffix(['s', 'm', 'h', 'd']).unwrap_or_default();
    (1..=4).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && !number.starts_with('0')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named() -> KeyDraft {
        KeyDraft {
            name: "ci".to_owned(),
            ..KeyDraft::default()
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (rest, field) in [
            (r#""name":" ""#, "name"),
            (r#""name":"a","models":["a b"]"#, "models[0]"),
            (r#""name":"a","max_budget":-0.1"#, "max_budget"),
            (r#""name":"a","max_budget":1e10"#, "max_budget"),
            (r#""name":"a","budget_duration":"1d""#, "budget_duration"),
            (
                r#""name":"a","max_budget":1,"budget_duration":"1w""#,
                "budget_duration",
            ),
            (r#""name":"a","rpm_limit":0"#, "rpm_limit"),
            (r#""name":"a","tpm_limit":0"#, "tpm_limit"),
            (r#""name":"a","max_parallel":0"#, "max_parallel"),
            (
                r#""name":"a","expires_at":"1970-01-01T00:00:00Z""#,
                "expires_at",
            ),
            (
                r#""name":"a","expires_at":"9999-01-01T00:00:00Z""#,
                "expires_at",
            ),
            (r#""name":"a","expires_at":"soon""#, "expires_at"),
        ] {
            let draft: KeyDraft = serde_json::from_str(&format!("{{{rest}}}")).unwrap();
            let error = checked(draft, 1_000).err().unwrap();
            let told = (error.status(), error.errors()[0].field.as_str());
            assert_eq!(told, (400, field), "{rest}");
        }
        let many = KeyDraft {
            models: vec!["a".to_owned(); MODELS_MAX + 1],
            ..named()
        };
        assert_eq!(checked(many, 0).err().unwrap().errors()[0].field, "models");
    }

    #[test]
    fn a_name_is_enough_and_money_is_counted_in_millionths() {
        let plain = checked(named(), 0).unwrap();
        assert_eq!(
            (plain.models.as_str(), plain.budget_micros_max),
            ("[]", None)
        );
        let draft = KeyDraft {
            max_budget: Some(0.1),
            budget_duration: Some("30d".to_owned()),
            ..named()
        };
        assert_eq!(checked(draft, 0).unwrap().budget_micros_max, Some(100_000));
    }

    proptest! {
        #[test]
        fn millionths_survive(micros in 0..1_000_000_000_000i64) {
            #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
            let draft = KeyDraft { max_budget: Some(micros as f64 / 1e6), ..named() };
            prop_assert_eq!(checked(draft, 0).unwrap().budget_micros_max, Some(micros));
        }
    }
}
