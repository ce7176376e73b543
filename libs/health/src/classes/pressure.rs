//! Blood pressure: the higher of two grades counts.

use super::bands::{class, up_to};
use super::rule_set::{AHA_2017, CN_CPG_2022, CN_HTN_2024, COMMON};
use super::{Circumstances, Class, Concern, Level, Person, RuleSet, Setting, Side};
use crate::Milli;
use crate::profile::PressureRules;

/// A grade begins where either pressure reaches its limit, in thousandths.
struct Grade {
    systolic: i64,
    diastolic: i64,
    class: Class,
}

/// Grades, highest first: limits, code, names, concern, level.
macro_rules! grades {
    ($rules:ident: $($systolic:literal / $diastolic:literal => $code:literal $zh:literal $en:literal $concern:ident $level:ident;)*) => {
        &[$(Grade {
            systolic: up_to($systolic),
            diastolic: up_to($diastolic),
            class: class(&$rules, $code, ($zh, $en), Concern::$concern, Side::High, Level::$level),
        }),*]
    };
}

static CN_2024: &[Grade] = grades! { CN_HTN_2024:
    180.0 / 110.0 => "grade_3" "3级高血压范围" "Range of grade 3 hypertension" Doctor Warning;
    160.0 / 100.0 => "grade_2" "2级高血压范围" "Range of grade 2 hypertension" Doctor Warning;
    140.0 / 90.0 => "grade_1" "1级高血压范围" "Range of grade 1 hypertension" Doctor Warning;
    120.0 / 80.0 => "high_normal" "正常高值" "High normal" Watch None;
};

static CN_2024_HOME: &[Grade] = grades! { CN_HTN_2024:
    180.0 / 110.0 => "grade_3" "3级高血压范围" "Range of grade 3 hypertension" Doctor Warning;
    160.0 / 100.0 => "grade_2" "2级高血压范围" "Range of grade 2 hypertension" Doctor Warning;
    140.0 / 90.0 => "grade_1" "1级高血压范围" "Range of grade 1 hypertension" Doctor Warning;
    135.0 / 85.0 => "home_hypertension" "家庭血压偏高" "High at home" Doctor Warning;
    120.0 / 80.0 => "high_normal" "正常高值" "High normal" Watch None;
};

static AMBULATORY_DAY_AND_NIGHT: &[Grade] = grades! { CN_HTN_2024:
    130.0 / 80.0 => "ambulatory_hypertension" "动态血压（24小时）偏高" "High over 24 hours" Doctor None;
};
static AMBULATORY_DAY: &[Grade] = grades! { CN_HTN_2024:
    135.0 / 85.0 => "ambulatory_hypertension" "动态血压（白天）偏高" "High while awake" Doctor None;
};
static AMBULATORY_NIGHT: &[Grade] = grades! { CN_HTN_2024:
    120.0 / 70.0 => "ambulatory_hypertension" "动态血压（夜间）偏高" "High while asleep" Doctor None;
};

static CN_2022: &[Grade] = grades! { CN_CPG_2022:
    140.0 / 90.0 => "grade_2" "2级高血压范围" "Range of grade 2 hypertension" Doctor Warning;
    130.0 / 80.0 => "grade_1" "1级高血压范围" "Range of grade 1 hypertension" Doctor None;
    120.0 / 80.0 => "high_normal" "正常高值" "High normal" Watch None;
};

static AHA: &[Grade] = grades! { AHA_2017:
    180.0 / 120.0 => "severe" "重度高血压范围" "Severe range" Doctor Critical;
    140.0 / 90.0 => "stage_2" "2期高血压范围" "Range of stage 2 hypertension" Doctor Warning;
    130.0 / 80.0 => "stage_1" "1期高血压范围" "Range of stage 1 hypertension" Doctor None;
    120.0 / 80.0 => "elevated" "血压升高" "Elevated" Watch None;
};

/// From here on a doctor is needed the same day, with symptoms at once.
const SEVERE: (i64, i64) = (up_to(180.0), up_to(120.0));
/// Below, pressure is low.
const LOW: (i64, i64) = (up_to(90.0), up_to(60.0));
/// Isolated hypertension is of one pressure alone.
const ISOLATED: (i64, i64) = (up_to(140.0), up_to(90.0));
/// A fall on standing that counts.
const FALL: (i64, i64) = (up_to(20.0), up_to(10.0));

