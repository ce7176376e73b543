//! One JSON line on stderr for each thing worth knowing.
//!
//! Values that look like secrets are never written: whatever a field named
//! like one holds, tokens, and e-mail addresses.

use serde_json::{Map, Value, json};

use crate::clock;

/// The longest value that is written, in characters.
const VALUE_CHARS_MAX: usize = 1000;

/// Names whose values are never written.
const SECRET_NAMES: [&str; 8] = [
    "password",
    "token",
    "secret",
    "authorization",
    "cookie",
    "email",
    "body",
    "key",
];

/// Something that went as it should.
pub fn info(message: &str, fields: &[(&str, &str)]) {
    write("info", message, fields);
}

/// Something odd that needs no action.
pub fn warn(message: &str, fields: &[(&str, &str)]) {
    write("warn", message, fields);
}

/// Something that went wrong.
pub fn error(message: &str, fields: &[(&str, &str)]) {
    write("error", message, fields);
}

fn write(level: &str, message: &str, fields: &[(&str, &str)]) {
    eprintln!("{}", line(level, message, fields, clock::now_ms()));
}

fn line(level: &str, message: &str, fields: &[(&str, &str)], now_ms: i64) -> String {
    let mut record = Map::new();
    record.insert("time".to_owned(), json!(clock::rfc3339(now_ms)));
    record.insert("level".to_owned(), json!(level));
    record.insert("message".to_owned(), json!(redacted(message)));
    for (name, value) in fields {
        let value = if is_secret(name) {
            "[redacted]".to_owned()
        } else {
            redacted(value)
        };
        record.insert((*name).to_owned(), Value::String(value));
    }
    Value::Object(record).to_string()
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.split(['_', '.', '-'])
        .any(|part| SECRET_NAMES.contains(&part))
}

/// The text with words that look like tokens or addresses taken out.
fn redacted(text: &str) -> String {
    let text: String = text.chars().take(VALUE_CHARS_MAX).collect();
    if !text.contains(['@', '.']) {
        return text;
    }
    let words =
        text.split_inclusive(|letter: char| letter.is_whitespace() || "\"'<>(),;".contains(letter));
    words.map(redacted_word).collect()
}

fn redacted_word(word: &str) -> String {
    let is_address = word.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && host.contains('.') && !name.contains("://")
    });
    let is_token = word.starts_with("eyJ") && word.matches('.').count() >= 2;
    if is_address || is_token {
        let last = word.chars().next_back();
        let tail = last.filter(|letter| !letter.is_alphanumeric());
        return format!("[redacted]{}", tail.map(String::from).unwrap_or_default());
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_json_with_its_fields() {
        let line = line("info", "user registered", &[("user.id", "u1")], 0);
        assert_eq!(
            line,
            r#"{"level":"info","message":"user registered","time":"1970-01-01T00:00:00.000Z","user.id":"u1"}"#
        );
    }

    #[test]
    fn secrets_are_not_written() {
        let line = line(
            "error",
            "no user fang.wang@example.com, sorry\nx",
            &[
                ("access_token", "abc"),
                ("cause", "token eyJhbGciOi.eyJzdWIi.c2ln, bad"),
                ("url", "redis://127.0.0.1:6379"),
            ],
            0,
        );
        for secret in ["fang", "abc", "eyJ", "\n"] {
            assert!(!line.contains(secret), "{line}");
        }
        assert!(line.contains("redis://127.0.0.1:6379"), "{line}");
    }
}
