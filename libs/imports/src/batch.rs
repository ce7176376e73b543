//! A piece of a file: its lines as drafts of readings, or as refusals.

use serde_json::Value;
use suoke_health::submission::Draft;

use crate::columns::{self, Column, Said};
use crate::records::{self, Flaw, RECORD_BYTES_MAX};

/// Most lines of one piece that say anything.
pub const LINES_MAX: usize = 1_000;

/// What every export must have.
const NEEDED: [(Column, &str); 2] = [(Column::Type, "data_type"), (Column::At, "created_at")];

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values; the first line names the columns.
    Csv,
    /// A JSON object in each line.
    Ndjson,
}

/// Why a line is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For programs.
    pub code: String,
    /// For people; it never repeats what was sent.
    pub message: String,
}

impl Refusal {
    /// Names what is wrong.
    #[must_use]
    pub fn new(code: &str, message: &str) -> Self {
        Self {
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }
}

/// A line of a file.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its number in the file.
    pub line: u64,
    /// Whose reading it is, where it says so.
    pub user: Option<String>,
    /// The reading, or why there is none.
    pub draft: Result<Draft, Refusal>,
}

/// The lines of a piece.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Those that say anything.
    pub lines: Vec<Line>,
    /// The line behind the last.
    pub next_line: u64,
    /// Columns that mean nothing here.
    pub ignored: Vec<String>,
}

/// Reads a piece of a file whose first line of data is `first_line`. A piece of CSV
/// begins with the line that names the columns, which is not counted. `offset` belongs to
/// times without one.
///
/// # Errors
/// What is wrong with the piece as a whole: the columns, or more than [`LINES_MAX`].
pub fn parse(
    text: &str,
    format: Format,
    first_line: u64,
    offset: Option<&str>,
) -> Result<Batch, Refusal> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let batch = match format {
        Format::Csv => csv(text, first_line, offset)?,
        Format::Ndjson => ndjson(text, first_line, offset),
    };
    if batch.lines.len() > LINES_MAX {
        let message = format!("at most {LINES_MAX} lines are accepted at once");
        return Err(Refusal::new("too_many_lines", &message));
    }
    Ok(batch)
}

fn csv(text: &str, first_line: u64, offset: Option<&str>) -> Result<Batch, Refusal> {
    let (head, rest) = text.split_at(records::line_end(text));
    let (names, _) = records::records(head, 1, 1);
    let names = names
        .into_iter()
        .next()
        .and_then(|record| record.fields.ok());
    let names = names.unwrap_or_default();
    let known: Vec<Option<Column>> = names.iter().map(|name| columns::column(name)).collect();
    for (column, name) in NEEDED {
        if !known.contains(&Some(column)) {
            let message = format!("the first line names no column {name}");
            return Err(Refusal::new("missing_column", &message));
        }
    }
    if let Some(twice) = repeated(&known) {
        let message = format!("the columns {twice} mean the same; leave one out");
        return Err(Refusal::new("duplicate_column", &message));
    }
    let ignored = names
        .iter()
        .zip(&known)
        .filter(|(_, column)| column.is_none());
    let ignored = ignored.map(|(name, _)| name.clone()).collect();
    let (found, next_line) = records::records(rest, first_line, LINES_MAX + 1);
    let lines = found.into_iter().map(|record| {
        let said = record
            .fields
            .map_err(flaw)
            .and_then(|fields| row(fields, &known));
        line(record.line, said, offset)
    });
    Ok(Batch {
        lines: lines.collect(),
        next_line,
        ignored,
    })
}

/// Names of columns that mean the same.
fn repeated(known: &[Option<Column>]) -> Option<String> {
    let (_, names) = columns::NAMES.into_iter().find(|(column, _)| {
        let same = known.iter().filter(|each| **each == Some(*column));
        same.count() > 1
    })?;
    Some(names.join(", "))
}

fn flaw(flaw: Flaw) -> Refusal {
    match flaw {
        Flaw::UnclosedQuote => Refusal::new("unclosed_quote", "a quoted field has no end"),
        Flaw::TooLong => too_long(),
    }
}

fn too_long() -> Refusal {
    let message = format!("a line has at most {RECORD_BYTES_MAX} bytes");
    Refusal::new("line_too_long", &message)
}

fn row(fields: Vec<String>, known: &[Option<Column>]) -> Result<Said, Refusal> {
    if fields.len() != known.len() {
        let message = format!(
            "the line has {} fields, and there are {} columns",
            fields.len(),
            known.len()
        );
        return Err(Refusal::new("wrong_number_of_fields", &message));
    }
    let named = known.iter().zip(fields).filter_map(|(column, field)| {
        let field = field.trim();
        // An empty field says nothing.
        (!field.is_empty()).then_some(((*column)?, Value::from(field)))
    });
    Ok(named.collect())
}

fn ndjson(text: &str, first_line: u64, offset: Option<&str>) -> Batch {
    let mut batch = Batch {
        next_line: first_line,
        ..Batch::default()
    };
    for text in text.split_inclusive('\n') {
        if batch.lines.len() > LINES_MAX {
            break;
        }
        if !text.trim().is_empty() {
            batch
                .lines
                .push(line(batch.next_line, object(text), offset));
        }
        batch.next_line += 1;
    }
    batch
}

fn object(text: &str) -> Result<Said, Refusal> {
    if text.len() > RECORD_BYTES_MAX {
        return Err(too_long());
    }
    let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
        return Err(Refusal::new("invalid_json", "the line is no JSON object"));
    };
    let mut said = Said::new();
    for (name, value) in fields {
        let Some(column) = columns::column(&name).filter(|_| !value.is_null()) else {
            continue;
        };
        if said.insert(column, value).is_some() {
            let names = columns::names(column).join(", ");
            let message = format!("the fields {names} mean the same; leave one out");
            return Err(Refusal::new("duplicate_column", &message));
        }
    }
    Ok(said)
}

