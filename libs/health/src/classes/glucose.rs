//! Glucose: what a value says of diabetes, and what it says of today.
//!
//! The limits are written with one decimal, and stand for rounder ones in mg/dL (3.9 for
//! 70, 5.6 for 100, 7.0 for 126, 7.8 for 140), while values are stored with two: 126
//! mg/dL are 6.99 mmol/L. Values are therefore compared with one decimal, but for what is
//! below 3.0, where rounding would hide a danger, and for HbA1c, whose 6.5 % is 48
//! mmol/mol and not 47 (6.45 %).

use super::bands::{Band, REST, bands, below, class, of, up_to};
use super::rule_set::{ADA, CGM, HYPOGLYCAEMIA, WHO_CN};
use super::{Circumstances, Class, Concern, Level, Person, Side};
use crate::Milli;
use crate::profile::GlucoseRules;

static WHO_FASTING: &[Band] = bands! { WHO_CN:
    below(6.1) => "normal" "正常" "Normal" None Within None;
    below(7.0) => "impaired" "空腹血糖受损范围" "Range of impaired fasting glucose" Watch High None;
    REST => "diabetes_range" "糖尿病范围" "Range of diabetes" Doctor High None;
};
static WHO_TWO_HOURS: &[Band] = bands! { WHO_CN:
    below(7.8) => "normal" "正常" "Normal" None Within None;
    below(11.1) => "impaired" "糖耐量减低范围" "Range of impaired glucose tolerance" Watch High None;
    REST => "diabetes_range" "糖尿病范围" "Range of diabetes" Doctor High None;
};
static WHO_HBA1C: &[Band] = bands! { WHO_CN:
    below(6.5) => "normal" "未达糖尿病范围" "Below the range of diabetes" None Within None;
    REST => "diabetes_range" "糖尿病范围" "Range of diabetes" Doctor High None;
};
static ADA_FASTING: &[Band] = bands! { ADA:
    below(5.6) => "normal" "正常" "Normal" None Within None;
    below(7.0) => "prediabetes" "糖尿病前期范围" "Range of prediabetes" Watch High None;
    REST => "diabetes_range" "糖尿病范围" "Range of diabetes" Doctor High None;
};
static ADA_TWO_HOURS: &[Band] = bands! { ADA:
    below(7.8) => "normal" "正常" "Normal" None Within None;
    below(11.1) => "prediabetes" "糖尿病前期范围" "Range of prediabetes" Watch High None;
    REST => "diabetes_range" "糖尿病范围" "Range of diabetes" Doctor High None;
};
static ADA_HBA1C: &[Band] = bands! { ADA:
    below(5.7) => "normal" "正常" "Normal" None Within None;
    below(6.5) => "prediabetes" "糖尿病前期范围" "Range of prediabetes" Watch High None;
    REST => "diabetes_range" "糖尿病范围" "Range of diabetes" Doctor High None;
};

static LOW: &[Band] = bands! { HYPOGLYCAEMIA:
    below(3.0) => "hypoglycaemia_2" "严重低血糖" "Low glucose, level 2" Emergency Low Critical;
    below(3.9) => "hypoglycaemia_1" "低血糖" "Low glucose, level 1" Doctor Low Warning;
};
static USUAL_OR_HIGH: &[Band] = bands! { CGM:
    up_to(10.0) => "normal" "正常" "Normal" None Within None;
    up_to(13.9) => "hyperglycaemia_1" "高血糖（1级）" "High glucose, level 1" Watch High Warning;
    REST => "hyperglycaemia_2" "高血糖（2级）" "High glucose, level 2" Doctor High Warning;
};

const HYPOGLYCAEMIA_3: Class = class(
    &HYPOGLYCAEMIA,
    "hypoglycaemia_3",
    (
        "低血糖伴意识改变",
        "Low glucose with altered consciousness, level 3",
    ),
    Concern::Emergency,
    Side::Low,
    Level::Critical,
);
const CRISIS: Class = class(
    &CGM,
    "hyperglycaemic_crisis",
    ("高血糖危象可能", "Possibly a hyperglycaemic crisis"),
    Concern::Emergency,
    Side::High,
    Level::Critical,
);

/// Below, glucose is dangerously low.
const LEVEL_2_BELOW: i64 = up_to(3.0);
/// Below, glucose is low.
const LOW_BELOW: i64 = up_to(3.9);
/// Above, with symptoms, it is an emergency.
const CRISIS_ABOVE: i64 = up_to(16.7);
/// From here on, with symptoms, any value is in the range of diabetes.
const RANDOM_DIABETES: i64 = up_to(11.1);

/// As the limits are written.
fn with_one_decimal(value: Milli) -> Milli {
    Milli(
        value
            .0
            .saturating_add(50)
            .div_euclid(100)
            .saturating_mul(100),
    )
}

pub(super) fn classes(
    kind: &str,
    value: Milli,
    circumstances: &Circumstances,
    person: &Person,
) -> Vec<Class> {
    let rules = person.rules.glucose;
    if kind == "hba1c" {
        let bands = match rules {
            GlucoseRules::WhoCn => WHO_HBA1C,
            GlucoseRules::Ada => ADA_HBA1C,
        };
        return vec![of(bands, value)];
    }
    let raw = value;
    let value = with_one_decimal(raw);
    // Consciousness that is altered is level 3 whatever the number, unless it is high.
    if circumstances.is_confused && value.0 <= up_to(10.0) {
        return vec![HYPOGLYCAEMIA_3];
    }
    if value.0 < LOW_BELOW {
        let is_level_2 = raw.0 < LEVEL_2_BELOW;
        return vec![of(LOW, if is_level_2 { raw } else { value })];
    }
    let today = of(USUAL_OR_HIGH, value);
    let mut found: Vec<Class> = label(kind, value, rules, circumstances.has_symptoms)
        .into_iter()
        .collect();
    if found.is_empty() || today.side == Side::High {
        found.push(today);
    }
    let is_ill = circumstances.has_symptoms || circumstances.is_confused;
    if value.0 > CRISIS_ABOVE && is_ill {
        found.push(CRISIS);
    }
    found
}

/// What the value says of diabetes; nothing for values of any time without symptoms.
fn label(kind: &str, value: Milli, rules: GlucoseRules, has_symptoms: bool) -> Option<Class> {
    let bands = match (kind, rules) {
        ("glucose_fasting", GlucoseRules::WhoCn) => WHO_FASTING,
        ("glucose_fasting", GlucoseRules::Ada) => ADA_FASTING,
        ("glucose_postprandial", GlucoseRules::WhoCn) => WHO_TWO_HOURS,
        ("glucose_postprandial", GlucoseRules::Ada) => ADA_TWO_HOURS,
        ("glucose_random", GlucoseRules::WhoCn) if has_symptoms && value.0 >= RANDOM_DIABETES => {
            WHO_TWO_HOURS
        }
        ("glucose_random", GlucoseRules::Ada) if has_symptoms && value.0 >= RANDOM_DIABETES => {
            ADA_TWO_HOURS
        }
        _ => return None,
    };
    Some(of(bands, value))
}
