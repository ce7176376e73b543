//! A week of a person, as data and as a page.

use chrono::NaiveDate;
use suoke_health::aggregate::Day;
use suoke_health::calendar::{Calendar, Span};
use suoke_health::catalogue::find;
use suoke_health::classes::{Circumstances, Person, classify};
use suoke_health::coverage::Held;
use suoke_health::distribution::Distribution;
use suoke_health::figures::{Figures, Piece};
use suoke_health::{Milli, profile::Profile};

use super::*;

const LANGUAGES: [Language; 2] = [Language::Chinese, Language::English];
const HOSTILE: &str = "</title><script>alert('\"&')</script><img src=x onerror=1>";

fn calendar() -> Calendar {
    Calendar::new(Profile::default().tz())
}

fn date() -> NaiveDate {
    // A Friday.
    NaiveDate::from_ymd_opt(2026, 11, 20).unwrap()
}

fn day(span: Span, values: &[i64]) -> Day {
    let milli: Vec<i64> = values.iter().map(|value| value * 1000).collect();
    let figures = Figures {
        ends: milli.first().copied().zip(milli.last().copied()),
        held: Held {
            in_ms: 3_600_000,
            below_ms: 0,
            above_ms: 1_800_000,
        },
        distribution: Distribution::of(milli),
    };
    let piece = |place| Piece {
        place,
        figures: figures.clone(),
    };
    Day {
        span,
        series: vec![piece(96), piece(150)],
        figures,
    }
}

/// The days of a metric: one list of values for each day of the span.
fn days(span: Span, values: impl Fn(i64) -> Vec<i64>) -> Vec<Day> {
    let each = calendar().days(span.start_ms, span.end_ms - 1).zip(0..);
    each.map(|(span, index)| day(span, &values(index)))
        .collect()
}

fn kind(key: &str, days: Vec<Vec<Day>>, values: &[&[i64]], counted: Counted) -> KindInput {
    let mut classes = Vec::new();
    for values in values {
        let milli: Vec<Milli> = values.iter().map(|value| Milli(value * 1000)).collect();
        let found = classify(key, &milli, &Circumstances::default(), &Person::default());
        classes.extend(found.first().map(|class| ClassCount {
            class: *class,
            count: 3,
        }));
    }
    KindInput {
        kind: find(key).unwrap(),
        days,
        classes,
        counted,
        implausible: Some(2),
    }
}

fn report(period: Period) -> Report {
    let span = period.span(calendar(), date());
    let pressure = vec![
        days(span, |index| vec![128 + index, 140 + index]),
        days(span, |_| vec![78, 92]),
    ];
    make(Input {
        period,
        calendar: calendar(),
        span,
        now_ms: span.end_ms,
        pending: true,
        devices: vec!["Omron J760".to_owned(), HOSTILE.to_owned()],
        kinds: vec![
            kind(
                "blood_pressure",
                pressure,
                &[&[118, 76], &[142, 92]],
                Counted::Readings,
            ),
            kind(
                "heart_rate",
                vec![days(span, |index| vec![60, 70 + index, 104])],
                &[&[70]],
                Counted::Readings,
            ),
            kind(
                "steps",
                vec![days(span, |index| vec![3_000, 900 * (index + 1)])],
                &[],
                Counted::Days,
            ),
            kind("spo2", vec![Vec::new()], &[&[97]], Counted::Readings),
        ],
        alerts: vec![AlertLine {
            title: Text::new(HOSTILE, HOSTILE),
            level: "critical".to_owned(),
            state: "cleared".to_owned(),
            started_at: "2026-11-18T08:00:00.000+08:00".to_owned(),
        }],
    })
}

#[test]
fn a_period_holds_its_days_on_the_persons_clock() {
    for (period, from, to) in [
        (Period::Day, "2026-11-20", "2026-11-20"),
        (Period::Week, "2026-11-16", "2026-11-22"),
        (Period::Month, "2026-11-01", "2026-11-30"),
    ] {
        let report = report(period);
        assert_eq!((report.from.as_str(), report.to.as_str()), (from, to));
        assert_eq!(Period::parse(report.period), Some(period));
    }
    assert_eq!(Period::parse("year"), None);
}

