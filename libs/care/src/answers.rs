//! What the agents answer, by rules. One row for each agent and consultation.

use serde::{Deserialize, Serialize};
use suoke_diagnosis::Differentiation;
use suoke_health::vitals::Vital;
use suoke_store::{Sql, StoreError};

use crate::text::Bilingual;

mod queries;

pub use queries::AnswerRow;

/// The answer of an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// How it was made: `rules`.
    pub mode: String,
    /// What the agent says.
    pub text: Bilingual,
    /// Codes of the emergencies that it saw.
    pub red_flags: Vec<String>,
    /// What it is based on.
    #[serde(flatten)]
    pub content: Content,
}

/// What an answer is based on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "agent", rename_all = "snake_case")]
pub enum Content {
    /// 小艾 took the person's words in.
    Xiaoai {
        /// The stored result of the inquiry.
        diagnosis_id: String,
    },
    /// 小克 looked at the vital signs.
    Xiaoke {
        /// How many days back.
        days: u32,
        /// What was measured; empty where nothing was.
        vitals: Vec<Vital>,
    },
    /// 老克 told the syndromes apart.
    Laoke {
        /// The result, without formulas: nobody knows yet for whom they are safe.
        differentiation: Box<Differentiation>,
    },
}

impl Answer {
    /// An answer by rules.
    #[must_use]
    pub fn by_rules(text: Bilingual, red_flags: Vec<String>, content: Content) -> Self {
        Self {
            mode: "rules".to_owned(),
            text,
            red_flags,
            content,
        }
    }

    /// The agent's name.
    #[must_use]
    pub fn agent(&self) -> &'static str {
        match &self.content {
            Content::Xiaoai { .. } => "xiaoai",
            Content::Xiaoke { .. } => "xiaoke",
            Content::Laoke { .. } => "laoke",
        }
    }
}

/// Stores an answer, in place of an earlier one.
///
/// # Errors
/// When the database fails or the answer cannot be written as JSON.
pub async fn store(
    sql: &impl Sql,
    consultation_id: &str,
    answer: &Answer,
    now_ms: i64,
) -> Result<(), suoke_events::EventError> {
    let json = serde_json::to_string(answer).map_err(suoke_events::EventError::work)?;
    Ok(queries::store(sql, consultation_id, answer.agent(), &json, now_ms).await?)
}

/// Withdraws what an agent answered, if it did.
///
/// # Errors
/// When the database fails.
pub async fn cancel(
    sql: &impl Sql,
    consultation_id: &str,
    agent: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    queries::cancel(sql, consultation_id, agent, now_ms).await
}

/// Every answer to a consultation, by agent.
///
/// # Errors
/// When the database fails.
pub async fn all(sql: &impl Sql, consultation_id: &str) -> Result<Vec<AnswerRow>, StoreError> {
    queries::all(sql, consultation_id).await
}
