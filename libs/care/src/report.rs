//! The report of a consultation: red flags first, then what was found, what it means,
//! and what to ask next. It is a reference for managing one's health, no diagnosis and
//! no prescription; it holds no formulas and no doses.

use serde::{Deserialize, Serialize};
use suoke_diagnosis::{
    Differentiation, EmergencyCard, Finding, Language, Outcome, Question, StepResult, disclaimers,
    emergency_card,
};
use suoke_health::vitals::Vital;
use suoke_store::{Sql, StoreError};

use crate::answers::{Answer, Content};
use crate::text::{self, Bilingual};

mod queries;

pub use queries::ReportRow;

/// A red flag with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedFlag {
    /// Its code.
    pub code: String,
    /// What to do.
    #[serde(flatten)]
    pub card: EmergencyCard,
}

/// A question with its sentences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskedNext {
    /// What would decide.
    #[serde(flatten)]
    pub question: Question,
    /// How it is asked.
    pub text: Bilingual,
}

/// The report. The order of the fields is the order in which it is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Emergencies; with any of them there are no syndromes.
    pub red_flags: Vec<RedFlag>,
    /// The whole in sentences.
    pub summary: Bilingual,
    /// What the person's words held.
    pub findings: Vec<Finding>,
    /// The vital signs; empty where none was measured.
    pub vitals: Vec<Vital>,
    /// What the findings mean together.
    pub differentiation: Option<Box<Differentiation>>,
    /// What to ask next.
    pub questions: Vec<AskedNext>,
    /// Names and versions of the engines.
    pub models: Vec<String>,
    /// What has to be said with it, in Chinese.
    pub disclaimers_zh: Vec<String>,
    /// What has to be said with it, in English.
    pub disclaimers_en: Vec<String>,
}

impl Report {
    /// Makes the report of what the inquiry and the agents found.
    ///
    /// A red flag of any of them overrides every score: the syndromes are left out.
    #[must_use]
    pub fn of(inquiry: StepResult, answers: &[Answer]) -> Self {
        let red_flags = red_flags(&inquiry, answers);
        let codes: Vec<String> = red_flags.iter().map(|flag| flag.code.clone()).collect();
        let (mut vitals, mut found, mut days) = (Vec::new(), None, None);
        for answer in answers {
            match &answer.content {
                Content::Xiaoai { .. } => {}
                Content::Xiaoke {
                    vitals: seen,
                    days: back,
                } => (vitals, days) = (seen.clone(), Some(*back)),
                Content::Laoke { differentiation } => found = Some(differentiation.clone()),
            }
        }
        let found = found.map(|found| overridden(*found, &codes));
        let models = [Some(inquiry.model.clone())]
            .into_iter()
            .chain([found.as_ref().map(|found| found.model.clone())]);
        let summary = summary(&inquiry, &vitals, days, found.as_ref(), &codes);
        let questions = found.iter().flat_map(|found| &found.questions);
        let questions = questions.map(|question| AskedNext {
            question: question.clone(),
            text: text::question(question),
        });
        let lines = |language| disclaimers(language).map(str::to_owned).to_vec();
        Self {
            red_flags,
            summary,
            questions: questions.collect(),
            models: models.flatten().collect(),
            findings: inquiry.findings,
            vitals,
            differentiation: found.map(Box::new),
            disclaimers_zh: lines(Language::Chinese),
            disclaimers_en: lines(Language::English),
        }
    }

    /// The ids of its syndromes, the primary one first.
    #[must_use]
    pub fn syndromes(&self) -> Vec<String> {
        let found = self.differentiation.iter();
        let all = found.flat_map(|found| &found.syndromes);
        all.map(|syndrome| syndrome.id.clone()).collect()
    }
}

/// The red flags of all, each once, the most urgent first.
fn red_flags(inquiry: &StepResult, answers: &[Answer]) -> Vec<RedFlag> {
    let said = answers.iter().flat_map(|answer| &answer.red_flags);
    let mut flags: Vec<RedFlag> = Vec::new();
    for code in inquiry.red_flags.iter().chain(said) {
        let is_known = flags.iter().any(|flag| flag.code == *code);
        if let (false, Some(card)) = (is_known, emergency_card(code)) {
            flags.push(RedFlag {
                code: code.clone(),
                card: card.clone(),
            });
        }
    }
    flags.sort_by_key(|flag| flag.card.urgency);
    flags
}

/// What is left of a differentiation beside red flags, also those of vital signs that
/// it did not know: nothing.
fn overridden(found: Differentiation, red_flags: &[String]) -> Differentiation {
    if red_flags.is_empty() {
        return found;
    }
    Differentiation {
        outcome: Outcome::Emergency,
        red_flags: red_flags.to_vec(),
        syndromes: Vec::new(),
        elements: Vec::new(),
        principles: None,
        conflicts: Vec::new(),
        questions: Vec::new(),
        model: found.model,
    }
}

/// Red flags, then findings, vital signs and syndromes.
fn summary(
    inquiry: &StepResult,
    vitals: &[Vital],
    days: Option<u32>,
    found: Option<&Differentiation>,
    red_flags: &[String],
) -> Bilingual {
    // Red flags are said once, before all else.
    let calm = StepResult {
        red_flags: Vec::new(),
        ..inquiry.clone()
    };
    let mut summary = text::emergencies(red_flags).then(&text::inquiry(&calm));
    if let Some(days) = days {
        let mut vitals = vitals.to_vec();
        vitals.iter_mut().for_each(|vital| vital.red_flag = None);
        summary = summary.then(&text::vitals(&vitals, days));
    }
    match found {
        Some(found) if red_flags.is_empty() => summary.then(&text::differentiation(found)),
        _ => summary,
    }
}

/// Stores the report of a consultation.
///
/// # Errors
/// When the database fails or the report cannot be written as JSON.
pub async fn store(
    sql: &impl Sql,
    report_id: &str,
    consultation_id: &str,
    report: &Report,
    now_ms: i64,
) -> Result<(), suoke_events::EventError> {
    let json = serde_json::to_string(report).map_err(suoke_events::EventError::work)?;
    Ok(queries::store(sql, report_id, consultation_id, &json, now_ms).await?)
}

/// Takes the report of a consultation back.
///
/// # Errors
/// When the database fails.
pub async fn delete(sql: &impl Sql, consultation_id: &str) -> Result<(), StoreError> {
    queries::delete(sql, consultation_id).await
}

/// The report of a consultation, if it is made.
///
/// # Errors
/// When the database fails.
pub async fn find(sql: &impl Sql, consultation_id: &str) -> Result<Option<ReportRow>, StoreError> {
    queries::find(sql, consultation_id).await
}

#[cfg(test)]
mod tests;
