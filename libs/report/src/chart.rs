//! Charts as SVG in the document: a line with its spread and target, bars of what adds
//! up, and pressures as ranges.
//!
//! Drawn here and not by a library: a chart needs a title and a description for who does
//! not see it, classes for the page's one style sheet, and no font to measure.

use maud::{Markup, html};
use suoke_health::coverage::target;
use suoke_health::trend::adds_up;

use crate::Language;
use crate::html::unit;
use crate::model::{Bucket, Report, Section};

const WIDTH: f64 = 740.0;
const HEIGHT: f64 = 210.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 24.0;
/// About so many lines of the grid.
const TICKS: f64 = 4.0;
/// The length of the line of a single reading: one without length may not be drawn, and
/// places are rounded to tenths.
const DOT: f64 = 0.2;
/// At most so many labels of time.
const LABELS_MAX: usize = 8;

/// Where values and instants lie in the picture.
struct Plane {
    start_ms: i64,
    end_ms: i64,
    low: f64,
    high: f64,
    step: f64,
}

impl Plane {
    fn of(report: &Report, values: &[f64], from_zero: bool) -> Option<Self> {
        let low = values.iter().copied().reduce(f64::min)?;
        let high = values.iter().copied().reduce(f64::max)?;
        let low = if from_zero { 0.0 } else { low };
        let spread = (high - low).max(high.abs() * 0.02).max(0.5);
        let step = nice(spread / TICKS);
        let below = if from_zero {
            0.0
        } else {
            ((low - spread * 0.08) / step).floor() * step
        };
        Some(Self {
            start_ms: report.start_ms,
            end_ms: report.end_ms,
            low: below,
            high: ((high + spread * 0.08) / step).ceil() * step,
            step,
        })
    }

    fn x(&self, at_ms: i64) -> f64 {
        let whole = (self.end_ms - self.start_ms).max(1) as f64;
        LEFT + (at_ms - self.start_ms) as f64 / whole * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        HEIGHT - BOTTOM - share.clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
    }

    fn ticks(&self) -> Vec<f64> {
        let count = ((self.high - self.low) / self.step).round().max(1.0) as usize;
        let tick = |index: usize| self.low + self.step * index as f64;
        (0..=count).map(tick).collect()
    }
}

/// 1, 2 or 5 times a power of ten, not below `least`.
fn nice(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    steps
        .into_iter()
        .find(|step| *step >= least)
        .unwrap_or(power)
}

/// A bucket with its place.
struct Placed<'a> {
    start_ms: i64,
    end_ms: i64,
    bucket: &'a Bucket,
}

fn placed<'a>(section: &'a Section, metric: &str) -> Vec<Placed<'a>> {
    let instant = |text: &str| {
        let read = chrono::DateTime::parse_from_rfc3339(text);
        read.map(|at| at.timestamp_millis()).ok()
    };
    let of_metric = section.buckets.iter().filter(|it| it.metric == metric);
    of_metric
        .filter_map(|bucket| {
            Some(Placed {
                start_ms: instant(&bucket.start)?,
                end_ms: instant(&bucket.end)?,
                bucket,
            })
        })
        .collect()
}

impl Placed<'_> {
    fn middle_ms(&self) -> i64 {
        self.start_ms + (self.end_ms - self.start_ms) / 2
    }
}

/// The chart of a section; none where nothing can be drawn.
pub(crate) fn chart(report: &Report, section: &Section, language: Language) -> Option<Markup> {
    let (plane, drawing) = match section.kind {
        "blood_pressure" => ranges(report, section, language)?,
        kind if adds_up(kind) => bars(report, section)?,
        _ => line(report, section)?,
    };
    let name = language.pick(section.zh, section.en);
    let id = format!("chart-{}", section.kind);
    let described = format!("{id}-title {id}-text");
    Some(html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-labelledby=(described) {
            title id=(format!("{id}-title")) { (name) " (" (unit(section.unit, language)) ")" }
            desc id=(format!("{id}-text")) { (description(report, section, language)) }
            (grid(&plane))
            (times(report, &plane, section))
            (drawing)
        }
    })
}

fn description(report: &Report, section: &Section, language: Language) -> String {
    let each = section.metrics.iter().map(|metric| {
        let name = language.pick(metric.zh, metric.en);
        let (min, max) = (number(metric.min), number(metric.max));
        match language {
            Language::Chinese => format!("{name}{min}至{max}"),
            Language::English => format!("{name} from {min} to {max}"),
        }
    });
    let figures: Vec<String> = each.collect();
    let (from, to) = (&report.from, &report.to);
    match language {
        Language::Chinese => format!("{from}至{to}：{}。数据见下表。", figures.join("，")),
        Language::English => {
            format!(
                "{from} to {to}: {}. The table below has the data.",
                figures.join(", ")
            )
        }
    }
}

fn grid(plane: &Plane) -> Markup {
    html! {
        @for tick in plane.ticks() {
            line class="grid" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(place(plane.y(tick))) y2=(place(plane.y(tick))) {}
            text x=(LEFT - 6.0) y=(place(plane.y(tick) + 4.0)) text-anchor="end" { (number(tick)) }
        }
        line class="axis" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(HEIGHT - BOTTOM) y2=(HEIGHT - BOTTOM) {}
    }
}

/// Labels of time below the buckets that are there, so that they are on their clock.
fn times(report: &Report, plane: &Plane, section: &Section) -> Markup {
    let first = section.metrics.first().map_or("", |metric| metric.metric);
    let buckets = placed(section, first);
    let stride = buckets.len().div_ceil(LABELS_MAX).max(1);
    // `2026-11-20T08:00…`: the hour for a day, month and day otherwise.
    let range = if report.period == "day" {
        11..16
    } else {
        5..10
    };
    html! {
        @for it in buckets.iter().step_by(stride) {
            text x=(place(plane.x(it.middle_ms()))) y=(HEIGHT - 7.0) text-anchor="middle" {
                (it.bucket.start.get(range.clone()).unwrap_or_default())
            }
        }
    }
}

