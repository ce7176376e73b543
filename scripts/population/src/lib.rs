//! A synthetic population: people, what their devices measure day by day, and all
//! that goes wrong on the way, with what must come of it.
//!
//! ```text
//! Plan -> Person -> a day as it is -> faults -> Batch -> Ledger: what must be stored
//!                                                    \-> figures: what must be computed
//! ```
//!
//! The same [`Plan`] gives the same bytes on every machine: chance is a sequence of
//! integers, and every figure is an integer of thousandths. Each person, and each of
//! their days, has a chance of its own, so that more people or days change nothing
//! about those that were there. What must be stored is computed by rules that are
//! written down here a second time, so that the application is not asked about itself.

mod batch;
pub mod clock;
mod day;
mod fault;
pub mod figures;
mod kind;
mod ledger;
mod person;
mod random;
mod reading;
pub mod write;

#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use day::Device;
pub use fault::{Fault, Shares};
pub use kind::{Kind, Milli, Unit};
pub use ledger::{Answer, Ledger, Totals};
pub use person::{
    DIABETIC_PERMILLE, HYPERTENSIVE_PERMILLE, Person, SENSOR_PERMILLE, STRAP_PERMILLE, Sex,
    WEARABLE_PERMILLE,
};
pub use reading::{Fate, Kept, Reading, decimal};

/// A Monday, which lies in the past wherever clocks are right.
pub const FIRST_DAY: i64 = clock::days_of(2026, 1, 5);

/// Who there is and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many people.
    pub people: u32,
    /// How many days of each.
    pub days: u32,
    /// Another seed gives other people.
    pub seed: u64,
    /// The first day, counted from 1970-01-01. All days must have passed when they
    /// are sent, but the last.
    pub first_day: i64,
    /// Most readings of one batch.
    pub batch_readings: usize,
    /// Minutes between two heart rates of a watch.
    pub heart_rate_minutes: u32,
    /// How often what goes wrong.
    pub shares: Shares,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            people: 1_000,
            days: 30,
            seed: 1,
            first_day: FIRST_DAY,
            batch_readings: 100,
            heart_rate_minutes: 60,
            shares: Shares::default(),
        }
    }
}

impl Plan {
    /// The people.
    pub fn people(&self) -> impl Iterator<Item = Person> {
        (0..self.people).map(|index| Person::new(self.seed, index))
    }

    /// What the devices of a person send, in the order in which it arrives.
    #[must_use]
    pub fn batches(&self, person: &Person) -> Vec<Batch> {
        batch::batches(self, person)
    }
}
