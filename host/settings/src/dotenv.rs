//! Files of environment variables, such as `.env`.
//!
//! A line is `NAME=value`, with or without `export` before it. Values in single
//! quotes are taken as they are; in double quotes `\n`, `\r`, `\t`, `\"`, `\\`
//! and `\$` are escapes; both may go over several lines. Values without quotes
//! end at a `#` after a space. `$NAME` is not replaced.

use std::collections::BTreeMap;
use std::str::Chars;

/// The variables of a text, and the lines that were not understood.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Dotenv {
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) bad_lines: Vec<usize>,
}

/// Reads all lines; a later one for the same name wins.
pub(crate) fn parse(text: &str) -> Dotenv {
    let mut dotenv = Dotenv::default();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line_number = 1;
    while !rest.is_empty() {
        let (entry, after) = match parse_entry(rest) {
            Some((entry, after)) => (entry, after),
            None => {
                dotenv.bad_lines.push(line_number);
                (None, after_line(rest))
            }
        };
        dotenv.variables.extend(entry);
        let read = rest.len() - after.len();
        let lines = rest.get(..read).unwrap_or_default().matches('\n');
        line_number += lines.count();
        rest = after;
    }
    dotenv
}

fn after_line(text: &str) -> &str {
    text.split_once('\n').map_or("", |(_, after)| after)
}

type Entry = Option<(String, String)>;

/// One entry, or none on an empty line, and what follows its line.
fn parse_entry(text: &str) -> Option<(Entry, &str)> {
    let line = text.lines().next().unwrap_or_default();
    let start = line.trim_start();
    if start.is_empty() || start.starts_with('#') {
        return Some((None, after_line(text)));
    }
    let (name, _) = line.split_once('=')?;
    let value = text.get(name.len() + 1..)?;
    let name = name.trim();
    let name = match name.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
        _ => name,
    };
    let is_name = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    if name.is_empty() || !is_name {
        return None;
    }
    let (value, after) = parse_value(value)?;
    Some((Some((name.to_owned(), value)), after))
}

fn parse_value(text: &str) -> Option<(String, &str)> {
    let trimmed = text.trim_start_matches([' ', '\t']);
    let Some(quote) = trimmed.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let line = trimmed.lines().next().unwrap_or_default();
        return Some((unquoted(line), after_line(trimmed)));
    };
    let mut chars = trimmed.chars();
    chars.next();
    let mut value = String::new();
    loop {
        match chars.next()? {
            c if c == quote => break,
            '\\' if quote == '"' => value.push(escaped(&mut chars)?),
            c => value.push(c),
        }
    }
    let after = chars.as_str();
    let tail = after.lines().next().unwrap_or_default().trim();
    if !tail.is_empty() && !tail.starts_with('#') {
        return None;
    }
    Some((value, after_line(after)))
}

fn unquoted(line: &str) -> String {
    let end = match line.starts_with('#') {
        true => 0,
        false => line.find(" #").unwrap_or(line.len()),
    };
    line.get(..end).unwrap_or_default().trim().to_owned()
}

fn escaped(chars: &mut Chars<'_>) -> Option<char> {
    match chars.next()? {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        c @ ('"' | '\\' | '$' | '\'') => Some(c),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value_of(text: &str) -> Option<String> {
        parse(text).variables.remove("A")
    }

    #[test]
    fn values_are_read_as_written() {
        for (text, value) in [
            ("A=b", "b"),
            ("A = b ", "b"),
            ("export A=b", "b"),
            ("\u{feff}A=b\r\n", "b"),
            ("A=", ""),
            ("A=b # c", "b"),
            ("A=# c", ""),
            ("A=b#c", "b#c"),
            ("A=b=c", "b=c"),
            ("A='b # \"c\" \\n'", "b # \"c\" \\n"),
            ("A=\"b\\n\\\"c\\\"\" # d", "b\n\"c\""),
            ("A=\"b\nc\"\nB=d", "b\nc"),
            ("A=1\nA=2", "2"),
            ("A=$B", "$B"),
        ] {
            assert_eq!(value_of(text).as_deref(), Some(value), "{text:?}");
            assert_eq!(parse(text).bad_lines, [0; 0], "{text:?}");
        }
    }

    #[test]
    fn lines_that_are_not_understood_are_counted() {
        let text = "A=1\n# fine\n\nno equals\nB=\"x\ny\"\nC=\"\\q\"\nD=\"a\"b\n E F=1\nG=2";
        let dotenv = parse(text);
        assert_eq!(dotenv.bad_lines, [4, 7, 8, 9]);
        let names: Vec<_> = dotenv.variables.keys().collect();
        assert_eq!(names, ["A", "B", "G"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "([A-Z='\"\\\\# \n]|\\PC){0,40}") {
            parse(&text);
        }
    }
}
