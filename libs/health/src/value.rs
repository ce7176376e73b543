//! Fixed-point values: thousandths of the canonical unit.

use serde::{Serialize, Serializer};

/// A value in thousandths of its canonical unit, so that sums are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Milli(pub i64);

impl Milli {
    /// Rounds `value` to `decimals` decimals (at most three), halves away from zero.
    ///
    /// Noise of the conversion below 10⁻⁹ is removed first: 2.72 m are 272.0 cm.
    pub fn rounded(value: f64, decimals: u8) -> Self {
        let scale = 10_f64.powi(i32::from(decimals.min(3)));
        let steps = (denoised(value) * scale).round();
        Self((steps * (1000.0 / scale)).round() as i64)
    }

    /// The value as a number of canonical units.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

impl Serialize for Milli {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.to_f64())
    }
}

/// `value` without the noise of binary fractions.
pub(crate) fn denoised(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_halves_away_from_zero() {
        assert_eq!(Milli::rounded(36.55, 1), Milli(36_600));
        assert_eq!(Milli::rounded(72.5, 0), Milli(73_000));
        assert_eq!(Milli::rounded(5.555, 2), Milli(5_560));
        assert_eq!(Milli::rounded(0.1 + 0.2, 2).to_f64(), 0.3);
    }
}
