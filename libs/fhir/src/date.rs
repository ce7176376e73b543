//! Dates of FHIR: a text names a span of time as long as its precision, and a prefix
//! says how what is stored lies to it
//! (<http://hl7.org/fhir/R4/search.html#date>).

use chrono::{
    DateTime, Days, FixedOffset, Months, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat,
    TimeDelta, Utc,
};

/// The largest offset from UTC that FHIR can write.
const OFFSET_MINUTES_MAX: i32 = 14 * 60;

/// How a local date and time becomes an instant in milliseconds since the Unix
/// epoch, for texts without an offset.
pub type Clock<'a> = &'a dyn Fn(NaiveDateTime) -> i64;

/// A span `[from_ms, to_ms)` in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first millisecond inside.
    pub from_ms: i64,
    /// The first millisecond after it.
    pub to_ms: i64,
}

/// How what is stored lies to the span of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// Wholly inside.
    Eq,
    /// Not wholly inside.
    Ne,
    /// Some of it after.
    Gt,
    /// Some of it before.
    Lt,
    /// After or inside.
    Ge,
    /// Before or inside.
    Le,
    /// It starts after.
    Sa,
    /// It ends before.
    Eb,
}

/// One parameter such as `ge2026-11-20`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateFilter {
    /// How to compare.
    pub prefix: Prefix,
    /// With what.
    pub span: Span,
}

/// Why a date cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateError {
    /// Not a date of FHIR.
    Invalid,
    /// The prefix `ap`, whose meaning every server chooses for itself.
    Approximate,
}

impl DateFilter {
    /// Reads `[prefix]date`.
    ///
    /// # Errors
    /// When the prefix is `ap` or what follows is no date.
    pub fn parse(text: &str, clock: Clock<'_>) -> Result<Self, DateError> {
        let (prefix, rest) = match text.get(..2) {
            Some("eq") => (Prefix::Eq, text.get(2..)),
            Some("ne") => (Prefix::Ne, text.get(2..)),
            Some("gt") => (Prefix::Gt, text.get(2..)),
            Some("lt") => (Prefix::Lt, text.get(2..)),
            Some("ge") => (Prefix::Ge, text.get(2..)),
            Some("le") => (Prefix::Le, text.get(2..)),
            Some("sa") => (Prefix::Sa, text.get(2..)),
            Some("eb") => (Prefix::Eb, text.get(2..)),
            Some("ap") => return Err(DateError::Approximate),
            _ => (Prefix::Eq, Some(text)),
        };
        let span = span(rest.unwrap_or_default(), clock).ok_or(DateError::Invalid)?;
        Ok(Self { prefix, span })
    }

    /// Whether a reading of `[start_ms, end_ms]` fits.
    pub fn fits(self, start_ms: i64, end_ms: i64) -> bool {
        let Span { from_ms, to_ms } = self.span;
        let inside = start_ms >= from_ms && end_ms < to_ms;
        match self.prefix {
            Prefix::Eq => inside,
            Prefix::Ne => !inside,
            Prefix::Gt => end_ms >= to_ms,
            Prefix::Lt => start_ms < from_ms,
            Prefix::Ge => end_ms >= to_ms || inside,
            Prefix::Le => start_ms < from_ms || inside,
            Prefix::Sa => start_ms >= to_ms,
            Prefix::Eb => end_ms < from_ms,
        }
    }
}

/// The span that a date, a date and time or an instant names.
pub fn span(text: &str, clock: Clock<'_>) -> Option<Span> {
    // In a query an unescaped plus sign has become a space.
    let text = text.replace(' ', "+");
    let midnight = |date: NaiveDate| clock(date.and_time(NaiveTime::MIN));
    let of_days = |first: NaiveDate, next: Option<NaiveDate>| {
        Some(Span {
            from_ms: midnight(first),
            to_ms: midnight(next?),
        })
    };
    match text.len() {
        4 => {
            let first = date(&format!("{text}-01-01"))?;
            of_days(first, first.checked_add_months(Months::new(12)))
        }
        7 => {
            let first = date(&format!("{text}-01"))?;
            of_days(first, first.checked_add_months(Months::new(1)))
        }
        10 => {
            let first = date(&text)?;
            of_days(first, first.checked_add_days(Days::new(1)))
        }
        _ => instant_span(&text, clock),
    }
}

