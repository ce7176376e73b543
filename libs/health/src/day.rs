//! The figures of a person's local days, from all readings of a type: a pure function
//! of the set of readings, so that the order in which they arrived never matters.

use crate::calendar::Span;
use crate::catalogue::ReadingType;
use crate::coverage::{Held, hold, target};
use crate::distribution::Distribution;
use crate::figures::{Figures, Piece};

/// Length of the pieces of a day's series; they begin at local midnight.
pub const PIECE_MS: i64 = 5 * 60 * 1000;
/// Ranks of sources are below it.
pub const RANKS: i64 = 8;
/// How near a reading of a better source has to be to put another one in the shadow.
const SHADOW_MS: i64 = 30_000;
/// The same for the heart rate, which changes faster.
const SHADOW_HEART_RATE_MS: i64 = 5_000;

/// One reading of a type. Its order is that of time; at one instant the values decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sample {
    /// When, in ms.
    pub at_ms: i64,
    /// The value, in thousandths.
    pub value: i64,
    /// The second value of a panel.
    pub value2: Option<i64>,
    /// The rank of the source, below [`RANKS`].
    pub rank: u8,
}

/// The figures of a metric on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayFigures {
    /// The metric.
    pub metric: &'static str,
    /// The day.
    pub day: Span,
    /// Its figures.
    pub figures: Figures,
    /// The five minutes of it in which there was a value or one held, in order.
    pub series: Vec<Piece>,
}

/// How near a reading of a better source has to be to put one of this type in the
/// shadow, in ms.
pub fn shadow_ms(kind: &str) -> i64 {
    if kind == "heart_rate" {
        SHADOW_HEART_RATE_MS
    } else {
        SHADOW_MS
    }
}

/// Reads samples from a text: (milliseconds since `base_ms` × [`RANKS`] + rank), `:`,
/// the value and, for panels, `:` and the second one; after each a `;`, in any order.
/// Gives them sorted; what nobody packed is left out.
pub fn unpack(text: &str, base_ms: i64) -> Vec<Sample> {
    let mut samples = Vec::with_capacity(text.len() / 12);
    samples.extend(text.split(';').filter_map(|item| unpack_one(item, base_ms)));
    // They come newest first from the index: turned round they are nearly sorted.
    samples.reverse();
    samples.sort();
    samples
}

fn unpack_one(item: &str, base_ms: i64) -> Option<Sample> {
    let (key, values) = item.split_once(':')?;
    let key: i64 = key.parse().ok()?;
    let (value, value2) = match values.split_once(':') {
        Some((value, value2)) => (value, Some(value2.parse().ok()?)),
        None => (values, None),
    };
    Some(Sample {
        at_ms: base_ms.checked_add(key.div_euclid(RANKS))?,
        value: value.parse().ok()?,
        value2,
        rank: u8::try_from(key.rem_euclid(RANKS)).ok()?,
    })
}

/// Whether readings of more than one source are among sorted samples: only then can
/// one be in the shadow of another.
pub fn is_mixed(samples: &[Sample]) -> bool {
    let first = samples.first().map(|sample| sample.rank);
    samples.iter().any(|sample| Some(sample.rank) != first)
}

/// The samples that count: those without one of a higher rank within `window_ms`,
/// before or after. Takes and gives them sorted.
pub fn counted(samples: &[Sample], window_ms: i64) -> Vec<Sample> {
    if !is_mixed(samples) {
        return samples.to_vec();
    }
    let before = shadowed_by_earlier(samples.iter(), window_ms);
    let mut after = shadowed_by_earlier(samples.iter().rev(), window_ms);
    after.reverse();
    let each = samples.iter().zip(before.iter().zip(&after));
    each.filter(|(_, (before, after))| !**before && !**after)
        .map(|(sample, _)| *sample)
        .collect()
}

/// For each sample whether one of a higher rank was passed within the window; samples
/// of one instant shadow each other in both directions.
fn shadowed_by_earlier<'a>(samples: impl Iterator<Item = &'a Sample>, window_ms: i64) -> Vec<bool> {
    let mut newest: [Option<i64>; RANKS as usize] = [None; RANKS as usize];
    let mut shadowed = Vec::new();
    for sample in samples {
        let rank = usize::from(sample.rank);
        let better = newest.iter().skip(rank + 1).flatten();
        shadowed.push(
            better
                .copied()
                .any(|at_ms| at_ms.abs_diff(sample.at_ms) <= window_ms.unsigned_abs()),
        );
        if let Some(newest) = newest.get_mut(rank) {
            *newest = Some(sample.at_ms);
        }
    }
    shadowed
}

/// The figures of each metric of a type on each of the `days`, from the sorted samples
/// that count; a day without any has none.
pub fn figures_of(
    kind: &'static ReadingType,
    counted: &[Sample],
    days: &[Span],
) -> Vec<DayFigures> {
    let mut found = Vec::new();
    for day in days {
        let begin = counted.partition_point(|sample| sample.at_ms < day.start_ms);
        let end = counted.partition_point(|sample| sample.at_ms < day.end_ms);
        let inside = counted.get(begin..end).unwrap_or_default();
        for (place, metric) in kind.metrics.iter().enumerate() {
            let value = |sample: &Sample| {
                let value = if place == 0 {
                    Some(sample.value)
                } else {
                    sample.value2
                };
                value.map(|value| (sample.at_ms, value))
            };
            let values: Vec<(i64, i64)> = inside.iter().filter_map(value).collect();
            if !values.is_empty() {
                found.push(figures_of_day(metric.key, *day, &values));
            }
        }
    }
    found
}

fn figures_of_day(metric: &'static str, day: Span, values: &[(i64, i64)]) -> DayFigures {
    let place = |at_ms: i64| usize::try_from((at_ms - day.start_ms) / PIECE_MS).unwrap_or_default();
    let mut series: Vec<Piece> = values
        .chunk_by(|one, other| place(one.0) == place(other.0))
        .filter_map(|piece| {
            let (first, last) = piece.first().zip(piece.last())?;
            let figures = Figures {
                ends: Some((first.1, last.1)),
                held: Held::default(),
                distribution: Distribution::of(piece.iter().map(|(_, value)| *value).collect()),
            };
            Some(Piece {
                place: place(first.0),
                figures,
            })
        })
        .collect();
    if let Some(target) = target(metric) {
        let mut held: Vec<(usize, Held)> = Vec::new();
        hold(&target, day, PIECE_MS, values, |place, more| {
            match held.last_mut() {
                Some((last, sum)) if *last == place => *sum = sum.plus(more),
                _ => held.push((place, more)),
            }
        });
        series = with_held(series, held);
    }
    DayFigures {
        metric,
        day,
        figures: Figures::merged(series.iter().map(|piece| &piece.figures)),
        series,
    }
}

/// Adds what held to the pieces; both are in order.
fn with_held(series: Vec<Piece>, held: Vec<(usize, Held)>) -> Vec<Piece> {
    let alone = |(place, held): (usize, Held)| Piece {
        place,
        figures: Figures {
            held,
            ..Figures::default()
        },
    };
    let mut merged = Vec::with_capacity(series.len().max(held.len()));
    let mut held = held.into_iter().peekable();
    for mut piece in series {
        while let Some(before) = held.next_if(|(place, _)| *place < piece.place) {
            merged.push(alone(before));
        }
        if let Some((_, same)) = held.next_if(|(place, _)| *place == piece.place) {
            piece.figures.held = same;
        }
        merged.push(piece);
    }
    merged.extend(held.map(alone));
    merged
}

#[cfg(test)]
mod tests;
