//! When a schedule fires: six fields, seconds first, in a time zone.

use std::collections::VecDeque;

use chrono::{DateTime, LocalResult, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// A valid schedule, shown in every refusal.
const EXAMPLE: &str = "0 */15 8-18 * * MON-FRI";

/// Names that stand for an expression.
const NICKNAMES: [&str; 6] = [
    "@yearly",
    "@annually",
    "@monthly",
    "@weekly",
    "@daily",
    "@hourly",
];

/// Instants looked at in one piece when the latest ones are wanted.
const CHUNK_INSTANTS_MAX: usize = 1_000;
/// The shortest piece of time that is looked at: it holds one instant.
const CHUNK_MS_MIN: i64 = 1_000;

const FIELDS: [Field; 6] = [
    Field::plain("second"),
    Field::plain("minute"),
    Field::plain("hour"),
    Field {
        name: "day of month",
        words: &[],
        marks: "LW",
    },
    Field {
        name: "month",
        words: &[
            "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
        ],
        marks: "",
    },
    Field {
        name: "day of week",
        words: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
        marks: "L",
    },
];

/// When a function runs.
///
/// Six fields: second, minute, hour, day of month, month, day of week, all on
/// the clock of one time zone, UTC unless another is set. Where both day fields are restricted a day must match **both**. Sunday
/// is 0 or 7. `*`, `?`, lists, ranges, steps (also `1/2`), names, `L` (last),
/// `5#2` (second Friday), `15W` (nearest weekday) and nicknames such as
/// `@daily` are understood.
///
/// Where clocks are put forward, a schedule of one time a day whose time is
/// left out fires right after the gap; others fire at what is left of their
/// times. Where clocks are put back, a schedule that names its hours fires once
/// at a time that comes twice, the first time; one with `*` for the hour goes
/// on through both hours.
#[derive(Clone, Debug)]
pub struct Schedule {
    expression: String,
    cron: Cron,
    zone: Tz,
    /// Whether the hour is anything but `*`.
    names_hours: bool,
}

/// An expression that is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the cron expression {expression:?} is not valid: {reason}; write six fields (second, minute, hour, day of month, month, day of week), such as {EXAMPLE:?}"
)]
pub struct ScheduleError {
    /// The expression as written.
    pub expression: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Schedule {
    /// Reads an expression.
    ///
    /// # Errors
    /// When it is not of the form, or names an instant that never comes.
    pub fn parse(expression: &str) -> Result<Self, ScheduleError> {
        let refuse = |reason| ScheduleError {
            expression: expression.to_owned(),
            reason,
        };
        check(expression).map_err(refuse)?;
        let cron = CronParser::builder()
            .seconds(Seconds::Required)
            .year(Year::Disallowed)
            .dom_and_dow(true)
            .sloppy_ranges(true)
            .build()
            .parse(expression)
            .map_err(|error| refuse(error.to_string().trim_end_matches('.').to_owned()))?;
        let schedule = Self {
            expression: expression.to_owned(),
            cron,
            zone: Tz::UTC,
            names_hours: names_hours(expression),
        };
        if schedule.next_after(0).is_none() {
            return Err(refuse("no day matches it".to_owned()));
        }
        Ok(schedule)
    }

    /// The same schedule on the clock of a time zone.
    #[must_use]
    pub fn in_zone(self, zone: Tz) -> Self {
        Self { zone, ..self }
    }

    /// The expression as written.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// Whose clock it is about.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The first instant after `instant_ms` at which the schedule fires, both
    /// in milliseconds since the Unix epoch; `None` when there is none.
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

    /// The latest instants after `after_ms`, up to and with `until_ms`, at most
    /// `count_max` of them, in order.
    pub fn latest(&self, after_ms: i64, until_ms: i64, count_max: usize) -> Vec<i64> {
        if self
            .next_after(after_ms)
            .is_none_or(|next_ms| next_ms > until_ms)
        {
            return Vec::new();
        }
        let mut latest = VecDeque::new();
        let mut high_ms = until_ms;
        let mut width_ms = CHUNK_MS_MIN;
        // Backwards piece by piece: the time passed may be long and full of instants.
        while high_ms > after_ms && latest.len() < count_max {
            let low_ms = high_ms.saturating_sub(width_ms).max(after_ms);
            let chunk = self.between(low_ms, high_ms, CHUNK_INSTANTS_MAX + 1);
            if chunk.len() > CHUNK_INSTANTS_MAX && width_ms > CHUNK_MS_MIN {
                width_ms = (width_ms / 2).max(CHUNK_MS_MIN);
                continue;
            }
            if chunk.is_empty() {
                width_ms = width_ms.saturating_mul(2);
            }
            for instant_ms in chunk.into_iter().rev() {
                latest.push_front(instant_ms);
            }
            high_ms = low_ms;
        }
        let surplus = latest.len().saturating_sub(count_max);
        latest.into_iter().skip(surplus).collect()
    }

    /// An instant written after RFC 3339, in milliseconds since the Unix epoch.
    pub fn instant(text: &str) -> Option<i64> {
        let at = DateTime::parse_from_rfc3339(text).ok()?;
        Some(at.timestamp_millis())
    }

    /// An instant on the clock of the zone, after RFC 3339.
    pub fn local_time(&self, instant_ms: i64) -> String {
        let at = DateTime::from_timestamp_millis(instant_ms).unwrap_or_default();
        at.with_timezone(&self.zone).to_rfc3339()
    }

    /// The first instants after `after_ms`, up to and with `until_ms`, at most
    /// `count_max` of them.
    pub fn between(&self, after_ms: i64, until_ms: i64, count_max: usize) -> Vec<i64> {
        let next = |at_ms: &i64| self.next_after(*at_ms);
        std::iter::successors(self.next_after(after_ms), next)
            .take_while(|at_ms| *at_ms <= until_ms)
            .take(count_max)
            .collect()
    }
}

/// Whether the clock of the zone showed this time once before, an hour or so ago.
fn comes_again(at: &DateTime<Tz>) -> bool {
    match at.timezone().from_local_datetime(&at.naive_local()) {
        LocalResult::Ambiguous(first, _) => *at != first,
        _ => false,
    }
}

/// Whether a valid expression says at which hours it fires.
fn names_hours(expression: &str) -> bool {
    match expression.split_whitespace().nth(2) {
        Some(hour) => hour != "*",
        None => !expression.trim().eq_ignore_ascii_case("@hourly"),
    }
}

/// One of the six fields: the words it may hold, and the letters that may stand alone or after a value.
struct Field {
    name: &'static str,
    words: &'static [&'static str],
    marks: &'static str,
}

