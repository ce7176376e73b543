//! Reads TOML by hand, so that every error names its file, line, column and key.
//!
//! A reader asks a [`Table`] for the keys it knows and closes it with
//! [`Table::finish`], which refuses the keys nobody asked for. Problems are
//! collected on the way instead of ending the work at the first one:
//!
//! ```
//! let text = "naem = \"shop\"\nport = \"80\"\n";
//! let error = host_spanned_toml::read("app.toml", text, |table| {
//!     let name = table.string("name").unwrap_or_default().to_owned();
//!     let port = table.integer("port", 1..=65_535);
//!     table.finish();
//!     Some((name, port))
//! })
//! .unwrap_err();
//!
//! assert_eq!(error.to_string(), "app.toml:1:1: naem: unknown key");
//! assert_eq!(error.problems().len(), 2);
//! ```

mod error;
#[cfg(feature = "golden")]
pub mod golden;
mod suggest;
mod table;
mod value;

use std::cell::RefCell;
use std::io::Read as _;
use std::ops::Range;
use std::path::Path;

pub use error::{Error, Problem};
pub use suggest::closest;
pub use table::Table;
pub use value::Value;

use toml::de::DeTable;

/// Largest file that is read.
pub const FILE_BYTES_MAX: u64 = 4 << 20;

/// A place in the text, in bytes.
pub type Span = Range<usize>;

/// Collects the problems of one file while it is read.
#[derive(Debug)]
pub struct Sink<'d> {
    file: &'d str,
    text: &'d str,
    problems: RefCell<Vec<Problem>>,
    secrets: RefCell<Vec<Span>>,
}

impl<'d> Sink<'d> {
    fn new(file: &'d str, text: &'d str) -> Self {
        Self {
            file,
            text,
            problems: RefCell::default(),
            secrets: RefCell::default(),
        }
    }

    /// Reports a problem with a key, anywhere in the file or, without a span,
    /// with the file as a whole.
    pub fn report(&self, problem: Problem) {
        let problem = problem.placed(self.file, self.text);
        self.problems.borrow_mut().push(problem);
    }

    /// A place as `file:line:column`, to be named in a reason.
    pub fn place(&self, span: &Span) -> String {
        let (line, column) = error::position(self.text, span.start);
        format!("{}:{line}:{column}", self.file)
    }

    fn hide(&self, span: Span) {
        self.secrets.borrow_mut().push(span);
    }

    fn into_error(self) -> Option<Error> {
        let problems = self.problems.into_inner();
        let text = masked(self.text, &self.secrets.into_inner());
        (!problems.is_empty()).then(|| Error::new(self.file, text, problems))
    }
}

/// Parses a text and builds a value from its root table.
///
/// # Errors
/// When the text is not TOML, when `build` reported a problem, or when it
/// returned nothing.
pub fn read<T>(
    file: &str,
    text: &str,
    build: impl FnOnce(Table<'_>) -> Option<T>,
) -> Result<T, Error> {
    let root = DeTable::parse(text).map_err(|error| syntax_error(file, text, &error))?;
    let sink = Sink::new(file, text);
    let built = build(Table::root(&sink, root.get_ref()));
    if built.is_none() && sink.problems.borrow().is_empty() {
        sink.report(Problem::new("", "it cannot be read", "check its content"));
    }
    match (built, sink.into_error()) {
        (Some(built), None) => Ok(built),
        (_, Some(error)) => Err(error),
        (None, None) => Err(Error::unreadable(file, "it cannot be read", "check it")),
    }
}

/// Reads a file of text.
///
/// # Errors
/// When the file cannot be opened, is too large or is not UTF-8.
pub fn read_file(path: &Path) -> Result<String, Error> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| {
            Error::unreadable(
                &name,
                &format!("it cannot be opened: {error}"),
                "check that the file exists and can be read",
            )
        })?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let reason = format!("it is larger than {FILE_BYTES_MAX} bytes");
        return Err(Error::unreadable(&name, &reason, "name the right file"));
    }
    String::from_utf8(bytes)
        .map_err(|_| Error::unreadable(&name, "it is not UTF-8", "save it in UTF-8"))
}

