//! `string.find` and its kin, as far as the prelude does not do it.

use mlua::{Lua, LuaString, MultiValue, Value};

use super::interpreter::Budget;
use super::pattern::{Captured, PatternError, Search};

/// What is to be found.
pub(super) struct Question<'a> {
    pub(super) subject: &'a LuaString,
    pub(super) pattern: &'a LuaString,
    /// From where on, counted from 1.
    pub(super) start: usize,
    /// `plain`; `anchored` where `^` means the start, `found` where a pattern may
    /// be plain text besides; or `repeated` where `^` is a byte.
    pub(super) kind: String,
}

/// Gives where the first match begins and ends, counted from 1, and its
/// captures; nothing when there is none; an error's text instead of the first.
pub(super) fn search(
    lua: &Lua,
    question: &Question<'_>,
    budget: &Budget,
) -> mlua::Result<MultiValue> {
    let (subject, pattern) = (question.subject.as_bytes(), question.pattern.as_bytes());
    let start = question.start.saturating_sub(1).min(subject.len());
    budget.charge(pattern.len())?;
    let is_plain = match question.kind.as_str() {
        "plain" => true,
        "found" => !pattern.iter().any(|byte| SPECIAL.contains(byte)),
        _ => false,
    };
    if is_plain {
        let rest = subject.get(start..).unwrap_or_default();
        // Its time grows with both together, not with their product.
        budget.charge(rest.len() / PLAIN_FASTER)?;
        let Some(at) = memchr::memmem::find(rest, &pattern) else {
            return Ok(MultiValue::new());
        };
        let values = [start + at + 1, start + at + pattern.len()];
        return Ok(values.into_iter().map(number).collect());
    }
    let anchored = pattern
        .strip_prefix(b"^")
        .filter(|_| question.kind != "repeated");
    let steps_max = budget.left();
    let is_late = || budget.is_over();
    let mut search = Search::new(&subject, anchored.unwrap_or(&pattern), steps_max, &is_late);
    let outcome = search.first(start, anchored.is_some());
    budget.count(steps_max - search.steps_left());
    let found = match outcome {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(MultiValue::new()),
        Err(PatternError::TooLong) => return Err(budget.stop()),
        Err(PatternError::Malformed(reason)) => {
            let reason = Value::String(lua.create_string(reason)?);
            return Ok([reason].into_iter().collect());
        }
    };
    let (from, to) = found.range;
    let mut values = vec![number(from + 1), number(to)];
    for capture in found.captures {
        values.push(match capture {
            Captured::Position(at) => number(at + 1),
            Captured::Range(from, to) => {
                let bytes = subject.get(from..to).unwrap_or_default();
                budget.charge(bytes.len())?;
                Value::String(lua.create_string(bytes)?)
            }
        });
    }
    Ok(values.into_iter().collect())
}

/// What makes a pattern of a text, as Lua sees it: `)` and `]` alone do not.
const SPECIAL: &[u8] = b"^$*+?.([%-";
/// How much faster a plain search gets through bytes than other work does.
const PLAIN_FASTER: usize = 4;

#[expect(
    clippy::cast_precision_loss,
    reason = "memory ends far below the numbers that Lua cannot hold"
)]
fn number(place: usize) -> Value {
    Value::Number(place as f64)
}
