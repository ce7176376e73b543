//! The report as one page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};
use suoke_health::classes::Concern;
use suoke_health::trend::{Direction, adds_up};

use crate::Language;
use crate::chart::{chart, number};
use crate::model::{Counted, MetricSummary, Report, Section, Text};

/// The only style of a page.
const STYLE: &str = include_str!("style.css");

/// What a browser may do with a page: show it with its own style, and nothing else.
#[must_use]
pub fn content_security_policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

/// The report as an HTML document of that language.
#[must_use]
pub fn page(report: &Report, language: Language) -> String {
    let title = title(report, language);
    let document = html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (head(report, &title, language))
                    (alerts(report, language))
                    (advice(report, language))
                    @if report.sections.is_empty() {
                        p { (language.pick("这段时间没有数据。", "Nothing was measured in this time.")) }
                    }
                    @for section in &report.sections { (self::section(report, section, language)) }
                    (foot(report, language))
                }
            }
        }
    };
    document.into_string()
}

fn of(text: &Text, language: Language) -> &str {
    language.pick(&text.zh, &text.en)
}

fn title(report: &Report, language: Language) -> String {
    let name = match report.period {
        "day" => language.pick("健康日报", "Daily health report"),
        "week" => language.pick("健康周报", "Weekly health report"),
        _ => language.pick("健康月报", "Monthly health report"),
    };
    if report.from == report.to {
        return format!("{name} {}", report.from);
    }
    let between = language.pick("至", " to ");
    format!("{name} {}{between}{}", report.from, report.to)
}

fn head(report: &Report, title: &str, language: Language) -> Markup {
    html! {
        header {
            h1 { (title) }
            p {
                (language.pick("时区：", "Time zone: ")) (report.timezone)
                (language.pick("；生成时间：", "; made at ")) (minute(&report.generated_at))
            }
            @if !report.devices.is_empty() {
                p { (language.pick("设备：", "Devices: ")) (report.devices.join(language.pick("、", ", "))) }
            }
        }
        p class="note" { (of(&report.disclaimer, language)) }
        @if report.pending {
            p class="note" {
                (language.pick(
                    "部分读数刚刚变更，约五分钟内计入本报告的数值。",
                    "Some readings changed just now: their figures follow within five minutes.",
                ))
            }
        }
    }
}

