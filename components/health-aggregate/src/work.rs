//! Which local days marks make out of date.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;

use suoke_health::calendar::{Calendar, Span};
use suoke_health::catalogue::ReadingType;
use suoke_health::day::shadow_ms;

/// Days that follow each other and are read at once.
const RUN_DAYS_MAX: usize = 32;

/// A day of UTC on which readings of a person's type changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The person.
    pub user_id: String,
    /// The type, as it is stored.
    pub kind: String,
    /// The day of UTC.
    pub utc_day: i64,
    /// The first reading that changed.
    pub from_ms: i64,
    /// The last one.
    pub to_ms: i64,
    /// When the mark was made.
    pub marked_ms: i64,
}

suoke_store::from_row!(Mark {
    user_id,
    kind,
    utc_day,
    from_ms,
    to_ms,
    marked_ms
});

/// Local days of a type that follow each other.
#[derive(Clone, Debug)]
pub struct Run {
    /// The person.
    pub user_id: String,
    /// The type.
    pub kind: &'static ReadingType,
    /// The days, in order, without gaps; at least one.
    pub days: Vec<Span>,
    /// The marks of the person and type.
    pub marks: Range<usize>,
    /// Whether it is a single day that holds more than is read at once.
    pub is_large: bool,
}

impl Run {
    /// From the start of the first day to the end of the last.
    pub fn span(&self) -> Span {
        Span {
            start_ms: self.days.first().map_or(0, |day| day.start_ms),
            end_ms: self.days.last().map_or(0, |day| day.end_ms),
        }
    }

    /// The span whose readings decide its figures: one beyond its ends may put another
    /// one inside in the shadow.
    pub fn read_span(&self) -> Span {
        let (span, window_ms) = (self.span(), shadow_ms(self.kind.key));
        Span {
            start_ms: span.start_ms - window_ms,
            end_ms: span.end_ms + window_ms,
        }
    }

    /// Whether a mark made one of its days out of date.
    pub fn is_marked_by(&self, mark: &Mark) -> bool {
        let span = self.read_span();
        mark.from_ms < span.end_ms && mark.to_ms >= span.start_ms
    }
}

/// The runs of one person's type from its marks, oldest first. A reading may put those
/// around it in the shadow, beyond midnight too.
pub fn runs_of(
    kind: &'static ReadingType,
    calendar: Calendar,
    marks: &[Mark],
    places: Range<usize>,
) -> VecDeque<Run> {
    let window_ms = shadow_ms(kind.key);
    let each = marks.get(places.clone()).unwrap_or_default();
    let days: BTreeSet<Span> = each
        .iter()
        .flat_map(|mark| calendar.days(mark.from_ms - window_ms, mark.to_ms + window_ms))
        .collect();
    let mut runs: VecDeque<Run> = VecDeque::new();
    for day in days {
        match runs.back_mut() {
            Some(run) if run.span().end_ms == day.start_ms && run.days.len() < RUN_DAYS_MAX => {
                run.days.push(day);
            }
            _ => runs.push_back(Run {
                user_id: each
                    .first()
                    .map_or_else(String::new, |mark| mark.user_id.clone()),
                kind,
                days: vec![day],
                marks: places.clone(),
                is_large: false,
            }),
        }
    }
    runs
}
