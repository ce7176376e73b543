//! Buckets merged from stored days against those computed from the values.

use super::*;
use crate::catalogue::find;
use crate::day::{DayFigures, Sample, figures_of};
use crate::{figures, statistics};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn calendar(zone: &str) -> Calendar {
    Calendar::new(zone.parse().unwrap())
}

fn sample(at_ms: i64, value: i64) -> Sample {
    Sample {
        at_ms,
        value,
        value2: None,
        rank: 0,
    }
}

/// Days as they come back from the store.
fn stored(calendar: Calendar, samples: &[Sample]) -> Vec<Day> {
    let Some((first, last)) = samples.first().zip(samples.last()) else {
        return Vec::new();
    };
    let days: Vec<Span> = calendar.days(first.at_ms, last.at_ms).collect();
    let found = figures_of(find("heart_rate").unwrap(), samples, &days);
    let back = |day: DayFigures| Day {
        span: day.day,
        figures: day.figures,
        series: figures::unpack(&figures::pack(&day.series)).unwrap(),
    };
    found.into_iter().map(back).collect()
}

const ALL: Span = Span {
    start_ms: i64::MIN,
    end_ms: i64::MAX,
};

#[test]
fn names_of_resolutions() {
    for name in ["5m", "1h", "1d", "1w", "1mo"] {
        assert!(Resolution::parse(name).is_some(), "{name}");
    }
    for name in ["", "1M", "1y", "5M"] {
        assert_eq!(Resolution::parse(name), None, "{name}");
    }
}

#[test]
fn the_finer_the_buckets_the_shorter_the_longest_span() {
    let spans = ["5m", "1h", "1d", "1w", "1mo"]
        .map(|name| Resolution::parse(name).unwrap().span_ms_max() / DAY_MS);
    assert_eq!(spans, [7, 31, 366, 1_098, 1_830]);
}

#[test]
fn golden_bucket() {
    let values = [72, 75, 71, 78, 110, 69, 74];
    let samples: Vec<Sample> = (0..)
        .zip(values)
        .map(|(at, value)| sample(at * 1_000, value * 1_000))
        .collect();
    let zone = calendar("Asia/Shanghai");
    let found = buckets(
        "heart_rate",
        &stored(zone, &samples),
        Resolution::Day,
        zone,
        ALL,
    );
    let [bucket] = found.as_slice() else {
        panic!("{found:?}")
    };
    let json = serde_json::to_value(bucket).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "metric": "heart_rate", "start": "1970-01-01T00:00:00.000+08:00", "end": "1970-01-02T00:00:00.000+08:00",
            "count": 7, "min": 69.0, "max": 110.0, "mean": 78.428571, "sum": 549.0, "p50": 74.0, "p95": 100.4,
            "sd": 14.222718, "cv": 0.181346, "first": 72.0, "last": 74.0,
            "time_in_range": {"low": 60.0, "high": 100.0, "in": 99.834983, "below": 0.0, "above": 0.165017, "coverage": 0.701389},
        })
    );
}

#[test]
fn one_value_has_no_deviation() {
    let zone = calendar("Asia/Shanghai");
    let found = buckets(
        "heart_rate",
        &stored(zone, &[sample(0, 60_000)]),
        Resolution::FiveMinutes,
        zone,
        ALL,
    );
    // It holds for ten minutes, but a bucket without values is absent.
    let [bucket] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!((bucket.sd, bucket.cv), (None, None));
    assert_eq!(bucket.time_in_range.unwrap().coverage, 100.0);
}

#[test]
fn no_more_is_covered_than_there_is() {
    let figures = Figures {
        held: crate::coverage::Held {
            in_ms: 600_000,
            below_ms: 0,
            above_ms: 0,
        },
        ..Figures::default()
    };
    // A minute after midnight the value of midnight is taken to hold for ten.
    let minute = Span {
        start_ms: 0,
        end_ms: 60_000,
    };
    let found = time_in_range("heart_rate", minute, &figures).unwrap();
    assert_eq!((found.inside, found.coverage), (100.0, 100.0));
}

