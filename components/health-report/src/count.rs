//! How often each class occurs.

use std::collections::BTreeMap;

use suoke_health::Milli;
use suoke_health::aggregate::Day;
use suoke_health::catalogue::ReadingType;
use suoke_health::classes::{
    Circumstances, Class, Person, Side, activity_of_week, classify, sleep_of_night, steps_of_day,
};
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

/// Of the classes of one reading the most concerning one of each side, the first of
/// equals: a severe pressure counts as such and not by its grade, and what is too high
/// in one pressure and too low in the other counts on both sides. What is as it should
/// be counts where nothing else does.
fn worst(classes: &[Class]) -> Vec<Class> {
    let of_side = |side: Side| {
        let found = classes.iter().filter(|class| class.side == side);
        // Of equals `max_by_key` gives the last one.
        found.rev().max_by_key(|class| (class.concern, class.level))
    };
    let mut found: Vec<Class> = [Side::High, Side::Low]
        .into_iter()
        .filter_map(of_side)
        .copied()
        .collect();
    if found.is_empty() {
        found.extend(classes.first());
    }
    found
}

/// Of days and nights that are over, for kinds whose days are judged; none for other
/// kinds.
pub(crate) fn of_days(
    kind: &ReadingType,
    days: &[&Day],
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

/// Of the days of a week that is over, for the kind whose weeks are judged; nothing
/// before it is, and none for other kinds.
pub(crate) fn of_week(
    kind: &ReadingType,
    week: Option<&[&Day]>,
    person: &Person,
) -> Option<Vec<ClassCount>> {
    if kind.key != "active_minutes" {
        return None;
    }
    let days = week.unwrap_or_default();
    let sums = days.iter().map(|day| day.figures.distribution.sum());
    let class = activity_of_week(Milli(sums.sum()), person).filter(|_| !days.is_empty());
    Some(counted(class.map(|class| (class, 1))))
}

/// Of single readings with their circumstances. What is hardly possible counts too, as
/// in all figures; the report says how much of it there is.
pub(crate) fn of_points(kind: &ReadingType, points: &[Point], person: &Person) -> Vec<ClassCount> {
    let classes = points.iter().flat_map(|point| {
        let values: Vec<Milli> = [Some(point.value), point.value2]
            .into_iter()
            .flatten()
            .collect();
        let circumstances = Circumstances::read(point.context.as_deref()).of_source(point.rank);
        worst(&classify(kind.key, &values, &circumstances, person))
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
    let classes = values.flat_map(|(value, count)| {
        let found = classify(
            kind.key,
            &[Milli(*value)],
            &Circumstances::default(),
            person,
        );
        worst(&found).into_iter().map(|class| (class, *count))
    });
    counted(classes)
}

#[cfg(test)]
mod tests {
    use suoke_health::calendar::Span;
    use suoke_health::catalogue::find;
    use suoke_health::distribution::Distribution;
    use suoke_health::figures::Figures;
    use suoke_health::source::{MANUAL, WEARABLE};

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
        let days: Vec<&Day> = days.iter().collect();
        let found = of_days(find("steps").unwrap(), &days, &Person::default()).unwrap();
        assert_eq!(codes(&found), [("low", 1), ("normal", 1)]);
        assert!(of_days(find("spo2").unwrap(), &days, &Person::default()).is_none());
    }

    #[test]
    fn activity_is_judged_by_the_week_when_it_is_over() {
        let days = [day(&[60, 20]), day(&[69])];
        let days: Vec<&Day> = days.iter().collect();
        let of = |kind, week| of_week(find(kind).unwrap(), week, &Person::default());
        let found = of("active_minutes", Some(&days[..])).unwrap();
        assert_eq!(codes(&found), [("low", 1)]);
        assert!(of("active_minutes", None).unwrap().is_empty());
        assert!(of("steps", Some(&days[..])).is_none());
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
    fn the_most_concerning_class_of_each_side_counts() {
        let of = |kind: &str, values: [i64; 2], context: Option<&str>| {
            let kind = find(kind).unwrap();
            let point = Point {
                at_ms: 0,
                end_ms: None,
                value: Milli(values[0] * 1000),
                value2: kind.is_panel().then_some(Milli(values[1] * 1000)),
                rank: 0,
                is_plausible: true,
                context: context.map(str::to_owned),
            };
            let found = of_points(kind, &[point], &Person::default());
            found.iter().map(|it| it.class.code).collect::<Vec<_>>()
        };
        let ill = Some(r#"{"symptoms":["vomiting"]}"#);
        assert_eq!(of("blood_pressure", [185, 121], None), ["severe"]);
        assert_eq!(
            of("blood_pressure", [185, 121], ill),
            ["hypertensive_emergency"]
        );
        assert_eq!(
            of("blood_pressure", [150, 55], None),
            ["grade_1", "hypotension"]
        );
        assert_eq!(of("blood_pressure", [150, 95], None), ["grade_1"]);
        assert_eq!(of("blood_pressure", [110, 70], None), ["normal"]);
        assert_eq!(
            of("glucose_random", [20, 0], ill),
            ["hyperglycaemic_crisis"]
        );
    }

    #[test]
    fn single_readings_count_with_their_circumstances() {
        let point = |value: i64, context: Option<&str>, is_plausible, rank| Point {
            at_ms: 0,
            end_ms: None,
            value: Milli(value * 1000),
            value2: None,
            rank,
            is_plausible,
            context: context.map(str::to_owned),
        };
        let points = [
            point(130, None, true, MANUAL),
            point(130, Some(r#"{"activity":"running"}"#), true, MANUAL),
            point(130, None, true, WEARABLE),
            point(250, None, false, MANUAL),
        ];
        let found = of_points(find("heart_rate").unwrap(), &points, &Person::default());
        assert_eq!(codes(&found), [("critical_high", 1), ("high", 1)]);
    }
}
