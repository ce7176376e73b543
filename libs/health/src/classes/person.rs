//! What the rules ask about a person.

use super::Class;
use super::bands::{Band, REST, bands, below, of};
use super::rule_set::{WHO_ASIAN, WS_T_428};
use crate::Milli;
use crate::profile::{BmiRules, Profile, Rules, Sex};

/// The rules are for adults, from this age on.
pub const ADULT_AGE_YEARS_MIN: u32 = 18;
/// From this age on other weights are recommended.
const OLD_AGE_YEARS_MIN: u32 = 80;

/// What is known of a person; an adult of whom nothing is known by default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Person {
    /// The sex.
    pub sex: Option<Sex>,
    /// The age in whole years.
    pub age_years: Option<u32>,
    /// How high they live, in metres above the sea.
    pub altitude_m: Option<f64>,
    /// The rules that they go by.
    pub rules: Rules,
}

static BMI_CHINA: &[Band] = bands! { WS_T_428:
    below(18.5) => "underweight" "体重过低" "Underweight" Watch Low None;
    below(24.0) => "normal" "体重正常" "Normal weight" None Within None;
    below(28.0) => "overweight" "超重" "Overweight" Watch High None;
    below(32.5) => "obesity_mild" "轻度肥胖" "Mild obesity" Doctor High None;
    below(37.5) => "obesity_moderate" "中度肥胖" "Moderate obesity" Doctor High None;
    below(50.0) => "obesity_severe" "重度肥胖" "Severe obesity" Doctor High None;
    REST => "obesity_extreme" "极重度肥胖" "Extreme obesity" Doctor High None;
};
static BMI_CHINA_OLD: &[Band] = bands! { WS_T_428:
    below(22.0) => "below_recommended" "低于高龄推荐范围" "Below what is recommended from 80 on" Watch Low None;
    below(27.0) => "normal" "高龄推荐范围" "As recommended from 80 on" None Within None;
    REST => "above_recommended" "高于高龄推荐范围" "Above what is recommended from 80 on" Watch High None;
};
static BMI_ASIAN: &[Band] = bands! { WHO_ASIAN:
    below(18.5) => "underweight" "体重过低" "Underweight" Watch Low None;
    below(23.0) => "normal" "体重正常" "Normal weight" None Within None;
    below(27.5) => "increased_risk" "风险增加" "Increased risk" Watch High None;
    below(32.5) => "high_risk" "高风险" "High risk" Doctor High None;
    below(37.5) => "high_risk_2" "高风险（二级）" "High risk, second action point" Doctor High None;
    REST => "high_risk_3" "高风险（三级）" "High risk, third action point" Doctor High None;
};
static WAIST_MALE: &[Band] = bands! { WS_T_428:
    below(85.0) => "normal" "正常" "Normal" None Within None;
    below(90.0) => "pre_central_obesity" "中心型肥胖前期" "Nearly central obesity" Watch High None;
    REST => "central_obesity" "中心型肥胖" "Central obesity" Doctor High None;
};
static WAIST_FEMALE: &[Band] = bands! { WS_T_428:
    below(80.0) => "normal" "正常" "Normal" None Within None;
    below(85.0) => "pre_central_obesity" "中心型肥胖前期" "Nearly central obesity" Watch High None;
    REST => "central_obesity" "中心型肥胖" "Central obesity" Doctor High None;
};

impl Person {
    /// What a profile tells at an instant, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn of(profile: &Profile, at_ms: i64) -> Self {
        Self {
            sex: profile.sex,
            age_years: profile.age_years(at_ms),
            altitude_m: profile.altitude_m.map(f64::from),
            rules: profile.rules,
        }
    }

    /// Whether the person is known to be no adult.
    #[must_use]
    pub fn is_minor(&self) -> bool {
        self.age_years.is_some_and(|age| age < ADULT_AGE_YEARS_MIN)
    }

    pub(super) fn bmi_class(&self, value: Milli) -> Class {
        let is_old = self.age_years.is_some_and(|age| age >= OLD_AGE_YEARS_MIN);
        let bands = match (self.rules.bmi, is_old) {
            (BmiRules::WsT4282013, false) => BMI_CHINA,
            (BmiRules::WsT4282013, true) => BMI_CHINA_OLD,
            (BmiRules::WhoAsian, _) => BMI_ASIAN,
        };
        of(bands, value)
    }

    pub(super) fn waist_class(&self, value: Milli) -> Option<Class> {
        self.sex.map(|sex| match sex {
            Sex::Male => of(WAIST_MALE, value),
            Sex::Female => of(WAIST_FEMALE, value),
        })
    }
}
