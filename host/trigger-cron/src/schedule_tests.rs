//! Schedules against a calendar counted by hand, and random ones against a model.

use chrono::{Datelike, NaiveDateTime, TimeZone, Timelike};
use proptest::prelude::*;

use super::*;

fn ms(text: &str) -> i64 {
    let at = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap();
    at.and_utc().timestamp_millis()
}

fn text(ms: i64) -> String {
    let at = DateTime::from_timestamp_millis(ms).unwrap();
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The first firings after an instant.
fn firings(expression: &str, after: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::parse(expression).unwrap();
    let mut at = ms(after);
    let mut seen = Vec::new();
    for _ in 0..count {
        at = schedule.next_after(at).unwrap();
        seen.push(text(at));
    }
    seen
}

#[test]
fn fields_are_read_in_order_with_seconds_first() {
    assert_eq!(
        firings("30 15 10 5 6 *", "2026-01-01 00:00:00", 2),
        ["2026-06-05 10:15:30", "2027-06-05 10:15:30"]
    );
}

#[test]
fn a_day_must_match_both_day_fields() {
    assert_eq!(
        firings("0 0 0 13 * FRI", "2026-01-01 00:00:00", 3),
        [
            "2026-02-13 00:00:00",
            "2026-03-13 00:00:00",
            "2026-11-13 00:00:00"
        ]
    );
}

#[test]
fn sunday_is_zero_and_seven() {
    for sunday in ["0", "7", "SUN", "sun"] {
        let expression = format!("0 0 0 * * {sunday}");
        assert_eq!(
            firings(&expression, "2026-11-20 00:00:00", 2),
            ["2026-11-22 00:00:00", "2026-11-29 00:00:00"]
        );
    }
    assert_eq!(
        firings("0 0 0 * * SAT-SUN", "2026-11-20 00:00:00", 3),
        [
            "2026-11-21 00:00:00",
            "2026-11-22 00:00:00",
            "2026-11-28 00:00:00"
        ]
    );
}

#[test]
fn a_start_with_a_step_counts_from_the_start() {
    assert_eq!(
        firings("1/2 * * * * *", "2026-01-01 00:00:57", 3),
        [
            "2026-01-01 00:00:59",
            "2026-01-01 00:01:01",
            "2026-01-01 00:01:03"
        ]
    );
}

#[test]
fn last_nth_and_nearest_days_are_understood() {
    assert_eq!(
        firings("0 0 0 L * *", "2028-01-31 00:00:00", 2),
        ["2028-02-29 00:00:00", "2028-03-31 00:00:00"]
    );
    assert_eq!(
        firings("0 0 0 * * 5#2", "2026-11-01 00:00:00", 1),
        ["2026-11-13 00:00:00"]
    );
    assert_eq!(
        firings("0 0 0 * * FRI#L", "2026-11-01 00:00:00", 1),
        ["2026-11-27 00:00:00"]
    );
    // The 15th of November 2026 is a Sunday.
    assert_eq!(
        firings("0 0 0 15W 11 *", "2026-11-01 00:00:00", 1),
        ["2026-11-16 00:00:00"]
    );
}

#[test]
fn nicknames_start_at_second_zero() {
    let after = "2026-11-20 10:30:15";
    for (nickname, first) in [
        ("@hourly", "2026-11-20 11:00:00"),
        ("@daily", "2026-11-21 00:00:00"),
        ("@weekly", "2026-11-22 00:00:00"),
        ("@monthly", "2026-12-01 00:00:00"),
        ("@yearly", "2027-01-01 00:00:00"),
        ("@ANNUALLY", "2027-01-01 00:00:00"),
    ] {
        assert_eq!(firings(nickname, after, 1), [first]);
    }
}

#[test]
fn an_instant_within_a_second_is_followed_by_the_next_second() {
    let schedule = Schedule::parse("* * * * * *").unwrap();
    assert_eq!(schedule.next_after(1_500), Some(2_000));
    assert_eq!(schedule.next_after(2_000), Some(3_000));
    assert_eq!(schedule.next_after(-1), Some(0));
}

#[test]
fn what_is_no_schedule_is_refused() {
    for (expression, reason) in [
        ("", "0 fields"),
        ("* * * * *", "5 fields"),
        ("0 0 0 1 1 * 2030", "7 fields"),
        ("60 * * * * *", ""),
        ("* * 24 * * *", ""),
        ("* * * 0 * *", ""),
        ("* * * * 13 *", ""),
        ("* * * * * 8", ""),
        ("*/0 * * * * *", ""),
        ("30-10 * * * * *", ""),
        ("0 0 0 30 2 *", "no day"),
        ("* * * * * JAN", "\"JAN\" is not a day of week"),
        ("* * * * MON *", "\"MON\" is not a month"),
        ("MON * * * * *", "not a second"),
        ("* * * * * 1SUN", "not a day of week"),
        ("* * * * JAN1 *", "not a month"),
        ("* * * * * +1", ""),
        ("1,,2 * * * * *", "empty item"),
        (", * * * * *", "empty item"),
        ("@reboot", "\"@reboot\" is not one of"),
        ("@daily * * * * *", "alone"),
        ("L * * * * *", "not a second"),
        ("* * * 15W9 * *", ""),
        ("喝水 * * * * *", "not a second"),
    ] {
        let error = Schedule::parse(expression).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(reason), "{expression}: {text}");
        assert!(text.contains(&format!("{expression:?}")), "{text}");
        assert!(text.contains(EXAMPLE), "{text}");
    }
}