fn syntax_error(file: &str, text: &str, error: &toml::de::Error) -> Error {
    let reason = format!("not TOML: {}", error.message().replace('\n', ", "));
    let mut problem = Problem::new("", reason, "mend the syntax; https://toml.io explains it");
    if let Some(span) = error.span() {
        problem = problem.at(span);
    }
    let problem = problem.placed(file, text);
    Error::new(file, masked(text, &values(text)), vec![problem])
}

/// What may be a value in a text that is no TOML, so that nobody can say which
/// of it is a secret: on each line all but a bare key and its `=`. Comments
/// without a `=` and the heads of tables are none.
fn values(text: &str) -> Vec<Span> {
    let mut start = 0;
    let mut is_in_text = false;
    let mut spans = Vec::new();
    for line in text.split_inclusive('\n') {
        let content = line.trim();
        let hidden_from = match content.split_once('=') {
            _ if is_in_text => Some(0),
            Some((left, _)) if is_plain(left.trim_start_matches('#')) => {
                line.find('=').map(|at| at + 1)
            }
            Some(_) => Some(0),
            None if content.starts_with('#') => None,
            None if content.starts_with('[') && is_plain(content.trim_matches(['[', ']'])) => None,
            None => Some(0),
        };
        let end = start + line.len();
        spans.extend(hidden_from.map(|from| start + from..end));
        start = end;
        let marks = line.matches("\"\"\"").count() + line.matches("\'\'\'").count();
        is_in_text ^= marks % 2 == 1;
    }
    spans
}

/// Whether a text is what keys are made of, without quotes.
fn is_plain(key: &str) -> bool {
    key.chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-. \t".contains(c))
}

