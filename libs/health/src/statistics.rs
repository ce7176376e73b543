//! The statistics of readings: each as its source defines it, none where there are
//! too few values to say anything.

mod figures;
mod student;

pub use figures::{
    Dip, Dipping, HomeMean, MMOL_TO_MG_PER_DL, PressureReading, RestingSample, dip, gmi, home_mean,
    resting_heart_rate, sleep_regularity_minutes,
};
pub use student::two_sided_95;

/// Scale of the median absolute deviation to the standard deviation of a normal
/// distribution: 1 ÷ Φ⁻¹(¾).
pub const MAD_TO_SD: f64 = 1.4826;
/// Weight of the newest day in [`ewma`].
pub const EWMA_WEIGHT: f64 = 0.3;

/// A straight line through points by ordinary least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Change of y for each unit of x.
    pub slope: f64,
    /// Half the width of the slope's 95 % confidence interval, from Student's t with
    /// n − 2 degrees of freedom; none for two points.
    pub slope_margin: Option<f64>,
    /// y at x = 0.
    pub intercept: f64,
    /// Share of the variance that the line explains; none where y does not vary.
    pub r_squared: Option<f64>,
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The quantile of `p` in `0..=1` as Hyndman and Fan's type 7 (The American
/// Statistician 50, 1996): linear between the neighbours of the position `(n − 1) p`.
pub fn quantile(values: &[f64], p: f64) -> Option<f64> {
    let sorted = sorted(values);
    let position = sorted.len().checked_sub(1)? as f64 * p.clamp(0.0, 1.0);
    let below = position.floor();
    let low = *sorted.get(below as usize)?;
    let high = sorted.get(below as usize + 1).copied().unwrap_or(low);
    Some(low + (position - below) * (high - low))
}

/// Arithmetic mean.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Sample standard deviation, with n − 1; none for fewer than two values.
pub fn sample_sd(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    let free = values.len().checked_sub(1).filter(|free| *free > 0)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / free as f64).sqrt())
}

/// Coefficient of variation: standard deviation ÷ mean; none where the mean is 0.
pub fn cv(values: &[f64]) -> Option<f64> {
    let mean = mean(values).filter(|mean| *mean != 0.0)?;
    Some(sample_sd(values)? / mean)
}

/// The value in the middle.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// Median absolute deviation from the median, not scaled.
pub fn mad(values: &[f64]) -> Option<f64> {
    let median = median(values)?;
    let distances: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
    self::median(&distances)
}

/// How far `x` is from the median of a person's values, in robust standard
/// deviations: (x − median) ÷ (1.4826 MAD), with the standard deviation where the
/// MAD is 0 (Iglewicz and Hoaglin, "How to Detect and Handle Outliers", 1993). None
/// where nothing varies.
pub fn robust_z(x: f64, median: f64, mad: f64, sd: Option<f64>) -> Option<f64> {
    let scale = if mad > 0.0 {
        MAD_TO_SD * mad
    } else {
        sd.filter(|sd| *sd > 0.0)?
    };
    Some((x - median) / scale)
}

/// Fits a line through `(x, y)` by ordinary least squares; none for fewer than two
/// points or where all have the same x.
pub fn line(points: &[(f64, f64)]) -> Option<Line> {
    let count = points.len() as f64;
    let (xs, ys): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let (mean_x, mean_y) = (mean(&xs)?, mean(&ys)?);
    let (mut sxx, mut sxy, mut syy) = (0.0, 0.0, 0.0);
    for (x, y) in points {
        sxx += (x - mean_x).powi(2);
        sxy += (x - mean_x) * (y - mean_y);
        syy += (y - mean_y).powi(2);
    }
    if points.len() < 2 || sxx <= 0.0 {
        return None;
    }
    let slope = sxy / sxx;
    let unexplained = (syy - slope * sxy).max(0.0);
    let free = points.len() - 2;
    let slope_margin =
        (free > 0).then(|| two_sided_95(free) * (unexplained / (count - 2.0) / sxx).sqrt());
    Some(Line {
        slope,
        slope_margin,
        intercept: mean_y - slope * mean_x,
        r_squared: (syy > 0.0).then(|| (1.0 - unexplained / syy).clamp(0.0, 1.0)),
    })
}

/// The median of the slopes between all pairs of points (Theil 1950, Sen 1968); none
/// where all have the same x. Its cost grows with the square of their number.
pub fn theil_sen(points: &[(f64, f64)]) -> Option<f64> {
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    for (place, (x, y)) in points.iter().enumerate() {
        let later = points.iter().skip(place + 1).filter(|later| later.0 != *x);
        slopes.extend(later.map(|later| (later.1 - y) / (later.0 - x)));
    }
    median(&slopes)
}

/// Exponentially weighted mean of values in order of time, the newest with the weight
/// [`EWMA_WEIGHT`]; it begins at the first value.
pub fn ewma(values: &[f64]) -> Option<f64> {
    let step = |mean: f64, value: f64| mean + EWMA_WEIGHT * (value - mean);
    values.iter().copied().reduce(step)
}

/// How much the later half is above the earlier one, in percent of it; the one in the
/// middle of an odd number counts for neither. None for fewer than two values or where
/// the earlier half has the mean 0.
pub fn change_rate_percent(values: &[f64]) -> Option<f64> {
    let half = values.len() / 2;
    let early = mean(values.get(..half)?)?;
    let late = mean(values.get(values.len() - half..)?)?;
    (early != 0.0).then(|| (late - early) / early * 100.0)
}

#[cfg(test)]
mod tests;
