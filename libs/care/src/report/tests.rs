//! Red flags first, and nothing beside them.

use serde_json::Value;
use suoke_diagnosis::{Observation, Source, analyse, differentiate};

use super::*;

fn laoke(inquiry: &StepResult) -> Answer {
    let observations: Vec<Observation> = inquiry
        .findings
        .iter()
        .map(|finding| Observation {
            finding: finding.clone(),
            source: Source::Inquiry,
        })
        .collect();
    let found = differentiate(&observations, &inquiry.red_flags);
    Answer::by_rules(
        text::differentiation(&found),
        found.red_flags.clone(),
        Content::Laoke {
            differentiation: Box::new(found),
        },
    )
}

fn xiaoke(red_flag: Option<&str>) -> Answer {
    Answer::by_rules(
        text::vitals(&[], 7),
        red_flag.into_iter().map(str::to_owned).collect(),
        Content::Xiaoke {
            days: 7,
            vitals: Vec::new(),
        },
    )
}

fn report(complaint: &str, red_flag: Option<&str>) -> Report {
    let inquiry = analyse(complaint);
    let answers = [xiaoke(red_flag), laoke(&inquiry)];
    Report::of(inquiry, &answers)
}

const SLEEPLESS: &str = "失眠多梦，心烦，腰酸，手足心热，盗汗，口干";

#[test]
fn syndromes_come_with_their_evidence_and_questions() {
    let report = report(SLEEPLESS, None);
    assert!(report.red_flags.is_empty());
    assert_eq!(report.syndromes()[0], "heart_kidney");
    assert!(
        report.summary.zh.contains("心肾不交证"),
        "{}",
        report.summary.zh
    );
    assert!(report.summary.zh.contains("近7天没有体征数据"));
    assert!(!report.questions.is_empty());
    assert_eq!(report.models.len(), 2);
    assert!(report.disclaimers_zh[0].contains("不作为医学诊断或处方依据"));
    assert!(report.disclaimers_en[0].contains("neither a medical diagnosis nor a prescription"));
}

#[test]
fn red_flags_come_first_and_leave_no_syndromes() {
    let report = report(&format!("{SLEEPLESS}。胸痛二十分钟"), None);
    assert_eq!(report.red_flags[0].code, "rf_acs");
    assert!(report.syndromes().is_empty() && report.questions.is_empty());
    assert!(
        report.summary.zh.starts_with("【疑似急性冠脉综合征】"),
        "{}",
        report.summary.zh
    );
    assert_eq!(report.summary.zh.matches("急性冠脉").count(), 1);
    let json = serde_json::to_string(&report).unwrap();
    assert!(
        json.starts_with("{\"red_flags\":[{\"code\":\"rf_acs\""),
        "{json}"
    );
}

#[test]
fn a_red_flag_of_the_vital_signs_overrides_syndromes_too() {
    let report = report(SLEEPLESS, Some("rf_resp"));
    assert_eq!(report.red_flags.len(), 1);
    assert!(report.syndromes().is_empty());
    assert!(
        !report.summary.zh.contains("心肾不交"),
        "{}",
        report.summary.zh
    );
}

#[test]
fn the_most_urgent_red_flag_leads() {
    let report = report("不明原因消瘦，胸痛二十分钟", None);
    let codes: Vec<&str> = report
        .red_flags
        .iter()
        .map(|flag| flag.code.as_str())
        .collect();
    assert_eq!(codes, ["rf_acs", "rf_cancer"]);
}

#[test]
fn what_was_stored_is_read_again() {
    let report = report(SLEEPLESS, None);
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    assert!(serde_json::from_str::<Value>(&json).unwrap()["summary"]["en"].is_string());
}

#[test]
fn a_text_without_symptoms_says_so() {
    let report = report("你好呀，今天天气不错", None);
    assert!(report.summary.zh.contains("没有读出明确的症状"));
    assert!(report.summary.zh.contains("信息不足"));
}
