//! Distributions against plain sorted values.

use super::*;
use crate::statistics;
use proptest::prelude::*;

fn golden() -> Distribution {
    Distribution::of(vec![
        72_000, 75_000, 71_000, 78_000, 110_000, 69_000, 74_000,
    ])
}

#[test]
fn golden_vector() {
    let figures = golden();
    assert_eq!((figures.count(), figures.sum()), (7, 549_000));
    assert_eq!(
        (figures.min(), figures.max()),
        (Some(69_000), Some(110_000))
    );
    assert_eq!(figures.quantile(0.5), Some(74_000.0));
    assert!((figures.quantile(0.95).unwrap() - 100_400.0).abs() < 1e-6);
    assert!((figures.sample_sd().unwrap() - 14_222.718).abs() < 1e-3);
    assert_eq!(figures.median_distance(74_000.0), Some(3_000.0));
    assert_eq!(figures.pack(), "1000*69,2,1,2,1,3,32");
}

#[test]
fn nothing_has_no_figures() {
    let nothing = Distribution::default();
    assert_eq!((nothing.count(), nothing.sum()), (0, 0));
    assert_eq!(nothing.quantile(0.5), None);
    assert_eq!(nothing.sample_sd(), None);
    assert_eq!(nothing.mean(), None);
    assert_eq!(nothing.median_distance(0.0), None);
    assert_eq!(Distribution::unpack(&nothing.pack()), Some(nothing));
    assert_eq!(Distribution::of(vec![5]).sample_sd(), None);
}

#[test]
fn texts_that_nobody_packed_are_refused() {
    for text in [
        "",
        "5",
        "x*1",
        "1*x",
        "1*1:x",
        "1*1:-1",
        "9223372036854775807*2",
    ] {
        assert_eq!(Distribution::unpack(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn packing_loses_nothing(values in proptest::collection::vec(-400_000_i64..400_000, 0..60), scale in prop::sample::select(vec![1_i64, 10, 100, 1000])) {
        let values: Vec<i64> = values.into_iter().map(|value| value * scale).collect();
        let figures = Distribution::of(values);
        prop_assert_eq!(Distribution::unpack(&figures.pack()), Some(figures));
    }

    #[test]
    fn figures_are_those_of_the_values(values in proptest::collection::vec(0_i64..300, 1..60), p in 0.0..=1.0) {
        let figures = Distribution::of(values.clone());
        let plain: Vec<f64> = values.iter().map(|value| *value as f64).collect();
        prop_assert_eq!(figures.quantile(p), statistics::quantile(&plain, p));
        let median = statistics::median(&plain).unwrap();
        prop_assert_eq!(figures.median_distance(median), statistics::mad(&plain));
        prop_assert_eq!(figures.mean().is_some(), true);
        match (figures.sample_sd(), statistics::sample_sd(&plain)) {
            (Some(one), Some(other)) => prop_assert!((one - other).abs() < 1e-6),
            (one, other) => prop_assert_eq!(one, other),
        }
    }

    #[test]
    fn parts_merge_to_the_whole(parts in proptest::collection::vec(proptest::collection::vec(0_i64..90, 0..20), 0..9)) {
        let whole = Distribution::of(parts.concat());
        let parts: Vec<_> = parts.into_iter().map(Distribution::of).collect();
        prop_assert_eq!(Distribution::merged(&parts), whole);
    }
}