impl Field {
    const fn plain(name: &'static str) -> Self {
        Self {
            name,
            words: &[],
            marks: "",
        }
    }

    /// Refuses what the parser behind would read as something else: a name in
    /// another field (`JAN` as a weekday), names grown together with numbers,
    /// empty items of a list.
    fn check(&self, text: &str) -> Result<(), String> {
        for item in text.split(',') {
            if item.is_empty() {
                return Err(format!("the {} has an empty item", self.name));
            }
            for atom in item.split(['-', '/', '#']) {
                self.check_atom(atom)?;
            }
        }
        Ok(())
    }

    fn check_atom(&self, atom: &str) -> Result<(), String> {
        let value = atom.trim_end_matches(|c: char| self.marks.contains(c.to_ascii_uppercase()));
        let is_number = value.chars().all(|c| c.is_ascii_digit());
        let is_star = value == "*" || (value == "?" && !self.marks.is_empty());
        let is_word = self
            .words
            .iter()
            .any(|word| word.eq_ignore_ascii_case(value));
        if is_number || is_star || is_word {
            return Ok(());
        }
        Err(format!("{atom:?} is not a {}", self.name))
    }
}

fn check(expression: &str) -> Result<(), String> {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    if let [nickname] = fields.as_slice()
        && NICKNAMES
            .iter()
            .any(|known| known.eq_ignore_ascii_case(nickname))
    {
        return Ok(());
    }
    if let Some(nickname) = fields.iter().find(|field| field.starts_with('@')) {
        let known = NICKNAMES.join(", ");
        return Err(format!("{nickname:?} is not one of {known}, alone"));
    }
    if fields.len() != FIELDS.len() {
        return Err(format!("it has {} fields instead of six", fields.len()));
    }
    FIELDS
        .iter()
        .zip(fields)
        .try_for_each(|(field, text)| field.check(text))
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
