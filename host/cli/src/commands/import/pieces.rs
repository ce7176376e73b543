//! A file in pieces that the application takes: whole records, their lines counted.

use std::io::{self, BufRead};

use super::args::FileFormat;

/// Most records of a piece.
const RECORDS_MAX: usize = 1_000;
/// A piece is full from here on: the application takes 1 MiB.
const PIECE_BYTES_FULL: usize = 900 * 1024;
/// Most bytes of a record and of a line; the application refuses longer ones.
const RECORD_BYTES_MAX: usize = 16 * 1024;
/// Longest line that is read whole.
const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Why a file cannot be cut.
#[derive(Debug)]
pub(crate) enum Unreadable {
    Read(io::Error),
    /// This line is no text in UTF-8.
    Encoding(u64),
    /// This line is longer than any text should be.
    Length(u64),
}

/// Some records.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Its first line in the file.
    pub(crate) from_line: u64,
    /// The line behind its last.
    pub(crate) next_line: u64,
    /// Its lines.
    pub(crate) text: String,
    /// Bytes of the file before its end.
    pub(crate) position: u64,
}

/// Reads a file once, from its first line.
pub(crate) struct Pieces<R> {
    file: R,
    format: FileFormat,
    /// The next line that is read.
    line: u64,
    position: u64,
    /// A line that was read ahead, and was no part of its record.
    ahead: Vec<String>,
}

impl<R: BufRead> Pieces<R> {
    pub(crate) fn new(file: R, format: FileFormat) -> Self {
        Self {
            file,
            format,
            line: 1,
            position: 0,
            ahead: Vec::new(),
        }
    }

    /// The next line, its end included; a byte order mark is left out.
    pub(crate) fn line(&mut self) -> Result<Option<String>, Unreadable> {
        if let Some(line) = self.ahead.pop() {
            self.line += 1;
            self.position += line.len() as u64;
            return Ok(Some(line));
        }
        let mut bytes = Vec::new();
        let mut limited = io::Read::take(&mut self.file, LINE_BYTES_MAX);
        let read = limited.read_until(b'\n', &mut bytes);
        match read.map_err(Unreadable::Read)? as u64 {
            0 => return Ok(None),
            LINE_BYTES_MAX if bytes.last() != Some(&b'\n') => {
                return Err(Unreadable::Length(self.line));
            }
            read => self.position += read,
        }
        let line = self.line;
        let text = String::from_utf8(bytes).map_err(|_| Unreadable::Encoding(line))?;
        self.line += 1;
        Ok(Some(match text.strip_prefix('\u{feff}') {
            Some(rest) if line == 1 => rest.to_owned(),
            _ => text,
        }))
    }

