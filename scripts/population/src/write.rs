//! The population as files.

use std::io::{self, Write};
use std::str::FromStr;

use crate::clock::date_text;
use crate::{Ledger, Person, Plan, Totals, decimal};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One batch a line, `{"user_id", "sent_at_ms", "body"}`: `body` is what is posted.
    Batches,
    /// One reading a line, with whose it is.
    Readings,
    /// One reading a line, in the columns of [`CSV_HEAD`].
    Csv,
    /// One person a line, with what a profile holds.
    People,
    /// What must be stored, as one JSON object.
    Expected,
}

/// The columns of CSV.
pub const CSV_HEAD: &str = "user_id,data_type,value,unit,created_at,device,source";

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Ok(match name {
            "batches" => Self::Batches,
            "ndjson" => Self::Readings,
            "csv" => Self::Csv,
            "people" => Self::People,
            "expected" => Self::Expected,
            _ => {
                return Err(format!(
                    "there is no format {name:?}; there are batches, ndjson, csv, people, expected"
                ));
            }
        })
    }
}

/// The id of a person in files: a UUID that tells the number.
#[must_use]
pub fn user_id(person: u32) -> String {
    format!("00000000-0000-7000-8000-{person:012}")
}

/// Writes the population, and says what must be stored of it.
///
/// # Errors
/// When `out` does not take it.
pub fn write(plan: &Plan, format: Format, out: &mut impl Write) -> io::Result<Totals> {
    let mut totals = Totals::default();
    if format == Format::Csv {
        writeln!(out, "{CSV_HEAD}")?;
    }
    for person in plan.people() {
        if format == Format::People {
            writeln!(out, "{}", profile(&person))?;
            continue;
        }
        let mut ledger = Ledger::default();
        for batch in plan.batches(&person) {
            ledger.take(&batch);
            match format {
                Format::Batches => {
                    let (user, sent_ms) = (user_id(person.index), batch.sent_ms);
                    let body = batch.to_json();
                    writeln!(
                        out,
                        r#"{{"user_id":"{user}","sent_at_ms":{sent_ms},"body":{body}}}"#
                    )?;
                }
                Format::Readings => lines(&batch, out)?,
                Format::Csv => rows(&batch, out)?,
                Format::People | Format::Expected => {}
            }
        }
        totals.add(ledger.totals());
    }
    if format == Format::Expected {
        writeln!(out, "{}", totals.to_json())?;
    }
    Ok(totals)
}

fn lines(batch: &crate::Batch, out: &mut impl Write) -> io::Result<()> {
    for reading in &batch.readings {
        let mut text = String::new();
        reading.write_json(&mut text, true);
        let user = user_id(batch.person);
        let rest = text.strip_prefix('{').unwrap_or_default();
        writeln!(out, r#"{{"user_id":"{user}",{rest}"#)?;
    }
    Ok(())
}

fn rows(batch: &crate::Batch, out: &mut impl Write) -> io::Result<()> {
    for reading in &batch.readings {
        writeln!(
            out,
            "{},{},{},{},{},{},{}",
            user_id(batch.person),
            reading.type_name,
            reading.value_text(),
            reading.unit,
            reading.effective_at(),
            reading.device_id,
            reading.source
        )?;
    }
    Ok(())
}

fn profile(person: &Person) -> String {
    format!(
        r#"{{"user_id":"{}","timezone":"{}","sex":"{}","birth_date":"{}","height_cm":{},"altitude_m":{}}}"#,
        user_id(person.index),
        person.timezone,
        person.sex.as_str(),
        date_text(person.birth_day),
        decimal(person.height),
        person.altitude_m
    )
}
