//! A value with its key path and its place.

use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeInteger, DeValue};

use crate::{Problem, Sink, Span, Table};

/// A value with its key path and its place.
#[derive(Clone, Debug)]
pub struct Value<'d> {
    sink: &'d Sink<'d>,
    path: String,
    key_span: Span,
    value: &'d Spanned<DeValue<'d>>,
}

impl<'d> Value<'d> {
    pub(crate) fn new(
        sink: &'d Sink<'d>,
        path: String,
        key_span: Span,
        value: &'d Spanned<DeValue<'d>>,
    ) -> Self {
        Self {
            sink,
            path,
            key_span,
            value,
        }
    }

    /// The key path, such as `component.cart.files[0]`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where the value is.
    pub fn span(&self) -> Span {
        self.value.span()
    }

    /// Where its key is; for elements of arrays, where the element is.
    pub fn key_span(&self) -> Span {
        self.key_span.clone()
    }

    /// Where problems go.
    pub fn sink(&self) -> &'d Sink<'d> {
        self.sink
    }

    /// Reports a problem with the value.
    pub fn fail(&self, reason: impl Into<String>, mend: impl Into<String>) {
        self.sink
            .report(Problem::new(&self.path, reason, mend).at(self.span()));
    }

    /// Reports a problem with the key.
    pub fn fail_key(&self, reason: impl Into<String>, mend: impl Into<String>) {
        self.sink
            .report(Problem::new(&self.path, reason, mend).at(self.key_span()));
    }

    /// Keeps the value out of every report.
    pub fn secret(&self) {
        self.sink.hide(self.span());
    }

    /// Whether the value is a string.
    pub fn is_string(&self) -> bool {
        self.value.get_ref().is_str()
    }

    /// Whether the value is a table.
    pub fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }

    /// Whether the value is a boolean.
    pub fn is_boolean(&self) -> bool {
        self.value.get_ref().is_bool()
    }

    /// Whether the value is an array.
    pub fn is_array(&self) -> bool {
        self.value.get_ref().is_array()
    }

    /// The text; reports any other type.
    pub fn string(&self) -> Option<&'d str> {
        match self.value.get_ref() {
            DeValue::String(text) => Some(text),
            _ => self.wrong("a string", "write it in quotes, such as \"text\""),
        }
    }

    /// The truth; reports any other type.
    pub fn boolean(&self) -> Option<bool> {
        match self.value.get_ref() {
            DeValue::Boolean(truth) => Some(*truth),
            _ => self.wrong("a boolean", "write true or false"),
        }
    }

    /// The number, within its bounds; reports any other type or size.
    pub fn integer(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let DeValue::Integer(digits) = self.value.get_ref() else {
            return self.wrong("an integer", "write a whole number without quotes");
        };
        let number = number(digits).filter(|number| range.contains(number));
        if number.is_none() {
            self.fail(
                format!("{digits} is out of range"),
                format!("write a number from {} to {}", range.start(), range.end()),
            );
        }
        number
    }

    /// The table; reports any other type.
    pub fn table(&self) -> Option<Table<'d>> {
        match self.value.get_ref() {
            DeValue::Table(entries) => Some(Table::new(
                self.sink,
                self.path.clone(),
                self.span(),
                entries,
            )),
            _ => self.wrong("a table", "write { key = value }, or a section of its own"),
        }
    }

    /// The elements; reports any other type.
    pub fn array(&self) -> Option<Vec<Value<'d>>> {
        let DeValue::Array(elements) = self.value.get_ref() else {
            return self.wrong("an array", "write a list, such as [\"first\", \"second\"]");
        };
        let element = |(index, value): (usize, &'d Spanned<DeValue<'d>>)| {
            let path = format!("{}[{index}]", self.path);
            Value::new(self.sink, path, value.span(), value)
        };
        Some(elements.iter().enumerate().map(element).collect())
    }

    fn wrong<T>(&self, wanted: &str, mend: &str) -> Option<T> {
        let found = match self.value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.fail(format!("expected {wanted}, found {found}"), mend);
        None
    }
}

fn number(digits: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(digits.as_str(), digits.radix()).ok()
}
