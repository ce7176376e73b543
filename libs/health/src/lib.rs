//! Health readings without any input or output: what kinds exist, when one is
//! valid, what makes two of them the same, and how many become one figure.
//!
//! - [`catalogue`]: the kinds of readings as data: units, ranges, codes;
//! - [`blob`]: bytes that readings refer to;
//! - [`submission`]: the bytes of a request as drafts of readings;
//! - [`reading`]: one draft checked, converted and rounded;
//! - [`identity`]: the key that makes sending a reading twice harmless;
//! - [`source`]: how much a source of readings counts;
//! - [`batch`]: a request on its way into the store, and its answer;
//! - [`calendar`]: days, weeks and months of a person's own clock;
//! - [`day`], [`figures`], [`distribution`], [`coverage`]: the figures of a day, from the
//!   set of its readings, merged exactly and kept as texts;
//! - [`night`]: whose day a sleep is of;
//! - [`statistics`], [`trend`], [`baseline`]: what figures say over time;
//! - [`aggregate`]: figures as they are answered;
//! - [`view`]: stored readings as they are answered;
//! - [`profile`]: what the figures of a person are judged by;
//! - [`classes`]: what a value counts as, by the rules of guidelines;
//! - [`news2`]: the early warning score of the last hour;
//! - [`alerts`]: when a person is told at once;
//! - [`assessment`]: what the newest readings say together;
//! - [`vitals`]: what the vital signs of some days come to, and their classes.
//!
//! Values are fixed-point numbers of thousandths ([`Milli`]): every kind is kept
//! with at most two decimals, so sums are exact in any order.

pub mod aggregate;
pub mod alerts;
pub mod assessment;
pub mod baseline;
pub mod batch;
pub mod blob;
pub mod bucket;
pub mod calendar;
pub mod catalogue;
pub mod classes;
pub mod coverage;
pub mod day;
pub mod distribution;
pub mod figures;
pub mod identity;
pub mod news2;
pub mod night;
pub mod profile;
pub mod reading;
mod sleep;
pub mod source;
pub mod statistics;
pub mod submission;
pub mod trend;
mod value;
pub mod view;
mod violation;
pub mod vitals;

pub use value::Milli;
pub use violation::{Code, Violation};
