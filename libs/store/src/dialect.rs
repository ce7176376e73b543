//! Statements as they are written here, in the words of PostgreSQL.
//!
//! What differs is written anew: placeholders and their types, `LIKE` (which knows no
//! case in SQLite), literals of bytes and the names of types in casts. The functions that
//! PostgreSQL lacks are in `postgres/functions.sql`. Everything else has to mean the same
//! in both: the crate's documentation lists what does not.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use crate::token;
use crate::value::Value;

/// Translations that are kept: a statement has one for each kind that its values have had.
const KEPT_MAX: usize = 512;
/// Longer ones are not kept: they insert many rows and are hardly ever the same.
const KEPT_BYTES_MAX: usize = 4 * 1024;

/// A statement for PostgreSQL.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Translated {
    /// Its text.
    pub(crate) text: String,
    /// Which of the values `$1`, `$2`, … are.
    pub(crate) places: Vec<usize>,
    /// Whether it gives rows; otherwise the number of rows that it touched counts.
    pub(crate) gives_rows: bool,
}

/// Translations by what they were made of: statements, and the kinds of their values.
#[derive(Default)]
struct Kept {
    by_text: HashMap<String, HashMap<Vec<u8>, Arc<Translated>>>,
    /// Those of all texts.
    count: usize,
}

/// It holds no values of users, only the texts of this program.
static KEPT: Mutex<Option<Kept>> = Mutex::new(None);

/// Translates a statement, or finds the translation.
pub(crate) fn translate(sql: &str, values: &[Value]) -> Arc<Translated> {
    if sql.len() > KEPT_BYTES_MAX {
        return Arc::new(translate_anew(sql, values));
    }
    match KEPT.lock() {
        Ok(mut kept) => kept.get_or_insert_default().translate(sql, values),
        Err(_) => Arc::new(translate_anew(sql, values)),
    }
}

impl Kept {
    fn translate(&mut self, sql: &str, values: &[Value]) -> Arc<Translated> {
        let kinds: Vec<u8> = values.iter().map(kind).collect();
        let of_text = self.by_text.get(sql);
        if let Some(found) = of_text.and_then(|of_text| of_text.get(&kinds)) {
            return Arc::clone(found);
        }
        if self.count >= KEPT_MAX {
            *self = Self::default();
        }
        let made = Arc::new(translate_anew(sql, values));
        let of_text = self.by_text.entry(sql.to_owned()).or_default();
        of_text.insert(kinds, Arc::clone(&made));
        self.count += 1;
        made
    }
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Integer(_) => 1,
        Value::Real(_) => 2,
        Value::Text(_) => 3,
        Value::Blob(_) => 4,
    }
}

/// The type that a placeholder is declared with; none for NULL, which is written out.
fn type_of(value: &Value) -> Option<&'static str> {
    match value {
        Value::Null => None,
        Value::Integer(_) => Some("bigint"),
        Value::Real(_) => Some("float8"),
        Value::Text(_) => Some("text"),
        Value::Blob(_) => Some("bytea"),
    }
}

fn translate_anew(sql: &str, values: &[Value]) -> Translated {
    let mut made = Translated {
        text: String::with_capacity(sql.len() + values.len() * 8),
        places: Vec::new(),
        gives_rows: gives_rows(sql),
    };
    // The last word, and whether the piece before this one was it.
    let mut last = "";
    for one in token::tokens(sql) {
        if let Some(number) = one.strip_prefix('?') {
            push_place(&mut made, number, values);
        } else if one.starts_with('\'') && token::is(last, "x") {
            let bytes = one.trim_matches('\'');
            made.text.pop();
            // It cannot fail: it writes to memory.
            let _ = write!(made.text, "'\\x{bytes}'::bytea");
        } else {
            made.text.push_str(word(one, last));
        }
        if !token::is_blank(one) {
            last = one;
        }
    }
    made
}

/// `?3` as the next `$`, or the one it has already.
fn push_place(made: &mut Translated, number: &str, values: &[Value]) {
    let place = number.parse::<usize>().unwrap_or(0).wrapping_sub(1);
    let Some(declared) = values.get(place).and_then(type_of) else {
        made.text.push_str("NULL");
        return;
    };
    let known = made.places.iter().position(|known| *known == place);
    let at = known.unwrap_or_else(|| {
        made.places.push(place);
        made.places.len() - 1
    });
    let _ = write!(made.text, "${}::{declared}", at + 1);
}

