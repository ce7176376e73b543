//! How often each class occurs.

use std::collections::BTreeMap;

use suoke_health::Milli;
use suoke_health::aggregate::Day;
use suoke_health::catalogue::ReadingType;
use suoke_health::classes::{Circumstances, Class, Person, classify, sleep_of_night, steps_of_day};
use suoke_readings::Point;
use suoke_report::ClassCount;

/// Counts classes by their codes.
fn counted(classes: impl IntoIterator<Item = (Class, u64)>) -> Vec<ClassCount> {
    let mut counts: BTreeMap<&'static str, ClassCount> = BTreeMap::new();
    for (class, count) in classes {
        counts
            .entry(class.code)
            .or_insert(ClassCount { class, count: 0 })
            .count += count;
    }
    counts.into_values().collect()
}

/// Of whole days, for kinds whose days are judged; none for other kinds.
pub(crate) fn of_days(
    kind: &ReadingType,
    days: &[Day],
    person: &Person,
) -> Option<Vec<ClassCount>> {
    let judge = match kind.key {
        "steps" => steps_of_day,
        "sleep_duration" => sleep_of_night,
        _ => return None,
    };
    let sums = days
        .iter()
        .filter(|day| !day.figures.distribution.is_empty())
        .map(|day| Milli(day.figures.distribution.sum()));
    Some(counted(
        sums.filter_map(|sum| judge(sum, person))
            .map(|class| (class, 1)),
    ))
}

/// Of single readings with their circumstances; what is hardly possible does not count.
pub(crate) fn of_points(kind: &ReadingType, points: &[Point], person: &Person) -> Vec<ClassCount> {
    let plausible = points.iter().filter(|point| point.is_plausible);
    let classes = plausible.filter_map(|point| {
        let values: Vec<Milli> = [Some(point.value), point.value2]
            .into_iter()
            .flatten()
            .collect();
        let circumstances = Circumstances::read(point.context.as_deref());
        classify(kind.key, &values, &circumstances, person)
            .first()
            .copied()
    });
    counted(classes.map(|class| (class, 1)))
}

/// Of values without circumstances. A pulse is not judged without: it may be of motion;
/// nor are the two values of a panel, which belong together.
pub(crate) fn of_values(kind: &ReadingType, days: &[Day], person: &Person) -> Vec<ClassCount> {
    if kind.is_panel() || kind.key == "heart_rate" {
        return Vec::new();
    }
    let values = days
        .iter()
        .flat_map(|day| day.figures.distribution.counts());
    let classes = values.filter_map(|(value, count)| {
        let found = classify(
            kind.key,
            &[Milli(*value)],
            &Circumstances::default(),
            person,
        );
        found.first().map(|class| (*class, *count))
    });
    counted(classes)
}

#[cfg(test)]
mod tests {
    use suoke_health::calendar::Span;
    use suoke_health::catalogue::find;
    use suoke_health::distribution::Distribution;
    use suoke_health::figures::Figures;

    use super::*;

    fn day(values: &[i64]) -> Day {
        Day {
            span: Span {
                start_ms: 0,
                end_ms: 1,
            },
            figures: Figures {
                distribution: Distribution::of(values.iter().map(|it| it * 1000).collect()),
                ..Figures::default()
            },
            series: Vec::new(),
        }
    }

    fn codes(found: &[ClassCount]) -> Vec<(&'static str, u64)> {
        found.iter().map(|it| (it.class.code, it.count)).collect()
    }

    #[test]
    fn steps_and_nights_are_judged_by_the_day() {
        let days = [day(&[3_000, 3_000]), day(&[5_999]), day(&[])];
        let found = of_days(find("steps").unwrap(), &days, &Person::default()).unwrap();
        assert_eq!(codes(&found), [("low", 1), ("normal", 1)]);
        assert!(of_days(find("spo2").unwrap(), &days, &Person::default()).is_none());
    }

    #[test]
    fn values_without_circumstances_are_counted_unless_these_matter() {
        let days = [day(&[97, 97, 93]), day(&[84])];
        let of = |key| of_values(find(key).unwrap(), &days, &Person::default());
        assert_eq!(
            codes(&of("spo2")),
            [("critical", 1), ("low", 1), ("normal", 2)]
        );
        assert!(of("heart_rate").is_empty() && of("blood_pressure").is_empty());
    }

    #[test]
    fn single_readings_count_with_their_circumstances() {
        let point = |value: i64, context: Option<&str>, is_plausible| Point {
            at_ms: 0,
            value: Milli(value * 1000),
            value2: None,
            rank: 0,
            is_plausible,
            context: context.map(str::to_owned),
        };
        let points = [
            point(130, None, true),
            point(130, Some(r#"{"activity":"running"}"#), true),
            point(250, None, false),
        ];
        let found = of_points(find("heart_rate").unwrap(), &points, &Person::default());
        assert_eq!(codes(&found), [("high", 1)]);
    }
}
