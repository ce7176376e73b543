//! Golden vectors and edges.

use super::*;
use proptest::prelude::*;

const X: [f64; 7] = [72.0, 75.0, 71.0, 78.0, 110.0, 69.0, 74.0];

fn near(found: Option<f64>, expected: f64) {
    let found = found.unwrap();
    assert!(
        (found - expected).abs() < 1e-5 * expected.abs().max(1.0),
        "{found} is not {expected}"
    );
}

fn weights() -> Vec<(f64, f64)> {
    let weights = [70.0, 69.8, 69.9, 69.5, 69.4, 69.4, 69.0];
    (0..7).map(f64::from).zip(weights).collect()
}

#[test]
fn golden_values() {
    near(mean(&X), 78.428_571);
    near(median(&X), 74.0);
    near(sample_sd(&X), 14.222_718);
    near(quantile(&X, 0.95), 100.4);
    near(mad(&X), 3.0);
    near(robust_z(110.0, 74.0, 3.0, None), 8.093_889);
}

#[test]
fn golden_line() {
    let line = line(&weights()).unwrap();
    near(Some(line.slope), -0.153_571);
    near(line.r_squared, 0.899_319);
    near(theil_sen(&weights()), -0.16);
    // Standard error 0.0229796 with five degrees of freedom: t = 2.570582.
    near(line.slope_margin, 0.059_070_9);
    near(Some(line.intercept), 70.032_143);
}

#[test]
fn golden_glucose_management_indicator() {
    near(Some(gmi(154.0 / MMOL_TO_MG_PER_DL)), 6.993_68);
    near(Some(gmi(8.5)), 6.973_013);
}

#[test]
fn too_few_values_say_nothing() {
    assert_eq!(mean(&[]), None);
    assert_eq!(quantile(&[], 0.5), None);
    assert_eq!(sample_sd(&[1.0]), None);
    assert_eq!(cv(&[1.0, -1.0]), None);
    assert_eq!(mad(&[]), None);
    assert_eq!(line(&[(1.0, 2.0)]), None);
    assert_eq!(line(&[(1.0, 2.0), (1.0, 3.0)]), None);
    assert_eq!(theil_sen(&[(1.0, 2.0), (1.0, 3.0)]), None);
    assert_eq!(ewma(&[]), None);
    assert_eq!(change_rate_percent(&[1.0]), None);
    assert_eq!(change_rate_percent(&[0.0, 1.0]), None);
}

#[test]
fn z_falls_back_to_the_standard_deviation() {
    assert_eq!(robust_z(5.0, 3.0, 0.0, Some(2.0)), Some(1.0));
    assert_eq!(robust_z(5.0, 3.0, 0.0, Some(0.0)), None);
    assert_eq!(robust_z(5.0, 3.0, 0.0, None), None);
}

#[test]
fn two_points_have_a_slope_without_a_margin_and_a_flat_line_no_r_squared() {
    let steep = line(&[(0.0, 1.0), (2.0, 2.0)]).unwrap();
    assert_eq!((steep.slope, steep.slope_margin), (0.5, None));
    let flat = line(&[(0.0, 1.0), (1.0, 1.0), (2.0, 1.0)]).unwrap();
    assert_eq!(
        (flat.slope, flat.slope_margin, flat.r_squared),
        (0.0, Some(0.0), None)
    );
}

#[test]
fn means_over_time() {
    near(ewma(&[10.0, 20.0, 20.0]), 15.1);
    near(change_rate_percent(&[10.0, 10.0, 99.0, 12.0, 13.0]), 25.0);
}

#[test]
fn dips_are_classified_at_their_bounds() {
    let class = |night| dip(100.0, night).unwrap().class;
    assert_eq!(class(80.0), Dipping::Extreme);
    assert_eq!(class(80.1), Dipping::Dipper);
    assert_eq!(class(90.0), Dipping::Dipper);
    assert_eq!(class(90.1), Dipping::NonDipper);
    assert_eq!(class(100.0), Dipping::NonDipper);
    assert_eq!(class(100.1), Dipping::Riser);
    assert_eq!(dip(0.0, 1.0), None);
}

