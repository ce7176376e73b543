//! Heart rates through the day, and the steps that go with them.

use super::{Day, Device, Measured, by_hour};
use crate::clock::{DAY_MINUTES, MINUTE_MS};
use crate::kind::Kind;

/// How far the pulse of somebody awake lies above the resting one.
const AWAKE: [i64; 24] = [
    4_000, 3_000, 2_000, 2_000, 3_000, 5_000, 9_000, 13_000, 15_000, 15_000, 16_000, 17_000,
    17_000, 15_000, 16_000, 17_000, 18_000, 19_000, 18_000, 15_000, 12_000, 10_000, 8_000, 6_000,
];
/// How the steps of a day spread over its hours, in thousandths.
const STEPS: [i64; 24] = [
    0, 0, 0, 0, 0, 5, 30, 95, 105, 45, 40, 45, 75, 60, 40, 40, 50, 85, 110, 85, 50, 25, 12, 3,
];
/// Steps of a minute of training.
const TRAINING_STEPS: i64 = 110;
/// A degree of fever makes the heart beat so much faster.
const PER_DEGREE: i64 = 9_000;
/// Of a thousand days, a strap is worn on so many.
const STRAP_PERMILLE: u32 = 500;
/// Of a thousand values of a strap, so many lie far enough from the watch's in time
/// not to be of the same moment.
const APART_PERMILLE: u32 = 150;

impl Day<'_> {
    pub(super) fn heart_rates(&mut self, step_minutes: i64) {
        let random = &mut self.random(10);
        let mut minute = random.between(0, step_minutes - 1);
        while minute < DAY_MINUTES {
            let at_ms = self.at(minute, random.between(0, 50));
            let (rate, activity) = self.heart_rate(minute, random.around(0, 3_500));
            self.found
                .push(heart_rate(Device::Watch, rate, at_ms, activity));
            minute += step_minutes;
        }
        if self.person.has_strap && random.chance(STRAP_PERMILLE) {
            self.strap(random);
        }
        let rate = self.person.resting_rate + self.fever * PER_DEGREE / 1_000;
        let rate = random.around(rate, 1_200);
        let at_ms = self.at(self.wakes.max(1), 0);
        self.add(Device::Watch, Kind::RestingHeartRate, rate, at_ms);
    }

    /// The pulse at a minute, and what the person does.
    fn heart_rate(&self, minute: i64, noise: i64) -> (i64, &'static str) {
        let base = self.person.resting_rate + self.fever * PER_DEGREE / 1_000 + noise;
        if self.is_asleep(minute) {
            // Slowest in the small hours.
            let dip = 3_000 - (minute.rem_euclid(DAY_MINUTES) - 240).abs().min(300) * 10;
            return (base - dip, r#"{"activity":"sleep"}"#);
        }
        if self.is_training(minute) {
            return (base + 68_000 + noise * 3, r#"{"activity":"training"}"#);
        }
        (base + by_hour(&AWAKE, minute), r#"{"activity":"rest"}"#)
    }

    /// A strap measures beside the watch: mostly within the same seconds.
    fn strap(&mut self, random: &mut crate::random::Random) {
        let (from, to) = (
            self.start_ms + 9 * 60 * MINUTE_MS,
            self.start_ms + 20 * 60 * MINUTE_MS,
        );
        let beside: Vec<Measured> = self
            .found
            .iter()
            .filter(|one| one.kind == Kind::HeartRate && (from..to).contains(&one.at_ms))
            .copied()
            .collect();
        for watch in beside {
            let seconds = match random.chance(APART_PERMILLE) {
                true => random.between(8, 25),
                false => random.between(-5, 5),
            };
            let rate = watch.value + random.between(-2, 2) * 1_000;
            let at_ms = watch.at_ms + seconds * 1_000;
            let activity = watch.context.unwrap_or(r#"{"activity":"rest"}"#);
            self.found
                .push(heart_rate(Device::Strap, rate, at_ms, activity));
        }
    }

    pub(super) fn steps(&mut self) {
        let random = &mut self.random(11);
        let all = random.around(self.person.steps_a_day, self.person.steps_a_day / 4);
        let all = if self.fever > 0 { all / 4 } else { all.max(0) };
        let mut active_minutes = 0;
        let mut total = 0;
        for (hour, part) in (0_i64..).zip(STEPS) {
            let training = (hour * 60..hour * 60 + 60)
                .filter(|minute| self.is_training(*minute))
                .count();
            let training = i64::try_from(training).unwrap_or(0);
            active_minutes += training;
            let steps = all * part / 1_000 + random.between(0, 30) + training * TRAINING_STEPS;
            if part == 0 && training == 0 {
                continue;
            }
            total += steps;
            let (at_ms, end_ms) = (self.at(hour * 60, 0), self.at(hour * 60 + 60, 0));
            self.push(Measured {
                end_ms: Some(end_ms),
                ..count(Kind::Steps, steps, at_ms)
            });
        }
        active_minutes += total / 400;
        let at_ms = self.at(DAY_MINUTES - 1, 0);
        self.push(count(Kind::ActiveMinutes, active_minutes, at_ms));
        let energy = 1_250 + self.person.weight / 200 + total / 25 + random.between(0, 60);
        self.push(count(Kind::Energy, energy, at_ms));
    }
}

fn count(kind: Kind, count: i64, at_ms: i64) -> Measured {
    Measured {
        device: Device::Watch,
        kind,
        value: count * 1_000,
        value2: None,
        at_ms,
        end_ms: None,
        context: None,
    }
}

fn heart_rate(device: Device, rate: i64, at_ms: i64, activity: &'static str) -> Measured {
    Measured {
        device,
        kind: Kind::HeartRate,
        value: Kind::HeartRate.unit().shown(rate.clamp(38_000, 205_000)),
        value2: None,
        at_ms,
        end_ms: None,
        context: Some(activity),
    }
}
