//! The sentences that people read, in Chinese and English. No doses and no formulas.

use serde::{Deserialize, Serialize};
use suoke_diagnosis::{
    Differentiation, Method, Outcome, Question, Status, StepResult, emergency_card,
};
use suoke_health::vitals::Vital;

/// How many findings a sentence names.
const NAMES_MAX: usize = 6;

/// A text in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bilingual {
    /// 简体中文.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Bilingual {
    /// Both texts.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            zh: zh.into(),
            en: en.into(),
        }
    }

    /// This text, and the other after it.
    #[must_use]
    pub fn then(self, next: &Self) -> Self {
        let en = [self.en.as_str(), next.en.as_str()];
        let en: Vec<&str> = en.into_iter().filter(|part| !part.is_empty()).collect();
        Self {
            zh: self.zh + &next.zh,
            en: en.join(" "),
        }
    }
}

/// What to do about each red flag; empty without any.
#[must_use]
pub fn emergencies(red_flags: &[String]) -> Bilingual {
    let cards = red_flags.iter().filter_map(|code| emergency_card(code));
    cards.fold(Bilingual::new("", ""), |text, card| {
        let next = Bilingual::new(
            format!("【{}】{}", card.zh, card.action_zh),
            format!("{}: {}", card.en, card.action_en),
        );
        text.then(&next)
    })
}

/// What 小艾 understood.
#[must_use]
pub fn inquiry(result: &StepResult) -> Bilingual {
    let names = |present: bool| {
        let findings = result.findings.iter();
        let named = findings.filter(|finding| finding.present == present);
        list(named.map(|finding| finding.name.as_str()))
    };
    let (present, denied) = (names(true), names(false));
    let mut text = emergencies(&result.red_flags);
    if present.is_empty() && denied.is_empty() {
        let nothing = Bilingual::new(
            "您的描述里没有读出明确的症状，请再具体说说哪里不舒服、多久了。",
            "No symptom could be read from what you wrote; please say what is wrong and for how long.",
        );
        return text.then(&nothing);
    }
    if !present.is_empty() {
        let next = Bilingual::new(
            format!("已记录您的症状：{present}。"),
            format!("Noted: {present}."),
        );
        text = text.then(&next);
    }
    if !denied.is_empty() {
        let next = Bilingual::new(
            format!("您否认：{denied}。"),
            format!("You deny: {denied}."),
        );
        text = text.then(&next);
    }
    text
}

/// What 小克 saw. Missing is missing, not 0.
#[must_use]
pub fn vitals(vitals: &[Vital], days: u32) -> Bilingual {
    if vitals.is_empty() {
        return Bilingual::new(
            format!("近{days}天没有体征数据。"),
            format!("There are no vital signs of the last {days} days."),
        );
    }
    let red_flags: Vec<String> = vitals
        .iter()
        .filter_map(|vital| vital.red_flag.clone())
        .collect();
    let zh: Vec<String> = vitals.iter().map(|vital| sentence(vital, false)).collect();
    let en: Vec<String> = vitals.iter().map(|vital| sentence(vital, true)).collect();
    let seen = Bilingual::new(
        format!("近{days}天体征：{}。", zh.join("；")),
        format!("Vital signs of {days} days: {}.", en.join("; ")),
    );
    emergencies(&red_flags).then(&seen)
}

/// One vital sign: 血压 最新130/82 mm[Hg]（正常高值），共12次.
fn sentence(vital: &Vital, english: bool) -> String {
    let latest: Vec<String> = vital
        .figures
        .iter()
        .map(|figure| figure.latest.to_string())
        .collect();
    let (latest, unit, count) = (latest.join("/"), &vital.unit, vital.count);
    let class = vital.class.as_ref();
    if english {
        let class = class.map_or(String::new(), |class| {
            format!(" ({})", class.code.replace('_', " "))
        });
        format!("{} {latest} {unit}{class}, {count} readings", vital.en)
    } else {
        let class = class.map_or(String::new(), |class| format!("（{}）", class.zh));
        format!("{} 最新{latest} {unit}{class}，共{count}次", vital.zh)
    }
}

/// What 老克 makes of it.
#[must_use]
pub fn differentiation(found: &Differentiation) -> Bilingual {
    match found.outcome {
        Outcome::Emergency => {
            let stopped = Bilingual::new(
                "请先处理上述紧急情况，暂不辨证。",
                "See to the emergency first; nothing is differentiated.",
            );
            emergencies(&found.red_flags).then(&stopped)
        }
        Outcome::Established | Outcome::Tendency => syndromes(found),
        Outcome::Elements => {
            let names = list(found.elements.iter().map(|element| element.name.as_str()));
            Bilingual::new(
                format!("证候尚不明确，偏{names}。"),
                format!("No syndrome stands out; there is a leaning to {names}."),
            )
        }
        Outcome::Insufficient => Bilingual::new(
            "信息不足，暂不能辨证。",
            "There is too little to go on for a differentiation.",
        ),
    }
}

fn syndromes(found: &Differentiation) -> Bilingual {
    let mut text = Bilingual::new("", "");
    for (place, syndrome) in found.syndromes.iter().enumerate() {
        let reasons = list(syndrome.supporting.iter().map(|piece| piece.name.as_str()));
        let percent = (syndrome.confidence * 100.0).round();
        let (lead_zh, lead_en) = match (place, syndrome.status) {
            (0, Status::Established) => ("辨证参考", "Syndrome"),
            (0, _) => ("证候倾向", "Tendency"),
            _ => ("兼见", "Beside it"),
        };
        let next = Bilingual::new(
            format!(
                "{lead_zh}：{}（把握度{percent}%），依据：{reasons}。",
                syndrome.name
            ),
            format!(
                "{lead_en}: {} (confidence {percent} %), because of {reasons}.",
                syndrome.english
            ),
        );
        text = text.then(&next);
    }
    text
}

/// A question about a finding, as a person is asked.
#[must_use]
pub fn question(question: &Question) -> Bilingual {
    let name = &question.name;
    match question.method {
        Method::Inquiry => Bilingual::new(
            format!("您是否有{name}？"),
            format!("Do you have this: {name}?"),
        ),
        Method::Look => Bilingual::new(
            format!("请补充望诊：是否{name}？"),
            format!("To be looked at: {name}?"),
        ),
        Method::Listen => Bilingual::new(
            format!("请补充闻诊：是否{name}？"),
            format!("To be listened to: {name}?"),
        ),
        Method::Palpation => Bilingual::new(
            format!("请补充切诊：是否{name}？"),
            format!("To be felt: {name}?"),
        ),
    }
}

/// The first names, joined as Chinese lists are.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.take(NAMES_MAX).collect();
    names.join("、")
}
