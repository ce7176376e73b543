//! What the figures of a person are judged by: their clock, their body, and the rule
//! sets they chose. Everything has a default, so that nobody has to fill it in.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::violation::{Code, Violation};

/// The time zone of who names none.
pub const TIMEZONE_DEFAULT: &str = "Asia/Shanghai";
/// Heights that a profile may name, in centimetres: the hard range of `body_height`.
const HEIGHT_CM: (f64, f64) = (20.0, 272.0);
/// Where people live, in metres above the sea.
const ALTITUDE_M: (i32, i32) = (-500, 9_000);
/// Nobody is older than that.
const BIRTH_YEAR_MIN: i32 = 1900;

/// Sex as far as limits depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sex {
    /// 男
    Male,
    /// 女
    Female,
}

impl Sex {
    /// As it is stored and answered.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Male => "male",
            Self::Female => "female",
        }
    }

    /// What [`as_str`](Self::as_str) wrote; none for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "male" => Some(Self::Male),
            "female" => Some(Self::Female),
            _ => None,
        }
    }
}

/// Which rules classify a blood pressure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PressureRules {
    /// 中国高血压防治指南（2024年修订版）.
    #[default]
    #[serde(rename = "cn-htn-2024")]
    CnHtn2024,
    /// 中国高血压临床实践指南 (2022): hypertension from 130/80 on.
    #[serde(rename = "cn-cpg-2022")]
    CnCpg2022,
    /// ACC/AHA 2017, kept in 2025.
    #[serde(rename = "aha-2017")]
    Aha2017,
}

/// Which rules classify a glucose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum GlucoseRules {
    /// WHO criteria as used in China.
    #[default]
    #[serde(rename = "who-cn")]
    WhoCn,
    /// American Diabetes Association.
    #[serde(rename = "ada")]
    Ada,
}

/// Which rules classify a body mass index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BmiRules {
    /// WS/T 428-2013 成人体重判定.
    #[default]
    #[serde(rename = "ws-t-428-2013")]
    WsT4282013,
    /// WHO action points for Asian populations.
    #[serde(rename = "who-asian")]
    WhoAsian,
}

/// The chosen rule sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// For `blood_pressure`.
    pub blood_pressure: PressureRules,
    /// For the kinds of glucose and `hba1c`.
    pub glucose: GlucoseRules,
    /// For `bmi`.
    pub bmi: BmiRules,
}

/// What a person says about themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// IANA name of the zone whose midnights are theirs.
    pub timezone: String,
    /// None where they do not say.
    pub sex: Option<Sex>,
    /// `YYYY-MM-DD`.
    pub birth_date: Option<String>,
    /// Height in centimetres.
    pub height_cm: Option<f64>,
    /// Where they live, in metres above the sea: saturations are judged by it.
    pub altitude_m: Option<i32>,
    /// Which rule sets classify.
    pub rules: Rules,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            timezone: TIMEZONE_DEFAULT.to_owned(),
            sex: None,
            birth_date: None,
            height_cm: None,
            altitude_m: None,
            rules: Rules::default(),
        }
    }
}

impl Profile {
    /// The zone; the default where the name is of a zone that no longer exists.
    pub fn tz(&self) -> chrono_tz::Tz {
        self.timezone.parse().unwrap_or(chrono_tz::Asia::Shanghai)
    }

    /// The day of birth.
    pub fn born(&self) -> Option<NaiveDate> {
        self.birth_date.as_deref().and_then(date)
    }

    /// Completed years at an instant, by the person's own clock.
    pub fn age_years(&self, now_ms: i64) -> Option<u32> {
        let today = DateTime::<Utc>::from_timestamp_millis(now_ms)?
            .with_timezone(&self.tz())
            .date_naive();
        today.years_since(self.born()?)
    }

