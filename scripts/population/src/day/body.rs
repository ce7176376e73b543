//! What is measured by hand: blood pressure, weight, temperature, and what is noted.

use super::{Day, Device, Measured};
use crate::kind::Kind;

/// Of a thousand days, blood pressure and weight are measured on so many.
const CUFF_PERMILLE: u32 = 850;
const SCALES_PERMILLE: u32 = 600;
/// The day on which a clinic measures those who go there.
const CLINIC_DAY: i64 = 5;

impl Day<'_> {
    pub(super) fn blood_pressures(&mut self) {
        let random = &mut self.random(40);
        if !self.person.has_cuff || !random.chance(CUFF_PERMILLE) {
            return;
        }
        // Higher in the morning than in the evening; two each, a minute apart.
        for (minute, above) in [(self.wakes + 20, 3_000), (21 * 60, -2_000)] {
            let minute = minute + random.between(0, 25);
            let daily = random.around(0, 4_500);
            for nth in 0..2 {
                let systolic = self.person.systolic + above + daily + random.around(0, 2_500);
                let diastolic = self.person.diastolic + above / 2 + daily / 2;
                let diastolic = diastolic + random.around(0, 2_000);
                let systolic = systolic.clamp(85_000, 230_000);
                let diastolic = diastolic.clamp(48_000, 140_000).min(systolic - 18_000);
                self.push(Measured {
                    device: Device::Cuff,
                    kind: Kind::BloodPressure,
                    value: systolic,
                    value2: Some(diastolic),
                    at_ms: self.at(minute + nth, random.between(0, 40)),
                    end_ms: None,
                    context: Some("\"home\""),
                });
            }
        }
    }

    pub(super) fn body(&mut self) {
        let random = &mut self.random(41);
        let morning = self.wakes + 15;
        if random.chance(SCALES_PERMILLE) {
            let drift = self.person.weight_a_day * self.number;
            let weight = self.person.weight + drift + random.around(0, 300);
            let at_ms = self.at(morning, random.between(0, 59));
            self.add(Device::Phone, Kind::BodyWeight, weight, at_ms);
            let fat = self.person.body_fat + drift / 4 + random.around(0, 300);
            self.add(Device::Phone, Kind::BodyFat, fat, at_ms);
        }
        if self.number % 7 == i64::from(self.person.index % 7) {
            let waist = self.person.waist + random.around(0, 500);
            let at_ms = self.at(morning + 3, 0);
            self.add(Device::Phone, Kind::Waist, waist, at_ms);
        }
        if self.number == CLINIC_DAY && self.person.diabetic {
            let long = 1_594_i64;
            // The usual relation of the mean glucose to HbA1c (Nathan 2008):
            // (mean + 2.59) / 1.594, of a mean somewhat above the fasting one.
            let hba1c = (self.person.glucose + 900 + 2_590) * 1_000 / long;
            let at_ms = self.at(10 * 60, 0);
            self.add(Device::Clinic, Kind::Hba1c, hba1c, at_ms);
        }
        if self.number == CLINIC_DAY {
            let at_ms = self.at(10 * 60 + 5, 0);
            self.add(Device::Clinic, Kind::BodyHeight, self.person.height, at_ms);
        }
        let times: &[i64] = match (self.fever > 0, self.person.notes_temperature) {
            (true, _) => &[0, 5, 9, 13],
            (false, true) => &[0],
            (false, false) => &[],
        };
        for hours in times {
            let warmer = hours * 25;
            let value = 36_450 + self.fever + warmer + random.around(0, 150);
            let at_ms = self.at(morning + hours * 60, random.between(0, 59));
            self.add(Device::Phone, Kind::BodyTemperature, value, at_ms);
        }
    }

    pub(super) fn notes(&mut self) {
        let random = &mut self.random(42);
        if random.chance(600) {
            let mood = random.around(self.person.mood, 1_300) - self.fever;
            let at_ms = self.at(21 * 60 + 30, random.between(0, 59));
            self.add(Device::Phone, Kind::Mood, mood.clamp(0, 10_000), at_ms);
        }
        let hurts = random.chance(self.person.hurts_permille) || self.fever > 1_000;
        if hurts {
            let pain = random.between(2, 7) * 1_000;
            let at_ms = self.at(20 * 60, random.between(0, 59));
            self.add(Device::Phone, Kind::Pain, pain, at_ms);
        }
        if self.person.notes_water {
            for hour in [9, 13, 17, 20] {
                let water = random.between(3, 10) * 50_000;
                let at_ms = self.at(hour * 60 + random.between(0, 50), 0);
                self.add(Device::Phone, Kind::WaterIntake, water, at_ms);
            }
        }
    }
}
