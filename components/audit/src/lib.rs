//! Shows administrators who did what, and everybody who looked at their health, newest first.

mod queries;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use suoke_guest::{ApiError, Invalid, Reply, Request, clock, page, reply};
use suoke_identity::accounts::LABEL;
use suoke_identity::{Identity, caller};
use suoke_readings::events::subject;
use suoke_store::Database;

use crate::queries::{EntryRow, Wanted};

/// How long a text that entries are looked for with may be, in bytes.
const TEXT_SIZE_BYTES_MAX: usize = 512;

suoke_guest::http_service!(route);

/// The query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    limit: Option<u32>,
    cursor: Option<String>,
    actor: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    subject: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

/// A part of the audit.
#[derive(Serialize)]
struct Entries {
    entries: Vec<Entry>,
    next_cursor: Option<String>,
}

/// What somebody did.
#[derive(Serialize)]
struct Entry {
    entry_id: String,
    #[serde(rename = "type")]
    kind: String,
    subject: String,
    actor: Value,
    /// The names of the fields that were changed.
    fields: Value,
    details: Value,
    source: Value,
    event_id: Value,
    correlation_id: Value,
    occurred_at: Value,
    recorded_at: String,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    request.allow(&["GET"])?;
    let who = caller(&request)?;
    let asked = may(request.query()?, &who)?;
    let db = Database::open(LABEL).await?;
    list(&db, asked).await
}

/// What this caller may ask for: who is no administrator sees who looked at their own
/// health.
fn may(mut asked: Asked, who: &Identity) -> Result<Asked, ApiError> {
    if !who.is_admin() {
        let own = subject(&who.user_id);
        if asked.subject.is_some_and(|subject| subject != own) {
            let detail = "You may see who looked at your own health.";
            return Err(ApiError::forbidden(detail).zh("您只能查看谁访问过自己的健康数据。"));
        }
        asked.subject = Some(own);
    }
    Ok(asked)
}

async fn list(db: &Database, asked: Asked) -> Result<Reply, ApiError> {
    let limit = page::limit(asked.limit)?;
    let wanted = wanted(asked)?;
    let mut rows = queries::page(db, &wanted, limit + 1).await?;
    let next_cursor = page::cut(&mut rows, limit).map(|row| row.position.to_string());
    reply::json(&Entries {
        entries: rows.into_iter().map(shown).collect(),
        next_cursor,
    })
}

fn wanted(asked: Asked) -> Result<Wanted, ApiError> {
    let mut invalid = Invalid::new();
    for (field, text) in [
        ("actor", &asked.actor),
        ("type", &asked.kind),
        ("subject", &asked.subject),
    ] {
        let is_fine = |text: &String| (1..=TEXT_SIZE_BYTES_MAX).contains(&text.len());
        let message = "must be 1 to 512 bytes";
        let is_fine = text.as_ref().is_none_or(is_fine);
        invalid.check(is_fine, field, "invalid_value", message);
    }
    let mut instant = |field: &str, text: Option<String>| {
        let read = text.as_deref().map(clock::parse_rfc3339);
        let message = "must be an RFC 3339 instant such as 2026-01-02T03:04:05Z";
        invalid.check(read != Some(None), field, "invalid_value", message);
        read.flatten()
    };
    let from_ms = instant("from", asked.from);
    let to_ms = instant("to", asked.to);
    let before = match asked.cursor.map(|cursor| cursor.parse()) {
        None => None,
        Some(Ok(position)) => Some(position),
        Some(Err(_)) => return Err(page::invalid_cursor()),
    };
    invalid.finish()?;
    Ok(Wanted {
        before,
        actor: asked.actor,
        kind: asked.kind,
        subject: asked.subject,
        from_ms,
        to_ms,
    })
}

/// What is stored is ours: what it lacks is null.
fn shown(row: EntryRow) -> Entry {
    let mut data: Value = serde_json::from_str(&row.data).unwrap_or_default();
    let mut metadata: Value = serde_json::from_str(&row.metadata).unwrap_or_default();
    let mut noted = |name: &str| metadata.get_mut(name).map(Value::take).unwrap_or_default();
    Entry {
        entry_id: row.id,
        kind: row.kind,
        subject: row.stream_id,
        actor: noted("actor"),
        source: noted("source"),
        event_id: noted("event_id"),
        correlation_id: noted("correlation_id"),
        occurred_at: noted("time"),
        fields: data.get_mut("fields").map(Value::take).unwrap_or_default(),
        details: data.get_mut("details").map(Value::take).unwrap_or_default(),
        recorded_at: clock::rfc3339(row.created_at),
    }
}

#[cfg(test)]
mod tests;
