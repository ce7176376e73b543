//! A consultation and its record as documents.

use serde_json::{Value, json};
use suoke_care::report::{self, Report};
use suoke_diagnosis::lexicon;
use suoke_events::EventError;
use suoke_search::{Document, Field};
use suoke_store::Database;

use crate::queries;

/// Most characters of a complaint that are a document's name.
const NAME_CHARS_MAX: usize = 60;

/// Documents of one person.
pub(crate) struct Documents {
    pub(crate) owner: String,
    pub(crate) documents: Vec<Document>,
}

/// The documents of a consultation as it stands; none where it is gone.
pub(crate) async fn of(
    care: &Database,
    health: &Database,
    id: &str,
    with_record: bool,
) -> Result<Option<Documents>, EventError> {
    let Some(found) = queries::consultation(care, id).await? else {
        return Ok(None);
    };
    let report = match report::find(care, id).await? {
        Some(row) => serde_json::from_str(&row.content).map_err(EventError::work)?,
        None => None,
    };
    let complaint = &found.chief_complaint;
    let mut documents = vec![consultation(id, complaint, report.as_ref()).at(found.created_at)];
    if with_record {
        let rows = queries::records(health, id).await?;
        let own = rows.into_iter().filter(|row| row.user_id == found.user_id);
        documents.extend(own.map(|row| record(&row)));
    }
    Ok(Some(Documents {
        owner: found.user_id,
        documents,
    }))
}

fn consultation(id: &str, complaint: &str, report: Option<&Report>) -> Document {
    let name: String = complaint.chars().take(NAME_CHARS_MAX).collect();
    let document = Document::new("consultation", id).with(Field::Name, &name);
    let Some(report) = report else {
        return document.with(Field::Text, complaint);
    };
    let present = report.findings.iter().filter(|finding| finding.present);
    let present = present.map(|finding| finding.name.as_str());
    let found = report.differentiation.iter();
    let syndromes = found.flat_map(|found| &found.syndromes);
    let named: Vec<&str> = present
        .chain(syndromes.map(|each| each.name.as_str()))
        .collect();
    let text = format!("{complaint}\n{}", report.summary.zh);
    let codes: Vec<&str> = report
        .red_flags
        .iter()
        .map(|flag| flag.code.as_str())
        .collect();
    let mut document = document
        .with(Field::Symptom, &named.join("、"))
        .with(Field::Text, &text);
    document.values = json!({ "red_flags": codes, "syndromes": report.syndromes() });
    document
}

/// A record holds codes: they are found by their names.
fn record(row: &queries::RecordRow) -> Document {
    let summary: Value = serde_json::from_str(&row.summary).unwrap_or_default();
    let all = lexicon::syndromes();
    let codes = |key: &str| -> Vec<String> {
        let list = summary
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let syndromes = codes("syndromes");
    let names = syndromes.iter().filter_map(|id| {
        let mut found = all.iter().filter(|each| each.id == *id);
        found.next().map(|each| each.name.clone())
    });
    let flags = codes("red_flags");
    let flags = flags
        .iter()
        .filter_map(|code| suoke_diagnosis::emergency_card(code));
    let named: Vec<String> = flags.map(|card| card.zh.clone()).chain(names).collect();
    let mut document = Document::new("record", &row.id)
        .with(Field::Name, "问诊记录")
        .with(Field::Symptom, &named.join("、"))
        .at(row.created_at);
    document.values = summary;
    document
}
