//! The night before a day: how long and how deep, and what is measured meanwhile.

use super::{Day, Device, Measured};
use crate::clock::MINUTE_MS;
use crate::kind::Kind;

/// Of a thousand values of the oxygen saturation, so many lie in a dip.
const DIP_PERMILLE: u32 = 30;
/// Of a thousand nights, an oximeter is on the finger for some minutes of so many.
const OXIMETER_PERMILLE: u32 = 40;
/// Saturation is lower by one percent for so many metres above this height.
const HIGH_M: i64 = 1_500;
const M_PER_PERCENT: i64 = 450;

impl Day<'_> {
    pub(super) fn night(&mut self) {
        let random = &mut self.random(20);
        let (starts, ends) = (self.at(self.wakes - self.slept, 0), self.at(self.wakes, 0));
        let deep = self.slept * random.between(140, 220) / 1_000;
        let rem = self.slept * random.between(190, 250) / 1_000;
        for (kind, minutes) in [
            (Kind::SleepDuration, self.slept),
            (Kind::SleepDeep, deep),
            (Kind::SleepRem, rem),
            // What is left, so that the stages are the whole.
            (Kind::SleepLight, self.slept - deep - rem),
        ] {
            self.push(Measured {
                device: Device::Watch,
                kind,
                value: minutes * 1_000,
                value2: None,
                at_ms: starts,
                end_ms: Some(ends),
                context: None,
            });
        }
        let tired = self.fever * 6;
        let rmssd = (random.around(self.person.rmssd, 5_000) - tired).max(6_000);
        let sdnn = (rmssd + random.around(12_000, 4_000)).max(6_000);
        let measured_ms = ends - 30 * MINUTE_MS;
        self.add(Device::Watch, Kind::HrvRmssd, rmssd, measured_ms);
        self.add(Device::Watch, Kind::HrvSdnn, sdnn, measured_ms);
        let breaths = random.around(14_500, 1_200) + self.fever * 2;
        self.add(Device::Watch, Kind::RespiratoryRate, breaths, measured_ms);
        self.saturation(random, starts, ends);
    }

    fn saturation(&mut self, random: &mut crate::random::Random, starts: i64, ends: i64) {
        let thin = ((self.person.altitude_m - HIGH_M).max(0) / M_PER_PERCENT) * 1_000;
        let oximeter = random.chance(OXIMETER_PERMILLE);
        let mut at_ms = starts + random.between(1, 59) * MINUTE_MS;
        while at_ms < ends {
            let dip = match random.chance(DIP_PERMILLE) {
                true => random.between(6_000, 11_000),
                false => 0,
            };
            let value = random.around(96_800, 900) - thin - dip - self.fever / 2;
            let value = value.clamp(72_000, 100_000);
            let at = at_ms + random.between(0, 50) * 1_000;
            self.add(Device::Watch, Kind::Spo2, value, at);
            if oximeter {
                let beside = at + random.between(-25, 25) * 1_000;
                let value = (value + random.between(0, 2) * 1_000).min(100_000);
                self.add(Device::Oximeter, Kind::Spo2, value, beside);
            }
            at_ms += 60 * MINUTE_MS;
        }
    }
}
