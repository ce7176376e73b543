//! Shows a user's consultations with what came of them, and cancels them.

mod cancel;
mod cursor;
mod queries;
mod view;

use serde::Deserialize;
use suoke_care::{answers, report};
use suoke_guest::{ApiError, FieldError, Reply, Request, fetch, ids, reply};
use suoke_store::Database;

use cursor::Cursor;

suoke_guest::http_service!(route);

/// How many are shown unless the caller says otherwise.
const LIMIT_DEFAULT: u32 = 20;

/// How many may be asked for.
const LIMIT_MAX: u32 = 100;

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
    let who = suoke_identity::authenticate(&request).await?;
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
    let page: Page = request.query()?;
    let limit = page.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let error = FieldError::new("limit", "out_of_range", "must be between 1 and 100");
        return Err(ApiError::invalid(vec![error]));
    }
    let after = match page.cursor.as_deref() {
        None => Cursor::start(),
        Some(text) => Cursor::parse(text).ok_or_else(|| {
            let message = "must be the next_cursor of an earlier answer";
            ApiError::invalid(vec![FieldError::new("cursor", "invalid_cursor", message)])
        })?,
    };
    // One more than is shown tells whether there is a next page.
    let rows = queries::page(db, user_id, &after, limit + 1).await?;
    reply::json(&view::page(rows, limit as usize))
}

#[cfg(test)]
mod tests;