#[test]
fn the_last_hour_of_a_day_may_be_a_piece() {
    // Lord Howe puts its clock forward by half an hour.
    let zone = calendar("Australia/Lord_Howe");
    let at_ms = chrono::DateTime::parse_from_rfc3339("2026-10-04T23:50:00+11:00")
        .unwrap()
        .timestamp_millis();
    let span = Resolution::Hour.bucket_of(zone, at_ms);
    assert_eq!(span.end_ms - span.start_ms, 30 * 60_000);
    let found = buckets(
        "heart_rate",
        &stored(zone, &[sample(at_ms, 60_000)]),
        Resolution::Hour,
        zone,
        ALL,
    );
    assert_eq!(found[0].start, zone.rfc3339(span.start_ms));
    assert_eq!(found[0].end, zone.rfc3339(span.end_ms));
}

proptest! {
    #[test]
    fn merged_buckets_are_those_of_the_values(
        mut samples in proptest::collection::vec((0_i64..70 * 86_400, 40_i64..180), 1..120)
            .prop_map(|all| all.into_iter().map(|(at, value)| sample(1_770_000_000_000 + at * 1_000, value * 1_000)).collect::<Vec<_>>()),
        zone in prop::sample::select(vec!["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Africa/Cairo"]),
        resolution in prop::sample::select(vec![Resolution::FiveMinutes, Resolution::Hour, Resolution::Day, Resolution::Week, Resolution::Month]),
    ) {
        samples.sort();
        let zone = calendar(zone);
        let found = buckets("heart_rate", &stored(zone, &samples), resolution, zone, ALL);
        let mut naive = BTreeMap::<i64, Vec<f64>>::new();
        for sample in &samples {
            naive.entry(resolution.bucket_of(zone, sample.at_ms).start_ms).or_default().push(sample.value as f64 / 1_000.0);
        }
        prop_assert_eq!(found.len(), naive.len());
        for (bucket, (start_ms, values)) in found.iter().zip(naive) {
            prop_assert_eq!(&bucket.start, &zone.rfc3339(start_ms));
            prop_assert_eq!(&bucket.end, &zone.rfc3339(resolution.bucket_of(zone, start_ms).end_ms));
            prop_assert_eq!(bucket.count, values.len() as u64);
            prop_assert_eq!(bucket.first.to_f64(), values[0]);
            prop_assert_eq!(bucket.last.to_f64(), values[values.len() - 1]);
            let near = |one: Option<f64>, other: Option<f64>| match (one, other) {
                (Some(one), Some(other)) => (one - other).abs() < 2e-6,
                (one, other) => one == other,
            };
            prop_assert!(near(Some(bucket.mean), statistics::mean(&values)));
            prop_assert!(near(Some(bucket.p50), statistics::median(&values)));
            prop_assert!(near(Some(bucket.p95), statistics::quantile(&values, 0.95)));
            prop_assert!(near(bucket.sd, statistics::sample_sd(&values)));
            prop_assert!(near(bucket.cv, statistics::cv(&values)));
        }
    }

    #[test]
    fn buckets_outside_of_what_is_asked_are_left_out(from in 0_i64..100, length in 1_i64..100) {
        let zone = calendar("Asia/Shanghai");
        let samples: Vec<Sample> = (0..24).map(|hour| sample(hour * 3_600_000 - 28_800_000, 60_000)).collect();
        let asked = Span { start_ms: from * 900_000, end_ms: (from + length) * 900_000 };
        let found = buckets("heart_rate", &stored(zone, &samples), Resolution::FiveMinutes, zone, asked);
        let naive = samples.iter().filter(|sample| asked.contains(sample.at_ms)).count();
        prop_assert_eq!(found.len(), naive);
    }
}
