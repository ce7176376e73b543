//! Glucose through the day: a level, and a hill after each meal.

use super::{Day, Device};
use crate::clock::DAY_MINUTES;
use crate::kind::Kind;

/// Minutes between two values of a sensor.
const SENSOR_MINUTES: i64 = 5;
/// A sensor is changed every so many days, and warms up for so many minutes.
const SENSOR_DAYS: i64 = 10;
const WARM_UP_MINUTES: i64 = 120;
/// The hill after a meal, every half an hour, in thousandths of its height.
const HILL: [i64; 9] = [0, 520, 930, 1_000, 800, 520, 290, 120, 0];
/// Of a thousand days of somebody with diabetes and a sensor, so many have a low.
const LOW_PERMILLE: u32 = 90;

impl Day<'_> {
    pub(super) fn glucose(&mut self) {
        if !self.person.diabetic {
            return;
        }
        let meals = [self.wakes + 40, 12 * 60 + 10, 18 * 60 + 30];
        let random = &mut self.random(30);
        let heights = meals.map(|_| random.between(1_800, 5_200));
        let low = random
            .chance(LOW_PERMILLE)
            .then(|| random.between(0, DAY_MINUTES - 60));
        let level = random.around(self.person.glucose, 500).max(4_200);
        let at = |minute: i64| {
            let hills = meals.iter().zip(heights);
            let hills: i64 = hills
                .map(|(meal, height)| hill(minute - meal, height))
                .sum();
            let dip = low.map_or(0, |low| valley(minute - low, level + hills));
            level + hills - dip
        };
        if self.person.has_sensor {
            let changed = (self.number + i64::from(self.person.index)).rem_euclid(SENSOR_DAYS) == 0;
            let mut minute = if changed { WARM_UP_MINUTES } else { 0 };
            while minute < DAY_MINUTES {
                let value = (at(minute) + random.around(0, 120)).max(2_300);
                let at_ms = self.at(minute, 0);
                self.add(Device::Sensor, Kind::GlucoseCgm, value, at_ms);
                minute += SENSOR_MINUTES;
            }
            return;
        }
        let fasting = at(self.wakes) + random.around(0, 150);
        let at_ms = self.at(self.wakes + 10, random.between(0, 59));
        self.add(Device::Meter, Kind::GlucoseFasting, fasting, at_ms);
        for meal in meals {
            if random.chance(450) {
                let value = at(meal + 120) + random.around(0, 250);
                let at_ms = self.at(meal + 120, random.between(0, 59));
                self.add(Device::Meter, Kind::GlucosePostprandial, value, at_ms);
            }
        }
    }
}

/// What a meal adds so many minutes after it began.
fn hill(after: i64, height: i64) -> i64 {
    if after < 0 {
        return 0;
    }
    let of = |half_hour: i64| {
        let place = usize::try_from(half_hour).unwrap_or(0);
        HILL.get(place).copied().unwrap_or(0)
    };
    let (half_hour, part) = (after / 30, after % 30);
    height * (of(half_hour) * (30 - part) + of(half_hour + 1) * part) / 30_000
}

/// What a low takes away, so that about 3.2 mmol/L are left.
fn valley(after: i64, level: i64) -> i64 {
    if (0..60).contains(&after) {
        (level - 3_200).max(0) * (30 - (after - 30).abs()) / 30
    } else {
        0
    }
}