/// A date whose parts have their full width: chrono alone would take `2026-1-1`.
fn date(text: &str) -> Option<NaiveDate> {
    let is_padded = text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let date = is_padded.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())??;
    (date.format("%Y").to_string() != "0000").then_some(date)
}

fn instant_span(text: &str, clock: Clock<'_>) -> Option<Span> {
    let day = text.get(..10).and_then(date)?;
    let (time, offset) = split_offset(text.get(11..)?)?;
    if text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    let (full, length_ms) = match time.len() {
        5 => (format!("{time}:00"), 60_000),
        8 => (time.to_owned(), 1_000),
        length if (10..=18).contains(&length) => {
            let digits = i64::try_from(length - 9).unwrap_or(3);
            (time.to_owned(), fraction_ms(digits))
        }
        _ => return None,
    };
    let from_ms = if offset.is_empty() {
        let time = NaiveTime::parse_from_str(&full, "%H:%M:%S%.f").ok()?;
        clock(day.and_time(time))
    } else {
        let written = format!("{}T{full}{offset}", day.format("%Y-%m-%d"));
        DateTime::parse_from_rfc3339(&written)
            .ok()?
            .timestamp_millis()
    };
    Some(Span {
        from_ms,
        to_ms: from_ms.saturating_add(length_ms),
    })
}

/// How long a fraction of a second with so many digits lasts; at least a millisecond.
fn fraction_ms(digits: i64) -> i64 {
    match digits {
        1 => 100,
        2 => 10,
        _ => 1,
    }
}

/// The time and its offset, which may be empty.
fn split_offset(text: &str) -> Option<(&str, &str)> {
    if let Some(time) = text.strip_suffix('Z') {
        return Some((time, "Z"));
    }
    match text.rfind(['+', '-']) {
        Some(at) => Some((text.get(..at)?, text.get(at..)?)),
        None => Some((text, "")),
    }
}

/// An instant on a clock with this offset, as FHIR writes it: with milliseconds. What
/// lies further from UTC than any clock is written in UTC.
pub fn written(ms: i64, offset_minutes: i32) -> String {
    let utc = DateTime::<Utc>::from_timestamp_millis(ms).unwrap_or_default();
    let is_utc = offset_minutes == 0 || offset_minutes.abs() > OFFSET_MINUTES_MAX;
    match FixedOffset::east_opt(offset_minutes.saturating_mul(60)) {
        Some(offset) if !is_utc => utc
            .with_timezone(&offset)
            .to_rfc3339_opts(SecondsFormat::Millis, true),
        _ => utc.to_rfc3339_opts(SecondsFormat::Millis, true),
    }
}

