//! Errors that say where they are and how to mend them.

use std::fmt;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

use crate::Span;

/// One thing wrong with a file.
///
/// `{}` writes `file:line:column: key: reason`, `{:#}` adds the mend.
#[derive(Clone, Debug)]
pub struct Problem {
    file: Arc<str>,
    position: Option<(usize, usize)>,
    span: Option<Span>,
    key: String,
    reason: String,
    mend: String,
    also: Vec<(Span, String)>,
}

impl Problem {
    /// A problem with a key, its reason, and how to mend it.
    pub fn new(key: impl Into<String>, reason: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            file: Arc::default(),
            position: None,
            span: None,
            key: key.into(),
            reason: reason.into(),
            mend: mend.into(),
            also: Vec::new(),
        }
    }

    /// Says where the problem is.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Points at a second place, which has to do with the problem.
    #[must_use]
    pub fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.also.push((span, label.into()));
        self
    }

    /// The key path, such as `component.cart.allowed_outbound_hosts[2]`; empty
    /// when the problem is the file's.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What is wrong.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// How to mend it.
    pub fn mend(&self) -> &str {
        &self.mend
    }

    /// Line and column, both from 1 and the column in characters.
    pub fn position(&self) -> Option<(usize, usize)> {
        self.position
    }

    pub(crate) fn placed(mut self, file: &str, text: &str) -> Self {
        self.file = file.into();
        self.position = self.span.as_ref().map(|span| position(text, span.start));
        self
    }
}

/// Line and column of a byte.
pub(crate) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.char_indices().take_while(|(at, _)| *at < offset);
    before.fold((1, 1), |(line, column), (_, c)| match c {
        '\n' => (line + 1, 1),
        _ => (line, column + 1),
    })
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some((line, column)) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.reason)?;
        if f.alternate() && !self.mend.is_empty() {
            write!(f, "; {}", self.mend)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.mend.is_empty()).then(|| Box::new(&self.mend) as Box<dyn fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.span.clone()?;
        let here = LabeledSpan::new_primary_with_span(Some("here".to_owned()), span);
        let also = self
            .also
            .iter()
            .map(|(span, label)| LabeledSpan::new_with_span(Some(label.clone()), span.clone()));
        Some(Box::new(std::iter::once(here).chain(also)))
    }
}

/// Everything that is wrong with a file: at least one [`Problem`].
///
/// `{}` writes the first problem, `{:#}` all of them with their mends, one on
/// each line. As a [`miette::Diagnostic`] it shows the places in the text.
pub struct Error(Box<Inner>);

struct Inner {
    source: Option<NamedSource<String>>,
    first: Problem,
    rest: Vec<Problem>,
}

impl Error {
    pub(crate) fn new(file: &str, text: String, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.span.as_ref().map_or(0, |span| span.start));
        let mut problems = problems.into_iter();
        let first = problems
            .next()
            .unwrap_or_else(|| Problem::new("", "unknown error", "").placed(file, &text));
        Self(Box::new(Inner {
            source: Some(NamedSource::new(file, text).with_language("TOML")),
            first,
            rest: problems.collect(),
        }))
    }

    /// A file that has no text to point at.
    pub fn unreadable(file: &str, reason: &str, mend: &str) -> Self {
        Self(Box::new(Inner {
            source: None,
            first: Problem::new("", reason, mend).placed(file, ""),
            rest: Vec::new(),
        }))
    }

    /// Every problem, in the order of the text.
    pub fn problems(&self) -> Vec<&Problem> {
        std::iter::once(&self.0.first).chain(&self.0.rest).collect()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return self.0.first.fmt(f);
        }
        self.0.first.fmt(f)?;
        self.0.rest.iter().try_for_each(|problem| {
            f.write_str("\n")?;
            problem.fmt(f)
        })
    }
}

// The text may hold secrets, so `Debug` shows what `Display` does.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#}")
    }
}

impl std::error::Error for Error {}

impl Diagnostic for Error {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.first.help()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0.first.labels()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        let source = self.0.source.as_ref()?;
        Some(source)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        if self.0.rest.is_empty() {
            return None;
        }
        let rest = self.0.rest.iter().map(|problem| problem as &dyn Diagnostic);
        Some(Box::new(rest))
    }
}