    /// The first thing that is wrong with it; `now_ms` is the server's clock.
    ///
    /// # Errors
    /// A violation that names the field.
    pub fn check(&self, now_ms: i64) -> Result<(), Violation> {
        let wrong =
            |field: &str, message: String| Err(Violation::new(field, Code::InvalidText, message));
        let range =
            |field: &str, message: String| Err(Violation::new(field, Code::OutOfRange, message));
        if self.timezone.parse::<chrono_tz::Tz>().is_err() {
            return wrong(
                "timezone",
                "an IANA name is needed, such as Asia/Shanghai".to_owned(),
            );
        }
        if self.birth_date.is_some() {
            let latest = DateTime::<Utc>::from_timestamp_millis(now_ms)
                .map(|now| now.with_timezone(&self.tz()).date_naive());
            let born = self.born();
            if born.is_none_or(|born| born.year() < BIRTH_YEAR_MIN || Some(born) > latest) {
                let message =
                    format!("YYYY-MM-DD is needed, from {BIRTH_YEAR_MIN}-01-01 until today");
                return wrong("birth_date", message);
            }
        }
        let (low, high) = HEIGHT_CM;
        if self
            .height_cm
            .is_some_and(|height| !(low..=high).contains(&height))
        {
            return range("height_cm", format!("outside of {low} to {high} cm"));
        }
        let (low, high) = ALTITUDE_M;
        if self
            .altitude_m
            .is_some_and(|altitude| !(low..=high).contains(&altitude))
        {
            return range("altitude_m", format!("outside of {low} to {high} m"));
        }
        Ok(())
    }
}

/// `YYYY-MM-DD` with all its digits.
fn date(text: &str) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (date.format("%Y-%m-%d").to_string() == text).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20T20:00:00Z: in Shanghai it is the 21st.
    const NOW_MS: i64 = 1_795_204_800_000;

    fn field(profile: &Profile) -> Option<String> {
        profile.check(NOW_MS).err().map(|violation| violation.field)
    }

    #[test]
    fn nothing_said_is_a_valid_profile() {
        let profile: Profile = serde_json::from_str("{}").unwrap();
        assert_eq!(profile, Profile::default());
        assert_eq!(field(&profile), None);
        assert_eq!(profile.tz(), chrono_tz::Asia::Shanghai);
    }

    #[test]
    fn the_field_that_is_wrong_is_named() {
        for (json, expected) in [
            (r#"{"timezone":"Asia/Peking"}"#, Some("timezone")),
            (r#"{"timezone":"+08:00"}"#, Some("timezone")),
            (r#"{"timezone":"Europe/Berlin"}"#, None),
            (r#"{"birth_date":"2026-11-21"}"#, None),
            (r#"{"birth_date":"2026-11-22"}"#, Some("birth_date")),
            (r#"{"birth_date":"1899-12-31"}"#, Some("birth_date")),
            (r#"{"birth_date":"1990-2-3"}"#, Some("birth_date")),
            (r#"{"birth_date":"1990-02-30"}"#, Some("birth_date")),
            (r#"{"height_cm":20}"#, None),
            (r#"{"height_cm":272.1}"#, Some("height_cm")),
            (r#"{"altitude_m":-500}"#, None),
            (r#"{"altitude_m":9001}"#, Some("altitude_m")),
        ] {
            let profile: Profile = serde_json::from_str(json).unwrap();
            assert_eq!(field(&profile).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn years_are_completed_on_ones_own_clock() {
        let born = |date: &str| Profile {
            birth_date: Some(date.to_owned()),
            ..Profile::default()
        };
        assert_eq!(born("2000-11-21").age_years(NOW_MS), Some(26));
        assert_eq!(born("2000-11-22").age_years(NOW_MS), Some(25));
        let utc = Profile {
            timezone: "UTC".to_owned(),
            ..born("2000-11-21")
        };
        assert_eq!(utc.age_years(NOW_MS), Some(25));
    }

    #[test]
    fn rule_sets_bear_the_names_of_the_documents() {
        let json = serde_json::to_value(Rules::default()).unwrap();
        let expected = serde_json::json!({"blood_pressure": "cn-htn-2024", "glucose": "who-cn", "bmi": "ws-t-428-2013"});
        assert_eq!(json, expected);
        for (field, name) in [
            ("blood_pressure", "cn-cpg-2022"),
            ("blood_pressure", "aha-2017"),
            ("glucose", "ada"),
            ("bmi", "who-asian"),
        ] {
            assert!(
                serde_json::from_value::<Rules>(serde_json::json!({field: name})).is_ok(),
                "{name}"
            );
        }
        assert!(serde_json::from_str::<Rules>(r#"{"bmi":"cn-htn-2024"}"#).is_err());
    }
}