const HYPOTENSION: Class = class(
    &COMMON,
    "hypotension",
    ("血压偏低", "Low blood pressure"),
    Concern::Watch,
    Side::Low,
    Level::None,
);
const STANDING_FALL: Class = class(
    &COMMON,
    "orthostatic_hypotension",
    ("体位性低血压", "Fall of pressure on standing"),
    Concern::Doctor,
    Side::Low,
    Level::Warning,
);
const ISOLATED_SYSTOLIC: Class = class(
    &CN_HTN_2024,
    "isolated_systolic",
    ("单纯收缩期高血压范围", "Isolated systolic hypertension"),
    Concern::Doctor,
    Side::High,
    Level::None,
);
const ISOLATED_DIASTOLIC: Class = class(
    &CN_HTN_2024,
    "isolated_diastolic",
    ("单纯舒张期高血压范围", "Isolated diastolic hypertension"),
    Concern::Doctor,
    Side::High,
    Level::None,
);

/// Whatever the rules: the guidelines agree on it.
fn severe(rule_set: &'static RuleSet, has_symptoms: bool) -> Class {
    let (code, names, concern) = if has_symptoms {
        let names = ("高血压急症可能", "Possibly a hypertensive emergency");
        ("hypertensive_emergency", names, Concern::Emergency)
    } else {
        let names = ("血压极高", "Extremely high blood pressure");
        ("severe", names, Concern::Doctor)
    };
    class(rule_set, code, names, concern, Side::High, Level::Critical)
}

fn normal(rule_set: &'static RuleSet) -> Class {
    let names = ("正常", "Normal");
    let (concern, side) = (Concern::None, Side::Within);
    class(rule_set, "normal", names, concern, side, Level::None)
}

pub(super) fn classes(
    systolic: Milli,
    diastolic: Milli,
    circumstances: &Circumstances,
    person: &Person,
) -> Vec<Class> {
    let (rule_set, grades) = rules(circumstances.setting, person.rules.blood_pressure);
    let reaches = |limits: (i64, i64)| systolic.0 >= limits.0 || diastolic.0 >= limits.1;
    let grade = grades
        .iter()
        .find(|grade| reaches((grade.systolic, grade.diastolic)));
    let is_low = systolic.0 < LOW.0 || diastolic.0 < LOW.1;
    let mut found = vec![match grade {
        Some(grade) => grade.class,
        None if is_low => HYPOTENSION,
        None => normal(rule_set),
    }];
    // A symptom makes a severe pressure an emergency under every set of rules.
    let is_graded_severe = grade.is_some_and(|grade| grade.class.code == "severe");
    if reaches(SEVERE) && (!is_graded_severe || circumstances.has_symptoms) {
        found.push(severe(rule_set, circumstances.has_symptoms));
    }
    if rule_set == &CN_HTN_2024 && circumstances.setting != Setting::AmbulatoryNight {
        found.extend(isolated(systolic, diastolic));
    }
    if is_low && grade.is_some() {
        found.push(HYPOTENSION);
    }
    if is_low && circumstances.has_symptoms {
        let told = |class: &mut Class| class.level = Level::Warning;
        found
            .iter_mut()
            .filter(|class| class.code == HYPOTENSION.code)
            .for_each(told);
    }
    found
}

fn rules(setting: Setting, chosen: PressureRules) -> (&'static RuleSet, &'static [Grade]) {
    match (chosen, setting) {
        (_, Setting::AmbulatoryDayAndNight) => (&CN_HTN_2024, AMBULATORY_DAY_AND_NIGHT),
        (_, Setting::AmbulatoryDay) => (&CN_HTN_2024, AMBULATORY_DAY),
        (_, Setting::AmbulatoryNight) => (&CN_HTN_2024, AMBULATORY_NIGHT),
        (PressureRules::CnHtn2024, Setting::Home) => (&CN_HTN_2024, CN_2024_HOME),
        (PressureRules::CnHtn2024, Setting::Clinic) => (&CN_HTN_2024, CN_2024),
        (PressureRules::CnCpg2022, _) => (&CN_CPG_2022, CN_2022),
        (PressureRules::Aha2017, _) => (&AHA_2017, AHA),
    }
}

fn isolated(systolic: Milli, diastolic: Milli) -> Option<Class> {
    match (systolic.0 >= ISOLATED.0, diastolic.0 >= ISOLATED.1) {
        (true, false) => Some(ISOLATED_SYSTOLIC),
        (false, true) => Some(ISOLATED_DIASTOLIC),
        _ => None,
    }
}

/// What two pressures tell together, systolic and diastolic: one at rest, and one of
/// the minutes after getting up. A fall of 20 or 10 mm\[Hg\] counts.
#[must_use]
pub fn standing_fall(at_rest: (Milli, Milli), standing: (Milli, Milli)) -> Option<Class> {
    let falls = (at_rest.0.0 - standing.0.0, at_rest.1.0 - standing.1.0);
    (falls.0 >= FALL.0 || falls.1 >= FALL.1).then_some(STANDING_FALL)
}
