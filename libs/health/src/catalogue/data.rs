//! The table itself: one entry for each kind, in the order of the documentation.

use super::{Conversion, Metric, Range, ReadingType, Shape, Unit};

const FAHRENHEIT: Conversion = Conversion {
    before: -32.0,
    divisor: 1.8,
    ..Conversion::SAME
};
const IFCC: Conversion = Conversion {
    factor: 0.0915,
    after: 2.15,
    ..Conversion::SAME
};

const BPM: &[Unit] = &[
    unit("/min", Conversion::SAME),
    unit("{beats}/min", Conversion::SAME),
    unit("bpm", Conversion::SAME),
];
const BREATHS: &[Unit] = &[
    unit("/min", Conversion::SAME),
    unit("{breaths}/min", Conversion::SAME),
];
const PRESSURE: &[Unit] = &[
    unit("mm[Hg]", Conversion::SAME),
    unit("mmHg", Conversion::SAME),
    unit("kPa", Conversion::times(7.50062)),
];
const PERCENT: &[Unit] = &[unit("%", Conversion::SAME)];
const GLUCOSE: &[Unit] = &[
    unit("mmol/L", Conversion::SAME),
    unit("mg/dL", Conversion::over(18.016)),
];
const LENGTH: &[Unit] = &[
    unit("cm", Conversion::SAME),
    unit("m", Conversion::times(100.0)),
    unit("[in_i]", Conversion::times(2.54)),
];
const MINUTES: &[Unit] = &[
    unit("min", Conversion::SAME),
    unit("h", Conversion::times(60.0)),
];
const SCORE: &[Unit] = &[
    unit("{score}", Conversion::SAME),
    unit("1", Conversion::SAME),
];
const MILLISECONDS: &[Unit] = &[
    unit("ms", Conversion::SAME),
    unit("s", Conversion::times(1000.0)),
];
const MASS: &[Unit] = &[
    unit("kg", Conversion::SAME),
    unit("g", Conversion::over(1000.0)),
    unit("[lb_av]", Conversion::times(0.45359237)),
    unit("斤", Conversion::times(0.5)),
];
const HBA1C: &[Unit] = &[unit("%", Conversion::SAME), unit("mmol/mol", IFCC)];
const SATURATION: &[Unit] = &[
    unit("%", Conversion::SAME),
    unit("1", Conversion::times(100.0)),
];
const CELSIUS: &[Unit] = &[
    unit("Cel", Conversion::SAME),
    unit("°C", Conversion::SAME),
    unit("℃", Conversion::SAME),
    unit("[degF]", FAHRENHEIT),
    unit("°F", FAHRENHEIT),
];
const BMI: &[Unit] = &[unit("kg/m2", Conversion::SAME)];
const WAIST: &[Unit] = &[
    unit("cm", Conversion::SAME),
    unit("[in_i]", Conversion::times(2.54)),
];
const STEPS: &[Unit] = &[
    unit("{steps}", Conversion::SAME),
    unit("count", Conversion::SAME),
];
const ENERGY: &[Unit] = &[
    unit("kcal", Conversion::SAME),
    unit("kJ", Conversion::over(4.184)),
];
const VOLUME: &[Unit] = &[
    unit("mL", Conversion::SAME),
    unit("L", Conversion::times(1000.0)),
];

const HERTZ: &[Unit] = &[unit("Hz", Conversion::SAME)];

const fn unit(code: &'static str, conversion: Conversion) -> Unit {
    Unit { code, conversion }
}

const fn range(min: f64, max: f64) -> Range {
    Range { min, max }
}

/// One line of figures: names, LOINC, hard and warn range.
macro_rules! metric {
    ($key:literal, $zh:literal, $en:literal, $loinc:expr, $hmin:literal .. $hmax:literal, $wmin:literal .. $wmax:literal) => {
        Metric {
            key: $key,
            zh: $zh,
            en: $en,
            loinc: $loinc,
            hard: range($hmin, $hmax),
            warn: range($wmin, $wmax),
        }
    };
}

/// The code that is preferred, empty where there is none.
const fn first(codes: &'static [&'static str]) -> &'static str {
    match codes {
        [first, ..] => first,
        [] => "",
    }
}