fn alerts(report: &Report, language: Language) -> Markup {
    html! {
        @if !report.alerts.is_empty() {
            section {
                h2 { (language.pick("健康提醒", "Alerts")) }
                table {
                    thead { tr {
                        th scope="col" { (language.pick("提醒", "Alert")) }
                        th scope="col" { (language.pick("级别", "Level")) }
                        th scope="col" { (language.pick("状态", "State")) }
                        th scope="col" { (language.pick("开始", "Since")) }
                    } }
                    tbody {
                        @for alert in &report.alerts {
                            tr {
                                td { (of(&alert.title, language)) }
                                td { (alert_level(&alert.level, language)) }
                                td { (alert_state(&alert.state, language)) }
                                td { (minute(&alert.started_at)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `2026-11-20 08:00` of an instant on the person's clock.
fn minute(instant: &str) -> String {
    instant.get(..16).unwrap_or(instant).replace('T', " ")
}

fn alert_level(level: &str, language: Language) -> Markup {
    let is_critical = level == "critical";
    let class = if is_critical {
        "tag emergency"
    } else {
        "tag watch"
    };
    let name = if is_critical {
        language.pick("危急", "critical")
    } else {
        language.pick("警示", "warning")
    };
    html! { span class=(class) { (name) } }
}

fn alert_state(state: &str, language: Language) -> &'static str {
    match (state, language) {
        ("active", Language::Chinese) => "持续",
        ("active", Language::English) => "lasting",
        (_, Language::Chinese) => "已结束",
        (_, Language::English) => "over",
    }
}

fn section(report: &Report, section: &Section, language: Language) -> Markup {
    html! {
        section {
            h2 {
                (language.pick(section.zh, section.en))
                // Steps are counted in steps.
                @if section.kind != "steps" { " (" (unit(section.unit, language)) ")" }
            }
            (figures(section, language))
            @if let Some(chart) = chart(report, section, language) {
                figure { (chart) }
                (data(report, section, language))
            }
            @for metric in &section.metrics { (sentence(metric, language)) }
            @if let Some(count) = section.implausible.filter(|count| *count > 0) {
                p {
                    (language.pick("其中 ", "Hardly possible, and counted: ")) (count)
                    (language.pick(" 次读数可疑（已计入），请复测。", "; measure again."))
                }
            }
            (classes(section, language))
        }
    }
}

/// The figures of a metric that are shown, with their names.
fn columns(section: &Section, language: Language) -> Vec<&'static str> {
    let names = if adds_up(section.kind) {
        [
            ("完整天数", "Whole days"),
            ("每日平均", "Per day"),
            ("合计", "Total"),
            ("单次最大", "Largest"),
            ("次数", "Readings"),
        ]
    } else {
        [
            ("次数", "Readings"),
            ("平均", "Mean"),
            ("最低", "Lowest"),
            ("最高", "Highest"),
            ("最近", "Newest"),
        ]
    };
    names.map(|(zh, en)| language.pick(zh, en)).to_vec()
}

fn cells(section: &Section, metric: &MetricSummary) -> [String; 5] {
    let or_none = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
    if adds_up(section.kind) {
        return [
            metric.days.to_string(),
            or_none(metric.per_day),
            or_none(metric.total),
            number(metric.max),
            metric.count.to_string(),
        ];
    }
    [
        metric.count.to_string(),
        number(metric.mean),
        number(metric.min),
        number(metric.max),
        number(metric.last),
    ]
}

fn figures(section: &Section, language: Language) -> Markup {
    html! {
        div class="scroll" {
            table {
                thead { tr {
                    th scope="col" { (language.pick("指标", "Metric")) }
                    @for name in columns(section, language) { th scope="col" { (name) } }
                } }
                tbody {
                    @for metric in &section.metrics {
                        tr {
                            th scope="row" { (language.pick(metric.zh, metric.en)) }
                            @for cell in cells(section, metric) { td { (cell) } }
                        }
                    }
                }
            }
        }
    }
}

/// What a chart shows, for who does not see it.
fn data(report: &Report, section: &Section, language: Language) -> Markup {
    let range = if report.period == "day" {
        11..16
    } else {
        0..10
    };
    let sums = adds_up(section.kind);
    let name = |metric: &str| {
        let found = section.metrics.iter().find(|it| it.metric == metric);
        found.map_or("", |it| language.pick(it.zh, it.en))
    };
    html! {
        details {
            summary { (language.pick("图表数据", "Data of the chart")) }
            table {
                caption { (language.pick(section.zh, section.en)) }
                thead { tr {
                    th scope="col" { (language.pick("时间", "Time")) }
                    th scope="col" { (language.pick("指标", "Metric")) }
                    th scope="col" { (if sums { language.pick("合计", "Total") } else { language.pick("平均", "Mean") }) }
                    th scope="col" { (language.pick("最低", "Lowest")) }
                    th scope="col" { (language.pick("最高", "Highest")) }
                } }
                tbody {
                    @for bucket in &section.buckets {
                        tr {
                            th scope="row" { (bucket.start.get(range.clone()).unwrap_or_default()) }
                            td { (name(bucket.metric)) }
                            td { (number(if sums { bucket.sum } else { bucket.mean })) }
                            td { (number(bucket.min)) }
                            td { (number(bucket.max)) }
                        }
                    }
                }
            }
        }
    }
}

/// The trend of a metric, and how long it was in range.
fn sentence(metric: &MetricSummary, language: Language) -> Markup {
    let name = language.pick(metric.zh, metric.en);
    html! {
        @if let Some(trend) = &metric.trend {
            p {
                (name) (language.pick("：", ": "))
                (direction(trend.direction, language))
                @if let Some(slope) = trend.slope {
                    (language.pick("，每天", ", ")) (signed(slope.per_day)) (language.pick("", " a day"))
                }
                @if let Some(change) = trend.change_rate_percent {
                    (language.pick("，后半段较前半段", ", the later half against the earlier "))
                    (signed(change)) "%"
                }
                (language.pick("。", "."))
            }
        }
        @if let Some(held) = metric.time_in_range {
            p {
                (name) (language.pick("：目标范围 ", ": target ")) (number(held.low.to_f64())) "–" (number(held.high.to_f64()))
                (language.pick("，在范围内", ", inside ")) (number(held.inside)) "%"
                (language.pick("，低于", ", below ")) (number(held.below)) "%"
                (language.pick("，高于", ", above ")) (number(held.above)) "%"
                (language.pick("（数据覆盖", " (covered: ")) (number(held.coverage)) (language.pick("%）。", " %)."))
            }
        }
    }
}

/// A unit as people write it.
pub(crate) fn unit(ucum: &'static str, language: Language) -> &'static str {
    match ucum {
        "/min" => language.pick("次/分", "per minute"),
        "mm[Hg]" => "mmHg",
        "Cel" => "°C",
        "kg/m2" => "kg/m²",
        "min" => language.pick("分钟", "min"),
        "{steps}" => language.pick("步", "steps"),
        "{score}" => language.pick("分", "points"),
        ucum => ucum,
    }
}

fn direction(direction: Direction, language: Language) -> &'static str {
    match (direction, language) {
        (Direction::Rising, Language::Chinese) => "呈上升趋势",
        (Direction::Rising, Language::English) => "rising",
        (Direction::Falling, Language::Chinese) => "呈下降趋势",
        (Direction::Falling, Language::English) => "falling",
        (Direction::Stable, Language::Chinese) => "平稳",
        (Direction::Stable, Language::English) => "steady",
    }
}

fn signed(value: f64) -> String {
    let text = number(value);
    if value > 0.0 && text != "0" {
        return format!("+{text}");
    }
    text
}

fn classes(section: &Section, language: Language) -> Markup {
    let counted = match section.counted {
        Counted::Readings => language.pick("次数", "Readings"),
        Counted::Days => language.pick("天数", "Days"),
        Counted::Weeks => language.pick("周数", "Weeks"),
    };
    html! {
        @if !section.classes.is_empty() {
            table {
                thead { tr {
                    th scope="col" { (language.pick("分类", "Class")) }
                    th scope="col" { (counted) }
                    th scope="col" { (language.pick("依据", "Rules")) }
                } }
                tbody {
                    @for it in &section.classes {
                        tr {
                            td { span class=(format!("tag {}", concern(it.class.concern))) { (language.pick(it.class.zh, it.class.en)) } }
                            td { (it.count) }
                            td { (it.class.rule_set.id) }
                        }
                    }
                }
            }
        }
    }
}

fn concern(concern: Concern) -> &'static str {
    match concern {
        Concern::None => "none",
        Concern::Watch => "watch",
        Concern::Doctor => "doctor",
        Concern::Emergency => "emergency",
    }
}

fn advice(report: &Report, language: Language) -> Markup {
    html! {
        @if !report.advice.is_empty() {
            section {
                h2 { (language.pick("建议", "Advice")) }
                ul { @for text in &report.advice { li { (of(text, language)) } } }
            }
        }
    }
}

fn foot(report: &Report, language: Language) -> Markup {
    html! {
        footer {
            @if !report.sources.is_empty() {
                h3 { (language.pick("分类依据", "Rules of the classes")) }
                ul {
                    @for source in &report.sources {
                        li { code { (source.rule_set) } " – " (source.citation) }
                    }
                }
            }
            p { (of(&report.disclaimer, language)) }
        }
    }
}