fn line(report: &Report, section: &Section) -> Option<(Plane, Markup)> {
    let metric = section.metrics.first()?;
    let buckets = placed(section, metric.metric);
    let values: Vec<f64> = buckets
        .iter()
        .flat_map(|it| [it.bucket.min, it.bucket.max])
        .collect();
    let plane = Plane::of(report, &values, false)?;
    let at = |it: &Placed<'_>, value: f64| {
        format!(
            "{},{}",
            place(plane.x(it.middle_ms())),
            place(plane.y(value))
        )
    };
    let upper = buckets.iter().map(|it| at(it, it.bucket.max));
    let lower = buckets.iter().rev().map(|it| at(it, it.bucket.min));
    let spread: Vec<String> = upper.chain(lower).collect();
    let means: Vec<String> = buckets.iter().map(|it| at(it, it.bucket.mean)).collect();
    let target = target(metric.metric);
    let drawing = html! {
        @if let Some(target) = target {
            @let high = plane.y(target.high_milli as f64 / 1000.0);
            @let low = plane.y(target.low_milli as f64 / 1000.0);
            rect class="target" x=(LEFT) width=(WIDTH - LEFT - RIGHT) y=(place(high)) height=(place(low - high)) {}
        }
        polygon class="spread" points=(spread.join(" ")) {}
        polyline class="line" points=(means.join(" ")) {}
        @for it in &buckets {
            circle class="dot" cx=(place(plane.x(it.middle_ms()))) cy=(place(plane.y(it.bucket.mean))) r="3.5" {}
        }
    };
    Some((plane, drawing))
}

/// From where on a day is enough: the line in the chart.
fn enough(section: &Section, report: &Report) -> Option<f64> {
    match section.kind {
        _ if report.period == "day" => None,
        "steps" => Some(6_000.0),
        "sleep_duration" => Some(420.0),
        _ => None,
    }
}

fn bars(report: &Report, section: &Section) -> Option<(Plane, Markup)> {
    let metric = section.metrics.first()?;
    let buckets = placed(section, metric.metric);
    let limit = enough(section, report);
    let values: Vec<f64> = buckets
        .iter()
        .map(|it| it.bucket.sum)
        .chain(limit)
        .collect();
    let plane = Plane::of(report, &values, true)?;
    let bottom = plane.y(0.0);
    let drawing = html! {
        @for it in &buckets {
            @let (left, right) = (plane.x(it.start_ms), plane.x(it.end_ms));
            @let gap = (right - left) * 0.15;
            @let top = plane.y(it.bucket.sum);
            rect class="bar" x=(place(left + gap)) width=(place(right - left - 2.0 * gap)) y=(place(top)) height=(place(bottom - top)) rx="2" {}
        }
        @if let Some(limit) = limit {
            line class="limit" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(place(plane.y(limit))) y2=(place(plane.y(limit))) {}
        }
    };
    Some((plane, drawing))
}

fn ranges(report: &Report, section: &Section, language: Language) -> Option<(Plane, Markup)> {
    let systolic = placed(section, "systolic");
    let diastolic = placed(section, "diastolic");
    let each = systolic.iter().chain(&diastolic);
    let values: Vec<f64> = each
        .flat_map(|it| [it.bucket.min, it.bucket.max])
        .chain([140.0, 90.0])
        .collect();
    let plane = Plane::of(report, &values, false)?;
    let bar = |class: &'static str, it: &Placed<'_>| {
        let x = place(plane.x(it.middle_ms()));
        let (high, low) = (plane.y(it.bucket.max), plane.y(it.bucket.min));
        let low = low.max(high + DOT);
        html! {
            line class=(class) x1=(x) x2=(x) y1=(place(high)) y2=(place(low)) {}
        }
    };
    let keys = [
        (
            "systolic-key",
            LEFT + 10.0,
            language.pick("收缩压", "Systolic"),
        ),
        (
            "diastolic-key",
            LEFT + 90.0,
            language.pick("舒张压", "Diastolic"),
        ),
    ];
    let drawing = html! {
        @for limit in [140.0, 90.0] {
            line class="limit" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(place(plane.y(limit))) y2=(place(plane.y(limit))) {}
        }
        @for (high, low) in systolic.iter().zip(&diastolic) {
            @let x = place(plane.x(high.middle_ms()));
            line class="pulse" x1=(x) x2=(x) y1=(place(plane.y(high.bucket.mean))) y2=(place(plane.y(low.bucket.mean))) {}
        }
        @for it in &systolic { (bar("systolic", it)) }
        @for it in &diastolic { (bar("diastolic", it)) }
        @for (class, x, name) in keys {
            circle class=(class) cx=(x) cy="8" r="4" {}
            text x=(x + 8.0) y="12" { (name) }
        }
    };
    Some((plane, drawing))
}

/// A place in the picture, with one decimal.
fn place(value: f64) -> String {
    format!("{value:.1}")
}

/// A figure for people: at most two decimals, no zeros at the end.
pub(crate) fn number(value: f64) -> String {
    let decimals = if value.abs() >= 100.0 { 1 } else { 2 };
    let text = format!("{value:.decimals$}");
    let trimmed = text.trim_end_matches('0').trim_end_matches('.');
    match trimmed {
        "-0" | "" => "0".to_owned(),
        trimmed => trimmed.to_owned(),
    }
}
