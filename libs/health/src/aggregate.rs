//! Figures as they are answered: buckets of five minutes, hours, days, weeks and
//! months of a person's own clock.

use crate::calendar::{Calendar, Span};
use crate::coverage::target;
use crate::day::PIECE_MS;
use crate::figures::{Figures, Piece};
use crate::value::Milli;
use serde::Serialize;

const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How long the buckets of an answer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Five minutes from local midnight on.
    FiveMinutes,
    /// Hours from local midnight on.
    Hour,
    /// Local days.
    Day,
    /// Local weeks, from Monday on.
    Week,
    /// Local months.
    Month,
}

impl Resolution {
    /// `5m`, `1h`, `1d`, `1w` or `1mo`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "5m" => Some(Self::FiveMinutes),
            "1h" => Some(Self::Hour),
            "1d" => Some(Self::Day),
            "1w" => Some(Self::Week),
            "1mo" => Some(Self::Month),
            _ => None,
        }
    }

    /// The longest span that one answer covers.
    pub fn span_ms_max(self) -> i64 {
        match self {
            Self::FiveMinutes => 7 * DAY_MS,
            Self::Hour => 31 * DAY_MS,
            Self::Day => 366 * DAY_MS,
            Self::Week => 1_098 * DAY_MS,
            Self::Month => 1_830 * DAY_MS,
        }
    }

    /// Whether buckets are shorter than a day: they are made from the series of days.
    pub fn is_within_day(self) -> bool {
        matches!(self, Self::FiveMinutes | Self::Hour)
    }

    /// The bucket that holds an instant.
    pub fn bucket_of(self, calendar: Calendar, at_ms: i64) -> Span {
        match self {
            Self::FiveMinutes => piece_of(calendar.day_of(at_ms), at_ms, PIECE_MS),
            Self::Hour => piece_of(calendar.day_of(at_ms), at_ms, HOUR_MS),
            Self::Day => calendar.day_of(at_ms),
            Self::Week => calendar.week_of(at_ms),
            Self::Month => calendar.month_of(at_ms),
        }
    }
}

/// The piece of a day that holds an instant; the last one may be shorter.
fn piece_of(day: Span, at_ms: i64, length_ms: i64) -> Span {
    let start_ms = at_ms - (at_ms - day.start_ms).rem_euclid(length_ms);
    Span {
        start_ms,
        end_ms: (start_ms + length_ms).min(day.end_ms),
    }
}

/// The figures of a stored day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// The day as it was computed.
    pub span: Span,
    /// Its figures.
    pub figures: Figures,
    /// Its five minutes, where shorter buckets are asked for.
    pub series: Vec<Piece>,
}

/// Percentages of the time that values held, and of the bucket that they covered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TimeInRange {
    /// Lowest value of the range.
    pub low: Milli,
    /// Highest value of the range.
    pub high: Milli,
    /// Share of the covered time inside of it.
    #[serde(rename = "in")]
    pub inside: f64,
    /// Share below it.
    pub below: f64,
    /// Share above it.
    pub above: f64,
    /// Share of the bucket that is covered.
    pub coverage: f64,
}

/// One bucket as it is answered; values are in canonical units.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BucketView {
    /// The metric.
    pub metric: &'static str,
    /// First instant, on the person's clock.
    pub start: String,
    /// First instant after it.
    pub end: String,
    /// How many values.
    pub count: u64,
    /// Smallest value.
    pub min: Milli,
    /// Largest value.
    pub max: Milli,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sum of the values.
    pub sum: Milli,
    /// The median.
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// Sample standard deviation; none for one value.
    pub sd: Option<f64>,
    /// Coefficient of variation; none for one value or a mean of 0.
    pub cv: Option<f64>,
    /// The first value.
    pub first: Milli,
    /// The last value.
    pub last: Milli,
    /// None for metrics without a target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_in_range: Option<TimeInRange>,
}

