//! When a person is told about their readings at once: a machine without a clock of its
//! own that is replayed over the readings in the order of their time, so that it does
//! not matter in which order they came, or how often.
//!
//! - [`samples`] says what the readings of a kind mean for each rule;
//! - [`replay`] makes episodes of them: an episode begins with two abnormal readings in
//!   a row within [`AGE_MS_MAX`], or with a single critical one, and ends with three normal ones;
//! - [`plan`] compares the episodes with the alerts that are stored, and says what to
//!   store and what to tell.
//!
//! Where an alert lasts, its readings are needed since its newest abnormal one
//! ([`needed_from`]), otherwise those of the last [`AGE_MS_MAX`].
//!
//! A rule is a kind of reading and a side, such as `spo2_low`. Of one rule and level a
//! person is told at most once in [`NOTICE_GAP_MS_MIN`]. Nothing is told of an episode
//! without an abnormal reading in the last [`AGE_MS_MAX`].

mod plan;
mod replay;
mod rules;
mod text;

pub use plan::{Change, State, Stored, needed_from, plan, replay_from};
pub use replay::{Episode, Sample, replay};
pub use rules::{ALERTING_TYPES, LEAD_IN_MS, Observed, Rule, rules_of, samples};
pub use text::{Text, text};

/// What is older tells of no danger now (engineering default): one day.
pub const AGE_MS_MAX: i64 = 24 * 60 * 60 * 1000;
/// Between two notices of one rule and level lies at least so much time.
pub const NOTICE_GAP_MS_MIN: i64 = 30 * 60 * 1000;
/// So many abnormal readings in a row begin an episode.
pub const ABNORMAL_IN_A_ROW: u32 = 2;
/// So many normal readings in a row end one.
pub const NORMAL_IN_A_ROW: u32 = 3;

#[cfg(test)]
mod tests;
