//! A report as data.

use serde::Serialize;
use suoke_health::aggregate::{Day, TimeInRange};
use suoke_health::assessment::DISCLAIMER;
use suoke_health::calendar::{Calendar, Span};
use suoke_health::catalogue::ReadingType;
use suoke_health::classes::{Class, Concern};
use suoke_health::trend::Trend;

use crate::advice;
use crate::figures;
use crate::period::Period;

/// Words in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Text {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Text {
    /// Both.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            zh: zh.into(),
            en: en.into(),
        }
    }
}

/// What classes are counted of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Single readings.
    Readings,
    /// Whole days, or nights.
    Days,
    /// Whole weeks.
    Weeks,
}

/// How often a class occurred.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassCount {
    /// The class.
    #[serde(flatten)]
    pub class: Class,
    /// How often.
    pub count: u64,
}

/// A kind of reading with its stored days, one list for each of its metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct KindInput {
    /// The kind.
    pub kind: &'static ReadingType,
    /// The days of each metric, in their order.
    pub days: Vec<Vec<Day>>,
    /// How often each class occurred.
    pub classes: Vec<ClassCount>,
    /// What was counted.
    pub counted: Counted,
    /// How many of the readings are hardly possible; none where that was not looked at.
    pub implausible: Option<u64>,
}

/// An alert of the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlertLine {
    /// What it was.
    #[serde(flatten)]
    pub title: Text,
    /// `warning` or `critical`.
    pub level: String,
    /// `active` or `cleared`.
    pub state: String,
    /// When it began, RFC 3339 on the person's clock.
    pub started_at: String,
}

/// What a report is made of.
#[derive(Clone, Debug)]
pub struct Input {
    /// How long it is.
    pub period: Period,
    /// The person's clock.
    pub calendar: Calendar,
    /// Its days.
    pub span: Span,
    /// When it is made, in milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// Whether readings of it changed whose figures are not computed yet.
    pub pending: bool,
    /// What the devices call themselves.
    pub devices: Vec<String>,
    /// What was measured.
    pub kinds: Vec<KindInput>,
    /// What the person was alerted to.
    pub alerts: Vec<AlertLine>,
}

/// One bar or point of a chart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bucket {
    /// The metric.
    pub metric: &'static str,
    /// First instant, on the person's clock.
    pub start: String,
    /// First instant after it.
    pub end: String,
    /// How many values.
    pub count: u64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sum.
    pub sum: f64,
}

/// The figures of a metric over the period, in canonical units.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricSummary {
    /// The metric.
    pub metric: &'static str,
    /// Chinese name.
    pub zh: &'static str,
    /// English name.
    pub en: &'static str,
    /// How many values.
    pub count: u64,
    /// Days with values; of what adds up those that are over.
    pub days: usize,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Arithmetic mean.
    pub mean: f64,
    /// The median.
    pub median: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// Sample standard deviation; none for one value.
    pub sd: Option<f64>,
    /// The first value.
    pub first: f64,
    /// The last value.
    pub last: f64,
    /// The sum of what adds up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<f64>,
    /// The mean of the sums of the days that are over; none before the first one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<f64>,
    /// None for metrics without a target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_in_range: Option<TimeInRange>,
    /// None for fewer than three days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trend: Option<Trend>,
}

/// What is reported of one kind of reading.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Section {
    /// The kind.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Chinese name.
    pub zh: &'static str,
    /// English name.
    pub en: &'static str,
    /// Canonical unit.
    pub unit: &'static str,
    /// The figures of each metric.
    pub metrics: Vec<MetricSummary>,
    /// How often each class occurred, the most concerning first.
    pub classes: Vec<ClassCount>,
    /// What classes are counted of.
    pub counted: Counted,
    /// How many of the readings are hardly possible: they count, and should be measured
    /// again. Absent where there are too many readings to look at each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub implausible: Option<u64>,
    /// By hours for a day, by days otherwise; empty ones are absent.
    pub buckets: Vec<Bucket>,
}

/// Where rules stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The set of rules.
    pub rule_set: &'static str,
    /// Where it stands.
    pub citation: &'static str,
}

