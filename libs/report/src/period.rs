//! Which days a report is of.

use chrono::NaiveDate;
use suoke_health::aggregate::Resolution;
use suoke_health::calendar::{Calendar, Span};

/// How long a report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// A day.
    Day,
    /// The seven days from a Monday on.
    Week,
    /// A month.
    Month,
}

impl Period {
    /// `day`, `week` or `month`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Day, Self::Week, Self::Month]
            .into_iter()
            .find(|period| period.as_str() == text)
    }

    /// The word of it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The one that holds a date, on the person's clock.
    #[must_use]
    pub fn span(self, calendar: Calendar, date: NaiveDate) -> Span {
        // Noon is in the day wherever clocks are set back or forward.
        let inside = calendar.start_of(date).saturating_add(12 * 60 * 60 * 1000);
        match self {
            Self::Day => calendar.day_of(inside),
            Self::Week => calendar.week_of(inside),
            Self::Month => calendar.month_of(inside),
        }
    }

    /// What its charts are made of.
    #[must_use]
    pub fn resolution(self) -> Resolution {
        match self {
            Self::Day => Resolution::Hour,
            Self::Week | Self::Month => Resolution::Day,
        }
    }
}