/// The buckets of a metric whose start lies in `asked`, in order, from its stored days
/// in order. A bucket without values is absent.
pub fn buckets(
    metric: &'static str,
    days: &[Day],
    resolution: Resolution,
    calendar: Calendar,
    asked: Span,
) -> Vec<BucketView> {
    let merged = if resolution.is_within_day() {
        within_days(days, resolution)
    } else {
        of_days(days, resolution, calendar)
    };
    merged
        .into_iter()
        .filter(|(span, _)| asked.contains(span.start_ms))
        .filter_map(|(span, figures)| view(metric, calendar, span, &figures))
        .collect()
}

fn within_days(days: &[Day], resolution: Resolution) -> Vec<(Span, Figures)> {
    let length_ms = if resolution == Resolution::Hour {
        HOUR_MS
    } else {
        PIECE_MS
    };
    let pieces = usize::try_from(length_ms / PIECE_MS).unwrap_or(1).max(1);
    let mut merged = Vec::new();
    for day in days {
        let longer = day
            .series
            .chunk_by(|one, other| one.place / pieces == other.place / pieces);
        merged.extend(longer.filter_map(|chunk| {
            let place = i64::try_from(chunk.first()?.place / pieces).ok()?;
            let start_ms = day.span.start_ms + place * length_ms;
            let end_ms = (start_ms + length_ms).min(day.span.end_ms);
            let figures = Figures::merged(chunk.iter().map(|piece| &piece.figures));
            Some((Span { start_ms, end_ms }, figures))
        }));
    }
    merged
}

fn of_days(days: &[Day], resolution: Resolution, calendar: Calendar) -> Vec<(Span, Figures)> {
    if resolution == Resolution::Day {
        return days
            .iter()
            .map(|day| (day.span, day.figures.clone()))
            .collect();
    }
    let span = |day: &Day| resolution.bucket_of(calendar, day.span.start_ms);
    days.chunk_by(|one, other| span(one) == span(other))
        .filter_map(|chunk| {
            let figures = Figures::merged(chunk.iter().map(|day| &day.figures));
            Some((span(chunk.first()?), figures))
        })
        .collect()
}

fn view(
    metric: &'static str,
    calendar: Calendar,
    span: Span,
    figures: &Figures,
) -> Option<BucketView> {
    let distribution = &figures.distribution;
    let (first, last) = figures.ends?;
    let mean = distribution.mean()?;
    let sd = distribution.sample_sd();
    Some(BucketView {
        metric,
        start: calendar.rfc3339(span.start_ms),
        end: calendar.rfc3339(span.end_ms),
        count: distribution.count(),
        min: Milli(distribution.min()?),
        max: Milli(distribution.max()?),
        mean: rounded(mean / 1000.0),
        sum: Milli(distribution.sum()),
        p50: rounded(distribution.quantile(0.5)? / 1000.0),
        p95: rounded(distribution.quantile(0.95)? / 1000.0),
        sd: sd.map(|sd| rounded(sd / 1000.0)),
        cv: sd.filter(|_| mean != 0.0).map(|sd| rounded(sd / mean)),
        first: Milli(first),
        last: Milli(last),
        time_in_range: time_in_range(metric, span, figures),
    })
}

/// The shares of a span; none for metrics without a target.
pub fn time_in_range(metric: &str, span: Span, figures: &Figures) -> Option<TimeInRange> {
    let target = target(metric)?;
    let held = figures.held;
    let percent = |part: i64, whole: i64| {
        if whole > 0 {
            rounded(part as f64 / whole as f64 * 100.0)
        } else {
            0.0
        }
    };
    let covered = held.covered_ms();
    Some(TimeInRange {
        low: Milli(target.low_milli),
        high: Milli(target.high_milli),
        inside: percent(held.in_ms, covered),
        below: percent(held.below_ms, covered),
        above: percent(held.above_ms, covered),
        // The newest value is taken to hold beyond a span that ends now.
        coverage: percent(covered, span.end_ms - span.start_ms).min(100.0),
    })
}

/// To a millionth: what is beyond it is noise of binary fractions.
pub fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests;
