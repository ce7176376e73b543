//! What goes wrong between a body and a server, and how often.

use crate::clock::{DAY_MS, MINUTE_MS, days_of};
use crate::day::{Device, Measured};
use crate::kind::{Kind, Milli};
use crate::person::Person;
use crate::random::Random;
use crate::reading::Reading;

/// How often each fault happens, of a thousand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Days of a person without any reading.
    pub forgotten_days: u32,
    /// Days of a watch or sensor with some hours without it.
    pub devices_off: u32,
    /// Batches that are sent again, wholly or in part.
    pub repeated_batches: u32,
    /// Days of a device that arrive days later.
    pub late_days: u32,
    /// Batches whose readings are in no order.
    pub disordered_batches: u32,
    /// Days of a device whose clock shows the time of a zone further east.
    pub wrong_offsets: u32,
    /// Readings of the year 2099.
    pub future: u32,
    /// Readings of a clock that began again in 2000 or 1899.
    pub years_back: u32,
    /// Readings in another unit that is accepted, of the kinds that have one.
    pub other_units: u32,
    /// Readings in a unit that is none of the kind's, or whose number is of another.
    pub wrong_units: u32,
    /// Readings that are possible but unlikely, of the kinds that have such values.
    pub artefacts: u32,
    /// Readings that cannot be: of no such kind, without an offset, out of range, or
    /// with swapped pressures.
    pub invalid: u32,
}

impl Default for Shares {
    fn default() -> Self {
        Self {
            forgotten_days: 40,
            devices_off: 60,
            repeated_batches: 50,
            late_days: 60,
            disordered_batches: 100,
            wrong_offsets: 10,
            future: 2,
            years_back: 2,
            other_units: 50,
            wrong_units: 3,
            artefacts: 3,
            invalid: 4,
        }
    }
}

impl Shares {
    /// No faults at all.
    pub const NONE: Self = Self {
        forgotten_days: 0,
        devices_off: 0,
        repeated_batches: 0,
        late_days: 0,
        disordered_batches: 0,
        wrong_offsets: 0,
        future: 0,
        years_back: 0,
        other_units: 0,
        wrong_units: 0,
        artefacts: 0,
        invalid: 0,
    };
}

/// What is wrong, or only unusual, with one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is what its name says")]
pub enum Fault {
    Future,
    YearsBack,
    OtherUnit,
    WrongUnit,
    Artefact,
    Invalid,
}

/// Where clocks begin again that have lost the time; the second is the first day of
/// spreadsheets, which is too old to be true.
const RESET_DAYS: [i64; 2] = [days_of(2000, 1, 1), days_of(1899, 12, 30)];
/// Of three such clocks, so many begin in the first.
const RESETS_KEPT_OF_3: u64 = 2;
/// Where clocks are that run far ahead.
const FUTURE_DAY: i64 = days_of(2099, 1, 1);
/// Hours without a device.
const OFF_HOURS: (i64, i64) = (2, 10);
/// Minutes that a wrong clock is ahead: never behind, so that no reading becomes one
/// of the future.
const OFFSETS_WRONG: [i32; 3] = [60, 120, 240];

/// What is wrong with a whole day of a device.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DayFaults {
    off: Option<(i64, i64)>,
    ahead_minutes: i32,
    /// How many days later it arrives.
    pub(crate) late_days: i64,
}

impl DayFaults {
    pub(crate) fn draw(
        shares: &Shares,
        random: &mut Random,
        device: Device,
        start_ms: i64,
    ) -> Self {
        let mut faults = Self::default();
        if matches!(device, Device::Watch | Device::Sensor) && random.chance(shares.devices_off) {
            let from = start_ms + random.between(0, 14) * 60 * MINUTE_MS;
            let hours = random.between(OFF_HOURS.0, OFF_HOURS.1);
            faults.off = Some((from, from + hours * 60 * MINUTE_MS));
        }
        if random.chance(shares.wrong_offsets) {
            let [first, others @ ..] = OFFSETS_WRONG;
            faults.ahead_minutes = random.pick(first, &others);
        }
        if random.chance(shares.late_days) {
            faults.late_days = random.between(2, 10);
        }
        faults
    }