fn line(line: u64, said: Result<Said, Refusal>, offset: Option<&str>) -> Line {
    let user = said.as_ref().ok().and_then(|said| said.get(&Column::User));
    let user = user.map(|user| {
        user.as_str()
            .map_or_else(|| user.to_string(), str::to_owned)
    });
    let draft = said.and_then(|said| {
        serde_json::from_value(columns::reading(&said, offset))
            .map_err(|_| Refusal::new("invalid_json", "the line is no reading"))
    });
    Line { line, user, draft }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use suoke_health::batch::Batch as Readings;
    use suoke_health::submission::Submission;

    const HEAD: &str = "user_id,data_type,value,unit,created_at,device,note\n";

    /// Line and code of what is refused.
    fn refused(batch: &Batch) -> Vec<(u64, &str)> {
        let bad = batch.lines.iter().filter_map(|line| {
            let refusal = line.draft.as_ref().err()?;
            Some((line.line, refusal.code.as_str()))
        });
        bad.collect()
    }

    fn csv_of(rows: &str) -> Batch {
        parse(&format!("{HEAD}{rows}"), Format::Csv, 2, Some("+08:00")).unwrap()
    }

    #[test]
    fn lines_of_an_export_become_readings() {
        let batch = csv_of(concat!(
            "u1,heart_rate,72,bpm,2025-01-02 03:04:05,watch,x\r\n",
            ",blood_pressure,120/80,mmHg,2025-01-02T03:04:05Z,\"cuff, upper arm\",\"a\nb\"\r\n",
        ));
        assert_eq!((batch.lines.len(), batch.next_line), (2, 5));
        assert_eq!(batch.ignored, ["note"]);
        assert_eq!(
            (batch.lines[0].line, batch.lines[0].user.as_deref()),
            (2, Some("u1"))
        );
        assert_eq!(
            (batch.lines[1].line, batch.lines[1].user.as_deref()),
            (3, None)
        );
        let drafts = batch
            .lines
            .into_iter()
            .map(|line| line.draft.unwrap())
            .collect();
        let submission = Submission {
            single: false,
            drafts,
        };
        let readings = Readings::prepare(submission, "u", i64::MAX);
        assert_eq!(readings.candidates().len(), 2);
        assert_eq!(
            readings.candidates()[0].reading.effective_ms,
            1_735_758_245_000
        );
    }

    #[test]
    fn a_bad_line_is_refused_alone_with_its_number() {
        let batch = csv_of("a,b\nu1,steps,5,count,2025-01-02 03:04:05,,\nu1,\"steps,5\nx\n");
        assert_eq!(
            refused(&batch),
            [
                (2, "wrong_number_of_fields"),
                (4, "unclosed_quote"),
                (5, "wrong_number_of_fields")
            ]
        );
        let text = "{\"type\":\"steps\"}\n\nnonsense\n[1]\n";
        let batch = parse(text, Format::Ndjson, 7, None).unwrap();
        assert_eq!(refused(&batch), [(9, "invalid_json"), (10, "invalid_json")]);
        assert_eq!((batch.lines[0].line, batch.next_line), (7, 11));
    }

    #[test]
    fn a_line_says_everything_once() {
        let text = concat!(
            "{\"type\":\"steps\",\"data_type\":\"heart_rate\"}\n",
            "{\"time\":null,\"created_at\":\"2025-01-02T03:04:05Z\",\"type\":\"steps\"}\n",
        );
        let batch = parse(text, Format::Ndjson, 1, None).unwrap();
        assert_eq!(refused(&batch), [(1, "duplicate_column")]);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_name() {
        let text = "\u{feff}data_type,value,created_at\nsteps,5,2025-01-02 03:04:05\n";
        assert_eq!(parse(text, Format::Csv, 2, None).unwrap().lines.len(), 1);
    }

    #[test]
    fn wrong_columns_and_too_many_lines_refuse_the_whole() {
        let code = |text: &str| parse(text, Format::Csv, 2, None).unwrap_err().code;
        assert_eq!(code(""), "missing_column");
        assert_eq!(code("a,b\n1,2\n"), "missing_column");
        assert_eq!(code("type,created_at,timestamp\n"), "duplicate_column");
        let many = "{}\n".repeat(LINES_MAX + 1);
        let refused = parse(&many, Format::Ndjson, 1, None).unwrap_err();
        assert_eq!(refused.code, "too_many_lines");
    }

    #[test]
    fn a_piece_over_the_limit_is_refused_and_never_cut() {
        let row = "u1,heart_rate,72,bpm,2025-01-02 03:04:05,watch,\n";
        let object = "{\"type\":\"heart_rate\"}\n";
        for (format, head, line) in [(Format::Csv, HEAD, row), (Format::Ndjson, "", object)] {
            let of =
                |lines: usize| parse(&format!("{head}{}", line.repeat(lines)), format, 2, None);
            let most = of(LINES_MAX).unwrap();
            assert_eq!((most.lines.len(), most.next_line), (LINES_MAX, 1_002));
            assert_eq!(
                of(LINES_MAX + 1).unwrap_err().code,
                "too_many_lines",
                "{format:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,200}", first_line in 1_u64..1_000_000) {
            let batch = parse(&text, Format::Ndjson, first_line, None).unwrap();
            prop_assert!(batch.next_line >= first_line);
            let csv = format!("{HEAD}{text}");
            let batch = parse(&csv, Format::Csv, first_line, None).unwrap();
            prop_assert!(batch.lines.iter().all(|line| line.line < batch.next_line));
        }
    }
}
