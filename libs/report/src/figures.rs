//! The figures of one metric over a period.

use suoke_health::aggregate::{Day, rounded, time_in_range};
use suoke_health::calendar::{Calendar, Span};
use suoke_health::catalogue::{Metric, ReadingType};
use suoke_health::figures::Figures;
use suoke_health::night::counts;
use suoke_health::statistics::mean;
use suoke_health::trend::{adds_up, daily_figure, trend};

use crate::model::{Bucket, MetricSummary};
use crate::period::Period;

/// So many days are needed for a trend.
const TREND_DAYS_MIN: usize = 3;

/// None where nothing was measured: missing is missing, not 0. What adds up is told by
/// the day, and has a trend, from days and nights that are over alone.
pub(crate) fn summary(
    kind: &ReadingType,
    metric: &Metric,
    days: &[Day],
    (span, now_ms): (Span, i64),
    calendar: Calendar,
) -> Option<MetricSummary> {
    let all = Figures::merged(days.iter().map(|day| &day.figures));
    let values = &all.distribution;
    let (first, last) = all.ends?;
    let daily: Vec<(i64, f64)> = days
        .iter()
        .filter(|day| counts(kind.key, day.span, calendar, now_ms))
        .filter_map(|day| {
            let figure = daily_figure(kind.key, &day.figures)?;
            Some((calendar.day_number(day.span.start_ms), figure))
        })
        .collect();
    let sums = adds_up(kind.key);
    let total = values.sum() as f64 / 1000.0;
    let whole_days: Vec<f64> = daily.iter().map(|(_, figure)| *figure).collect();
    // Of a period that is not over only what was of it can be covered.
    let until_now = Span {
        end_ms: span.end_ms.min(now_ms),
        ..span
    };
    let unit = |milli: f64| rounded(milli / 1000.0);
    Some(MetricSummary {
        metric: metric.key,
        zh: metric.zh,
        en: metric.en,
        count: values.count(),
        days: daily.len(),
        min: unit(values.min()? as f64),
        max: unit(values.max()? as f64),
        mean: unit(values.mean()?),
        median: unit(values.quantile(0.5)?),
        p95: unit(values.quantile(0.95)?),
        sd: values.sample_sd().map(unit),
        first: unit(first as f64),
        last: unit(last as f64),
        total: sums.then(|| rounded(total)),
        per_day: mean(&whole_days).filter(|_| sums).map(rounded),
        time_in_range: time_in_range(metric.key, until_now, &all)
            .filter(|_| all.held.covered_ms() > 0),
        trend: (daily.len() >= TREND_DAYS_MIN)
            .then(|| trend(metric.key, &daily))
            .flatten(),
    })
}

/// The buckets of a metric's chart.
pub(crate) fn buckets(
    metric: &'static Metric,
    days: &[Day],
    period: Period,
    calendar: Calendar,
    span: Span,
) -> Vec<Bucket> {
    let found =
        suoke_health::aggregate::buckets(metric.key, days, period.resolution(), calendar, span);
    let each = found.into_iter().map(|bucket| Bucket {
        metric: metric.key,
        count: bucket.count,
        min: bucket.min.to_f64(),
        max: bucket.max.to_f64(),
        mean: bucket.mean,
        sum: bucket.sum.to_f64(),
        start: bucket.start,
        end: bucket.end,
    });
    each.collect()
}
