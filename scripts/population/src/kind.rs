//! What is measured: names, units, ranges. Written down here once more, so that
//! what the application should do with a reading is not asked of itself.

/// One figure of a reading in thousandths of its unit: 36.6 is 36,600.
pub type Milli = i64;

/// A unit, and how a value in it becomes one of the canonical unit:
/// `(value + before) × factor ÷ divisor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// As it is written.
    pub code: &'static str,
    before_milli: i64,
    factor: i64,
    divisor: i64,
    /// Decimals that a device shows.
    decimals: u32,
}

const fn same(code: &'static str, decimals: u32) -> Unit {
    Unit {
        code,
        before_milli: 0,
        factor: 1,
        divisor: 1,
        decimals,
    }
}

const fn scaled(code: &'static str, factor: i64, divisor: i64, decimals: u32) -> Unit {
    Unit {
        factor,
        divisor,
        ..same(code, decimals)
    }
}

/// A value over a common divisor, so that no fraction is lost.
#[derive(Clone, Copy, Debug)]
struct Exact {
    over: i128,
    divisor: i128,
}

impl Unit {
    /// A value as it was sent, in the canonical unit.
    fn exact(&self, sent: Milli) -> Exact {
        Exact {
            over: i128::from(sent + self.before_milli) * i128::from(self.factor),
            divisor: i128::from(self.divisor),
        }
    }

    /// What a device that shows this unit shows for a canonical value.
    pub(crate) fn shown(&self, canonical: Milli) -> Milli {
        let over = i128::from(canonical) * i128::from(self.divisor);
        let exact = Exact {
            over: over - i128::from(self.before_milli) * i128::from(self.factor),
            divisor: i128::from(self.factor),
        };
        exact.rounded(self.decimals)
    }
}

impl Exact {
    /// Rounded to decimals, halves away from zero, in thousandths.
    fn rounded(self, decimals: u32) -> Milli {
        let step = 10_i128.pow(3_u32.saturating_sub(decimals));
        let divisor = self.divisor * step;
        let half = if self.over < 0 { -divisor } else { divisor };
        let steps = (2 * self.over + half) / (2 * divisor);
        i64::try_from(steps * step).unwrap_or(i64::MAX)
    }

    fn within(self, (least, most): (Milli, Milli)) -> bool {
        self.over >= i128::from(least) * self.divisor
            && self.over <= i128::from(most) * self.divisor
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is what its name says")]
pub enum Kind {
    HeartRate,
    RestingHeartRate,
    BloodPressure,
    Spo2,
    BodyTemperature,
    RespiratoryRate,
    GlucoseFasting,
    GlucosePostprandial,
    GlucoseCgm,
    Hba1c,
    BodyWeight,
    BodyHeight,
    Waist,
    BodyFat,
    Steps,
    ActiveMinutes,
    Energy,
    SleepDuration,
    SleepDeep,
    SleepLight,
    SleepRem,
    HrvSdnn,
    HrvRmssd,
    WaterIntake,
    Mood,
    Pain,
}

/// The line of a kind: its key, its units with the canonical one first, the
/// decimals that are kept, what is refused outside and what is unlikely outside.
struct Line {
    key: &'static str,
    units: &'static [Unit],
    decimals: u32,
    hard: (Milli, Milli),
    usual: (Milli, Milli),
}

const fn line(
    key: &'static str,
    units: &'static [Unit],
    decimals: u32,
    hard: (i64, i64),
    usual: (i64, i64),
) -> Line {
    Line {
        key,
        units,
        decimals,
        hard: (hard.0 * 1_000, hard.1 * 1_000),
        usual: (usual.0 * 1_000, usual.1 * 1_000),
    }
}

const PER_MINUTE: &[Unit] = &[same("/min", 0), same("bpm", 0), same("{beats}/min", 0)];
const BREATHS: &[Unit] = &[same("/min", 0)];
const PRESSURE: &[Unit] = &[same("mm[Hg]", 0), scaled("kPa", 750_062, 100_000, 1)];
const PERCENT: &[Unit] = &[same("%", 1)];
const SATURATION: &[Unit] = &[same("%", 0), scaled("1", 100, 1, 2)];
const CELSIUS: &[Unit] = &[
    same("Cel", 1),
    Unit {
        before_milli: -32_000,
        factor: 5,
        divisor: 9,
        ..same("[degF]", 1)
    },
];
const GLUCOSE: &[Unit] = &[same("mmol/L", 2), scaled("mg/dL", 1_000, 18_016, 0)];
const MASS: &[Unit] = &[
    same("kg", 2),
    scaled("斤", 1, 2, 2),
    scaled("g", 1, 1_000, 0),
];
const LENGTH: &[Unit] = &[same("cm", 1), scaled("m", 100, 1, 3)];
const WAIST: &[Unit] = &[same("cm", 1), scaled("[in_i]", 254, 100, 1)];
const STEPS: &[Unit] = &[same("{steps}", 0), same("count", 0)];
const MINUTES: &[Unit] = &[same("min", 0)];
const ENERGY: &[Unit] = &[same("kcal", 0), scaled("kJ", 1_000, 4_184, 0)];
const MILLISECONDS: &[Unit] = &[same("ms", 1)];
const VOLUME: &[Unit] = &[same("mL", 0), scaled("L", 1_000, 1, 3)];
const SCORE: &[Unit] = &[same("{score}", 1)];

/// Pulse pressure outside of this is unlikely.
const PULSE_PRESSURE: (Milli, Milli) = (15_000, 120_000);
/// Hard and usual range of the diastolic pressure; the line has those of the systolic.
const DIASTOLIC: [(Milli, Milli); 2] = [(20_000, 200_000), (40_000, 150_000)];

/// What becomes of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// They are kept so; whether they are what people have.
    Kept {
        value: Milli,
        value2: Option<Milli>,
        usual: bool,
    },
    /// They are refused with this code.
    Refused(&'static str),
}

impl Kind {
    /// The value of `type`.
    #[must_use]
    pub fn key(self) -> &'static str {
        self.line().key
    }

    /// The keys of its figures: two for a blood pressure.
    #[must_use]
    pub fn metrics(self) -> [Option<&'static str>; 2] {
        match self {
            Self::BloodPressure => [Some("systolic"), Some("diastolic")],
            kind => [Some(kind.key()), None],
        }
    }

    /// The canonical unit.
    #[must_use]
    pub fn unit(self) -> Unit {
        self.line().units.first().copied().unwrap_or(same("", 0))
    }

    /// The other units that it is accepted in.
    pub(crate) fn other_units(self) -> &'static [Unit] {
        self.line().units.get(1..).unwrap_or_default()
    }

