//! The figures of a metric over some span, exact however they are merged, and the
//! series of a day's five minutes as a text.

use crate::coverage::Held;
use crate::day::PIECE_MS;
use crate::distribution::{Distribution, push_int, scale_of};

/// A piece all of which is in range: most are.
const WHOLE: Held = Held {
    in_ms: PIECE_MS,
    below_ms: 0,
    above_ms: 0,
};

/// Figures of a span: what its values were, and how long they held in range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// The first and the last value, in thousandths; none where only a value from
    /// before holds.
    pub ends: Option<(i64, i64)>,
    /// How long values held; nothing where the metric has no target.
    pub held: Held,
    /// The values.
    pub distribution: Distribution,
}

impl Figures {
    /// The figures of spans that follow each other.
    pub fn merged<'a>(parts: impl IntoIterator<Item = &'a Self> + Clone) -> Self {
        let mut merged = Self {
            distribution: Distribution::merged(
                parts.clone().into_iter().map(|part| &part.distribution),
            ),
            ..Self::default()
        };
        for part in parts {
            merged.held = merged.held.plus(part.held);
            merged.ends = match (merged.ends, part.ends) {
                (Some((first, _)), Some((_, last))) => Some((first, last)),
                (one, other) => one.or(other),
            };
        }
        merged
    }
}

/// The figures of one piece of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its place, from the start of the day on.
    pub place: usize,
    /// Its figures.
    pub figures: Figures,
}

/// The pieces as a text: the scale that all values are multiples of, then each piece
/// after a `;`. A piece is how many places it stands behind the one before, `H` where
/// values held in range all the time, otherwise `h` and the milliseconds in, below and
/// above it where any is not 0, `=` and its distribution where it has values, and `/`
/// with the first and last one where these differ.
///
/// `1000;0H=72:2,3/75,72;3h60000,5` are two 72 and one 75, the first 75 and the last 72,
/// in the first five minutes.
pub fn pack(pieces: &[Piece]) -> String {
    let values = pieces
        .iter()
        .flat_map(|piece| piece.figures.distribution.counts());
    let scale = scale_of(values.map(|(value, _)| *value));
    let mut text = String::with_capacity(8 + pieces.len() * 16);
    push_int(&mut text, scale);
    let mut before = 0;
    for piece in pieces {
        text.push(';');
        let step = piece.place.saturating_sub(before);
        push_int(&mut text, i64::try_from(step).unwrap_or(i64::MAX));
        before = piece.place;
        push_held(&mut text, piece.figures.held);
        push_values(&mut text, &piece.figures, scale);
    }
    text
}

fn push_held(text: &mut String, held: Held) {
    if held == WHOLE {
        text.push('H');
        return;
    }
    let times = [held.in_ms, held.below_ms, held.above_ms];
    let used = times
        .iter()
        .rposition(|time| *time != 0)
        .map_or(0, |last| last + 1);
    for (place, time) in times.iter().take(used).enumerate() {
        text.push(if place == 0 { 'h' } else { ',' });
        push_int(text, *time);
    }
}

fn push_values(text: &mut String, figures: &Figures, scale: i64) {
    let Some((first, last)) = figures.ends else {
        return;
    };
    text.push('=');
    figures.distribution.pack_scaled(text, scale);
    if figures.distribution.counts().len() > 1 {
        text.push('/');
        push_int(text, first / scale.max(1));
        text.push(',');
        push_int(text, last / scale.max(1));
    }
}

/// Reads what [`pack`] wrote; none for anything else.
pub fn unpack(text: &str) -> Option<Vec<Piece>> {
    let mut parts = text.split(';');
    let scale: i64 = parts.next()?.parse().ok()?;
    let mut before = 0;
    parts
        .map(|part| {
            let piece = unpack_piece(part, scale, before)?;
            before = piece.place;
            Some(piece)
        })
        .collect()
}

