//! Student's t distribution for whole degrees of freedom.

use std::f64::consts::FRAC_PI_2;

/// Degrees of freedom from which the normal distribution stands in: the difference is
/// below 0.001.
const FREE_MAX: usize = 2_000;
/// The quantile of the normal distribution that 2.5 % lie above.
const NORMAL: f64 = 1.959_963_985;

/// The quantile of Student's t that 95 % of its values lie within, on both sides.
///
/// The share within `±t` is the finite sum of Abramowitz and Stegun, "Handbook of
/// Mathematical Functions", 26.7.3 and 26.7.4; it is inverted by halving.
pub fn two_sided_95(free: usize) -> f64 {
    if free > FREE_MAX {
        return NORMAL;
    }
    let free = free.max(1);
    let (mut low, mut high) = (0.0, 13.0);
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if within(middle, free) < 0.95 {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The share of values within `±t`.
fn within(t: f64, free: usize) -> f64 {
    let angle = (t / (free as f64).sqrt()).atan();
    let square = angle.cos().powi(2);
    if free.is_multiple_of(2) {
        return angle.sin() * series(free / 2, 1.0, square);
    }
    let sum = angle.sin() * angle.cos() * series((free - 1) / 2, 2.0, square);
    (angle + sum) / FRAC_PI_2
}

/// `terms` terms of 1 + (k/(k+1))·s + (k/(k+1))·((k+2)/(k+3))·s² + …, with k = `first`.
fn series(terms: usize, first: f64, square: f64) -> f64 {
    let (mut sum, mut term, mut factor) = (0.0, 1.0, first);
    for _ in 0..terms {
        sum += term;
        term *= factor / (factor + 1.0) * square;
        factor += 2.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        let table = [
            (1, 12.706_205),
            (2, 4.302_653),
            (3, 3.182_446),
            (4, 2.776_445),
            (5, 2.570_582),
            (10, 2.228_139),
            (30, 2.042_272),
            (120, 1.979_930),
            (1_000, 1.962_339),
            (5_000, 1.960),
        ];
        for (free, expected) in table {
            let found = two_sided_95(free);
            assert!((found - expected).abs() < 2e-4, "{free}: {found}");
        }
    }
}