/// The text with its secrets covered, byte by byte so that places stay true.
fn masked(text: &str, secrets: &[Span]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for byte in secrets
        .iter()
        .filter_map(|span| bytes.get(span.clone()).map(|_| span.clone()))
        .collect::<Vec<_>>()
        .into_iter()
        .flatten()
    {
        if let Some(byte) = bytes.get_mut(byte).filter(|byte| **byte != b'\n') {
            *byte = b'*';
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_error(text: &str, build: impl FnOnce(Table<'_>)) -> Error {
        read("a.toml", text, |table| {
            build(table);
            Some(())
        })
        .expect_err("text has a problem")
    }

    #[test]
    fn syntax_errors_have_a_place() {
        let error = first_error("a = 1\nb =\n", |_| ());
        assert!(
            error.to_string().starts_with("a.toml:2:4: not TOML: "),
            "{error}"
        );
    }

    #[test]
    fn places_count_characters() {
        let error = first_error("a = { \"é\" = 1, x = 2 }", |table| {
            if let Some(a) = table.table("a") {
                a.finish();
            }
        });
        let places: Vec<_> = error.problems().iter().map(|p| p.position()).collect();
        assert_eq!(places, [Some((1, 7)), Some((1, 16))]);
    }

    #[test]
    fn unknown_keys_suggest_the_known_ones() {
        let error = first_error("[a]\ntimeuot = 1\n", |table| {
            if let Some(a) = table.table("a") {
                a.integer("timeout", 0..=9);
                a.finish();
            }
            table.finish();
        });
        assert_eq!(
            format!("{error:#}"),
            "a.toml:2:1: a.timeuot: unknown key; did you mean \"timeout\"?"
        );
    }

    #[test]
    fn keys_that_are_not_bare_are_quoted() {
        let error = first_error("[a.\"x:y/z\"]\nq = 1\n", |table| {
            for (_, value) in table.table("a").iter().flat_map(Table::entries) {
                if let Some(inner) = value.table() {
                    inner.finish();
                }
            }
            table.finish();
        });
        assert!(error.to_string().contains(": a.\"x:y/z\".q: "), "{error}");
    }

    #[test]
    fn wrong_types_say_what_is_wanted() {
        let text = "s = 1\ni = \"1\"\nb = 1.5\nt = []\na = {}\nl = [1]\nr = 7\n";
        let error = first_error(text, |table| {
            table.string("s");
            table.integer("i", 0..=9);
            table.boolean("b");
            table.table("t");
            table.array("a");
            table.strings("l");
            table.integer("r", 0..=6);
            table.finish();
        });
        let all = format!("{error:#}");
        assert_eq!(
            all.lines().collect::<Vec<_>>(),
            [
                "a.toml:1:5: s: expected a string, found an integer; write it in quotes, such as \"text\"",
                "a.toml:2:5: i: expected an integer, found a string; write a whole number without quotes",
                "a.toml:3:5: b: expected a boolean, found a float; write true or false",
                "a.toml:4:5: t: expected a table, found an array; write { key = value }, or a section of its own",
                "a.toml:5:5: a: expected an array, found a table; write a list, such as [\"first\", \"second\"]",
                "a.toml:6:6: l[0]: expected a string, found an integer; write it in quotes, such as \"text\"",
                "a.toml:7:5: r: 7 is out of range; write a number from 0 to 6",
            ]
        );
    }

    #[test]
    fn missing_keys_point_at_their_table() {
        let error = first_error("[a]\nx = 1\n\n[b]\n", |table| {
            if let Some(b) = table.table("b") {
                b.require("y", "add it");
                b.finish();
            }
        });
        assert_eq!(format!("{error:#}"), "a.toml:4:1: b.y: missing; add it");
    }

    #[test]
    fn misspelt_keys_are_not_missing_too() {
        let error = first_error("soruce = 1\n", |table| {
            table.require("source", "add it");
            table.require("name", "add it");
            table.finish();
        });
        assert_eq!(
            format!("{error:#}"),
            "a.toml:1:1: soruce: unknown key; did you mean \"source\"?\n\
             a.toml:1:1: name: missing; add it"
        );
    }

    #[test]
    fn secrets_are_covered_in_the_report() {
        let error = first_error("token = \"päss\"\nx = 1\n", |table| {
            if let Some(token) = table.get("token") {
                token.secret();
            }
            table.finish();
        });
        let report = format!("{:?}", miette::Report::new(error));
        assert!(report.contains("token = *"), "{report}");
        assert!(!report.contains("ss\""), "{report}");
    }

    #[test]
    fn syntax_errors_show_no_values() {
        for text in [
            "token = \"hunter2\nx = 1\n",
            "token = hunter2\n",
            "[a]\ntoken = { value = \"hunter2\"\n",
            "[a]\ntokens = [\n  \"hunter2\",\n  nothing\n]\n",
            "token = \"\"\"\nhunter2\n\"\n",
            "hunter2\n",
            "token \"hunter2\"\n",
            "[[\"hunter2\"]\n",
            "\"hunter2 = 1\n",
            "a = [\n\"hunter2==\",\n!\n]\n",
            "a = \"\"\"\nhunter2=\n\"\"\"\nb = !\n",
            "# token = \"hunter2\"\nb = !\n",
        ] {
            let error = first_error(text, |_| ());
            let message = format!("{error:#}");
            let report = format!("{message} {:?}", miette::Report::new(error));
            assert!(!report.contains("hunter2"), "{report}");
        }
        let error = first_error("[a]\ntoken = hunter2\n", |_| ());
        let report = format!("{:?}", miette::Report::new(error));
        assert!(report.contains("token =*"), "{report}");
    }

    #[test]
    fn files_that_cannot_be_read_are_named() {
        let folder = tempfile::tempdir().expect("folder");
        let missing = folder.path().join("no.toml");
        let error = read_file(&missing).expect_err("missing");
        assert!(
            error.to_string().contains("no.toml: it cannot be opened: "),
            "{error}"
        );
        let binary = folder.path().join("b.toml");
        std::fs::write(&binary, [0xff, 0xfe]).expect("write");
        let error = read_file(&binary).expect_err("binary");
        assert!(
            error.to_string().ends_with("b.toml: it is not UTF-8"),
            "{error}"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = read("a.toml", &text, |table| {
                for (_, value) in table.entries() {
                    value.string();
                    value.integer(0..=1);
                }
                table.finish();
                Some(())
            }).map_err(|error| {
                let all = format!("{error:#}");
                (all, format!("{:?}", miette::Report::new(error)))
            });
        }
    }
}