/// The first firings after an instant, on the clock of a zone.
fn local_firings(expression: &str, zone: Tz, after: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::parse(expression).unwrap().in_zone(zone);
    let after = NaiveDateTime::parse_from_str(after, "%Y-%m-%d %H:%M:%S").unwrap();
    let mut at = zone.from_local_datetime(&after).unwrap().timestamp_millis();
    let mut seen = Vec::new();
    for _ in 0..count {
        at = schedule.next_after(at).unwrap();
        let local = DateTime::from_timestamp_millis(at).unwrap();
        let local = local.with_timezone(&zone);
        seen.push(local.format("%m-%d %H:%M:%S %z").to_string());
    }
    seen
}

#[test]
fn a_schedule_follows_the_clock_of_its_zone() {
    assert_eq!(
        local_firings("0 0 8 * * *", Tz::Asia__Shanghai, "2026-11-20 08:00:00", 1),
        ["11-21 08:00:00 +0800"]
    );
    // Clocks go back on the 1st of November: still two o'clock, an hour more between.
    assert_eq!(
        local_firings(
            "0 0 2 * * *",
            Tz::America__New_York,
            "2026-10-30 12:00:00",
            3
        ),
        [
            "10-31 02:00:00 -0400",
            "11-01 02:00:00 -0500",
            "11-02 02:00:00 -0500"
        ]
    );
}

#[test]
fn a_time_of_the_day_that_is_left_out_fires_once_right_after_the_gap() {
    for (expression, first) in [
        ("0 30 2 * * *", "03-29 03:00:00 +0200"),
        ("0 0 2 * * *", "03-29 03:00:00 +0200"),
        ("0 0 3 * * *", "03-29 03:00:00 +0200"),
    ] {
        let seen = local_firings(expression, Tz::Europe__Berlin, "2026-03-28 12:00:00", 2);
        assert_eq!(seen[0], first, "{expression}");
        assert!(seen[1].starts_with("03-30"), "{expression}: {}", seen[1]);
    }
}

#[test]
fn of_several_times_those_in_the_gap_are_left_out() {
    assert_eq!(
        local_firings(
            "0 */20 1-3 * * *",
            Tz::Europe__Berlin,
            "2026-03-29 01:30:00",
            3
        ),
        [
            "03-29 01:40:00 +0100",
            "03-29 03:00:00 +0200",
            "03-29 03:20:00 +0200"
        ]
    );
}

#[test]
fn a_named_time_that_comes_twice_fires_the_first_time() {
    for expression in ["0 30 2 * * *", "0 30 2,14 * * *", "0 30 */2 * * *"] {
        let seen = local_firings(expression, Tz::Europe__Berlin, "2026-10-25 01:00:00", 2);
        assert_eq!(seen[0], "10-25 02:30:00 +0200", "{expression}");
        assert!(
            !seen[1].starts_with("10-25 02"),
            "{expression}: {}",
            seen[1]
        );
    }
    assert_eq!(
        local_firings(
            "0 0,30 2 * * *",
            Tz::Europe__Berlin,
            "2026-10-25 01:00:00",
            3
        ),
        [
            "10-25 02:00:00 +0200",
            "10-25 02:30:00 +0200",
            "10-26 02:00:00 +0100"
        ]
    );
}

#[test]
fn every_hour_goes_on_through_an_hour_that_comes_twice() {
    for expression in ["0 0 * * * *", "@hourly"] {
        assert_eq!(
            local_firings(expression, Tz::Europe__Berlin, "2026-10-25 01:30:00", 4),
            [
                "10-25 02:00:00 +0200",
                "10-25 02:00:00 +0100",
                "10-25 03:00:00 +0100",
                "10-25 04:00:00 +0100"
            ]
        );
    }
}

#[test]
fn the_latest_instants_are_found_however_long_ago_the_first_was() {
    let second = Schedule::parse("* * * * * *").unwrap();
    let now = ms("2026-11-20 12:00:00");
    assert_eq!(second.latest(0, now, 3), [now - 2_000, now - 1_000, now]);
    assert_eq!(second.latest(now - 1_500, now, 9), [now - 1_000, now]);
    assert_eq!(second.latest(now, now, 9), [0; 0]);
    // Every second of one day a year.
    let burst = Schedule::parse("* * * 1 1 *").unwrap();
    let last = ms("2026-01-01 23:59:59");
    assert_eq!(burst.latest(0, now, 2), [last - 1_000, last]);
}

/// One field: its text, and the values it stands for.
#[derive(Clone, Debug)]
struct ModelField {
    text: String,
    values: Vec<u32>,
}

