//! A day of a person as it is: what good devices measure, without any fault.

mod body;
mod glucose;
mod heart;
mod night;

use crate::clock::{DAY_MINUTES, MINUTE_MS};
use crate::kind::{Kind, Milli};
use crate::person::Person;
use crate::random::Random;

/// What measures. Where two measure the same, the one of the higher rank counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is what its name says")]
pub enum Device {
    Watch,
    Strap,
    Cuff,
    Meter,
    Sensor,
    Oximeter,
    Phone,
    Clinic,
}

impl Device {
    /// The part of its id that names what it is.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Strap => "strap",
            Self::Cuff => "cuff",
            Self::Meter => "meter",
            Self::Sensor => "sensor",
            Self::Oximeter => "oximeter",
            Self::Phone => "phone",
            Self::Clinic => "clinic",
        }
    }

    /// Where its readings say they come from.
    pub(crate) fn source(self, person: &Person) -> &'static str {
        match self {
            Self::Watch => person.wearable.unwrap_or("wearable"),
            Self::Phone => "manual",
            Self::Clinic => "clinic",
            _ => "medical_device",
        }
    }

    /// Which of two that measure the same is believed: the higher one.
    #[must_use]
    pub fn rank(self) -> u8 {
        match self {
            Self::Clinic => 4,
            Self::Strap | Self::Cuff | Self::Meter | Self::Sensor | Self::Oximeter => 3,
            Self::Watch => 2,
            Self::Phone => 1,
        }
    }
}

/// What a good device measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    pub(crate) device: Device,
    pub(crate) kind: Kind,
    pub(crate) value: Milli,
    pub(crate) value2: Option<Milli>,
    pub(crate) at_ms: i64,
    pub(crate) end_ms: Option<i64>,
    /// JSON of the circumstances.
    pub(crate) context: Option<&'static str>,
}

/// What the measurements of a day have in common.
struct Day<'a> {
    person: &'a Person,
    seed: u64,
    /// Counted from 0, the first day of the plan.
    number: i64,
    start_ms: i64,
    /// Minutes from the start of the day.
    wakes: i64,
    lies_down: i64,
    slept: i64,
    /// From when on the person trains, and for how long.
    trains: Option<(i64, i64)>,
    /// Thousandths of a degree above the usual.
    fever: Milli,
    found: Vec<Measured>,
}

/// Days that a fever lasts, with its height in thousandths of a degree.
const FEVER: [Milli; 4] = [1_300, 2_200, 1_600, 700];
/// Of a thousand days, a fever begins on so many.
const FEVER_PERMILLE: u32 = 6;

/// The measurements of one day, in no order; `step_minutes` lie between two heart
/// rates of a watch.
pub(crate) fn measured(
    person: &Person,
    seed: u64,
    first_day: i64,
    number: u32,
    step_minutes: u32,
) -> Vec<Measured> {
    let mut day = Day::new(person, seed, first_day, i64::from(number));
    if person.wearable.is_some() {
        day.heart_rates(i64::from(step_minutes.max(1)));
        day.night();
        day.steps();
    }
    day.glucose();
    day.blood_pressures();
    day.body();
    day.notes();
    day.found
}

impl<'a> Day<'a> {
    fn new(person: &'a Person, seed: u64, first_day: i64, number: i64) -> Self {
        let night = Night::before(person, seed, first_day, number);
        // The evening belongs to the night of the next day.
        let next = Night::before(person, seed, first_day, number + 1);
        let lies_down = DAY_MINUTES + next.wakes - next.slept;
        let mut day = Self {
            person,
            seed,
            number,
            start_ms: person.day_ms(first_day + number),
            wakes: night.wakes,
            lies_down: lies_down.min(DAY_MINUTES),
            slept: night.slept,
            trains: None,
            fever: 0,
            found: Vec::new(),
        };
        let random = &mut day.random(3);
        if random.chance(person.trains_permille) {
            let evening = person.wakes_minute + 12 * 60;
            let starts = random.pick(evening, &[7 * 60, 18 * 60]);
            day.trains = Some((starts, random.between(25, 75)));
        }
        let mut fevers = (0_i64..).zip(FEVER);
        let fever = fevers.find(|(before, _)| {
            let begins = &mut Self::random_of(person, seed, number - before, 2);
            begins.chance(FEVER_PERMILLE)
        });
        day.fever = fever.map_or(0, |(_, height)| height);
        day
    }

    /// Chance of this day for one purpose.
    fn random(&self, purpose: u64) -> Random {
        Self::random_of(self.person, self.seed, self.number, purpose)
    }

    fn random_of(person: &Person, seed: u64, number: i64, purpose: u64) -> Random {
        let number = number.cast_unsigned();
        Random::of(&[seed, u64::from(person.index), 2, number, purpose])
    }

    /// The instant of a minute of the day, with seconds.
    fn at(&self, minute: i64, seconds: i64) -> i64 {
        self.start_ms + minute * MINUTE_MS + seconds * 1_000
    }

    fn is_asleep(&self, minute: i64) -> bool {
        minute < self.wakes || minute >= self.lies_down
    }

    fn is_training(&self, minute: i64) -> bool {
        self.trains
            .is_some_and(|(starts, lasts)| (starts..starts + lasts).contains(&minute))
    }

    /// Adds a measurement, rounded as devices show it.
    fn add(&mut self, device: Device, kind: Kind, value: Milli, at_ms: i64) {
        self.push(Measured {
            device,
            kind,
            value,
            value2: None,
            at_ms,
            end_ms: None,
            context: None,
        });
    }

    fn push(&mut self, measured: Measured) {
        let shown = |value| measured.kind.unit().shown(value);
        self.found.push(Measured {
            value: shown(measured.value),
            value2: measured.value2.map(shown),
            ..measured
        });
    }
}

/// When the night before a day ends, and how long it was, in minutes.
struct Night {
    wakes: i64,
    slept: i64,
}

impl Night {
    fn before(person: &Person, seed: u64, first_day: i64, number: i64) -> Self {
        let random = &mut Day::random_of(person, seed, number, 1);
        // 1970-01-01 was a Thursday.
        let is_weekend = (first_day + number + 3).rem_euclid(7) >= 5;
        let later = if is_weekend { 40 } else { 0 };
        Self {
            wakes: person.wakes_minute + later + random.around(0, 12),
            slept: random.around(person.sleeps_minutes, 30).clamp(180, 720),
        }
    }
}

/// A value of a table, one for each hour, between two hours in proportion.
fn by_hour(table: &[i64; 24], minute: i64) -> i64 {
    let minute = minute.rem_euclid(DAY_MINUTES);
    let of = |hour: i64| {
        let hour = usize::try_from(hour.rem_euclid(24)).unwrap_or(0);
        table.get(hour).copied().unwrap_or(0)
    };
    let (hour, part) = (minute / 60, minute % 60);
    (of(hour) * (60 - part) + of(hour + 1) * part) / 60
}