fn unpack_piece(text: &str, scale: i64, before: usize) -> Option<Piece> {
    let (head, values) = match text.split_once('=') {
        Some((head, values)) => (head, Some(values)),
        None => (text, None),
    };
    let (step, held) = match head.strip_suffix('H') {
        Some(step) => (step, WHOLE),
        None => {
            let (step, held) = head.split_once('h').unwrap_or((head, ""));
            (step, unpack_held(held)?)
        }
    };
    let mut figures = Figures {
        held,
        ..Figures::default()
    };
    if let Some(values) = values {
        let (values, ends) = match values.split_once('/') {
            Some((values, ends)) => (values, Some(ends)),
            None => (values, None),
        };
        figures.distribution = Distribution::unpack_scaled(values, scale)?;
        figures.ends = Some(match ends {
            Some(ends) => {
                let (first, last) = ends.split_once(',')?;
                let scaled = |end: &str| end.parse::<i64>().ok()?.checked_mul(scale);
                (scaled(first)?, scaled(last)?)
            }
            None => (figures.distribution.min()?, figures.distribution.max()?),
        });
    }
    Some(Piece {
        place: before.checked_add(step.parse().ok()?)?,
        figures,
    })
}

fn unpack_held(text: &str) -> Option<Held> {
    let mut times = [0_i64; 3];
    let given = text.split(',').filter(|time| !time.is_empty());
    for (time, given) in times.iter_mut().zip(given) {
        *time = given.parse().ok()?;
    }
    let [in_ms, below_ms, above_ms] = times;
    Some(Held {
        in_ms,
        below_ms,
        above_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn figures(values: &[i64], in_ms: i64, below_ms: i64) -> Figures {
        Figures {
            ends: values.first().copied().zip(values.last().copied()),
            held: Held {
                in_ms,
                below_ms,
                above_ms: 0,
            },
            distribution: Distribution::of(values.to_vec()),
        }
    }

    #[test]
    fn the_text_is_the_documented_one() {
        let pieces = [
            Piece {
                place: 0,
                figures: figures(&[75_000, 72_000, 72_000], 300_000, 0),
            },
            Piece {
                place: 3,
                figures: figures(&[], 60_000, 5),
            },
            Piece {
                place: 9,
                figures: figures(&[70_000], 0, 0),
            },
        ];
        let text = pack(&pieces);
        assert_eq!(text, "1000;0H=72:2,3/75,72;3h60000,5;6=70");
        assert_eq!(unpack(&text), Some(pieces.to_vec()));
        assert_eq!(unpack(&pack(&[])), Some(Vec::new()));
    }

    #[test]
    fn texts_that_nobody_packed_are_refused() {
        for text in [
            "",
            "x",
            "1;",
            "1;x=1",
            "1;0hx=1",
            "1;0HH=1",
            "1;0=",
            "1;0=1,1/3",
            "1;0=1,1/x,2",
        ] {
            assert_eq!(unpack(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn packing_loses_nothing(
            pieces in proptest::collection::btree_map(0_usize..300, (proptest::collection::vec(-9_000_i64..900_000, 0..9), 0_i64..300_000, 0_i64..9), 0..40),
            scale in prop::sample::select(vec![1_i64, 10, 1_000]),
        ) {
            let pieces: Vec<Piece> = pieces.into_iter().map(|(place, (values, in_ms, below_ms))| {
                let values: Vec<i64> = values.into_iter().map(|value| value * scale).collect();
                Piece { place, figures: figures(&values, in_ms, below_ms) }
            }).collect();
            prop_assert_eq!(unpack(&pack(&pieces)), Some(pieces));
        }

        #[test]
        fn merged_figures_are_those_of_all_values(parts in proptest::collection::vec((proptest::collection::vec(0_i64..90, 0..9), 0_i64..9), 0..9)) {
            let whole: Vec<i64> = parts.iter().flat_map(|(values, _)| values.clone()).collect();
            let held = parts.iter().map(|(_, held)| held).sum();
            let parts: Vec<Figures> = parts.iter().map(|(values, held)| figures(values, *held, 0)).collect();
            prop_assert_eq!(Figures::merged(&parts), figures(&whole, held, 0));
        }
    }
}