#[test]
fn the_first_day_at_home_does_not_count() {
    let reading = |day, systolic| PressureReading {
        day,
        systolic,
        diastolic: 80.0,
    };
    let readings = [
        reading(1, 200.0),
        reading(2, 130.0),
        reading(3, 132.0),
        reading(4, 134.0),
        reading(4, 136.0),
    ];
    let found = home_mean(&readings).unwrap();
    assert_eq!(
        (found.systolic, found.diastolic, found.readings, found.days),
        (133.0, 80.0, 4, 3)
    );
    assert_eq!(home_mean(&readings[..4]), None);
    assert_eq!(
        home_mean(&[
            reading(1, 1.0),
            reading(2, 1.0),
            reading(2, 1.0),
            reading(2, 1.0),
            reading(3, 1.0)
        ]),
        None
    );
    assert_eq!(home_mean(&[]), None);
}

fn samples(values: &[(i64, f64)], is_resting_night: bool) -> Vec<RestingSample> {
    let each = values.iter().map(|(minute, value)| RestingSample {
        at_ms: minute * 60_000,
        value: *value,
        is_resting_night,
    });
    each.collect()
}

#[test]
fn the_night_at_rest_gives_the_resting_rate() {
    let values: Vec<(i64, f64)> = (0..41)
        .map(|minute| (minute, 50.0 + minute as f64))
        .collect();
    assert_eq!(resting_heart_rate(&samples(&values, true)), Some(52.0));
    // By day the lowest half hour: minutes 0 to 29.
    assert_eq!(resting_heart_rate(&samples(&values, false)), Some(64.5));
}

#[test]
fn a_calm_stretch_is_a_whole_half_hour_with_three_readings() {
    assert_eq!(
        resting_heart_rate(&samples(&[(0, 60.0), (10, 61.0), (29, 62.0)], false)),
        None
    );
    let found = resting_heart_rate(&samples(
        &[(0, 60.0), (10, 61.0), (29, 62.0), (31, 90.0)],
        false,
    ));
    assert_eq!(found, Some(61.0));
    assert_eq!(
        resting_heart_rate(&samples(&[(0, 60.0), (10, 61.0), (31, 62.0)], false)),
        None
    );
    assert_eq!(resting_heart_rate(&[]), None);
}

#[test]
fn regularity_needs_three_nights() {
    assert_eq!(sleep_regularity_minutes(&[900.0, 960.0]), None);
    near(sleep_regularity_minutes(&[900.0, 960.0, 930.0]), 30.0);
}

proptest! {
    #[test]
    fn a_line_is_found_again(slope in -5.0_f64..5.0, intercept in -50.0_f64..50.0, count in 3_i32..50) {
        let points: Vec<_> = (0..count).map(|x| (f64::from(x), intercept + slope * f64::from(x))).collect();
        let found = line(&points).unwrap();
        prop_assert!((found.slope - slope).abs() < 1e-6);
        prop_assert!((theil_sen(&points).unwrap() - slope).abs() < 1e-6);
        prop_assert!(found.slope_margin.unwrap() < 1e-4);
    }

    #[test]
    fn calm_is_the_lowest_of_all_half_hours(values in proptest::collection::btree_map(0_i64..200, 40_u32..160, 1..60)) {
        let values: Vec<(i64, f64)> = values.into_iter().map(|(at, value)| (at, f64::from(value))).collect();
        let last = values.last().unwrap().0;
        let naive: Option<f64> = values.iter().filter(|(at, _)| at + 30 <= last).filter_map(|(begin, _)| {
            let inside: Vec<f64> = values.iter().filter(|(at, _)| at >= begin && *at < begin + 30).map(|(_, value)| *value).collect();
            (inside.len() >= 3).then(|| super::mean(&inside).unwrap())
        }).reduce(f64::min);
        match (resting_heart_rate(&samples(&values, false)), naive) {
            (Some(one), Some(other)) => prop_assert!((one - other).abs() < 1e-9),
            (one, other) => prop_assert_eq!(one, other),
        }
    }
}
