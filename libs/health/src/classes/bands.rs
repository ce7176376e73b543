//! Bands of values, lowest first, and the tables that need nothing else.

use super::rule_set::{CN_AXILLARY, COMMON, NEWS2};
use super::{Class, Concern, Level, RuleSet, Side};
use crate::Milli;

/// A class, and the largest value that still belongs to it, in thousandths.
#[derive(Clone, Copy, Debug)]
pub(super) struct Band {
    pub(super) max_milli: i64,
    pub(super) class: Class,
}

/// Above every value.
pub(super) const REST: i64 = i64::MAX;

/// The largest value below `limit`.
pub(super) const fn below(limit: f64) -> i64 {
    up_to(limit) - 1
}

/// `limit` itself, in thousandths.
pub(super) const fn up_to(limit: f64) -> i64 {
    (limit * 1000.0 + 0.5) as i64
}

/// A class of a set of rules: code, names, then what it means.
pub(super) const fn class(
    rule_set: &'static RuleSet,
    code: &'static str,
    names: (&'static str, &'static str),
    concern: Concern,
    side: Side,
    level: Level,
) -> Class {
    Class {
        code,
        zh: names.0,
        en: names.1,
        concern,
        side,
        level,
        rule_set,
    }
}

/// The class of a value. Tables end with [`REST`]; an empty table would say nothing and
/// there is none.
pub(super) fn of(bands: &[Band], value: Milli) -> Class {
    let found = bands.iter().find(|band| value.0 <= band.max_milli);
    found
        .or_else(|| bands.last())
        .map_or(NOTHING, |band| band.class)
}

/// What a table without bands would say.
const NOTHING: Class = class(
    &COMMON,
    "normal",
    ("正常", "Normal"),
    Concern::None,
    Side::Within,
    Level::None,
);

/// One line of a table: bound, code, names, concern, side, level.
macro_rules! bands {
    ($rules:ident: $($max:expr => $code:literal $zh:literal $en:literal $concern:ident $side:ident $level:ident;)*) => {
        &[$($crate::classes::bands::Band {
            max_milli: $max,
            class: $crate::classes::bands::class(
                &$rules,
                $code,
                ($zh, $en),
                $crate::classes::Concern::$concern,
                $crate::classes::Side::$side,
                $crate::classes::Level::$level,
            ),
        }),*]
    };
}
pub(super) use bands;

/// The pulse at rest, /min.
pub(super) static PULSE: &[Band] = bands! { COMMON:
    below(40.0) => "critical_low" "心率极低" "Extremely slow heart rate" Emergency Low Critical;
    below(50.0) => "bradycardia" "心动过缓" "Slow heart rate" Watch Low Warning;
    below(60.0) => "low" "心率偏低" "Rather slow heart rate" Watch Low None;
    up_to(100.0) => "normal" "正常" "Normal" None Within None;
    up_to(120.0) => "tachycardia" "心动过速" "Fast heart rate" Watch High Warning;
    up_to(150.0) => "high" "心率过快" "Very fast heart rate" Doctor High Warning;
    REST => "critical_high" "心率极快" "Extremely fast heart rate" Emergency High Critical;
};

/// Oxygen saturation, %.
pub(super) static OXYGEN: &[Band] = bands! { COMMON:
    up_to(85.0) => "critical" "严重低氧" "Severe lack of oxygen" Emergency Low Critical;
    up_to(90.0) => "hypoxaemia" "低氧血症" "Lack of oxygen" Emergency Low Warning;
    up_to(94.0) => "low" "血氧偏低" "Rather little oxygen" Watch Low Warning;
    REST => "normal" "正常" "Normal" None Within None;
};

/// Breaths, /min.
pub(super) static RESPIRATION: &[Band] = bands! { NEWS2:
    up_to(8.0) => "critical_low" "呼吸极慢" "Extremely slow breathing" Emergency Low Critical;
    below(12.0) => "low" "呼吸偏慢" "Slow breathing" Watch Low Warning;
    up_to(20.0) => "normal" "正常" "Normal" None Within None;
    below(25.0) => "raised" "呼吸偏快" "Fast breathing" Watch High Warning;
    REST => "critical_high" "呼吸极快" "Extremely fast breathing" Emergency High Critical;
};

/// Temperature in the armpit, Cel.
pub(super) static TEMPERATURE: &[Band] = bands! { CN_AXILLARY:
    below(35.0) => "hypothermia" "体温过低" "Hypothermia" Doctor Low Warning;
    below(36.0) => "low" "体温偏低" "Low temperature" Watch Low None;
    below(37.3) => "normal" "正常" "Normal" None Within None;
    up_to(38.0) => "low_fever" "低热" "Low fever" Watch High Warning;
    up_to(39.0) => "moderate_fever" "中等度热" "Moderate fever" Doctor High Warning;
    up_to(41.0) => "high_fever" "高热" "High fever" Doctor High Warning;
    REST => "hyperpyrexia" "超高热" "Hyperpyrexia" Emergency High Critical;
};
