//! When a job runs again: six fields on the clock of a time zone, with the same
//! meaning as the schedules of `spin.toml`.

use chrono::{DateTime, LocalResult, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use thiserror::Error;

/// How many fields an expression has.
const FIELDS: usize = 6;

/// A schedule in a time zone.
///
/// Second, minute, hour, day of month, month and day of week; where both day
/// fields are restricted a day must match both. A time that a clock put forward
/// leaves out comes right after the gap; one that comes twice counts the first
/// time, unless the hour is `*`.
#[derive(Clone, Debug)]
pub struct Schedule {
    cron: Cron,
    zone: Tz,
    names_hours: bool,
}

/// Why a schedule is none.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ScheduleError {
    /// The expression cannot be read.
    #[error(
        "is no schedule: {0}; write second, minute, hour, day of month, month and day of week, \
         such as \"0 30 8 * * MON-FRI\""
    )]
    Expression(String),
    /// Nobody knows the zone.
    #[error("is no time zone; write a name such as \"Asia/Shanghai\"")]
    TimeZone,
}

impl Schedule {
    /// Reads an expression and the name of a time zone.
    ///
    /// # Errors
    /// When one of them is none, or no instant matches.
    pub fn parse(expression: &str, time_zone: &str) -> Result<Self, ScheduleError> {
        let zone: Tz = time_zone.parse().map_err(|_| ScheduleError::TimeZone)?;
        let refuse = |reason: &str| ScheduleError::Expression(reason.to_owned());
        let fields: Vec<&str> = expression.split_whitespace().collect();
        if fields.len() != FIELDS {
            return Err(refuse(&format!("it has {} fields", fields.len())));
        }
        let cron = CronParser::builder()
            .seconds(Seconds::Required)
            .year(Year::Disallowed)
            .dom_and_dow(true)
            .sloppy_ranges(true)
            .build()
            .parse(expression)
            .map_err(|error| refuse(error.to_string().trim_end_matches('.')))?;
        let schedule = Self {
            cron,
            zone,
            names_hours: fields.get(2).is_some_and(|hour| *hour != "*"),
        };
        if schedule.next_after(0).is_none() {
            return Err(refuse("no day matches it"));
        }
        Ok(schedule)
    }

    /// The first instant after `instant_ms`, both in milliseconds since the Unix
    /// epoch; none when there is none.
    #[must_use]
    pub fn next_after(&self, instant_ms: i64) -> Option<i64> {
        let second: DateTime<Utc> = DateTime::from_timestamp(instant_ms.div_euclid(1000), 0)?;
        let mut at = second.with_timezone(&self.zone);
        loop {
            at = self.cron.find_next_occurrence(&at, false).ok()?;
            if !self.names_hours || !comes_again(&at) {
                return Some(at.timestamp_millis());
            }
        }
    }
}

/// Whether the clock of the zone showed this time once before.
fn comes_again(at: &DateTime<Tz>) -> bool {
    match at.timezone().from_local_datetime(&at.naive_local()) {
        LocalResult::Ambiguous(first, _) => *at != first,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use suoke_guest::clock::{parse_rfc3339, rfc3339};

    use super::*;

    fn instants(expression: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::parse(expression, zone).unwrap();
        let next = |at: &i64| schedule.next_after(*at);
        let first = next(&parse_rfc3339(after).unwrap());
        std::iter::successors(first, next)
            .take(count)
            .map(|at| rfc3339(at)[..16].to_owned())
            .collect()
    }

    #[test]
    fn half_past_two_exists_once_a_day_even_when_clocks_change() {
        // Clocks go from 2 to 3 on 29 March and from 3 to 2 on 25 October.
        let forward = instants("0 30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3);
        assert_eq!(
            forward,
            ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"]
        );
        let back = instants("0 30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", 3);
        assert_eq!(
            back,
            ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"]
        );
    }

    #[test]
    fn every_half_hour_goes_on_through_both_hours() {
        let found = instants("0 */30 * * * *", "Europe/Berlin", "2026-10-24T23:59:59Z", 6);
        assert_eq!(
            found,
            [
                "2026-10-25T00:00",
                "2026-10-25T00:30",
                "2026-10-25T01:00",
                "2026-10-25T01:30",
                "2026-10-25T02:00",
                "2026-10-25T02:30"
            ]
        );
    }

    #[test]
    fn a_zone_without_changes_keeps_its_time() {
        let found = instants("0 0 8 * * *", "Asia/Shanghai", "2026-03-28T00:00:00Z", 2);
        assert_eq!(found, ["2026-03-29T00:00", "2026-03-30T00:00"]);
    }

    #[test]
    fn what_is_no_schedule_says_why() {
        for (expression, zone, told) in [
            ("* * * * *", "UTC", "it has 5 fields; write second, minute"),
            ("0 0 99 * * *", "UTC", "is no schedule"),
            ("0 0 0 31 2 *", "UTC", "no day matches it"),
            (
                "0 0 8 * * *",
                "Shanghai",
                "is no time zone; write a name such as",
            ),
        ] {
            let error = Schedule::parse(expression, zone).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    proptest! {
        #[test]
        fn instants_only_go_forward(
            at in 0i64..4_000_000_000_000,
            zone in prop_oneof!["Europe/Berlin", "America/New_York", "Asia/Shanghai", "UTC"],
        ) {
            for expression in ["0 30 2 * * *", "0 */7 * * * *", "0 0 0 1 * *"] {
                let schedule = Schedule::parse(expression, &zone).unwrap();
                prop_assert!(schedule.next_after(at).unwrap() > at);
            }
        }
    }
}
