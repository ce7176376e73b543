//! Consultations as callers see them.

use serde::Serialize;
use serde_json::Value;
use suoke_guest::{ApiError, clock};

use crate::cursor::Cursor;
use crate::queries::{ConsultationRow, DiagnosisRow};

/// A consultation.
#[derive(Debug, Serialize)]
pub(crate) struct Consultation {
    consultation_id: String,
    status: String,
    agent: String,
    chief_complaint: String,
    created_at: String,
    updated_at: String,
}

/// A consultation with what the engines found.
#[derive(Debug, Serialize)]
pub(crate) struct FullConsultation {
    #[serde(flatten)]
    consultation: Consultation,
    diagnoses: Vec<Diagnosis>,
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

/// One consultation with its diagnoses.
pub(crate) fn full(
    row: ConsultationRow,
    diagnoses: Vec<DiagnosisRow>,
) -> Result<FullConsultation, ApiError> {
    let diagnoses: Result<Vec<Diagnosis>, ApiError> =
        diagnoses.into_iter().map(diagnosis).collect();
    Ok(FullConsultation {
        consultation: row.into(),
        diagnoses: diagnoses?,
    })
}

/// At most `limit` of the rows, and where the list goes on.
pub(crate) fn page(mut rows: Vec<ConsultationRow>, limit: usize) -> PageOfConsultations {
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| has_more).map(|row| Cursor {
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
