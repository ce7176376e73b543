//! Shows a person what they are told, and notes what they have read.

mod queries;
mod view;

use serde::Deserialize;
use suoke_guest::{ApiError, Reply, Request, clock, ids, page, reply};
use suoke_store::Database;

suoke_guest::http_service!(route);

/// The query of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: Option<u32>,
    /// The last one that was shown: ids are in the order of time.
    cursor: Option<String>,
    #[serde(default)]
    unread: bool,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    let id = request.param("id").ok();
    request.allow(&[if id.is_some() { "POST" } else { "GET" }])?;
    let who = suoke_identity::caller(&request)?;
    let db = Database::open("care").await?;
    match id {
        Some(id) => read(&db, &who.user_id, &id).await,
        None => list(&db, &who.user_id, &request).await,
    }
}

/// Reading twice keeps the first time.
async fn read(db: &Database, user_id: &str, id: &str) -> Result<Reply, ApiError> {
    let is_theirs = ids::is_id(id) && queries::read(db, user_id, id, clock::now_ms()).await?;
    if is_theirs {
        return reply::empty();
    }
    Err(ApiError::not_found("There is no such notification.").zh("没有这条通知。"))
}

async fn list(db: &Database, user_id: &str, request: &Request) -> Result<Reply, ApiError> {
    let asked: Page = request.query()?;
    let limit = page::limit(asked.limit)?;
    let before = page::id_cursor(asked.cursor.as_deref())?;
    let rows = queries::page(db, user_id, before, asked.unread, limit + 1).await?;
    let lang = request.lang();
    let shown = view::page(rows, limit, lang);
    Ok(reply::json(&shown)?.header("content-language", lang.tag()))
}

#[cfg(test)]
mod tests;
