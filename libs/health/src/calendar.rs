//! Days, weeks and months of a person's own clock.
//!
//! Every instant belongs to exactly one day: days begin at the first moment at which
//! the clock shows midnight or later on their date. So a day on which a clock is
//! changed has 23 or 25 hours, one that begins in a gap begins after it, and a date
//! that a zone left out has none. Weeks begin on Monday (ISO 8601).

use chrono::{
    DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveTime, Offset, SecondsFormat, TimeZone,
    Timelike, Utc,
};
use chrono_tz::Tz;

/// The longest that two readings of the clock around a change are apart, in seconds:
/// zones have left out or repeated a whole day.
const CHANGE_SECONDS_MAX: i64 = 26 * 60 * 60;
/// Instants that dates are made of: the years 1 to 9998.
const INSTANT_MS: (i64, i64) = (-62_135_596_800_000, 253_370_764_800_000);
/// The longest local day.
pub const DAY_MS_MAX: i64 = 49 * 60 * 60 * 1000;

/// A span of whole local days, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first millisecond.
    pub start_ms: i64,
    /// The first millisecond after it.
    pub end_ms: i64,
}

impl Span {
    /// Whether an instant lies inside.
    pub fn contains(self, at_ms: i64) -> bool {
        (self.start_ms..self.end_ms).contains(&at_ms)
    }
}

/// The clock of a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    zone: Tz,
}

impl Calendar {
    /// The clock of a zone.
    pub fn new(zone: Tz) -> Self {
        Self { zone }
    }

    /// The IANA name of the zone.
    pub fn name(self) -> &'static str {
        self.zone.name()
    }

    fn local(self, at_ms: i64) -> DateTime<Tz> {
        let at_ms = at_ms.clamp(INSTANT_MS.0, INSTANT_MS.1);
        let utc = DateTime::<Utc>::from_timestamp_millis(at_ms).unwrap_or_default();
        utc.with_timezone(&self.zone)
    }

    /// RFC 3339 with the offset of the clock at that instant; in UTC where the offset
    /// has seconds, as before there were zones.
    pub fn rfc3339(self, at_ms: i64) -> String {
        let local = self.local(at_ms);
        if local.offset().fix().local_minus_utc() % 60 == 0 {
            local.to_rfc3339_opts(SecondsFormat::Millis, true)
        } else {
            local.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true)
        }
    }

    /// The hour that the clock shows.
    pub fn hour_of(self, at_ms: i64) -> u32 {
        self.local(at_ms).hour()
    }

    /// The minute of the day that the clock shows.
    pub fn minute_of(self, at_ms: i64) -> u32 {
        let local = self.local(at_ms);
        local.hour() * 60 + local.minute()
    }

    /// Number of the local day that holds an instant: it grows by one from date to
    /// date.
    pub fn day_number(self, at_ms: i64) -> i64 {
        i64::from(self.date_of(at_ms).num_days_from_ce())
    }

    /// The date of the local day that holds an instant.
    pub fn date_of(self, at_ms: i64) -> NaiveDate {
        let date = self.local(at_ms).date_naive();
        // A clock that is set back over midnight shows the old date once more.
        match next(date) {
            after if at_ms >= self.start_of(after) => after,
            _ if at_ms < self.start_of(date) => date.pred_opt().unwrap_or(date),
            _ => date,
        }
    }

    /// The first instant of a date.
    pub fn start_of(self, date: NaiveDate) -> i64 {
        let midnight = date.and_time(NaiveTime::MIN);
        match self.zone.from_local_datetime(&midnight) {
            LocalResult::Single(start) | LocalResult::Ambiguous(start, _) => {
                start.timestamp_millis()
            }
            LocalResult::None => self.after_gap(midnight),
        }
    }

    /// The first instant at which the clock shows more than `midnight`, which it
    /// leaves out.
    fn after_gap(self, midnight: chrono::NaiveDateTime) -> i64 {
        let around = midnight.and_utc().timestamp();
        let (mut before, mut after) = (around - CHANGE_SECONDS_MAX, around + CHANGE_SECONDS_MAX);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.local(middle * 1000).naive_local() < midnight {
                before = middle;
            } else {
                after = middle;
            }
        }
        after * 1000
    }

    /// The span of a date; empty for a date that the zone left out.
    pub fn day(self, date: NaiveDate) -> Span {
        Span {
            start_ms: self.start_of(date),
            end_ms: self.start_of(next(date)),
        }
    }

    /// The day that holds an instant.
    pub fn day_of(self, at_ms: i64) -> Span {
        self.day(self.date_of(at_ms))
    }

    /// The week that holds an instant, from Monday on.
    pub fn week_of(self, at_ms: i64) -> Span {
        let date = self.date_of(at_ms);
        let monday = back(date, u64::from(date.weekday().num_days_from_monday()));
        Span {
            start_ms: self.start_of(monday),
            end_ms: self.start_of(monday.checked_add_days(Days::new(7)).unwrap_or(date)),
        }
    }

    /// The month that holds an instant.
    pub fn month_of(self, at_ms: i64) -> Span {
        let date = self.date_of(at_ms);
        let first = back(date, u64::from(date.day0()));
        let following = first.checked_add_months(chrono::Months::new(1));
        Span {
            start_ms: self.start_of(first),
            end_ms: self.start_of(following.unwrap_or(date)),
        }
    }

    /// The first instant of the day that is `days` before the one that holds `at_ms`.
    pub fn days_before(self, at_ms: i64, days: u64) -> i64 {
        self.start_of(back(self.date_of(at_ms), days))
    }

    /// The days that hold the instants from `from_ms` to `to_ms`, both included, in
    /// order.
    pub fn days(self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = Span> {
        let mut date = self.date_of(from_ms);
        let mut start_ms = self.start_of(date);
        std::iter::from_fn(move || {
            if start_ms > to_ms {
                return None;
            }
            date = date.succ_opt()?;
            let end_ms = self.start_of(date);
            let day = Span { start_ms, end_ms };
            start_ms = end_ms;
            Some(day)
        })
        .filter(|day| day.end_ms > day.start_ms)
    }
}

fn next(date: NaiveDate) -> NaiveDate {
    date.succ_opt().unwrap_or(date)
}

fn back(date: NaiveDate, days: u64) -> NaiveDate {
    date.checked_sub_days(Days::new(days)).unwrap_or(date)
}

#[cfg(test)]
mod tests;
