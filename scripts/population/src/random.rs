//! Chance that is the same everywhere: SplitMix64, and integers alone, because
//! floating-point functions differ between machines.

/// Increment and multipliers of SplitMix64 (Steele, Lea, Flood 2014).
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX_1: u64 = 0xbf58_476d_1ce4_e5b9;
const MIX_2: u64 = 0x94d0_49bb_1331_11eb;
/// Uniform values that are added to look like a normal distribution: twelve have
/// the variance of one.
const UNIFORMS: i64 = 12;

/// A sequence of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The sequence that belongs to these numbers, such as seed, person and day.
    pub(crate) fn of(parts: &[u64]) -> Self {
        let state = parts
            .iter()
            .fold(0, |state, part| mix(state ^ mix(part.wrapping_add(GAMMA))));
        Self(state)
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// A number from 0 on, below `limit`, which is more than 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(limit);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number between two, both included.
    pub(crate) fn between(&mut self, least: i64, most: i64) -> i64 {
        let span = most.saturating_sub(least).unsigned_abs().saturating_add(1);
        least.saturating_add_unsigned(self.below(span))
    }

    /// Whether something happens that does so `permille` times in a thousand.
    pub(crate) fn chance(&mut self, permille: u32) -> bool {
        self.below(1_000) < u64::from(permille)
    }

    /// A number around `mean`, as a normal distribution has them.
    pub(crate) fn around(&mut self, mean: i64, deviation: i64) -> i64 {
        let sum: i64 = (0..UNIFORMS).map(|_| self.between(0, 1_000)).sum();
        mean + deviation * (sum - UNIFORMS * 500) / 1_000
    }

    /// One of several; they are never none.
    pub(crate) fn pick<T: Copy>(&mut self, first: T, others: &[T]) -> T {
        let place = self.below(others.len() as u64 + 1);
        let other = usize::try_from(place).unwrap_or(0).checked_sub(1);
        other
            .and_then(|other| others.get(other).copied())
            .unwrap_or(first)
    }

    /// Puts items into another order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).unwrap_or(last);
            items.swap(last, other);
        }
    }
}

fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(MIX_1);
    let number = (number ^ (number >> 27)).wrapping_mul(MIX_2);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_parts_give_equal_sequences_and_others_do_not() {
        let take = |parts: &[u64]| {
            let mut random = Random::of(parts);
            (0..4).map(|_| random.next()).collect::<Vec<_>>()
        };
        assert_eq!(take(&[1, 2]), take(&[1, 2]));
        assert_ne!(take(&[1, 2]), take(&[2, 1]));
        assert_ne!(take(&[1]), take(&[1, 0]));
        // The same on every machine, as the reference implementation has it.
        let mut reference = Random(1_234_567);
        assert_eq!(reference.next(), 6_457_827_717_110_365_317);
    }

    #[test]
    fn numbers_lie_where_they_should() {
        let mut random = Random::of(&[7]);
        let (mut sum, mut squares) = (0, 0);
        for _ in 0..10_000 {
            assert!((-3..=9).contains(&random.between(-3, 9)));
            assert!(random.below(5) < 5);
            let value = random.around(500, 100);
            sum += value;
            squares += (value - 500).pow(2);
        }
        assert!((495..=505).contains(&(sum / 10_000)), "{sum}");
        assert!((9_000..=11_000).contains(&(squares / 10_000)), "{squares}");
    }

    #[test]
    fn shuffling_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        Random::of(&[3]).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
