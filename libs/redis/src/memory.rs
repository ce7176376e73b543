//! A Redis in the memory of a native test.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::error::RedisError;
use crate::value::Value;

/// A value and the instant when it is forgotten.
type Entry = (Vec<u8>, Option<u64>);

/// Keys that native tests share over several `Redis`; its clock stands still
/// until it is moved.
#[derive(Clone, Debug, Default)]
pub struct Memory(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    entries: RefCell<BTreeMap<Vec<u8>, Entry>>,
    now_ms: Cell<u64>,
    is_broken: Cell<bool>,
}

impl Memory {
    /// No keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets time pass.
    pub fn advance_ms(&self, ms: u64) {
        self.0.now_ms.set(self.0.now_ms.get().saturating_add(ms));
    }

    /// Answers nothing from now on, or answers again.
    pub fn set_broken(&self, is_broken: bool) {
        self.0.is_broken.set(is_broken);
    }

    pub(crate) fn run(&self, name: &str, args: &[Vec<u8>]) -> Result<Vec<Value>, RedisError> {
        if self.0.is_broken.get() {
            return Err(RedisError::Unavailable("broken".to_owned()));
        }
        let now_ms = self.0.now_ms.get();
        let mut entries = self.0.entries.borrow_mut();
        entries.retain(|_, (_, until_ms)| until_ms.is_none_or(|until| until > now_ms));
        let value = match (name, args) {
            ("GET", [key]) => entries
                .get(key)
                .map_or(Value::Nil, |(value, _)| Value::Bytes(value.clone())),
            ("SET", [key, value, options @ ..]) => {
                let options = Options::parse(options)?;
                if options.only_absent && entries.contains_key(key) {
                    return Ok(vec![Value::Nil]);
                }
                let until_ms = options.ttl_ms.map(|ttl| now_ms.saturating_add(ttl));
                entries.insert(key.clone(), (value.clone(), until_ms));
                Value::Status("OK".to_owned())
            }
            ("DEL", keys) => {
                let removed = keys.iter().filter(|key| entries.remove(*key).is_some());
                count(removed.count())
            }
            ("EXISTS", keys) => {
                let there = keys.iter().filter(|key| entries.contains_key(*key));
                count(there.count())
            }
            _ => return Err(RedisError::told(name, "ERR not known here")),
        };
        Ok(vec![value])
    }
}

fn count(number: usize) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// What may follow the value of `SET`.
#[derive(Default)]
struct Options {
    only_absent: bool,
    ttl_ms: Option<u64>,
}

impl Options {
    fn parse(mut words: &[Vec<u8>]) -> Result<Self, RedisError> {
        let mut options = Self::default();
        loop {
            words = match words {
                [] => return Ok(options),
                [word, rest @ ..] if word == b"NX" => {
                    options.only_absent = true;
                    rest
                }
                [word, ttl, rest @ ..] if word == b"PX" => {
                    let ttl = std::str::from_utf8(ttl)
                        .ok()
                        .and_then(|ttl| ttl.parse().ok());
                    options.ttl_ms = Some(ttl.ok_or_else(|| RedisError::unexpected("SET"))?);
                    rest
                }
                _ => return Err(RedisError::told("SET", "ERR syntax error")),
            };
        }
    }
}
