//! Whose day a sleep is of: nights go from noon to noon.
//!
//! By midnight a night would be torn: who falls asleep at half past midnight on Tuesday
//! and at half past eleven in the evening of the same Tuesday slept two nights, not one
//! of fourteen hours. So the middle of a sleep counts, and the night of a date is the
//! one that ends on it: from noon of the day before to noon, on the person's clock. It
//! has the name of the day on which the person wakes up.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::Milli;
use crate::aggregate::Day;
use crate::calendar::{Calendar, Span};
use crate::distribution::Distribution;
use crate::figures::Figures;
use crate::trend::adds_up;

/// The hour at which the next night begins.
const NOON: u32 = 12;
/// How long before a day the first sleep of its night may begin: the longest, 24 hours
/// around noon, and two for clocks that change.
const READ_BEFORE_MS: i64 = 26 * 60 * 60 * 1000;
/// Half of a thousandth of a minute.
const HALF_MILLI_MINUTE_MS: i64 = 30;

/// Whether a kind is counted by nights.
pub fn is_sleep(kind: &str) -> bool {
    matches!(
        kind,
        "sleep_duration" | "sleep_deep" | "sleep_light" | "sleep_rem"
    )
}

/// The middle of a sleep that begins at `at_ms` and has so many thousandths of a minute.
pub fn middle_ms(at_ms: i64, minutes: Milli) -> i64 {
    at_ms.saturating_add(minutes.0.saturating_mul(HALF_MILLI_MINUTE_MS))
}

/// The date of the night that holds an instant.
pub fn date_of(calendar: Calendar, at_ms: i64) -> NaiveDate {
    let date = calendar.date_of(at_ms);
    let is_evening = calendar.hour_of(at_ms) >= NOON;
    date.succ_opt().filter(|_| is_evening).unwrap_or(date)
}

/// The span of the readings that the nights of a span of days are made of.
pub fn read_span(days: Span) -> Span {
    Span {
        start_ms: days.start_ms.saturating_sub(READ_BEFORE_MS),
        end_ms: days.end_ms,
    }
}

/// The nights whose dates are inside of a span of days, in order, from (beginning,
/// minutes) in order of time. Each stands as the day of its date, without a series;
/// dates without sleep are absent.
pub fn nights(sleeps: &[(i64, Milli)], calendar: Calendar, days: Span) -> Vec<Day> {
    let mut of_date = BTreeMap::<NaiveDate, Vec<i64>>::new();
    for (at_ms, minutes) in sleeps {
        let date = date_of(calendar, middle_ms(*at_ms, *minutes));
        of_date.entry(date).or_default().push(minutes.0);
    }
    let each = of_date.into_iter().map(|(date, values)| Day {
        span: calendar.day(date),
        figures: Figures {
            ends: values.first().copied().zip(values.last().copied()),
            distribution: Distribution::of(values),
            ..Figures::default()
        },
        series: Vec::new(),
    });
    each.filter(|day| days.contains(day.span.start_ms))
        .collect()
}

/// Whether the figure of a day of a kind is whole: what adds up is not before the day,
/// or the night, is over; a mean always is.
pub fn counts(kind: &str, day: Span, calendar: Calendar, now_ms: i64) -> bool {
    if is_sleep(kind) {
        return date_of(calendar, now_ms) > calendar.date_of(day.start_ms);
    }
    !adds_up(kind) || day.end_ms <= now_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        chrono::DateTime::parse_from_rfc3339(text)
            .unwrap()
            .timestamp_millis()
    }

    fn calendar(zone: &str) -> Calendar {
        Calendar::new(zone.parse().unwrap())
    }

    fn sums(sleeps: &[(&str, i64)], zone: &str, days: (&str, &str)) -> Vec<(String, i64)> {
        let calendar = calendar(zone);
        let sleeps: Vec<(i64, Milli)> = sleeps
            .iter()
            .map(|(start, minutes)| (at(start), Milli(minutes * 1_000)))
            .collect();
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        let span = Span {
            start_ms: calendar.start_of(date(days.0)),
            end_ms: calendar.start_of(date(days.1)),
        };
        let found = nights(&sleeps, calendar, span);
        let each = found.iter().map(|night| {
            let sum = night.figures.distribution.sum() / 1_000;
            (calendar.date_of(night.span.start_ms).to_string(), sum)
        });
        each.collect()
    }

    #[test]
    fn two_sleeps_that_begin_on_one_date_are_two_nights() {
        let sleeps = [
            ("2026-03-03T00:30:00+08:00", 420),
            ("2026-03-03T23:30:00+08:00", 420),
        ];
        assert_eq!(
            sums(&sleeps, "Asia/Shanghai", ("2026-03-01", "2026-03-08")),
            [
                ("2026-03-03".to_owned(), 420),
                ("2026-03-04".to_owned(), 420)
            ]
        );
        // The night of a date outside of the span is left out.
        assert_eq!(
            sums(&sleeps, "Asia/Shanghai", ("2026-03-04", "2026-03-08")),
            [("2026-03-04".to_owned(), 420)]
        );
    }

    #[test]
    fn a_night_is_the_sum_of_its_pieces_and_a_nap_after_noon_is_of_the_next() {
        let sleeps = [
            ("2026-03-02T23:00:00+08:00", 120),
            ("2026-03-03T03:00:00+08:00", 240),
            ("2026-03-03T13:00:00+08:00", 30),
        ];
        assert_eq!(
            sums(&sleeps, "Asia/Shanghai", ("2026-03-01", "2026-03-08")),
            [
                ("2026-03-03".to_owned(), 360),
                ("2026-03-04".to_owned(), 30)
            ]
        );
    }

    #[test]
    fn a_night_begins_and_ends_with_its_first_and_last_piece() {
        let calendar = calendar("Asia/Shanghai");
        let day = calendar.day("2026-03-03".parse().unwrap());
        let pieces = [
            (at("2026-03-02T23:00:00+08:00"), Milli(120_000)),
            (at("2026-03-03T02:00:00+08:00"), Milli(30_000)),
            (at("2026-03-03T03:00:00+08:00"), Milli(240_000)),
        ];
        let found = nights(&pieces, calendar, day);
        assert_eq!(found[0].figures.ends, Some((120_000, 240_000)));
    }

    #[test]
    fn noon_is_that_of_the_clock_when_it_changes() {
        // On 29 March clocks of Berlin go forward: 11:30 there is 09:30 UTC.
        let sleeps = [("2026-03-29T09:00:00Z", 60), ("2026-03-29T10:00:00Z", 60)];
        assert_eq!(
            sums(&sleeps, "Europe/Berlin", ("2026-03-28", "2026-04-02")),
            [("2026-03-29".to_owned(), 60), ("2026-03-30".to_owned(), 60)]
        );
    }

    #[test]
    fn what_adds_up_counts_when_it_is_over() {
        let calendar = calendar("Asia/Shanghai");
        let day = calendar.day("2026-03-03".parse().unwrap());
        let at = |clock: &str| at(&format!("2026-03-03T{clock}:00+08:00"));
        assert!(!counts("sleep_duration", day, calendar, at("11:59")));
        assert!(counts("sleep_duration", day, calendar, at("12:00")));
        assert!(!counts("steps", day, calendar, at("23:59")));
        assert!(counts("steps", day, calendar, day.end_ms));
        assert!(counts("heart_rate", day, calendar, at("00:01")));
    }
}