/// A clock that is always so many minutes ahead of UTC.
pub fn fixed_clock(offset_minutes: i32) -> impl Fn(NaiveDateTime) -> i64 {
    move |local: NaiveDateTime| {
        let offset = TimeDelta::minutes(i64::from(offset_minutes));
        let utc = local.checked_sub_signed(offset).unwrap_or(local);
        utc.and_utc().timestamp_millis()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-11-20T00:00:00+08:00.
    const DAY: i64 = 1_795_104_000_000;
    const DAY_MS: i64 = 86_400_000;

    fn shanghai(text: &str) -> Option<(i64, i64)> {
        span(text, &fixed_clock(480)).map(|span| (span.from_ms, span.to_ms))
    }

    #[test]
    fn no_clock_is_further_from_utc_than_fourteen_hours() {
        for (offset_minutes, expected) in [
            (480, "2026-11-20T00:00:00.000+08:00"),
            (840, "2026-11-20T06:00:00.000+14:00"),
            (-840, "2026-11-19T02:00:00.000-14:00"),
            (841, "2026-11-19T16:00:00.000Z"),
            (-1_000, "2026-11-19T16:00:00.000Z"),
            (0, "2026-11-19T16:00:00.000Z"),
        ] {
            assert_eq!(written(DAY, offset_minutes), expected, "{offset_minutes}");
        }
    }

    #[test]
    fn a_date_lasts_as_long_as_its_precision() {
        assert_eq!(shanghai("2026-11-20"), Some((DAY, DAY + DAY_MS)));
        let month = DAY - 19 * DAY_MS;
        assert_eq!(shanghai("2026-11"), Some((month, month + 30 * DAY_MS)));
        let (from, to) = shanghai("2024").unwrap();
        assert_eq!(to - from, 366 * DAY_MS);
        let noon = DAY + DAY_MS / 2;
        for (text, length) in [
            ("2026-11-20T12:00+08:00", 60_000),
            ("2026-11-20T12:00 08:00", 60_000),
            ("2026-11-20T12:00", 60_000),
            ("2026-11-20T04:00:00Z", 1_000),
            ("2026-11-20T12:00:00", 1_000),
            ("2026-11-20T12:00:00.0+08:00", 100),
            ("2026-11-20T04:00:00.000Z", 1),
            ("2026-11-20T04:00:00.000000Z", 1),
        ] {
            assert_eq!(shanghai(text), Some((noon, noon + length)), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "26",
            "2026-1-1",
            "2026-13",
            "2026-02-30",
            "2026-11-20T",
            "2026-11-20T25:00Z",
            "2026-11-20T12",
            "2026-11-20 12:00:00Z",
            "2026-11-20T12:00:00+8",
            "0000",
            "yesterday",
            "２０２６",
            "2026-11-20T12:00:00.Z",
        ] {
            assert_eq!(shanghai(text), None, "{text}");
        }
        let parse = |text| DateFilter::parse(text, &fixed_clock(0));
        assert_eq!(parse("ap2026"), Err(DateError::Approximate));
        assert_eq!(parse("xx2026"), Err(DateError::Invalid));
        assert_eq!(parse("ge"), Err(DateError::Invalid));
    }

    #[test]
    fn prefixes_compare_as_fhir_says() {
        let fits = |text: &str, start, end| {
            DateFilter::parse(text, &fixed_clock(480))
                .unwrap()
                .fits(start, end)
        };
        let (inside, before, after) = (DAY + 5, DAY - 5, DAY + DAY_MS);
        for (prefix, fitting) in [
            ("", [true, false, false]),
            ("eq", [true, false, false]),
            ("ne", [false, true, true]),
            ("gt", [false, false, true]),
            ("lt", [false, true, false]),
            ("ge", [true, false, true]),
            ("le", [true, true, false]),
            ("sa", [false, false, true]),
            ("eb", [false, true, false]),
        ] {
            let text = format!("{prefix}2026-11-20");
            let found = [inside, before, after].map(|at| fits(&text, at, at));
            assert_eq!(found, fitting, "{prefix}");
        }
        // A night that began before the day and ended in it.
        for (prefix, fitting) in [
            ("eq", false),
            ("ne", true),
            ("gt", false),
            ("lt", true),
            ("ge", false),
            ("le", true),
            ("sa", false),
            ("eb", false),
        ] {
            let text = format!("{prefix}2026-11-20");
            assert_eq!(fits(&text, before, inside), fitting, "{prefix}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = DateFilter::parse(&text, &fixed_clock(480));
        }

        #[test]
        fn opposite_prefixes_share_nothing_and_leave_nothing_out(at in DAY - 10..DAY + DAY_MS + 10) {
            let fits = |prefix: &str| {
                let text = format!("{prefix}2026-11-20");
                DateFilter::parse(&text, &fixed_clock(480)).unwrap().fits(at, at)
            };
            prop_assert_ne!(fits("eq"), fits("ne"));
            prop_assert_ne!(fits("lt"), fits("ge"));
            prop_assert_ne!(fits("gt"), fits("le"));
        }
    }
}
