//! Consultations as callers see them.

use serde::Serialize;
use serde_json::Value;
use suoke_care::answers::AnswerRow;
use suoke_care::report::ReportRow;
use suoke_guest::page::{self, Cursor};
use suoke_guest::{ApiError, clock};

use crate::queries::{ConsultationRow, DiagnosisRow};

/// A consultation.
#[derive(Debug, Serialize)]
pub(crate) struct Consultation {
    consultation_id: String,
    status: String,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    agent: String,
    chief_complaint: String,
    created_at: String,
    updated_at: String,
}

/// A consultation with what came of it.
#[derive(Debug, Serialize)]
pub(crate) struct FullConsultation {
    #[serde(flatten)]
    consultation: Consultation,
    diagnoses: Vec<Diagnosis>,
    /// What the agents answered.
    answers: Vec<Answer>,
    /// None until it is made.
    report: Option<Report>,
}

/// What an agent answered; one that was cancelled is not shown.
#[derive(Debug, Serialize)]
struct Answer {
    #[serde(flatten)]
    answer: Value,
    created_at: String,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Report {
    report_id: String,
    /// As it was stored, red flags first.
    #[serde(flatten)]
    content: suoke_care::report::Report,
    created_at: String,
}

/// What one engine found.
#[derive(Debug, Serialize)]
struct Diagnosis {
    diagnosis_id: String,
    step: String,
    engine: String,
    result: Value,
    created_at: String,
}

/// A part of the list.
#[derive(Debug, Serialize)]
pub(crate) struct PageOfConsultations {
    consultations: Vec<Consultation>,
    next_cursor: Option<String>,
}

/// One consultation with its diagnoses, answers and report.
pub(crate) fn full(
    row: ConsultationRow,
    diagnoses: Vec<DiagnosisRow>,
    answers: Vec<AnswerRow>,
    report: Option<ReportRow>,
) -> Result<FullConsultation, ApiError> {
    let shown = answers.into_iter().filter(|row| row.state == "answered");
    let answers: Result<Vec<Answer>, ApiError> = shown.map(answer).collect();
    let diagnoses: Result<Vec<Diagnosis>, ApiError> =
        diagnoses.into_iter().map(diagnosis).collect();
    Ok(FullConsultation {
        consultation: row.into(),
        diagnoses: diagnoses?,
        answers: answers?,
        report: report.map(read).transpose()?,
    })
}

/// At most `limit` of the rows, and where the list goes on.
pub(crate) fn page(mut rows: Vec<ConsultationRow>, limit: u32) -> PageOfConsultations {
    let last = page::cut(&mut rows, limit).map(|row| Cursor {
        created_at: row.created_at,
        id: row.id.clone(),
    });
    PageOfConsultations {
        consultations: rows.into_iter().map(Into::into).collect(),
        next_cursor: last.map(|cursor| cursor.text()),
    }
}

impl From<ConsultationRow> for Consultation {
    fn from(row: ConsultationRow) -> Self {
        Self {
            consultation_id: row.id,
            status: row.status,
            reason: row.reason,
            agent: row.agent,
            chief_complaint: row.chief_complaint,
            created_at: clock::rfc3339(row.created_at),
            updated_at: clock::rfc3339(row.updated_at),
        }
    }
}

fn diagnosis(row: DiagnosisRow) -> Result<Diagnosis, ApiError> {
    Ok(Diagnosis {
        diagnosis_id: row.id,
        step: row.step,
        engine: row.engine,
        result: serde_json::from_str(&row.result)?,
        created_at: clock::rfc3339(row.created_at),
    })
}

fn answer(row: AnswerRow) -> Result<Answer, ApiError> {
    Ok(Answer {
        answer: serde_json::from_str(&row.answer)?,
        created_at: clock::rfc3339(row.updated_at),
    })
}

fn read(row: ReportRow) -> Result<Report, ApiError> {
    Ok(Report {
        report_id: row.id,
        content: serde_json::from_str(&row.content)?,
        created_at: clock::rfc3339(row.created_at),
    })
}