#[test]
fn figures_are_of_all_days_and_what_was_not_measured_is_absent() {
    let report = report(Period::Week);
    let kinds: Vec<&str> = report.sections.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, ["blood_pressure", "heart_rate", "steps"]);
    let systolic = &report.sections[0].metrics[0];
    assert_eq!((systolic.count, systolic.days), (14, 7));
    assert_eq!(
        (systolic.min, systolic.max, systolic.last),
        (128.0, 146.0, 146.0)
    );
    assert_eq!(systolic.mean, 137.0);
    let steps = &report.sections[2].metrics[0];
    assert_eq!(steps.total, Some(7.0 * 3_000.0 + 900.0 * 28.0));
    assert_eq!(steps.per_day, Some(6_600.0));
    assert_eq!(report.sections[2].buckets.len(), 7);
    assert_eq!(report.sections[2].buckets[0].sum, 3_900.0);
    let held = report.sections[1].metrics[0].time_in_range.unwrap();
    assert_eq!(held.inside, 66.666_667);
}

#[test]
fn what_adds_up_is_told_from_days_that_are_over() {
    let span = Period::Week.span(calendar(), date());
    let steps = |now_ms: i64| {
        let made = make(Input {
            period: Period::Week,
            calendar: calendar(),
            span,
            now_ms,
            pending: false,
            devices: Vec::new(),
            kinds: ["steps", "sleep_duration", "heart_rate"]
                .map(|key| {
                    let days = days(span, |index| vec![if index < 3 { 480 } else { 30 }]);
                    kind(key, vec![days], &[], Counted::Days)
                })
                .into(),
            alerts: Vec::new(),
        });
        let each = made.sections.into_iter();
        let figures = each.map(|it| it.metrics.into_iter().next().unwrap());
        <[MetricSummary; 3]>::try_from(figures.collect::<Vec<_>>()).unwrap()
    };
    let hour = 3_600_000;
    // Thursday at nine: Wednesday is over, the night to Thursday is not.
    let [steps_now, sleep, pulse] = steps(span.start_ms + (3 * 24 + 9) * hour);
    assert_eq!((steps_now.days, steps_now.per_day), (3, Some(480.0)));
    assert_eq!((sleep.days, sleep.per_day), (3, Some(480.0)));
    assert_eq!(steps_now.trend.unwrap().mean, 480.0);
    assert_eq!(pulse.days, 7);
    // An hour and a half held on each of seven days, of the 81 hours that were.
    assert_eq!(pulse.time_in_range.unwrap().coverage, 12.962_963);
    let [_, sleep, _] = steps(span.start_ms + (3 * 24 + 12) * hour);
    assert_eq!((sleep.days, sleep.per_day), (4, Some(367.5)));
    let [steps_now, ..] = steps(span.start_ms + hour);
    assert_eq!((steps_now.days, steps_now.per_day), (0, None));
}

#[test]
fn what_is_pending_or_hardly_possible_is_said() {
    let json = serde_json::to_value(report(Period::Week)).unwrap();
    assert_eq!(json["pending"], true);
    assert_eq!(json["sections"][0]["implausible"], 2);
    let page = page(&report(Period::Week), Language::Chinese);
    assert!(page.contains("约五分钟内计入") && page.contains("其中 2 次读数可疑"));
}

#[test]
fn a_day_is_shown_by_its_hours() {
    let report = report(Period::Day);
    let hours: Vec<&str> = report.sections[1]
        .buckets
        .iter()
        .map(|bucket| &bucket.start[11..16])
        .collect();
    assert_eq!(hours, ["08:00", "12:00"]);
    assert!(report.sections[1].metrics[0].trend.is_none());
}

#[test]
fn classes_stand_with_the_worst_first_and_name_their_rules() {
    let report = report(Period::Week);
    let classes = &report.sections[0].classes;
    assert_eq!(classes[0].class.code, "grade_1");
    assert_eq!(report.sources[0].rule_set, "cn-htn-2024");
    let page = page(&report, Language::Chinese);
    let place = |text: &str| page.find(text).unwrap();
    // What to do stands above the figures.
    assert!(place("<h2>建议") < place("<h2>血压"));
    assert!(report.advice[1].zh.contains("血压偏高"));
}

