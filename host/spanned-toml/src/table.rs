//! A table of which every key must be asked for.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use toml::de::DeTable;

use crate::{Problem, Sink, Span, Value, closest};

/// A table that remembers which keys were asked for.
#[derive(Debug)]
pub struct Table<'d> {
    sink: &'d Sink<'d>,
    path: String,
    span: Span,
    entries: &'d DeTable<'d>,
    known: RefCell<Vec<&'static str>>,
    missing: RefCell<Vec<(&'static str, String)>>,
    open: std::cell::Cell<bool>,
}

impl<'d> Table<'d> {
    pub(crate) fn root<'s: 'd>(sink: &'s Sink<'s>, entries: &'d DeTable<'d>) -> Self {
        Self::new(sink, String::new(), 0..0, entries)
    }

    pub(crate) fn new<'s: 'd>(
        sink: &'s Sink<'s>,
        path: String,
        span: Span,
        entries: &'d DeTable<'d>,
    ) -> Self {
        Self {
            sink,
            path,
            span,
            entries,
            known: RefCell::default(),
            missing: RefCell::default(),
            open: std::cell::Cell::new(false),
        }
    }

    /// The key path of the table; empty for the root.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The key path of one of its keys.
    pub fn path_of(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// Where the table begins.
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// Where problems go.
    pub fn sink(&self) -> &'d Sink<'d> {
        self.sink
    }

    /// Reports a problem with the table as a whole.
    pub fn fail(&self, reason: impl Into<String>, mend: impl Into<String>) {
        self.sink
            .report(Problem::new(&self.path, reason, mend).at(self.span()));
    }

    /// The value of a key.
    pub fn get(&self, key: &'static str) -> Option<Value<'d>> {
        self.known.borrow_mut().push(key);
        let (name, value) = self.entries.get_key_value(key)?;
        Some(Value::new(self.sink, self.path_of(key), name.span(), value))
    }

    /// The value of a key that must be there. [`Self::finish`] reports it when
    /// it is not, with the way to add it.
    pub fn require(&self, key: &'static str, mend: &str) -> Option<Value<'d>> {
        let value = self.get(key);
        if value.is_none() {
            self.missing.borrow_mut().push((key, mend.to_owned()));
        }
        value
    }

    /// The text of a key.
    pub fn string(&self, key: &'static str) -> Option<&'d str> {
        self.get(key)?.string()
    }

    /// The truth of a key.
    pub fn boolean(&self, key: &'static str) -> Option<bool> {
        self.get(key)?.boolean()
    }

    /// The number of a key, within its bounds.
    pub fn integer(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        self.get(key)?.integer(range)
    }

    /// The table of a key.
    pub fn table(&self, key: &'static str) -> Option<Table<'d>> {
        self.get(key)?.table()
    }

    /// The elements of a key's array; none when there is no such key.
    pub fn array(&self, key: &'static str) -> Vec<Value<'d>> {
        self.get(key)
            .and_then(|value| value.array())
            .unwrap_or_default()
    }

    /// The elements of a key's array of strings, with their texts.
    pub fn strings(&self, key: &'static str) -> Vec<(&'d str, Value<'d>)> {
        self.array(key)
            .into_iter()
            .filter_map(|value| Some((value.string()?, value)))
            .collect()
    }

    /// Every entry in the order of the file, for tables whose keys are names.
    pub fn entries(&self) -> Vec<(&'d str, Value<'d>)> {
        self.ignore_rest();
        let mut entries: Vec<_> = self
            .entries
            .iter()
            .map(|(name, value)| {
                let path = self.path_of(name.get_ref());
                let name_text: &'d str = name.get_ref();
                (name_text, Value::new(self.sink, path, name.span(), value))
            })
            .collect();
        entries.sort_by_key(|(_, value)| value.key_span().start);
        entries
    }

    /// Lets every other key pass unread.
    pub fn ignore_rest(&self) {
        self.open.set(true);
    }

    /// Refuses the keys that were not asked for, and reports those that are
    /// missing. A required key that is only misspelt is reported once.
    pub fn finish(self) {
        let misspelt = if self.open.get() {
            Vec::new()
        } else {
            self.report_unknown()
        };
        for (key, mend) in self.missing.take() {
            if !misspelt.contains(&key) {
                self.sink
                    .report(Problem::new(self.path_of(key), "missing", mend).at(self.span()));
            }
        }
    }

    /// Reports the keys nobody asked for; returns those they were meant to be.
    fn report_unknown(&self) -> Vec<&'static str> {
        let known = self.known.borrow();
        let mut misspelt = Vec::new();
        for name in self.entries.keys() {
            let key: &str = name.get_ref();
            if known.contains(&key) {
                continue;
            }
            let meant = closest(key, known.iter().copied());
            let mend = match meant {
                Some(near) => format!("did you mean {near:?}?"),
                None if known.is_empty() => "remove it".to_owned(),
                None => format!("remove it; the keys here are {}", list(&known)),
            };
            misspelt.extend(meant);
            self.sink
                .report(Problem::new(self.path_of(key), "unknown key", mend).at(name.span()));
        }
        misspelt
    }
}

fn list(known: &[&str]) -> String {
    let mut sorted: Vec<&str> = known.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.join(", ")
}

/// A key path and one key more, in quotes where TOML needs them.
fn join(path: &str, key: &str) -> String {
    let bare = !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let dot = if path.is_empty() { "" } else { "." };
    if bare {
        format!("{path}{dot}{key}")
    } else {
        format!("{path}{dot}{key:?}")
    }
}