/// A word as PostgreSQL has it.
fn word<'a>(one: &'a str, last: &str) -> &'a str {
    if token::is(one, "LIKE") {
        return "ILIKE";
    }
    if !token::is(last, "AS") {
        return one;
    }
    match one {
        "INTEGER" => "BIGINT",
        "REAL" => "DOUBLE PRECISION",
        "BLOB" => "BYTEA",
        other => other,
    }
}

/// Whether a statement answers with rows.
fn gives_rows(sql: &str) -> bool {
    let mut words = token::tokens(sql).filter(|one| !token::is_blank(one));
    let first = words.next().unwrap_or("");
    if ["SELECT", "VALUES", "EXPLAIN", "SHOW"]
        .iter()
        .any(|word| token::is(first, word))
    {
        return true;
    }
    let mut writes = !token::is(first, "WITH");
    for one in words {
        if token::is(one, "RETURNING") {
            return true;
        }
        writes |= ["INSERT", "UPDATE", "DELETE"]
            .iter()
            .any(|word| token::is(one, word));
    }
    !writes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    #[test]
    fn placeholders_get_types_and_nulls_are_written_out() {
        let made = translate(
            "UPDATE t SET a = ?3, b = ?1, c = ?2 WHERE id = ?1 AND d = '?2'",
            &params!["x", None::<i64>, 7],
        );
        assert_eq!(
            made.text,
            "UPDATE t SET a = $1::bigint, b = $2::text, c = NULL WHERE id = $2::text AND d = '?2'"
        );
        assert_eq!(made.places, [2, 0]);
        let values = params!["x", None::<i64>, 7];
        let again = translate(
            "SELECT ?4, ?5, ?6",
            &[&values[..], &params![1.5, vec![1_u8]]].concat(),
        );
        assert_eq!(again.text, "SELECT $1::float8, $2::bytea, NULL");
    }

    #[test]
    fn the_kinds_of_values_make_another_text() {
        let sql = "SELECT ?1 IS NULL OR ?1 = 'a'";
        assert_eq!(
            translate(sql, &params!["x"]).text,
            "SELECT $1::text IS NULL OR $1::text = 'a'"
        );
        let none = translate(sql, &params![None::<&str>]);
        assert_eq!(none.text, "SELECT NULL IS NULL OR NULL = 'a'");
        assert!(none.places.is_empty());
        let mut kept = Kept::default();
        assert!(Arc::ptr_eq(
            &kept.translate(sql, &params!["y"]),
            &kept.translate(sql, &params!["z"])
        ));
    }

    #[test]
    fn whatever_of_its_values_is_missing_a_statement_fills_no_more_than_the_bound() {
        let places: Vec<String> = (1..=10).map(|place| format!("?{place}")).collect();
        let sql = format!("SELECT {}", places.join(", "));
        let mut kept = Kept::default();
        for pattern in 0_u32..1 << 10 {
            let values: Vec<Value> = (0..10)
                .map(|place| Value::from((pattern >> place & 1 == 1).then_some(1_i64)))
                .collect();
            kept.translate(&sql, &values);
            let held: usize = kept.by_text.values().map(HashMap::len).sum();
            assert!(held <= KEPT_MAX && held == kept.count, "{held}");
        }
    }

    #[test]
    fn words_that_mean_something_else_are_replaced() {
        let text = |sql: &str| translate(sql, &[]).text.clone();
        assert_eq!(
            text("SELECT x'00fF', x''"),
            "SELECT '\\x00fF'::bytea, '\\x'::bytea"
        );
        assert_eq!(
            text("SELECT CAST(a AS INTEGER), CAST(b AS  REAL), 'LIKE' LIKE c"),
            "SELECT CAST(a AS BIGINT), CAST(b AS  DOUBLE PRECISION), 'LIKE' ILIKE c"
        );
    }

    #[test]
    fn statements_that_give_rows_are_known() {
        for sql in [
            "SELECT 1",
            " -- why\n select 1",
            "INSERT INTO a VALUES (1) RETURNING b",
            "WITH a AS (SELECT 1) SELECT * FROM a",
            "EXPLAIN SELECT 1",
        ] {
            assert!(translate(sql, &[]).gives_rows, "{sql}");
        }
        for sql in [
            "UPDATE a SET b = 1",
            "BEGIN",
            "SAVEPOINT x",
            "WITH a AS (SELECT 1) DELETE FROM b",
            "CREATE TABLE returning_guests (a TEXT)",
        ] {
            assert!(!translate(sql, &[]).gives_rows, "{sql}");
        }
    }
}
