//! Days, minutes and instants as numbers, and as RFC 3339 text.

/// Milliseconds of a minute.
pub const MINUTE_MS: i64 = 60_000;
/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;
/// Minutes of a day.
pub(crate) const DAY_MINUTES: i64 = 1_440;
/// Days of four hundred years of the Gregorian calendar.
const ERA_DAYS: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;

/// Days from 1970-01-01 to a date (H. Hinnant, "chrono-compatible low-level date
/// algorithms").
#[must_use]
pub const fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * ERA_DAYS + day_of_era - EPOCH_DAYS
}

/// Year, month and day of a number of days from 1970-01-01.
#[must_use]
pub const fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH_DAYS;
    let (era, day_of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

/// `2026-01-05`.
#[must_use]
pub fn date_text(days: i64) -> String {
    let (year, month, day) = date_of(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The day of `2026-01-05`, or nothing where it is no date.
#[must_use]
pub fn parse_date(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let days = days_of(year, month, day);
    (date_of(days) == (year, month, day)).then_some(days)
}

/// An instant as a clock with this offset shows it, to the millisecond.
#[must_use]
pub fn local_text(at_ms: i64, offset_minutes: i32) -> String {
    let local_ms = at_ms + i64::from(offset_minutes) * MINUTE_MS;
    let in_day = local_ms.rem_euclid(DAY_MS);
    let (minute, ms) = (in_day / MINUTE_MS, in_day % MINUTE_MS);
    let mut text = format!(
        "{}T{:02}:{:02}:{:02}",
        date_text(local_ms.div_euclid(DAY_MS)),
        minute / 60,
        minute % 60,
        ms / 1_000
    );
    if ms % 1_000 > 0 {
        text += &format!(".{:03}", ms % 1_000);
    }
    text
}

/// An instant as RFC 3339 text.
#[must_use]
pub fn rfc3339(at_ms: i64, offset_minutes: i32) -> String {
    let sign = if offset_minutes < 0 { '-' } else { '+' };
    let minutes = offset_minutes.unsigned_abs();
    let local = local_text(at_ms, offset_minutes);
    format!("{local}{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// The instant of RFC 3339 text in milliseconds, or nothing where it is none.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let (date, time) = text.split_once('T')?;
    let place = time.find(['Z', '+', '-'])?;
    let (time, offset) = time.split_at_checked(place)?;
    let offset_minutes = match offset {
        "Z" => 0,
        _ => {
            let (hours, minutes) = offset.get(1..)?.split_once(':')?;
            let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
            if offset.starts_with('-') {
                -minutes
            } else {
                minutes
            }
        }
    };
    let mut parts = time.splitn(3, ':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let ms: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()? - offset_minutes;
    let in_day = minutes * MINUTE_MS + seconds.parse::<i64>().ok()? * 1_000 + ms;
    Some(parse_date(date)? * DAY_MS + in_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_read_again() {
        for (at_ms, offset) in [(0, 480), (1_500, -210), (-1, 345), (1_767_574_500_250, 0)] {
            assert_eq!(parse_rfc3339(&rfc3339(at_ms, offset)), Some(at_ms));
        }
        assert_eq!(parse_rfc3339("1970-01-01T00:00:00.5Z"), Some(500));
        for bad in ["", "1970-01-01", "1970-01-01T00:00:00", "1970-01-01T0Z"] {
            assert_eq!(parse_rfc3339(bad), None, "{bad}");
        }
    }

    #[test]
    fn dates_and_days_are_each_others_inverse() {
        for (days, text) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (20_458, "2026-01-05"),
            (11_016, "2000-02-29"),
            (-25_567, "1900-01-01"),
        ] {
            assert_eq!(date_text(days), text);
            assert_eq!(parse_date(text), Some(days));
        }
        for day in -40_000..40_000 {
            let (year, month, date) = date_of(day);
            assert_eq!(days_of(year, month, date), day);
        }
        for bad in ["", "2026", "2026-13-01", "2026-02-30", "x-1-1"] {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn instants_are_told_as_clocks_show_them() {
        assert_eq!(rfc3339(0, 480), "1970-01-01T08:00:00+08:00");
        assert_eq!(rfc3339(1_500, -210), "1969-12-31T20:30:01.500-03:30");
    }
}
