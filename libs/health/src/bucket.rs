//! Lengths of time.

/// Length of a day of UTC; local days may be shorter or longer
/// ([`calendar`](crate::calendar)).
pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;