    /// Passes over the lines before this one; whether there are so many.
    pub(crate) fn skip_to(&mut self, line: u64) -> Result<bool, Unreadable> {
        while self.line < line {
            if self.line()?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The next piece; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Piece>, Unreadable> {
        let mut piece = Piece {
            from_line: self.line,
            ..Piece::default()
        };
        for _ in 0..RECORDS_MAX {
            let Some(record) = self.record()? else {
                break;
            };
            piece.text.push_str(&record);
            if piece.text.len() >= PIECE_BYTES_FULL {
                break;
            }
        }
        piece.next_line = self.line;
        piece.position = self.position;
        Ok((piece.next_line > piece.from_line).then_some(piece))
    }

    /// A line, with those that a quoted field goes on in.
    fn record(&mut self) -> Result<Option<String>, Unreadable> {
        let Some(mut record) = self.line()? else {
            return Ok(None);
        };
        if record.len() > RECORD_BYTES_MAX {
            return Ok(Some(shortened(&record)));
        }
        let mut ends = vec![record.len()];
        let mut quote = Quote::default();
        quote.pass(&record);
        while self.format == FileFormat::Csv && quote.is_open {
            let next = self.line()?;
            let length = record.len() + next.as_ref().map_or(0, String::len);
            match next {
                Some(next) if length <= RECORD_BYTES_MAX => {
                    quote.pass(&next);
                    record.push_str(&next);
                    ends.push(record.len());
                }
                // The quote has no end: its line stands alone, and is refused.
                next => {
                    self.give_back(&record, &ends, next);
                    record.truncate(ends.first().copied().unwrap_or_default());
                    break;
                }
            }
        }
        Ok(Some(record))
    }

    /// Lines that were read ahead come again.
    fn give_back(&mut self, record: &str, ends: &[usize], last: Option<String>) {
        let starts = ends.iter().zip(ends.iter().skip(1));
        let mut lines: Vec<String> = starts
            .filter_map(|(from, to)| Some(record.get(*from..*to)?.to_owned()))
            .collect();
        lines.extend(last);
        for line in lines.into_iter().rev() {
            self.line -= 1;
            self.position -= line.len() as u64;
            self.ahead.push(line);
        }
    }
}

/// A line that is too long, short enough to be sent and long enough to be refused.
fn shortened(line: &str) -> String {
    let mut end = RECORD_BYTES_MAX + 4;
    while !line.is_char_boundary(end.min(line.len())) {
        end += 1;
    }
    let start = line.get(..end.min(line.len())).unwrap_or_default();
    let start = start.trim_end_matches('\n');
    format!("{start}\n")
}

/// Where one is in a record, between quotes or not.
struct Quote {
    /// Whether a quoted field has no end yet.
    is_open: bool,
    /// Whether a field begins here.
    is_begin: bool,
    /// Behind a quote that ended a field, or is the first of two.
    was_quote: bool,
}

impl Default for Quote {
    fn default() -> Self {
        Self {
            is_open: false,
            is_begin: true,
            was_quote: false,
        }
    }
}

impl Quote {
    /// Passes over more of the record.
    fn pass(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '"' if self.is_open => (self.is_open, self.was_quote) = (false, true),
                '"' if self.is_begin || self.was_quote => {
                    (self.is_open, self.was_quote) = (true, false);
                }
                _ => self.was_quote = false,
            }
            self.is_begin = !self.is_open && matches!(letter, ',' | '\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str, format: FileFormat) -> Vec<Piece> {
        let mut pieces = Pieces::new(text.as_bytes(), format);
        let mut found = Vec::new();
        while let Some(piece) = pieces.next().unwrap() {
            found.push(piece);
        }
        found
    }

    #[test]
    fn records_stay_whole_and_lines_are_counted() {
        let rows: String = (0..1_500)
            .map(|row| format!("\"{row}\nx\",y\r\n"))
            .collect();
        let found = pieces(&rows, FileFormat::Csv);
        let places: Vec<_> = found
            .iter()
            .map(|each| (each.from_line, each.next_line))
            .collect();
        assert_eq!(places, [(1, 2_001), (2_001, 3_001)]);
        assert_eq!(
            found
                .iter()
                .map(|each| each.text.as_str())
                .collect::<String>(),
            rows
        );
        assert_eq!(found.last().unwrap().position, rows.len() as u64);
    }

    #[test]
    fn a_quote_without_an_end_takes_its_line_alone() {
        let rows = "a\n\"b\nc\nd";
        let found = pieces(rows, FileFormat::Csv);
        assert_eq!((found.len(), found[0].next_line), (1, 5));
        assert_eq!(found[0].text, rows);
    }

    #[test]
    fn long_lines_are_shortened_and_counted_once() {
        let rows = format!("a\n{}\nb\n", "长".repeat(RECORD_BYTES_MAX));
        let found = pieces(&rows, FileFormat::Ndjson);
        assert_eq!(found[0].next_line, 4);
        let longest = found[0].text.lines().map(str::len).max().unwrap();
        assert!(
            (RECORD_BYTES_MAX + 1..RECORD_BYTES_MAX + 16).contains(&longest),
            "{longest}"
        );
    }

    #[test]
    fn what_was_sent_is_passed_over() {
        let mut pieces = Pieces::new("h\n1\n2\n3\n".as_bytes(), FileFormat::Csv);
        pieces.skip_to(3).unwrap();
        let piece = pieces.next().unwrap().unwrap();
        assert_eq!((piece.from_line, piece.text.as_str()), (3, "2\n3\n"));
        assert!(pieces.next().unwrap().is_none());
        assert!(pieces.skip_to(4).unwrap());
        assert!(pieces.skip_to(5).unwrap());
        assert!(!pieces.skip_to(6).unwrap());
    }

    #[test]
    fn a_byte_order_mark_is_left_out_and_other_encodings_are_named() {
        let mut pieces = Pieces::new("\u{feff}a\n".as_bytes(), FileFormat::Csv);
        assert_eq!(pieces.line().unwrap().as_deref(), Some("a\n"));
        let mut pieces = Pieces::new(&b"a\n\xc4\xe3\n"[..], FileFormat::Csv);
        pieces.line().unwrap();
        assert!(matches!(pieces.line(), Err(Unreadable::Encoding(2))));
    }

    #[test]
    fn quotes_open_at_the_begin_of_a_field_alone() {
        for (record, open) in [
            ("a,\"b\n", true),
            ("a,\"b\"\"\n", true),
            ("a,\"b\"\n", false),
            ("5'10\",x\n", false),
            ("\"\"\n", false),
        ] {
            let mut quote = Quote::default();
            quote.pass(record);
            assert_eq!(quote.is_open, open, "{record:?}");
        }
    }
}