/// The advice for single values of kinds, beside alerts of these levels, in Chinese.
fn advice(values: &[(&str, &[i64])], alerts: &[&str]) -> String {
    let span = Period::Week.span(calendar(), date());
    let kinds = values.iter().map(|(key, values)| {
        let of_metric = |value: &i64| days(span, |_| vec![*value]);
        let days = values.iter().map(of_metric).collect();
        kind(key, days, &[*values], Counted::Readings)
    });
    let alerts = alerts.iter().map(|level| AlertLine {
        title: Text::new("", ""),
        level: (*level).to_owned(),
        state: "active".to_owned(),
        started_at: String::new(),
    });
    let made = make(Input {
        period: Period::Week,
        calendar: calendar(),
        span,
        now_ms: span.end_ms,
        pending: false,
        devices: Vec::new(),
        kinds: kinds.collect(),
        alerts: alerts.collect(),
    });
    let texts = made.advice.iter().map(|text| text.zh.as_str());
    texts.collect::<Vec<_>>().join("\n")
}

#[test]
fn things_are_steady_only_where_classes_and_alerts_say_so() {
    const STEADY: &str = "总体平稳";
    assert!(advice(&[("heart_rate", &[70])], &[]).contains(STEADY));
    for (key, values) in [
        ("respiratory_rate", [30]),
        ("body_temperature", [34]),
        ("respiratory_rate", [7]),
        ("bmi", [16]),
    ] {
        let found = advice(&[("heart_rate", &[70]), (key, &values)], &[]);
        assert!(!found.is_empty() && !found.contains(STEADY), "{key}");
    }
    for level in ["warning", "critical"] {
        let found = advice(&[("heart_rate", &[70])], &[level]);
        assert!(found.contains("就医") && !found.contains(STEADY), "{level}");
    }
    // Nothing was judged.
    assert_eq!(advice(&[("energy", &[300])], &[]), "");
}

#[test]
fn each_side_has_its_line() {
    for (key, value, words) in [
        ("respiratory_rate", 22, "呼吸偏快"),
        ("respiratory_rate", 10, "呼吸偏慢"),
        ("body_temperature", 34, "体温偏低"),
        ("bmi", 17, "体重偏轻"),
        ("glucose_random", 3, "再吃15克"),
    ] {
        assert!(advice(&[(key, &[value])], &[]).contains(words), "{words}");
    }
}

