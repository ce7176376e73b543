//! Shows a user's consultations with what came of them, and cancels them.

mod cancel;
mod queries;
mod view;

use serde::Deserialize;
use suoke_care::{answers, report};
use suoke_guest::page::{self, Cursor};
use suoke_guest::{ApiError, Reply, Request, fetch, ids, reply};
use suoke_store::Database;

suoke_guest::http_service!(route);

/// The query of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: Option<u32>,
    cursor: Option<String>,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    let id = request.param("id").ok();
    // Methods are no part of routing: opening one is another function's work.
    if id.is_none() && request.method() == "POST" {
        return fetch::forward("consultation-create", request).await;
    }
    let allowed: &[&str] = if id.is_some() {
        &["GET", "DELETE"]
    } else {
        &["GET", "POST"]
    };
    request.allow(allowed)?;
    let who = suoke_identity::caller(&request)?;
    let mut db = Database::open("care").await?;
    match id {
        Some(id) if request.method() == "DELETE" => {
            let events = cancel::cancel(&mut db, &request, &who.user_id, &id).await?;
            suoke_events::announce(&events).await;
            reply::empty()
        }
        Some(id) => one(&db, &who.user_id, &id).await,
        None => list(&db, &who.user_id, &request).await,
    }
}

/// What is gone, or somebody else's.
fn missing() -> ApiError {
    ApiError::not_found("There is no such consultation.").zh("没有这个问诊记录。")
}

async fn one(db: &Database, user_id: &str, id: &str) -> Result<Reply, ApiError> {
    if !ids::is_id(id) {
        return Err(missing());
    }
    let row = queries::one(db, user_id, id).await?.ok_or_else(missing)?;
    let diagnoses = queries::diagnoses(db, id).await?;
    let answers = answers::all(db, id).await?;
    let report = report::find(db, id).await?;
    reply::json(&view::full(row, diagnoses, answers, report)?)
}

async fn list(db: &Database, user_id: &str, request: &Request) -> Result<Reply, ApiError> {
    let asked: Page = request.query()?;
    let limit = page::limit(asked.limit)?;
    let after = Cursor::read(asked.cursor.as_deref())?;
    let rows = queries::page(db, user_id, &after, limit + 1).await?;
    reply::json(&view::page(rows, limit))
}

#[cfg(test)]
mod tests;
