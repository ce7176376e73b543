//! Dates and times as the server counts them: days and microseconds from
//! 2000-01-01.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};

/// Year, month, day.
pub(crate) type Date = (i32, u8, u8);
/// Hour, minute, second, nanosecond.
pub(crate) type Time = (u8, u8, u8, u32);
/// Both.
pub(crate) type Moment = (i32, u8, u8, u8, u8, u8, u32);

fn epoch() -> NaiveDateTime {
    const EPOCH_SECONDS: i64 = 946_684_800;
    let epoch = DateTime::from_timestamp(EPOCH_SECONDS, 0);
    epoch.unwrap_or_default().naive_utc()
}

/// Days of a date; `None` when there is no such date.
pub(crate) fn days((year, month, day): Date) -> Option<i32> {
    let date = NaiveDate::from_ymd_opt(year, month.into(), day.into())?;
    i32::try_from((date - epoch().date()).num_days()).ok()
}

/// Microseconds of a time of day; `None` when there is no such time.
pub(crate) fn micros_of_day((hour, minute, second, nano): Time) -> Option<i64> {
    let time = NaiveTime::from_hms_nano_opt(hour.into(), minute.into(), second.into(), nano)?;
    (time - NaiveTime::MIN).num_microseconds()
}

/// Microseconds of a date and time; `None` when there is no such.
pub(crate) fn micros((year, month, day, hour, minute, second, nano): Moment) -> Option<i64> {
    const DAY_MICROS: i64 = 86_400_000_000;
    let days = i64::from(days((year, month, day))?);
    let of_day = micros_of_day((hour, minute, second, nano))?;
    days.checked_mul(DAY_MICROS)?.checked_add(of_day)
}

/// Microseconds of a Unix time in seconds; `None` when it is too far away.
pub(crate) fn micros_of_unix(seconds: i64) -> Option<i64> {
    let moment = DateTime::from_timestamp(seconds, 0)?.naive_utc();
    (moment - epoch()).num_microseconds()
}

/// The date that many days away; `None` when it is infinite or too far away.
pub(crate) fn date(days: i32) -> Option<Date> {
    let date = epoch().date();
    let date = date.checked_add_signed(TimeDelta::try_days(days.into())?)?;
    let small = |number: u32| u8::try_from(number).ok();
    Some((date.year(), small(date.month())?, small(date.day())?))
}

/// The time of day that many microseconds after midnight.
pub(crate) fn time(micros: i64) -> Option<Time> {
    let seconds = u32::try_from(micros.div_euclid(1_000_000)).ok()?;
    let nanos = u32::try_from(micros.rem_euclid(1_000_000) * 1_000).ok()?;
    let time = NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos)?;
    let small = |number: u32| u8::try_from(number).ok();
    Some((
        small(time.hour())?,
        small(time.minute())?,
        small(time.second())?,
        time.nanosecond(),
    ))
}

/// The moment that many microseconds away; `None` when it is infinite or too far away.
pub(crate) fn moment(micros: i64) -> Option<Moment> {
    if matches!(micros, i64::MIN | i64::MAX) {
        return None;
    }
    let moment = epoch().checked_add_signed(TimeDelta::microseconds(micros))?;
    let small = |number: u32| u8::try_from(number).ok();
    Some((
        moment.year(),
        small(moment.month())?,
        small(moment.day())?,
        small(moment.hour())?,
        small(moment.minute())?,
        small(moment.second())?,
        moment.nanosecond(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_moments_are_counted_from_2000() {
        assert_eq!(days((2000, 1, 1)), Some(0));
        assert_eq!(days((1999, 12, 31)), Some(-1));
        assert_eq!(micros((2000, 1, 1, 0, 0, 1, 999)), Some(1_000_000));
        assert_eq!(micros_of_unix(946_684_801), Some(1_000_000));
        assert_eq!(micros_of_day((23, 59, 59, 0)), Some(86_399_000_000));
    }

    #[test]
    fn what_is_not_in_the_calendar_is_none() {
        assert_eq!(days((2023, 2, 29)), None);
        assert_eq!(days((2023, 0, 1)), None);
        assert_eq!(micros_of_day((24, 0, 0, 0)), None);
        assert_eq!(time(86_400_000_000), None);
        assert_eq!(time(-1), None);
        assert_eq!(date(i32::MAX), None);
        assert_eq!(moment(i64::MAX), None);
        assert_eq!(moment(i64::MIN), None);
        assert_eq!(micros_of_unix(i64::MAX), None);
    }

    proptest! {
        #[test]
        fn moments_come_back(count in -200_000_000_000_000_000_i64..200_000_000_000_000_000) {
            prop_assert_eq!(moment(count).and_then(micros), Some(count));
        }

        #[test]
        fn dates_come_back(count in -3_000_000..3_000_000) {
            prop_assert_eq!(date(count).and_then(days), Some(count));
        }
    }
}