#[test]
fn emergencies_come_first() {
    let found = advice(&[("respiratory_rate", &[30])], &[]);
    assert!(found.starts_with("这段时间出现过危急"), "{found}");
    assert!(advice(&[], &["critical"]).starts_with("这段时间出现过危急"));
    let span = Period::Week.span(calendar(), date());
    let ill = Circumstances::read(Some(r#"{"symptoms":true}"#));
    let values = [Milli(190_000), Milli(121_000)];
    let severe = classify("blood_pressure", &values, &ill, &Person::default());
    let class = *severe
        .iter()
        .find(|class| class.code == "hypertensive_emergency")
        .unwrap();
    let mut pressure = kind(
        "blood_pressure",
        vec![days(span, |_| vec![190]), days(span, |_| vec![121])],
        &[],
        Counted::Readings,
    );
    pressure.classes = vec![
        ClassCount {
            class: severe[0],
            count: 9,
        },
        ClassCount { class, count: 1 },
    ];
    let made = make(Input {
        period: Period::Week,
        calendar: calendar(),
        span,
        now_ms: span.end_ms,
        pending: false,
        devices: Vec::new(),
        kinds: vec![pressure],
        alerts: Vec::new(),
    });
    assert!(made.advice[0].zh.starts_with("血压曾达到180/120"));
    assert_eq!(made.sections[0].classes[0].class, class);
}

#[test]
fn a_report_without_anything_says_so() {
    let span = Period::Week.span(calendar(), date());
    let empty = make(Input {
        period: Period::Week,
        calendar: calendar(),
        span,
        now_ms: span.end_ms,
        pending: false,
        devices: Vec::new(),
        kinds: Vec::new(),
        alerts: Vec::new(),
    });
    assert!(empty.sections.is_empty() && empty.advice.is_empty());
    assert!(page(&empty, Language::Chinese).contains("没有数据"));
}

#[test]
fn the_model_is_the_json() {
    let json = serde_json::to_value(report(Period::Week)).unwrap();
    assert_eq!(json["sections"][0]["type"], "blood_pressure");
    assert_eq!(json["sections"][0]["classes"][0]["count"], 3);
    assert_eq!(json["sections"][0]["counted"], "readings");
    assert_eq!(
        json["disclaimer"]["zh"].as_str().unwrap().chars().next(),
        Some('健')
    );
    assert!(json.get("start_ms").is_none());
}

/// The names of elements that are open where the document ends, or close wrongly.
fn unbalanced(document: &str) -> Vec<String> {
    const VOID: [&str; 2] = ["meta", "!DOCTYPE"];
    let mut open: Vec<String> = Vec::new();
    let mut rest = document;
    while let Some((_, from)) = rest.split_once('<') {
        let (tag, after) = from.split_once('>').unwrap();
        rest = after;
        let name = tag.trim_start_matches('/');
        let name = name
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned();
        if tag.starts_with('/') {
            if open.pop().as_ref() != Some(&name) {
                return vec![name];
            }
        } else if !VOID.contains(&name.as_str()) {
            open.push(name);
        }
    }
    open
}

#[test]
fn pages_are_well_formed_and_refer_to_nothing_outside() {
    for language in LANGUAGES {
        for period in [Period::Day, Period::Week, Period::Month] {
            let page = page(&report(period), language);
            assert_eq!(unbalanced(&page), [""; 0]);
            assert!(page.starts_with("<!DOCTYPE html>"));
            let tag = language.pick("zh-CN", "en");
            assert!(page.contains(&format!("<html lang=\"{tag}\">")));
            for outside in [
                "http:", "https:", "//", "url(", "@import", "<script", "<link", "<img", " href",
                " src", " style=",
            ] {
                let found = page.replace("&lt;script", "").replace("&lt;img src=x", "");
                assert!(!found.contains(outside), "{outside}");
            }
        }
    }
}

#[test]
fn hostile_names_stay_text() {
    for language in LANGUAGES {
        let page = page(&report(Period::Week), language);
        assert!(!page.contains("<script") && !page.contains("<img"));
        assert_eq!(page.matches("&lt;script&gt;").count(), 2);
        assert_eq!(page.matches("<title").count(), 4);
    }
}

#[test]
fn every_chart_has_a_title_and_a_table() {
    let chinese = page(&report(Period::Week), Language::Chinese);
    assert_eq!(chinese.matches("<svg").count(), 3);
    assert_eq!(chinese.matches("role=\"img\"").count(), 3);
    assert_eq!(chinese.matches("<details>").count(), 3);
    assert_eq!(chinese.matches("class=\"bar\"").count(), 7);
    assert_eq!(chinese.matches("class=\"systolic\"").count(), 7);
    assert!(chinese.contains("class=\"target\"") && chinese.contains("2026-11-16至2026-11-22"));
    let english = page(&report(Period::Week), Language::English);
    assert!(english.contains("Weekly health report") && english.contains("Blood pressure"));
    let is_chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    let cut = english.split("<footer>").next().unwrap();
    let body = cut.split("<body>").nth(1).unwrap();
    assert!(!is_chinese(body));
}

/// The texts between two others.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    let rest = text.split(before).skip(1);
    rest.map(|rest| rest.split(after).next().unwrap()).collect()
}

#[test]
fn the_lines_of_a_grid_are_at_round_numbers_around_all_values() {
    let page = page(&report(Period::Week), Language::English);
    let scales: Vec<Vec<&str>> = between(&page, "<svg", "</svg>")
        .into_iter()
        .map(|chart| between(chart, "text-anchor=\"end\">", "<"))
        .collect();
    // Of 78 to 146 mmHg, 60 to 104 beats, 0 to 9,300 steps, with some room above.
    let expected = [
        vec!["60", "80", "100", "120", "140", "160"],
        vec!["40", "60", "80", "100", "120"],
        vec!["0", "5000", "10000", "15000"],
    ];
    assert_eq!(scales, expected);
}

#[test]
fn a_single_pressure_of_a_day_is_drawn_as_a_dot() {
    let mut report = report(Period::Week);
    let pressures = report.sections.iter_mut().take(1);
    for bucket in pressures.flat_map(|section| section.buckets.iter_mut()) {
        (bucket.min, bucket.max) = (bucket.mean, bucket.mean);
    }
    let page = page(&report, Language::English);
    let lines = between(&page, "<line class=\"systolic\"", ">");
    assert_eq!(lines.len(), 7);
    for line in lines {
        let at = |name: &str| -> f64 { between(line, name, "\"")[0].parse().unwrap() };
        assert!(at("y2=\"") > at("y1=\""), "{line}");
    }
}

#[test]
fn the_policy_allows_the_style_of_the_page_alone() {
    let policy = content_security_policy();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    let page = page(&report(Period::Day), Language::English);
    assert_eq!(page.matches("<style>").count(), 1);
    // What is hashed is what stands in the document.
    assert!(page.contains(&format!("<style>{}</style>", include_str!("style.css"))));
}