    /// The least and the most that is not refused.
    pub(crate) fn hard(self) -> (Milli, Milli) {
        self.line().hard
    }

    /// The least and the most that is likely.
    pub(crate) fn usual(self) -> (Milli, Milli) {
        self.line().usual
    }

    /// How far apart in time readings of two devices are of the same thing.
    #[must_use]
    pub fn near_ms(self) -> i64 {
        match self {
            Self::HeartRate => 5_000,
            _ => 30_000,
        }
    }

    /// What becomes of values that were sent in a unit.
    pub(crate) fn judge(self, sent: Milli, sent2: Option<Milli>, unit: &str) -> Judged {
        let line = self.line();
        let Some(unit) = line.units.iter().find(|known| known.code == unit) else {
            return Judged::Refused("unknown_unit");
        };
        let (first, second) = (unit.exact(sent), sent2.map(|sent| unit.exact(sent)));
        let [hard2, usual2] = DIASTOLIC;
        if !first.within(line.hard) || second.is_some_and(|second| !second.within(hard2)) {
            return Judged::Refused("out_of_range");
        }
        let value = first.rounded(line.decimals);
        let value2 = second.map(|second| second.rounded(line.decimals));
        if value2.is_some_and(|value2| value <= value2) {
            return Judged::Refused("systolic_not_above_diastolic");
        }
        let inside = |value: Milli, (least, most): (Milli, Milli)| least <= value && value <= most;
        let usual = inside(value, line.usual)
            && value2.is_none_or(|value2| {
                inside(value2, usual2) && inside(value - value2, PULSE_PRESSURE)
            });
        Judged::Kept {
            value,
            value2,
            usual,
        }
    }

