//! NEWS2, the early warning score of the Royal College of Physicians (2017): a sum
//! over vital signs of the last hour, for people of 16 and above, not in pregnancy.
//! Scale 1 of saturation; free to use with acknowledgement.
//!
//! Without a note of it nobody is confused and nobody is given oxygen: so few say it
//! that the score would never be made otherwise. The answer says what was missing.

use serde::Serialize;

use crate::Milli;

/// A vital sign that is older does not count, in milliseconds.
pub const AGE_MS_MAX: i64 = 60 * 60 * 1000;
/// So many of the five measured signs are needed.
pub const SIGNS_MIN: usize = 4;
/// The score is for people from this age on.
pub const AGE_YEARS_MIN: u32 = 16;
/// From this sum on a response is urgent.
const URGENT: u32 = 5;
/// From this sum on it is an emergency.
const EMERGENCY: u32 = 7;
/// Points of a single sign that are urgent alone.
const ALONE: u32 = 3;

/// The vital signs, each not older than [`AGE_MS_MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// Breaths, /min.
    pub respiratory_rate: Option<Milli>,
    /// Oxygen saturation, %.
    pub spo2: Option<Milli>,
    /// Whether oxygen is given.
    pub on_oxygen: bool,
    /// Systolic pressure, mm\[Hg\].
    pub systolic: Option<Milli>,
    /// Pulse, /min.
    pub pulse: Option<Milli>,
    /// Whether the person is confused, answers to voice or pain alone, or not at all.
    pub is_confused: bool,
    /// Temperature, Cel.
    pub temperature: Option<Milli>,
}

/// How urgent the sum is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// 0 to 4.
    Low,
    /// 0 to 4, but a single sign has 3 points: an urgent look.
    LowMedium,
    /// 5 or 6: urgent.
    Medium,
    /// 7 and above: an emergency.
    High,
}

/// The points of one sign.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Points {
    /// The sign.
    pub sign: &'static str,
    /// Its value; none for consciousness and oxygen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Milli>,
    /// 0 to 3.
    pub points: u32,
}

/// The score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// The sum.
    pub total: u32,
    /// How urgent it is.
    pub risk: Risk,
    /// What it is made of.
    pub parts: Vec<Points>,
    /// Signs that were not measured: the true score may be higher.
    pub missing: Vec<&'static str>,
    /// Whom to thank.
    pub citation: &'static str,
}

/// The score; none where fewer than [`SIGNS_MIN`] signs were measured.
#[must_use]
pub fn score(signs: &Signs) -> Option<Score> {
    let measured = [
        ("respiratory_rate", signs.respiratory_rate, RESPIRATION),
        ("spo2", signs.spo2, OXYGEN),
        ("systolic", signs.systolic, SYSTOLIC),
        ("pulse", signs.pulse, PULSE),
        ("body_temperature", signs.temperature, TEMPERATURE),
    ];
    let mut parts = Vec::new();
    let mut missing = Vec::new();
    for (sign, value, table) in measured {
        match value {
            Some(found) => parts.push(Points {
                sign,
                value,
                points: points(table, found),
            }),
            None => missing.push(sign),
        }
    }
    if parts.len() < SIGNS_MIN {
        return None;
    }
    for (sign, holds, points) in [
        ("oxygen", signs.on_oxygen, 2),
        ("consciousness", signs.is_confused, 3),
    ] {
        parts.push(Points {
            sign,
            value: None,
            points: if holds { points } else { 0 },
        });
    }
    let total = parts.iter().map(|part| part.points).sum();
    let has_three = parts.iter().any(|part| part.points >= ALONE);
    Some(Score {
        total,
        risk: risk(total, has_three),
        parts,
        missing,
        citation: crate::classes::NEWS2.citation,
    })
}

fn risk(total: u32, has_three: bool) -> Risk {
    match total {
        _ if total >= EMERGENCY => Risk::High,
        _ if total >= URGENT => Risk::Medium,
        _ if has_three => Risk::LowMedium,
        _ => Risk::Low,
    }
}

/// The largest value of each step, in thousandths, and its points.
type Table = &'static [(i64, u32)];

const RESPIRATION: Table = &[
    (8_000, 3),
    (11_000, 1),
    (20_000, 0),
    (24_000, 2),
    (i64::MAX, 3),
];
const OXYGEN: Table = &[(91_000, 3), (93_000, 2), (95_000, 1), (i64::MAX, 0)];
const SYSTOLIC: Table = &[
    (90_000, 3),
    (100_000, 2),
    (110_000, 1),
    (219_000, 0),
    (i64::MAX, 3),
];
const PULSE: Table = &[
    (40_000, 3),
    (50_000, 1),
    (90_000, 0),
    (110_000, 1),
    (130_000, 2),
    (i64::MAX, 3),
];
const TEMPERATURE: Table = &[
    (35_000, 3),
    (36_000, 1),
    (38_000, 0),
    (39_000, 1),
    (i64::MAX, 2),
];

