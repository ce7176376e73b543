//! The records of a CSV text (RFC 4180): quoted fields may hold commas, quotes written
//! twice, and line ends. Lines end with `\n` or `\r\n`.

/// Most bytes of a record, and of a line.
pub const RECORD_BYTES_MAX: usize = 16 * 1024;

/// A record with the line it begins in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The line, counted from that of the text.
    pub line: u64,
    /// Its fields, or what is wrong with it.
    pub fields: Result<Vec<String>, Flaw>,
}

/// Why a record cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A quoted field without an end: its first line alone is refused.
    UnclosedQuote,
    /// Longer than [`RECORD_BYTES_MAX`].
    TooLong,
}

/// The first `records_max` records of a text whose first line is `first_line`, without
/// empty ones, and the line behind the last. Each record looks for the end of a quote
/// once, and no further than [`RECORD_BYTES_MAX`].
#[must_use]
pub fn records(text: &str, first_line: u64, records_max: usize) -> (Vec<Record>, u64) {
    let (mut found, mut line, mut rest) = (Vec::new(), first_line, text);
    while !rest.is_empty() && found.len() < records_max {
        let end = line_end(rest);
        let (fields, length) = match quoted_end(rest, end) {
            _ if end > RECORD_BYTES_MAX => (Err(Flaw::TooLong), end),
            None => (Err(Flaw::UnclosedQuote), end),
            Some(length) => (Ok(fields(rest.get(..length).unwrap_or_default())), length),
        };
        let whole = rest.get(..length).unwrap_or_default();
        if !whole.trim().is_empty() {
            found.push(Record { line, fields });
        }
        let ends = whole.bytes().filter(|byte| *byte == b'\n').count();
        line += ends as u64;
        // The last line may have no end.
        line += u64::from(!whole.ends_with('\n'));
        rest = rest.get(length..).unwrap_or_default();
    }
    (found, line)
}

/// Behind the first line, its end included.
pub(crate) fn line_end(text: &str) -> usize {
    text.find('\n').map_or(text.len(), |at| at + 1)
}

/// Where in a field one is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Begin,
    Plain,
    Quoted,
    /// Behind a quote that ends the field, or is the first of two.
    Quote,
}

impl At {
    fn next(self, letter: char) -> Self {
        match (self, letter) {
            (Self::Begin | Self::Quote, '"') => Self::Quoted,
            (Self::Quoted, '"') => Self::Quote,
            (Self::Quoted, _) => Self::Quoted,
            (_, ',' | '\n') => Self::Begin,
            _ => Self::Plain,
        }
    }
}

/// Behind the record that a text begins with; none where a quote has no end within
/// [`RECORD_BYTES_MAX`].
fn quoted_end(text: &str, line_end: usize) -> Option<usize> {
    let mut at = At::Begin;
    for (offset, letter) in text.char_indices() {
        if offset > RECORD_BYTES_MAX && offset > line_end {
            return None;
        }
        let was = at;
        at = at.next(letter);
        if letter == '\n' && was != At::Quoted {
            return Some(offset + 1);
        }
    }
    (at != At::Quoted).then_some(text.len())
}

/// The fields of one record.
fn fields(record: &str) -> Vec<String> {
    let record = record.strip_suffix('\n').unwrap_or(record);
    let record = record.strip_suffix('\r').unwrap_or(record);
    let (mut fields, mut field, mut at) = (Vec::new(), String::new(), At::Begin);
    for letter in record.chars() {
        let was = at;
        at = at.next(letter);
        match (was, letter) {
            (At::Begin, '"') | (At::Quoted, '"') => {}
            (At::Quoted, _) => field.push(letter),
            (_, ',') => fields.push(std::mem::take(&mut field)),
            // Also the second of two quotes.
            _ => field.push(letter),
        }
    }
    fields.push(field);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<(u64, Vec<String>)> {
        let (found, _) = records(text, 1, usize::MAX);
        let good = found
            .into_iter()
            .map(|record| (record.line, record.fields.unwrap()));
        good.collect()
    }

    fn texts(fields: &[&str]) -> Vec<String> {
        fields.iter().map(|field| (*field).to_owned()).collect()
    }

    #[test]
    fn quoted_fields_hold_commas_quotes_and_line_ends() {
        let text = "a,\"b,1\",\"c \"\"x\"\"\"\r\n\r\n\"d\ne\",,5'10\"\nf";
        assert_eq!(
            read(text),
            [
                (1, texts(&["a", "b,1", "c \"x\""])),
                (3, texts(&["d\ne", "", "5'10\""])),
                (5, texts(&["f"])),
            ]
        );
        assert_eq!(records(text, 1, usize::MAX).1, 6);
        assert_eq!(records("", 7, usize::MAX), (Vec::new(), 7));
    }

    #[test]
    fn a_quote_without_an_end_spoils_its_line_alone() {
        let (found, next) = records("a,\"b\nc,d\n", 10, usize::MAX);
        assert_eq!(found[0].fields, Err(Flaw::UnclosedQuote));
        assert_eq!(
            found[1],
            Record {
                line: 11,
                fields: Ok(texts(&["c", "d"]))
            }
        );
        assert_eq!(next, 12);
    }

    #[test]
    fn long_lines_are_refused() {
        let long = format!("{}\nb\n", "x".repeat(RECORD_BYTES_MAX + 1));
        let (found, next) = records(&long, 1, usize::MAX);
        assert_eq!(found[0].fields, Err(Flaw::TooLong));
        assert_eq!((found[1].line, next), (2, 3));
    }

    #[test]
    fn no_more_records_are_read_than_asked_for() {
        // Each of these lines opens a quote that the next one closes and opens.
        let text = "y\",\"\n".repeat(200_000);
        let (found, next) = records(&text, 1, 1_001);
        assert_eq!(found.len(), 1_001);
        assert!(next < 200_000);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(rows in proptest::collection::vec(
            proptest::collection::vec("[a-c\",\n\r ]{0,6}", 1..4), 0..6)) {
            let quote = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let line = |row: &Vec<String>| row.iter().map(quote).collect::<Vec<_>>().join(",");
            let text: String = rows.iter().map(|row| line(row) + "\r\n").collect();
            let (found, next) = records(&text, 1, usize::MAX);
            let fields: Vec<_> = found.into_iter().map(|record| record.fields.unwrap()).collect();
            prop_assert_eq!(fields, rows);
            prop_assert_eq!(next, 1 + text.matches('\n').count() as u64);
        }

        #[test]
        fn any_text_is_cut(text in "[a\",\n\r]{0,60}") {
            let (found, next) = records(&text, 1, usize::MAX);
            let lines = text.matches('\n').count() as u64 + u64::from(!text.is_empty() && !text.ends_with('\n'));
            prop_assert_eq!(next, 1 + lines);
            prop_assert!(found.iter().all(|record| record.line < next));
        }
    }
}
