//! Days against naive recomputations.

use super::*;
use crate::calendar::Calendar;
use crate::catalogue::find;
use proptest::prelude::*;

fn sample(at_ms: i64, value: i64, rank: u8) -> Sample {
    Sample {
        at_ms,
        value,
        value2: None,
        rank,
    }
}

#[test]
fn packed_samples_are_read_in_any_order() {
    let text = "8003:72000;1:71000:60000;-7:70000;;x:1;1;1:x;1:2:x";
    let expected = [
        sample(999, 70_000, 1),
        Sample {
            at_ms: 1_000,
            value: 71_000,
            value2: Some(60_000),
            rank: 1,
        },
        sample(2_000, 72_000, 3),
    ];
    assert_eq!(unpack(text, 1_000), expected);
    assert_eq!(unpack("", 0), []);
}

#[test]
fn a_better_source_nearby_puts_others_in_the_shadow() {
    let samples = [
        sample(0, 1, 2),
        sample(30_000, 2, 3),
        sample(60_000, 3, 1),
        sample(60_001, 4, 1),
        sample(90_000, 5, 3),
    ];
    let left: Vec<i64> = counted(&samples, 30_000)
        .iter()
        .map(|sample| sample.value)
        .collect();
    assert_eq!(left, [2, 5]);
    let left: Vec<i64> = counted(&samples, 5_000)
        .iter()
        .map(|sample| sample.value)
        .collect();
    assert_eq!(left, [1, 2, 3, 4, 5]);
    let same = [sample(0, 1, 0), sample(0, 2, 1), sample(0, 3, 1)];
    assert_eq!(counted(&same, 0).len(), 2);
}

#[test]
fn a_day_without_values_has_no_figures() {
    let day = Span {
        start_ms: 0,
        end_ms: 86_400_000,
    };
    assert_eq!(
        figures_of(
            find("heart_rate").unwrap(),
            &[sample(-1, 5, 0), sample(86_400_000, 6, 0)],
            &[day]
        ),
        []
    );
}

#[test]
fn pressures_stay_apart() {
    let day = Span {
        start_ms: 0,
        end_ms: 86_400_000,
    };
    let samples = [Sample {
        at_ms: 5,
        value: 120_000,
        value2: Some(80_000),
        rank: 0,
    }];
    let found = figures_of(find("blood_pressure").unwrap(), &samples, &[day]);
    let ends: Vec<_> = found
        .iter()
        .map(|day| (day.metric, day.figures.ends))
        .collect();
    assert_eq!(
        ends,
        [
            ("systolic", Some((120_000, 120_000))),
            ("diastolic", Some((80_000, 80_000)))
        ]
    );
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let one = (0_i64..3_000_000, 50_i64..120, 0_u8..5)
        .prop_map(|(at, value, rank)| sample(at * 100, value * 1_000, rank));
    proptest::collection::vec(one, 0..80)
}

proptest! {
    #[test]
    fn shadows_are_those_of_the_definition(mut samples in samples(), window_ms in 0_i64..3_000_000) {
        samples.sort();
        let naive: Vec<Sample> = samples.iter().filter(|one| {
            !samples.iter().any(|other| other.rank > one.rank && (other.at_ms - one.at_ms).abs() <= window_ms)
        }).copied().collect();
        prop_assert_eq!(counted(&samples, window_ms), naive);
    }

    #[test]
    fn the_series_of_a_day_adds_up_to_the_day(mut samples in samples(), zone in prop::sample::select(vec!["Asia/Shanghai", "Europe/Berlin", "Africa/Cairo"])) {
        samples.sort();
        let calendar = Calendar::new(zone.parse().unwrap());
        let days: Vec<Span> = calendar.days(0, 300_000_000).collect();
        let found = figures_of(find("heart_rate").unwrap(), &samples, &days);
        prop_assert_eq!(found.iter().map(|day| day.figures.distribution.count()).sum::<u64>(), samples.len() as u64);
        for day in found {
            let inside: Vec<&Sample> = samples.iter().filter(|sample| day.day.contains(sample.at_ms)).collect();
            let values: Vec<i64> = inside.iter().map(|sample| sample.value).collect();
            prop_assert_eq!(day.figures.ends, values.first().copied().zip(values.last().copied()));
            prop_assert_eq!(&day.figures.distribution, &Distribution::of(values));
            for piece in &day.series {
                let start_ms = day.day.start_ms + piece.place as i64 * PIECE_MS;
                let values: Vec<i64> = inside.iter().filter(|sample| (start_ms..start_ms + PIECE_MS).contains(&sample.at_ms)).map(|sample| sample.value).collect();
                prop_assert_eq!(&piece.figures.distribution, &Distribution::of(values));
                prop_assert!(piece.figures.held.covered_ms() <= PIECE_MS);
            }
        }
    }
}