    fn line(self) -> Line {
        match self {
            Self::HeartRate => line("heart_rate", PER_MINUTE, 0, (20, 300), (30, 220)),
            Self::RestingHeartRate => {
                line("resting_heart_rate", PER_MINUTE, 0, (20, 200), (35, 120))
            }
            Self::BloodPressure => line("blood_pressure", PRESSURE, 0, (40, 300), (70, 250)),
            Self::Spo2 => line("spo2", SATURATION, 0, (50, 100), (70, 100)),
            Self::BodyTemperature => line("body_temperature", CELSIUS, 1, (25, 45), (34, 42)),
            Self::RespiratoryRate => line("respiratory_rate", BREATHS, 0, (3, 90), (6, 60)),
            Self::GlucoseFasting => glucose("glucose_fasting"),
            Self::GlucosePostprandial => glucose("glucose_postprandial"),
            Self::GlucoseCgm => glucose("glucose_cgm"),
            Self::Hba1c => Line {
                usual: (3_500, 18_000),
                ..line("hba1c", PERCENT, 1, (2, 25), (0, 0))
            },
            Self::BodyWeight => Line {
                hard: (300, 500_000),
                ..line("body_weight", MASS, 2, (0, 0), (20, 250))
            },
            Self::BodyHeight => line("body_height", LENGTH, 1, (20, 272), (100, 220)),
            Self::Waist => line("waist", WAIST, 1, (30, 250), (45, 160)),
            Self::BodyFat => line("body_fat", PERCENT, 1, (1, 75), (3, 60)),
            Self::Steps => line("steps", STEPS, 0, (0, 200_000), (0, 60_000)),
            Self::ActiveMinutes => line("active_minutes", MINUTES, 0, (0, 1_440), (0, 600)),
            Self::Energy => line("energy", ENERGY, 0, (0, 20_000), (0, 8_000)),
            Self::SleepDuration => line("sleep_duration", MINUTES, 0, (0, 1_440), (120, 960)),
            Self::SleepDeep => line("sleep_deep", MINUTES, 0, (0, 1_440), (0, 1_440)),
            Self::SleepLight => line("sleep_light", MINUTES, 0, (0, 1_440), (0, 1_440)),
            Self::SleepRem => line("sleep_rem", MINUTES, 0, (0, 1_440), (0, 1_440)),
            Self::HrvSdnn => line("hrv_sdnn", MILLISECONDS, 1, (0, 400), (5, 250)),
            Self::HrvRmssd => line("hrv_rmssd", MILLISECONDS, 1, (0, 400), (5, 250)),
            Self::WaterIntake => line("water_intake", VOLUME, 0, (0, 20_000), (0, 8_000)),
            Self::Mood => line("mood", SCORE, 1, (0, 10), (0, 10)),
            Self::Pain => line("pain", SCORE, 1, (0, 10), (0, 10)),
        }
    }
}

const fn glucose(key: &'static str) -> Line {
    Line {
        hard: (600, 55_000),
        ..line(key, GLUCOSE, 2, (0, 0), (2, 33))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(kind: Kind, sent: Milli, sent2: Option<Milli>, unit: &str) -> (Milli, Option<Milli>) {
        match kind.judge(sent, sent2, unit) {
            Judged::Kept { value, value2, .. } => (value, value2),
            Judged::Refused(code) => panic!("{code}"),
        }
    }

    #[test]
    fn values_of_other_units_are_converted_and_rounded() {
        for (kind, sent, unit, value) in [
            (Kind::BodyTemperature, 98_600, "[degF]", 37_000),
            (Kind::GlucoseFasting, 100_000, "mg/dL", 5_550),
            (Kind::BodyWeight, 140_000, "斤", 70_000),
            (Kind::BodyHeight, 1_725, "m", 172_500),
            (Kind::Spo2, 970, "1", 97_000),
            (Kind::Energy, 418_400, "kJ", 100_000),
            (Kind::HeartRate, 72_500, "bpm", 73_000),
        ] {
            assert_eq!(kept(kind, sent, None, unit), (value, None), "{unit}");
        }
        let pressure = kept(Kind::BloodPressure, 16_000, Some(10_700), "kPa");
        assert_eq!(pressure, (120_000, Some(80_000)));
    }

    #[test]
    fn what_is_shown_in_another_unit_is_nearly_the_same() {
        for (kind, value) in [
            (Kind::BodyTemperature, 36_600),
            (Kind::GlucoseCgm, 7_350),
            (Kind::BodyWeight, 63_250),
            (Kind::BodyHeight, 163_400),
            (Kind::Waist, 84_000),
            (Kind::Spo2, 97_000),
            (Kind::WaterIntake, 250_000),
        ] {
            for unit in kind.other_units() {
                let back = kept(kind, unit.shown(value), None, unit.code).0;
                assert!(
                    (back - value).abs() <= 150,
                    "{value} as {}: {back}",
                    unit.code
                );
            }
        }
    }

    #[test]
    fn what_is_wrong_is_refused_and_what_is_rare_is_kept() {
        let refused = |kind: Kind, sent, sent2, unit| match kind.judge(sent, sent2, unit) {
            Judged::Refused(code) => code,
            Judged::Kept { .. } => "",
        };
        assert_eq!(refused(Kind::HeartRate, 72_000, None, "kg"), "unknown_unit");
        assert_eq!(
            refused(Kind::HeartRate, 301_000, None, "bpm"),
            "out_of_range"
        );
        assert_eq!(
            refused(Kind::GlucoseCgm, 5_600, None, "mg/dL"),
            "out_of_range"
        );
        let swapped = refused(Kind::BloodPressure, 80_000, Some(120_000), "mm[Hg]");
        assert_eq!(swapped, "systolic_not_above_diastolic");
        let rare = Kind::BloodPressure.judge(130_000, Some(120_000), "mm[Hg]");
        assert!(matches!(rare, Judged::Kept { usual: false, .. }));
    }
}