fn points(table: Table, value: Milli) -> u32 {
    let step = table.iter().find(|(max, _)| value.0 <= *max);
    step.map_or(0, |(_, points)| *points)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything as it should be: no points.
    const WELL: Signs = Signs {
        respiratory_rate: Some(Milli(16_000)),
        spo2: Some(Milli(98_000)),
        on_oxygen: false,
        systolic: Some(Milli(120_000)),
        pulse: Some(Milli(70_000)),
        is_confused: false,
        temperature: Some(Milli(36_800)),
    };

    fn total(signs: Signs) -> u32 {
        score(&signs).unwrap().total
    }

    fn whole(value: i64) -> Option<Milli> {
        Some(Milli(value * 1000))
    }

    #[test]
    fn respiration_has_the_points_of_the_table() {
        for (value, points) in [
            (3, 3),
            (8, 3),
            (9, 1),
            (11, 1),
            (12, 0),
            (20, 0),
            (21, 2),
            (24, 2),
            (25, 3),
            (60, 3),
        ] {
            let signs = Signs {
                respiratory_rate: whole(value),
                ..WELL
            };
            assert_eq!(total(signs), points, "{value}");
        }
    }

    #[test]
    fn saturation_has_the_points_of_the_table() {
        for (value, points) in [
            (70, 3),
            (91, 3),
            (92, 2),
            (93, 2),
            (94, 1),
            (95, 1),
            (96, 0),
            (100, 0),
        ] {
            let signs = Signs {
                spo2: whole(value),
                ..WELL
            };
            assert_eq!(total(signs), points, "{value}");
        }
    }

    #[test]
    fn pressure_has_the_points_of_the_table() {
        for (value, points) in [
            (60, 3),
            (90, 3),
            (91, 2),
            (100, 2),
            (101, 1),
            (110, 1),
            (111, 0),
            (219, 0),
            (220, 3),
        ] {
            let signs = Signs {
                systolic: whole(value),
                ..WELL
            };
            assert_eq!(total(signs), points, "{value}");
        }
    }

    #[test]
    fn the_pulse_has_the_points_of_the_table() {
        for (value, points) in [
            (30, 3),
            (40, 3),
            (41, 1),
            (50, 1),
            (51, 0),
            (90, 0),
            (91, 1),
            (110, 1),
            (111, 2),
            (130, 2),
            (131, 3),
        ] {
            let signs = Signs {
                pulse: whole(value),
                ..WELL
            };
            assert_eq!(total(signs), points, "{value}");
        }
    }

    #[test]
    fn temperature_has_the_points_of_the_table() {
        for (value, points) in [
            (34_000, 3),
            (35_000, 3),
            (35_100, 1),
            (36_000, 1),
            (36_100, 0),
            (38_000, 0),
            (38_100, 1),
            (39_000, 1),
            (39_100, 2),
            (42_000, 2),
        ] {
            let signs = Signs {
                temperature: Some(Milli(value)),
                ..WELL
            };
            assert_eq!(total(signs), points, "{value}");
        }
    }

    #[test]
    fn oxygen_and_confusion_count() {
        assert_eq!(total(WELL), 0);
        assert_eq!(
            total(Signs {
                on_oxygen: true,
                ..WELL
            }),
            2
        );
        assert_eq!(
            total(Signs {
                is_confused: true,
                ..WELL
            }),
            3
        );
    }

    #[test]
    fn the_sum_says_how_urgent_it_is() {
        let risk = |signs: Signs| {
            let score = score(&signs).unwrap();
            (score.total, score.risk)
        };
        let breath = |value| Signs {
            respiratory_rate: whole(value),
            ..WELL
        };
        assert_eq!(risk(WELL), (0, Risk::Low));
        assert_eq!(risk(breath(25)), (3, Risk::LowMedium));
        let four = Signs {
            spo2: whole(92),
            on_oxygen: true,
            ..WELL
        };
        assert_eq!(risk(four), (4, Risk::Low));
        let five = Signs {
            pulse: whole(91),
            ..four
        };
        assert_eq!(risk(five), (5, Risk::Medium));
        let six = Signs {
            pulse: whole(111),
            ..four
        };
        assert_eq!(risk(six), (6, Risk::Medium));
        let seven = Signs {
            pulse: whole(131),
            ..four
        };
        assert_eq!(risk(seven), (7, Risk::High));
    }

    #[test]
    fn one_sign_may_be_missing_and_not_two() {
        let four = Signs {
            temperature: None,
            ..WELL
        };
        assert_eq!(score(&four).unwrap().missing, ["body_temperature"]);
        assert_eq!(score(&Signs { spo2: None, ..four }), None);
        assert_eq!(
            score(&Signs {
                on_oxygen: true,
                is_confused: true,
                ..Signs::default()
            }),
            None
        );
    }
}