/// The shape of a kind: that of most, unless it says otherwise.
macro_rules! shape {
    () => {
        Shape::Scalar
    };
    ($shape:ident) => {
        Shape::$shape
    };
}

/// The table. A kind with its own figures lists them; the others have one that
/// bears their name.
macro_rules! types {
    ($($key:literal $aliases:tt $zh:literal $en:literal : $units:ident, $decimals:literal decimals, $loinc:tt
        $(, hard $hmin:literal .. $hmax:literal, warn $wmin:literal .. $wmax:literal)? $(, metrics $metrics:ident)?
        $(, shape $shape:ident)? ;)*) => {
        &[$(ReadingType {
            key: $key,
            shape: shape!($($shape)?),
            aliases: &$aliases,
            zh: $zh,
            en: $en,
            unit: canonical($units),
            units: $units,
            decimals: $decimals,
            loinc: &$loinc,
            metrics: $(&[metric!($key, $zh, $en, first(&$loinc), $hmin .. $hmax, $wmin .. $wmax)])? $($metrics)?,
        },)*]
    };
}

const fn canonical(units: &'static [Unit]) -> &'static str {
    match units {
        [first, ..] => first.code,
        [] => "",
    }
}

const PRESSURES: &[Metric] = &[
    metric!(
        "systolic",
        "收缩压",
        "Systolic pressure",
        "8480-6",
        40.0..300.0,
        70.0..250.0
    ),
    metric!(
        "diastolic",
        "舒张压",
        "Diastolic pressure",
        "8462-4",
        20.0..200.0,
        40.0..150.0
    ),
];

/// Every kind of reading. Kinds without a warn range of their own repeat the hard one.
pub(super) const TYPES: &[ReadingType] = types! {
    "heart_rate" ["pulse_rate"] "心率" "Heart rate":
        BPM, 0 decimals, ["8867-4"], hard 20.0 .. 300.0, warn 30.0 .. 220.0;
    "resting_heart_rate" [] "静息心率" "Resting heart rate":
        BPM, 0 decimals, ["40443-4"], hard 20.0 .. 200.0, warn 35.0 .. 120.0;
    "blood_pressure" [] "血压" "Blood pressure":
        PRESSURE, 0 decimals, ["85354-9"], metrics PRESSURES, shape Panel;
    "spo2" ["oxygen_saturation", "blood_oxygen"] "血氧饱和度" "Oxygen saturation":
        SATURATION, 0 decimals, ["59408-5", "2708-6"], hard 50.0 .. 100.0, warn 70.0 .. 100.0;
    "body_temperature" ["temperature"] "体温" "Body temperature":
        CELSIUS, 1 decimals, ["8310-5"], hard 25.0 .. 45.0, warn 34.0 .. 42.0;
    "respiratory_rate" [] "呼吸频率" "Respiratory rate":
        BREATHS, 0 decimals, ["9279-1"], hard 3.0 .. 90.0, warn 6.0 .. 60.0;
    "glucose_fasting" [] "空腹血糖" "Fasting glucose":
        GLUCOSE, 2 decimals, ["14770-2", "14771-0"], hard 0.6 .. 55.0, warn 2.0 .. 33.0;
    "glucose_postprandial" [] "餐后2小时血糖" "Glucose two hours after a meal":
        GLUCOSE, 2 decimals, ["14760-3", "1521-4"], hard 0.6 .. 55.0, warn 2.0 .. 33.0;
    "glucose_random" ["glucose", "blood_glucose"] "随机血糖" "Random glucose":
        GLUCOSE, 2 decimals, ["14743-9", "15074-8"], hard 0.6 .. 55.0, warn 2.0 .. 33.0;
    "glucose_cgm" ["cgm"] "连续血糖" "Continuous glucose":
        GLUCOSE, 2 decimals, ["105272-9"], hard 0.6 .. 55.0, warn 2.0 .. 33.0;
    "hba1c" [] "糖化血红蛋白" "Haemoglobin A1c":
        HBA1C, 2 decimals, ["4548-4", "59261-8"], hard 2.0 .. 25.0, warn 3.5 .. 18.0;
    "body_weight" ["weight", "body_mass"] "体重" "Body weight":
        MASS, 2 decimals, ["29463-7"], hard 0.3 .. 500.0, warn 20.0 .. 250.0;
    "body_height" ["height"] "身高" "Body height":
        LENGTH, 1 decimals, ["8302-2"], hard 20.0 .. 272.0, warn 100.0 .. 220.0;
    "bmi" ["body_mass_index"] "体质指数" "Body mass index":
        BMI, 1 decimals, ["39156-5"], hard 5.0 .. 120.0, warn 12.0 .. 60.0;
    "waist" ["waist_circumference"] "腰围" "Waist circumference":
        WAIST, 1 decimals, ["8280-0"], hard 30.0 .. 250.0, warn 45.0 .. 160.0;
    "body_fat" ["body_fat_percentage"] "体脂率" "Body fat":
        PERCENT, 1 decimals, ["41982-0"], hard 1.0 .. 75.0, warn 3.0 .. 60.0;
    "steps" ["step_count"] "步数" "Steps":
        STEPS, 0 decimals, ["55423-8", "41950-7"], hard 0.0 .. 200000.0, warn 0.0 .. 60000.0;
    "active_minutes" ["activity"] "运动时长" "Active minutes":
        MINUTES, 0 decimals, ["55411-3"], hard 0.0 .. 1440.0, warn 0.0 .. 600.0;
    "energy" ["calories_burned"] "消耗热量" "Energy burned":
        ENERGY, 0 decimals, ["41981-2"], hard 0.0 .. 20000.0, warn 0.0 .. 8000.0;
    "sleep_duration" ["sleep"] "睡眠时长" "Sleep duration":
        MINUTES, 0 decimals, ["93832-4"], hard 0.0 .. 1440.0, warn 120.0 .. 960.0;
    "sleep_deep" [] "深睡" "Deep sleep":
        MINUTES, 0 decimals, ["93831-6"], hard 0.0 .. 1440.0, warn 0.0 .. 1440.0;
    "sleep_light" [] "浅睡" "Light sleep":
        MINUTES, 0 decimals, ["93830-8"], hard 0.0 .. 1440.0, warn 0.0 .. 1440.0;
    "sleep_rem" [] "快速眼动睡眠" "REM sleep":
        MINUTES, 0 decimals, ["93829-0"], hard 0.0 .. 1440.0, warn 0.0 .. 1440.0;
    "hrv_sdnn" [] "心率变异性 SDNN" "Heart rate variability (SDNN)":
        MILLISECONDS, 1 decimals, ["80404-7"], hard 0.0 .. 400.0, warn 5.0 .. 250.0;
    "hrv_rmssd" [] "心率变异性 RMSSD" "Heart rate variability (RMSSD)":
        MILLISECONDS, 1 decimals, [], hard 0.0 .. 400.0, warn 5.0 .. 250.0;
    "ecg_summary" ["ecg"] "心电摘要" "ECG summary":
        BPM, 0 decimals, ["11524-6", "8867-4"], hard 20.0 .. 300.0, warn 20.0 .. 300.0, shape Summary;
    "ecg_waveform" [] "心电波形" "ECG waveform":
        HERTZ, 2 decimals, ["11524-6"], hard 25.0 .. 1000.0, warn 25.0 .. 1000.0, shape Waveform;
    "ppg_waveform" [] "光电容积脉搏波" "PPG waveform":
        HERTZ, 2 decimals, [], hard 25.0 .. 1000.0, warn 25.0 .. 1000.0, shape Waveform;
    "water_intake" ["water"] "饮水量" "Water intake":
        VOLUME, 0 decimals, [], hard 0.0 .. 20000.0, warn 0.0 .. 8000.0;
    "mood" [] "情绪" "Mood":
        SCORE, 1 decimals, [], hard 0.0 .. 10.0, warn 0.0 .. 10.0;
    "pain" [] "疼痛" "Pain":
        SCORE, 1 decimals, ["72514-3"], hard 0.0 .. 10.0, warn 0.0 .. 10.0;
};