    /// Whether the device was off.
    pub(crate) fn hide(&self, measured: &Measured) -> bool {
        self.off
            .is_some_and(|(from, to)| (from..to).contains(&measured.at_ms))
    }

    /// What the device sends.
    pub(crate) fn reading(&self, person: &Person, measured: &Measured) -> Reading {
        let mut reading = Reading::of(person, measured);
        reading.shift(-i64::from(self.ahead_minutes) * MINUTE_MS);
        reading.offset_minutes += self.ahead_minutes;
        reading.is_offset_wrong = self.ahead_minutes != 0;
        reading
    }
}

/// Puts at most one fault into a reading.
pub(crate) fn spoil(shares: &Shares, random: &mut Random, reading: &mut Reading) {
    let mut roll = random.below(1_000);
    let mut hits = |share: u32| {
        let share = u64::from(share);
        let hit = roll < share;
        roll = if hit {
            u64::MAX
        } else {
            roll.wrapping_sub(share)
        };
        hit
    };
    let fault = [
        (Fault::Future, shares.future),
        (Fault::YearsBack, shares.years_back),
        (Fault::WrongUnit, shares.wrong_units),
        (Fault::Artefact, shares.artefacts),
        (Fault::Invalid, shares.invalid),
        (Fault::OtherUnit, shares.other_units),
    ];
    let fault = fault.into_iter().find(|(_, share)| hits(*share));
    let Some((fault, _)) = fault else { return };
    let done = match fault {
        Fault::Future => {
            reading.shift(FUTURE_DAY * DAY_MS - day_start(reading));
            true
        }
        Fault::YearsBack => {
            let [kept, refused] = RESET_DAYS;
            let day = if random.below(3) < RESETS_KEPT_OF_3 {
                kept
            } else {
                refused
            };
            reading.shift(day * DAY_MS - day_start(reading));
            true
        }
        Fault::OtherUnit => other_unit(random, reading),
        Fault::WrongUnit => wrong_unit(random, reading),
        Fault::Artefact => artefact(reading),
        Fault::Invalid => invalid(random, reading),
    };
    reading.fault = done.then_some(fault);
}

fn day_start(reading: &Reading) -> i64 {
    reading.at_ms - reading.at_ms.rem_euclid(DAY_MS)
}

fn other_unit(random: &mut Random, reading: &mut Reading) -> bool {
    let Some((first, others)) = reading.kind.other_units().split_first() else {
        return false;
    };
    let unit = random.pick(*first, others);
    reading.sent = unit.shown(reading.sent);
    reading.sent2 = reading.sent2.map(|sent| unit.shown(sent));
    reading.unit = unit.code;
    true
}

/// A number of one unit with the name of another; or the name of none.
fn wrong_unit(random: &mut Random, reading: &mut Reading) -> bool {
    let mistaken = match reading.kind {
        Kind::GlucoseFasting | Kind::GlucosePostprandial | Kind::GlucoseCgm => Some("mg/dL"),
        Kind::BloodPressure => Some("kPa"),
        _ => None,
    };
    match (reading.kind, mistaken) {
        // The number of 斤 or degrees Fahrenheit under the canonical name.
        (Kind::BodyWeight | Kind::BodyTemperature, _) => {
            let shown = reading.kind.other_units().first();
            reading.sent = shown.map_or(reading.sent, |unit| unit.shown(reading.sent));
        }
        (_, Some(unit)) => reading.unit = unit,
        _ => reading.unit = random.pick("unit", &["次", "mmol", "px"]),
    }
    true
}

/// A value between what is usual and what is possible.
fn artefact(reading: &mut Reading) -> bool {
    let ((least, most), (low, high)) = (reading.kind.hard(), reading.kind.usual());
    let value: Milli = if most > high {
        high + (most - high) / 4
    } else if least < low {
        low - (low - least) / 4
    } else {
        return false;
    };
    reading.sent = reading.kind.unit().shown(value);
    true
}

fn invalid(random: &mut Random, reading: &mut Reading) -> bool {
    match (random.below(4), reading.sent2) {
        (0, _) => reading.type_name = "luck",
        (1, _) => reading.has_offset = false,
        (2, Some(second)) => reading.sent2 = Some(std::mem::replace(&mut reading.sent, second)),
        _ => reading.sent = reading.kind.hard().1 * 10,
    }
    true
}
