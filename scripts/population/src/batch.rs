//! Batches: what a device sends at once, and when it arrives.

use crate::Plan;
use crate::clock::{DAY_MS, MINUTE_MS};
use crate::day::{self, Device};
use crate::fault::{DayFaults, spoil};
use crate::person::Person;
use crate::random::Random;
use crate::reading::Reading;

/// What one device of one person sends at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Whose.
    pub person: u32,
    /// What sends it.
    pub device: Device,
    /// When it arrives.
    pub sent_ms: i64,
    /// Whether it was sent before.
    pub is_repeat: bool,
    /// How many days later it arrives than it should.
    pub late_days: i64,
    /// Whether its readings are in another order than they were measured in.
    pub is_disordered: bool,
    /// The readings; never none.
    pub readings: Vec<Reading>,
}

impl Batch {
    /// The body of `POST /api/v1/health/readings:batch`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = String::with_capacity(self.readings.len() * 160);
        text.push('{');
        if let Some(first) = self.readings.first() {
            first.write_origin(&mut text);
        }
        text.push_str(",\"readings\":[");
        for (at, reading) in self.readings.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            reading.write_json(&mut text, false);
        }
        text.push_str("]}");
        text
    }
}

/// The batches of a person in the order in which they arrive.
pub(crate) fn batches(plan: &Plan, person: &Person) -> Vec<Batch> {
    let mut batches = Vec::new();
    for number in 0..plan.days {
        let random = &mut of_day(plan, person, number);
        if random.chance(plan.shares.forgotten_days) {
            continue;
        }
        let step = plan.heart_rate_minutes;
        let mut measured = day::measured(person, plan.seed, plan.first_day, number, step);
        measured.sort_by_key(|one| (one.device, one.at_ms, one.kind));
        let start_ms = person.day_ms(plan.first_day + i64::from(number));
        for of_device in measured.chunk_by(|one, other| one.device == other.device) {
            let Some(device) = of_device.first().map(|one| one.device) else {
                continue;
            };
            let faults = DayFaults::draw(&plan.shares, random, device, start_ms);
            let kept = of_device.iter().filter(|one| !faults.hide(one));
            let mut readings: Vec<Reading> = kept.map(|one| faults.reading(person, one)).collect();
            for reading in &mut readings {
                spoil(&plan.shares, random, reading);
            }
            let sent_ms = start_ms + (1 + faults.late_days) * DAY_MS;
            let sent_ms = sent_ms + random.between(0, 180) * MINUTE_MS;
            for readings in readings.chunks(plan.batch_readings.max(1)) {
                let batch = Batch {
                    person: person.index,
                    device,
                    sent_ms,
                    is_repeat: false,
                    late_days: faults.late_days,
                    is_disordered: false,
                    readings: readings.to_vec(),
                };
                send(plan, random, batch, &mut batches);
            }
        }
    }
    // What arrives at the same time keeps its order.
    batches.sort_by_key(|batch| batch.sent_ms);
    batches
}

/// Adds a batch, perhaps in disorder, perhaps again.
fn send(plan: &Plan, random: &mut Random, mut batch: Batch, batches: &mut Vec<Batch>) {
    if random.chance(plan.shares.disordered_batches) {
        random.shuffle(&mut batch.readings);
        batch.is_disordered = true;
    }
    if random.chance(plan.shares.repeated_batches) {
        let mut again = batch.clone();
        again.is_repeat = true;
        again.sent_ms += random.between(0, 3) * DAY_MS;
        // Some clients send only what was not answered for.
        if random.chance(500) {
            let half = again.readings.len().div_ceil(2);
            again.readings.truncate(half);
        }
        batches.push(batch);
        batches.push(again);
        return;
    }
    batches.push(batch);
}

fn of_day(plan: &Plan, person: &Person, number: u32) -> Random {
    Random::of(&[plan.seed, u64::from(person.index), 3, u64::from(number)])
}
