//! Reports of a person's day, week or month: a model that is made of stored figures, and
//! its two renderings, JSON (the model itself) and a page for print.
//!
//! - [`Period`]: which days;
//! - [`make`]: figures, alerts and what is known of the person into a [`Report`];
//! - [`page`]: the report as one HTML document without scripts, links or pictures: its
//!   charts are SVG in the document, each with a title and a table beside it, and its
//!   only style is allowed by [`content_security_policy`].
//!
//! Everything that comes from outside is escaped where the page is made.

mod advice;
mod chart;
mod figures;
mod html;
mod model;
mod period;

pub use html::{content_security_policy, page};
pub use model::{
    AlertLine, Bucket, ClassCount, Counted, Input, KindInput, MetricSummary, Report, Section, Text,
    make,
};
pub use period::Period;

/// The language of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Simplified Chinese.
    Chinese,
    /// English.
    English,
}

impl Language {
    /// The text of this language.
    #[must_use]
    pub fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Chinese => zh,
            Self::English => en,
        }
    }

    /// The language tag.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }
}

#[cfg(test)]
mod tests;
