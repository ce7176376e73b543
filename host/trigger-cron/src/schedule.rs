//! When a schedule fires: six fields, seconds first, in UTC.

use chrono::{DateTime, Utc};
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
/// Six fields: second, minute, hour, day of month, month, day of week, all in
/// UTC. Where both day fields are restricted a day must match **both**. Sunday
/// is 0 or 7. `*`, `?`, lists, ranges, steps (also `1/2`), names, `L` (last),
/// `5#2` (second Friday), `15W` (nearest weekday) and nicknames such as
/// `@daily` are understood.
#[derive(Clone, Debug)]
pub struct Schedule {
    expression: String,
    cron: Cron,
}

/// An expression that is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the cron expression {expression:?} is not valid: {reason}; write six fields (second, minute, hour, day of month, month, day of week, in UTC), such as {EXAMPLE:?}"
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
        };
        if schedule.next_after(0).is_none() {
            return Err(refuse("no day matches it".to_owned()));
        }
        Ok(schedule)
    }

    /// The expression as written.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The first instant after `instant_ms` at which the schedule fires, both
    /// in milliseconds since the Unix epoch; `None` when there is none.
    pub fn next_after(&self, instant_ms: i64) -> Option<i64> {
        let second: DateTime<Utc> = DateTime::from_timestamp(instant_ms.div_euclid(1000), 0)?;
        let next = self.cron.find_next_occurrence(&second, false).ok()?;
        Some(next.timestamp_millis())
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