fn model_field(low: u32, high: u32) -> impl Strategy<Value = ModelField> {
    let every = ModelField {
        text: "*".to_owned(),
        values: (low..=high).collect(),
    };
    prop_oneof![
        4 => Just(every),
        2 => prop::collection::vec(low..=high, 1..4).prop_map(|values| ModelField {
            text: values.iter().map(u32::to_string).collect::<Vec<_>>().join(","),
            values,
        }),
        2 => (low..=high, low..=high).prop_map(|(a, b)| {
            let (a, b) = (a.min(b), a.max(b));
            ModelField { text: format!("{a}-{b}"), values: (a..=b).collect() }
        }),
        2 => (low..=high, 1..=high).prop_map(move |(start, step)| ModelField {
            text: format!("{start}/{step}"),
            values: (start..=high).step_by(step as usize).collect(),
        }),
    ]
}

#[derive(Clone, Debug)]
struct Model([ModelField; 6]);

impl Model {
    fn matches(&self, at_ms: i64) -> bool {
        let at = DateTime::from_timestamp_millis(at_ms).unwrap();
        let parts = [
            at.second(),
            at.minute(),
            at.hour(),
            at.day(),
            at.month(),
            at.weekday().num_days_from_sunday(),
        ];
        let fits = |(field, part): (&ModelField, u32)| field.values.contains(&part);
        self.0.iter().zip(parts).all(fits)
    }

    fn expression(&self) -> String {
        self.0.each_ref().map(|field| field.text.as_str()).join(" ")
    }
}

fn model() -> impl Strategy<Value = Model> {
    (
        model_field(0, 59),
        model_field(0, 59),
        model_field(0, 23),
        model_field(1, 31),
        model_field(1, 12),
        model_field(0, 6),
    )
        .prop_map(|(second, minute, hour, day, month, weekday)| {
            // The field of weekdays reaches to 7: a step from a start would count on.
            let values = weekday.values;
            let listed = values.iter().map(u32::to_string).collect::<Vec<_>>();
            let weekday = ModelField {
                text: listed.join(","),
                values,
            };
            Model([second, minute, hour, day, month, weekday])
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_next_firing_is_later_and_matches_every_field(
        model in model(),
        after_ms in 0i64..4_000_000_000_000,
    ) {
        let parsed = Schedule::parse(&model.expression());
        if let Err(error) = &parsed {
            // Such as the 31st of February.
            prop_assert_eq!(&error.reason, "no day matches it");
        }
        prop_assume!(parsed.is_ok());
        let schedule = parsed.unwrap();
        let next_ms = schedule.next_after(after_ms).unwrap();
        prop_assert!(next_ms > after_ms);
        prop_assert!(model.matches(next_ms), "{}", text(next_ms));
        // Nothing that matches is left out: the seconds before it, up to an hour.
        let first_ms = (after_ms.div_euclid(1000) + 1) * 1000;
        let from_ms = first_ms.max(next_ms - 3_600_000);
        let earlier = (from_ms..next_ms).step_by(1000).find(|ms| model.matches(*ms));
        prop_assert_eq!(earlier, None);
        let from_ms = first_ms.min(next_ms);
        let to_ms = next_ms.min(from_ms + 3_600_000);
        let earlier = (from_ms..to_ms).step_by(1000).find(|ms| model.matches(*ms));
        prop_assert_eq!(earlier, None);
    }

    #[test]
    fn any_text_is_a_schedule_or_a_refusal(expression in "[*0-9A-Z@,/#? -]{0,24}") {
        if let Ok(schedule) = Schedule::parse(&expression) {
            prop_assert!(schedule.next_after(0).is_some());
        }
    }

    #[test]
    fn where_the_search_starts_does_not_matter(
        model in model(),
        zone in prop::sample::select(vec![
            Tz::UTC,
            Tz::Europe__Berlin,
            Tz::America__New_York,
            Tz::Australia__Lord_Howe,
            Tz::Asia__Shanghai,
        ]),
        // Around a change of clocks in most of them.
        day in prop::sample::select(vec![1_774_742_400_i64, 1_792_886_400, 1_793_491_200, 1_791_000_000]),
        after_s in -50_000i64..50_000,
        length_s in 0i64..100_000,
    ) {
        let parsed = Schedule::parse(&model.expression());
        prop_assume!(parsed.is_ok());
        let schedule = parsed.unwrap().in_zone(zone);
        let after_ms = (day + after_s) * 1000;
        let until_ms = after_ms + length_s * 1000;
        let all = schedule.between(after_ms, until_ms, usize::MAX);
        prop_assert!(all.is_sorted_by(|a, b| a < b));
        for count_max in [1, 7] {
            let from = all.len().saturating_sub(count_max);
            prop_assert_eq!(&schedule.latest(after_ms, until_ms, count_max)[..], &all[from..]);
        }
        let middle_ms = after_ms + length_s * 500;
        let later = schedule.between(middle_ms, until_ms, usize::MAX);
        prop_assert!(all.ends_with(&later));
    }
}