/// A report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// `day`, `week` or `month`.
    pub period: &'static str,
    /// The first day.
    pub from: String,
    /// The last day.
    pub to: String,
    /// The zone whose days they are.
    pub timezone: &'static str,
    /// When it was made.
    pub generated_at: String,
    /// Whether readings of these days changed whose figures are not computed yet.
    pub pending: bool,
    /// What was measured; what was not is absent.
    pub sections: Vec<Section>,
    /// What the person was alerted to.
    pub alerts: Vec<AlertLine>,
    /// What may help.
    pub advice: Vec<Text>,
    /// What the devices call themselves.
    pub devices: Vec<String>,
    /// The rules behind the classes.
    pub sources: Vec<Source>,
    /// What always holds.
    pub disclaimer: Text,
    #[serde(skip)]
    pub(crate) start_ms: i64,
    #[serde(skip)]
    pub(crate) end_ms: i64,
}

/// The report of what was measured.
#[must_use]
pub fn make(input: Input) -> Report {
    let calendar = input.calendar;
    let date = |at_ms| calendar.date_of(at_ms).to_string();
    let (span, period, now_ms) = (input.span, input.period, input.now_ms);
    let sections: Vec<Section> = input
        .kinds
        .into_iter()
        .filter_map(|kind| section(kind, period, calendar, (span, now_ms)))
        .collect();
    let mut sources: Vec<Source> = sections
        .iter()
        .flat_map(|section| &section.classes)
        .map(|counted| Source {
            rule_set: counted.class.rule_set.id,
            citation: counted.class.rule_set.citation,
        })
        .collect();
    sources.sort_by_key(|source| source.rule_set);
    sources.dedup();
    Report {
        period: period.as_str(),
        from: date(span.start_ms),
        to: date(span.end_ms.saturating_sub(1)),
        timezone: calendar.name(),
        generated_at: calendar.rfc3339(input.now_ms),
        pending: input.pending,
        advice: advice::of(&sections, &input.alerts),
        sections,
        alerts: input.alerts,
        devices: input.devices,
        sources,
        disclaimer: Text::new(DISCLAIMER.0, DISCLAIMER.1),
        start_ms: span.start_ms,
        end_ms: span.end_ms,
    }
}

fn section(
    input: KindInput,
    period: Period,
    calendar: Calendar,
    (span, now_ms): (Span, i64),
) -> Option<Section> {
    let kind = input.kind;
    let of_period = |days: Vec<Day>| -> Vec<Day> {
        let within = days.into_iter();
        within
            .filter(|day| span.contains(day.span.start_ms))
            .collect()
    };
    let days: Vec<Vec<Day>> = input.days.into_iter().map(of_period).collect();
    let each = || kind.metrics.iter().zip(&days);
    let metrics: Vec<MetricSummary> = each()
        .filter_map(|(metric, days)| figures::summary(kind, metric, days, (span, now_ms), calendar))
        .collect();
    if metrics.is_empty() {
        return None;
    }
    let buckets = each()
        .flat_map(|(metric, days)| figures::buckets(metric, days, period, calendar, span))
        .collect();
    let mut classes = input.classes;
    let order = |counted: &ClassCount| {
        let class = counted.class;
        (class.concern, class.level, counted.count)
    };
    classes.sort_by(|a, b| order(b).cmp(&order(a)).then(a.class.code.cmp(b.class.code)));
    Some(Section {
        kind: kind.key,
        zh: kind.zh,
        en: kind.en,
        unit: kind.unit,
        metrics,
        classes,
        counted: input.counted,
        implausible: input.implausible,
        buckets,
    })
}

impl Section {
    /// Whether something is of that concern or a higher one.
    pub(crate) fn reaches(&self, concern: Concern) -> bool {
        let mut classes = self.classes.iter();
        classes.any(|counted| counted.class.concern >= concern)
    }

    /// The share of what is of that concern or a higher one, in `0..=1`.
    pub(crate) fn share(&self, concern: Concern) -> f64 {
        let all: u64 = self.classes.iter().map(|counted| counted.count).sum();
        let of = self.classes.iter();
        let part: u64 = of
            .filter(|counted| counted.class.concern >= concern)
            .map(|counted| counted.count)
            .sum();
        part as f64 / all.max(1) as f64
    }
}
