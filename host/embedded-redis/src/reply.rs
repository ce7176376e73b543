//! What a command answers.

use std::borrow::Cow;

/// A reply in the shape of Redis's protocol, version 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// There is no such thing.
    Nil,
    /// A short word, such as `OK`.
    Status(Cow<'static, str>),
    /// A refusal, worded exactly as Redis words it, code first.
    Error(String),
    /// A number.
    Integer(i64),
    /// A value.
    Bulk(Vec<u8>),
    /// Several replies.
    Array(Vec<Reply>),
}

impl Reply {
    /// The reply of a command that did its work and has nothing to say.
    pub(crate) const OK: Self = Self::Status(Cow::Borrowed("OK"));

    /// A short word.
    pub(crate) fn status(word: &'static str) -> Self {
        Self::Status(Cow::Borrowed(word))
    }

    /// A count; no count here can leave the range of Redis's integers.
    pub(crate) fn count(count: usize) -> Self {
        Self::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// 1 for yes, 0 for no.
    pub(crate) fn flag(yes: bool) -> Self {
        Self::Integer(i64::from(yes))
    }

    /// A value or its absence.
    pub(crate) fn optional(value: Option<Vec<u8>>) -> Self {
        value.map_or(Self::Nil, Self::Bulk)
    }

    /// An array of values.
    pub(crate) fn bulks(values: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self::Array(values.into_iter().map(Self::Bulk).collect())
    }
}
