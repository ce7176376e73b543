//! How often each value occurs: what quantiles and deviations are computed from
//! exactly, also for spans that are merged from shorter ones.

/// Values in thousandths of the canonical unit and how often each occurs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// Ascending; no value twice, no count 0.
    counts: Vec<(i64, u64)>,
}

impl Distribution {
    /// The distribution of values in any order.
    pub fn of(mut values: Vec<i64>) -> Self {
        values.sort_unstable();
        Self::gather(values.into_iter().map(|value| (value, 1)))
    }

    /// The distribution of all values of several distributions.
    pub fn merged<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all: Vec<(i64, u64)> = Vec::new();
        for part in parts {
            all.extend_from_slice(&part.counts);
        }
        all.sort_unstable();
        Self::gather(all)
    }

    /// Adds up ascending values.
    fn gather(ascending: impl IntoIterator<Item = (i64, u64)>) -> Self {
        let mut counts: Vec<(i64, u64)> = Vec::new();
        for (value, count) in ascending {
            match counts.last_mut() {
                Some((last, sum)) if *last == value => *sum = sum.saturating_add(count),
                _ => counts.push((value, count)),
            }
        }
        Self { counts }
    }

    /// Each value and how often it occurs, ascending.
    pub fn counts(&self) -> &[(i64, u64)] {
        &self.counts
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// Smallest value.
    pub fn min(&self) -> Option<i64> {
        self.counts.first().map(|(value, _)| *value)
    }

    /// Largest value.
    pub fn max(&self) -> Option<i64> {
        self.counts.last().map(|(value, _)| *value)
    }

    /// Sum of the values; at the ends of `i64` it stays there.
    pub fn sum(&self) -> i64 {
        let exact = self.moments().1;
        i64::try_from(exact).unwrap_or(if exact < 0 { i64::MIN } else { i64::MAX })
    }

    /// Arithmetic mean in thousandths; none without values.
    pub fn mean(&self) -> Option<f64> {
        let (count, sum, _) = self.moments();
        (count > 0).then(|| sum as f64 / count as f64)
    }

    /// Number, sum and sum of squares, exact.
    fn moments(&self) -> (i128, i128, i128) {
        let mut moments = (0_i128, 0_i128, 0_i128);
        for (value, count) in &self.counts {
            let (value, count) = (i128::from(*value), i128::from(*count));
            moments.0 += count;
            moments.1 += value * count;
            moments.2 = moments.2.saturating_add(value * value * count);
        }
        moments
    }

    /// The quantile of `p` in `0..=1`, in thousandths, as Hyndman and Fan's type 7
    /// ("Sample Quantiles in Statistical Packages", The American Statistician 50,
    /// 1996): linear between the neighbours of the position `(n − 1) p`.
    pub fn quantile(&self, p: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let position = (count - 1) as f64 * p.clamp(0.0, 1.0);
        let below = position.floor();
        let low = self.nth(below as u64)?;
        let high = self.nth((below as u64).saturating_add(1)).unwrap_or(low);
        Some(low as f64 + (position - below) * (high - low) as f64)
    }

    /// The value at a place of the sorted values, from 0 on.
    fn nth(&self, place: u64) -> Option<i64> {
        let mut passed = 0_u64;
        self.counts.iter().find_map(|(value, count)| {
            passed = passed.saturating_add(*count);
            (place < passed).then_some(*value)
        })
    }

    /// Sample standard deviation (n − 1), in thousandths; none for fewer than two
    /// values. Its squares are summed exactly.
    pub fn sample_sd(&self) -> Option<f64> {
        let (count, sum, squares) = self.moments();
        if count < 2 {
            return None;
        }
        let spread = count.saturating_mul(squares) - sum.saturating_mul(sum);
        Some((spread as f64 / (count * (count - 1)) as f64).sqrt())
    }

    /// Median of the distances from `centre`, in thousandths: around the median it
    /// is the median absolute deviation.
    pub fn median_distance(&self, centre: f64) -> Option<f64> {
        let mut distances: Vec<(f64, u64)> = self
            .counts
            .iter()
            .map(|(value, count)| ((*value as f64 - centre).abs(), *count))
            .collect();
        distances.sort_by(|one, other| one.0.total_cmp(&other.0));
        let count = self.count();
        let at = |place: u64| {
            let mut passed = 0_u64;
            distances.iter().find_map(|(distance, count)| {
                passed = passed.saturating_add(*count);
                (place < passed).then_some(*distance)
            })
        };
        let last = count.checked_sub(1)?;
        Some(f64::midpoint(at(last / 2)?, at(count / 2)?))
    }

    /// As a text: the scale that all values are multiples of, `*`, then each value as
    /// its difference from the one before, with `:count` where it occurs repeatedly.
    /// `1000*72:3,1` are three times 72 and once 73.
    pub fn pack(&self) -> String {
        let scale = scale_of(self.counts.iter().map(|(value, _)| *value));
        let mut text = String::new();
        push_int(&mut text, scale);
        text.push('*');
        self.pack_scaled(&mut text, scale);
        text
    }

    /// As [`pack`](Self::pack), without the scale.
    pub(crate) fn pack_scaled(&self, text: &mut String, scale: i64) {
        let mut before = 0;
        for (place, (value, count)) in self.counts.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            let scaled = value / scale.max(1);
            push_int(text, scaled - before);
            before = scaled;
            if *count > 1 {
                text.push(':');
                push_int(text, i64::try_from(*count).unwrap_or(i64::MAX));
            }
        }
    }

    /// Reads what [`pack`](Self::pack) wrote; none for anything else.
    pub fn unpack(text: &str) -> Option<Self> {
        let (scale, rest) = text.split_once('*')?;
        Self::unpack_scaled(rest, scale.parse().ok()?)
    }

    /// Reads what [`pack_scaled`](Self::pack_scaled) wrote.
    pub(crate) fn unpack_scaled(text: &str, scale: i64) -> Option<Self> {
        let mut counts = Vec::new();
        let mut value = 0_i64;
        for item in text.split(',').filter(|item| !item.is_empty()) {
            let (step, count) = match item.split_once(':') {
                Some((step, count)) => (step, count.parse().ok()?),
                None => (item, 1),
            };
            value = value.checked_add(step.parse().ok()?)?;
            counts.push((value.checked_mul(scale)?, count));
        }
        Some(Self { counts })
    }
}

/// The largest number that all values are multiples of; 1 where all are 0.
pub(crate) fn scale_of(values: impl IntoIterator<Item = i64>) -> i64 {
    let mut scale = 0;
    for value in values {
        scale = common(scale, value);
        if scale == 1 {
            break;
        }
    }
    scale.max(1)
}

/// Greatest common divisor by Euclid, never negative.
fn common(mut one: i64, mut other: i64) -> i64 {
    while other != 0 {
        (one, other) = (other, one.checked_rem(other).unwrap_or(0));
    }
    one.checked_abs().unwrap_or(1)
}

/// Appends a number: a million of them are packed at once, and `write!` takes three
/// times as long.
pub(crate) fn push_int(text: &mut String, number: i64) {
    if number < 0 {
        text.push('-');
    }
    let mut digits = [0_u8; 20];
    let mut rest = number.unsigned_abs();
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    let tail = digits.get(digits.len() - used..).unwrap_or_default();
    text.extend(tail.iter().map(|digit| char::from(*digit)));
}

#[cfg(test)]
mod tests;
