//! Sample and hold against an oracle that looks at every second.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const SECOND_MS: i64 = 1_000;
const PIECE_MS: i64 = 5 * MINUTE_MS;

fn pieces(target: &Target, day: Span, values: &[(i64, i64)]) -> BTreeMap<usize, Held> {
    let mut pieces = BTreeMap::<usize, Held>::new();
    hold(target, day, PIECE_MS, values, |place, held| {
        let piece = pieces.entry(place).or_default();
        *piece = piece.plus(held);
    });
    pieces
}

fn glucose() -> Target {
    target("glucose_cgm").unwrap()
}

#[test]
fn a_value_holds_until_the_next_or_the_largest_gap() {
    let day = Span {
        start_ms: 0,
        end_ms: 24 * 60 * MINUTE_MS,
    };
    let values = [(0, 3_884), (2 * MINUTE_MS, 3_885), (7 * MINUTE_MS, 10_001)];
    let found = pieces(&glucose(), day, &values);
    let held = |in_min: i64, below: i64, above: i64| Held {
        in_ms: in_min * MINUTE_MS,
        below_ms: below * MINUTE_MS,
        above_ms: above * MINUTE_MS,
    };
    let expected = [
        (0, held(3, 2, 0)),
        (1, held(2, 0, 3)),
        (2, held(0, 0, 5)),
        (3, held(0, 0, 5)),
        (4, held(0, 0, 2)),
    ];
    assert_eq!(found, BTreeMap::from(expected));
}

#[test]
fn a_value_does_not_hold_beyond_its_day() {
    let day = Span {
        start_ms: 0,
        end_ms: 10 * MINUTE_MS,
    };
    let found = pieces(&glucose(), day, &[(9 * MINUTE_MS, 5_000)]);
    assert_eq!(
        found.values().map(|held| held.covered_ms()).sum::<i64>(),
        MINUTE_MS
    );
}

#[test]
fn of_values_at_one_instant_the_last_holds() {
    let day = Span {
        start_ms: 0,
        end_ms: 60 * MINUTE_MS,
    };
    let found = pieces(&glucose(), day, &[(0, 3_000), (0, 5_000)]);
    assert_eq!(found.values().map(|held| held.below_ms).sum::<i64>(), 0);
    assert_eq!(
        found.values().map(|held| held.in_ms).sum::<i64>(),
        15 * MINUTE_MS
    );
}

#[test]
fn targets_hold_values_that_the_catalogue_knows() {
    for kind in crate::catalogue::all() {
        for metric in kind.metrics {
            let Some(target) = target(metric.key) else {
                continue;
            };
            assert!(
                target.low_milli < target.high_milli && target.gap_ms > 0,
                "{}",
                metric.key
            );
            assert!(
                metric.warn.contains(target.low_milli as f64 / 1000.0),
                "{}",
                metric.key
            );
            assert!(
                metric.warn.contains(target.high_milli as f64 / 1000.0),
                "{}",
                metric.key
            );
        }
    }
}

/// Both bounds inside, and the largest gap in minutes.
#[test]
fn targets_are_those_of_their_citations() {
    for (metric, low_milli, high_milli, gap_minutes) in [
        ("glucose_cgm", 3_885, 10_000, 15),
        ("heart_rate", 60_000, 100_000, 10),
        ("spo2", 95_000, 100_000, 10),
        ("respiratory_rate", 12_000, 20_000, 10),
        ("body_temperature", 36_000, 37_200, 60),
        ("systolic", 90_000, 139_000, 60),
        ("diastolic", 60_000, 89_000, 60),
    ] {
        let found = target(metric).unwrap();
        assert_eq!(
            (found.low_milli, found.high_milli, found.gap_ms),
            (low_milli, high_milli, gap_minutes * MINUTE_MS),
            "{metric}"
        );
    }
    for adds_up_or_rare in ["steps", "body_weight", "glucose_fasting", ""] {
        assert_eq!(target(adds_up_or_rare), None);
    }
}

proptest! {
    #[test]
    fn every_second_counts_once(
        values in proptest::collection::btree_map(0_i64..7_200, 3_000_i64..11_000, 0..40),
        length in 7_000_i64..7_300,
    ) {
        let target = glucose();
        let day = Span { start_ms: 5_000, end_ms: 5_000 + length * SECOND_MS };
        let values: Vec<(i64, i64)> = values.into_iter().filter(|(at, _)| *at < length)
            .map(|(at, value)| (day.start_ms + at * SECOND_MS, value)).collect();
        let mut oracle = BTreeMap::<usize, Held>::new();
        for second in 0..length {
            let now_ms = day.start_ms + second * SECOND_MS;
            let newest = values.iter().rev().find(|(at, _)| *at <= now_ms);
            let Some((at, value)) = newest.filter(|(at, _)| now_ms - at < target.gap_ms) else { continue };
            prop_assert!(*at <= now_ms);
            let piece = oracle.entry(usize::try_from(second * SECOND_MS / PIECE_MS).unwrap()).or_default();
            let side = if *value < 3_885 { &mut piece.below_ms } else if *value > 10_000 { &mut piece.above_ms } else { &mut piece.in_ms };
            *side += SECOND_MS;
        }
        prop_assert_eq!(pieces(&target, day, &values), oracle);
    }
}
