//! Days around changes of the clock.

use super::*;
use proptest::prelude::*;

const HOUR_MS: i64 = 3_600_000;

fn calendar(zone: &str) -> Calendar {
    Calendar::new(zone.parse().unwrap())
}

fn ms(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text)
        .unwrap()
        .timestamp_millis()
}

/// Start of the day that holds `at` and its hours.
fn day(zone: &str, at: &str) -> (String, i64) {
    let calendar = calendar(zone);
    let day = calendar.day_of(ms(at));
    assert!(day.contains(ms(at)), "{zone} {at}");
    (
        calendar.rfc3339(day.start_ms),
        (day.end_ms - day.start_ms) / HOUR_MS,
    )
}

#[test]
fn days_have_as_many_hours_as_the_clock_makes() {
    for (zone, at, start, hours) in [
        (
            "Asia/Shanghai",
            "2026-01-01T15:59:59Z",
            "2026-01-01T00:00:00.000+08:00",
            24,
        ),
        (
            "Asia/Shanghai",
            "2026-01-01T16:00:00Z",
            "2026-01-02T00:00:00.000+08:00",
            24,
        ),
        (
            "Europe/Berlin",
            "2026-03-29T12:00:00Z",
            "2026-03-29T00:00:00.000+01:00",
            23,
        ),
        (
            "Europe/Berlin",
            "2026-10-25T12:00:00Z",
            "2026-10-25T00:00:00.000+02:00",
            25,
        ),
        // Cairo puts the clock forward at midnight: 00:00 to 01:00 is left out.
        (
            "Africa/Cairo",
            "2026-04-24T12:00:00Z",
            "2026-04-24T01:00:00.000+03:00",
            23,
        ),
        // Havana sets it back from 01:00 to 00:00: midnight comes twice.
        (
            "America/Havana",
            "2026-11-01T12:00:00Z",
            "2026-11-01T00:00:00.000-04:00",
            25,
        ),
        (
            "Asia/Kathmandu",
            "2026-01-01T18:15:00Z",
            "2026-01-02T00:00:00.000+05:45",
            24,
        ),
        // Samoa left out 30 December 2011.
        (
            "Pacific/Apia",
            "2011-12-30T12:00:00Z",
            "2011-12-31T00:00:00.000+14:00",
            24,
        ),
        (
            "Asia/Shanghai",
            "1900-06-01T00:00:00Z",
            "1900-05-31T15:54:17.000Z",
            24,
        ),
    ] {
        assert_eq!(day(zone, at), (start.to_owned(), hours), "{zone} {at}");
    }
}

#[test]
fn a_date_that_was_left_out_has_no_time() {
    let apia = calendar("Pacific/Apia");
    let left_out = apia.day(NaiveDate::from_ymd_opt(2011, 12, 30).unwrap());
    assert_eq!(left_out.start_ms, left_out.end_ms);
    let days: Vec<_> = apia
        .days(
            ms("2011-12-29T12:00:00-10:00"),
            ms("2011-12-31T12:00:00+14:00"),
        )
        .collect();
    assert_eq!(days.len(), 2);
}

#[test]
fn a_clock_set_back_over_midnight_does_not_cut_a_day() {
    // St. John's went back from 00:01 to 23:01 the day before.
    let zone = calendar("America/St_Johns");
    let day = zone.day_of(ms("2006-10-29T00:00:30-02:30"));
    assert!(day.contains(ms("2006-10-28T23:30:00-03:30")));
    assert!(!day.contains(ms("2006-10-28T23:30:00-02:30")));
}

#[test]
fn weeks_begin_on_monday_and_months_on_the_first() {
    let berlin = calendar("Europe/Berlin");
    let at = ms("2026-03-29T12:00:00+02:00");
    let week = berlin.week_of(at);
    assert_eq!(
        berlin.rfc3339(week.start_ms),
        "2026-03-23T00:00:00.000+01:00"
    );
    assert_eq!(berlin.rfc3339(week.end_ms), "2026-03-30T00:00:00.000+02:00");
    let month = berlin.month_of(at);
    assert_eq!(
        berlin.rfc3339(month.start_ms),
        "2026-03-01T00:00:00.000+01:00"
    );
    assert_eq!(
        berlin.rfc3339(month.end_ms),
        "2026-04-01T00:00:00.000+02:00"
    );
    let december = berlin.month_of(ms("2026-12-31T23:30:00+01:00"));
    assert_eq!(
        berlin.rfc3339(december.end_ms),
        "2027-01-01T00:00:00.000+01:00"
    );
}

#[test]
fn days_before_are_dates_and_no_hours() {
    let berlin = calendar("Europe/Berlin");
    let start = berlin.days_before(ms("2026-03-30T12:00:00+02:00"), 2);
    assert_eq!(berlin.rfc3339(start), "2026-03-28T00:00:00.000+01:00");
    assert_eq!(berlin.hour_of(start), 0);
}

#[test]
fn instants_outside_of_all_calendars_are_no_error() {
    let zone = calendar("Asia/Shanghai");
    for at_ms in [i64::MIN, i64::MAX] {
        let day = zone.day_of(at_ms);
        assert!(day.end_ms > day.start_ms);
    }
}

proptest! {
    #[test]
    fn days_are_a_partition_of_time(
        zone in prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
        at_ms in -2_208_988_800_000_i64..2_208_988_800_000,
    ) {
        let calendar = Calendar::new(zone);
        let day = calendar.day_of(at_ms);
        prop_assert!(day.contains(at_ms));
        prop_assert!(day.end_ms - day.start_ms <= DAY_MS_MAX);
        prop_assert_eq!(calendar.day_of(day.start_ms), day);
        prop_assert_eq!(calendar.day_of(day.end_ms - 1), day);
        prop_assert_eq!(calendar.day_of(day.end_ms).start_ms, day.end_ms);
        prop_assert_eq!(calendar.day_number(day.end_ms) > calendar.day_number(at_ms), true);
        let days: Vec<_> = calendar.days(at_ms, day.end_ms).collect();
        prop_assert_eq!(days.first(), Some(&day));
        prop_assert_eq!(days.len(), 2);
        for span in [calendar.week_of(at_ms), calendar.month_of(at_ms)] {
            prop_assert!(span.contains(at_ms));
            prop_assert!(span.start_ms <= day.start_ms && span.end_ms >= day.end_ms);
        }
    }
}
