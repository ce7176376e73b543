//! Shows a person what they were alerted to, and notes what they know.

mod queries;
mod view;

use serde::Deserialize;
use suoke_guest::{ApiError, FieldError, Reply, Request, clock, ids, page, reply};
use suoke_health::alerts::State;
use suoke_store::Database;

suoke_guest::http_service!(route);

/// The query of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    state: Option<String>,
    limit: Option<u32>,
    /// The last one that was shown: ids are in the order in which alerts were made.
    cursor: Option<String>,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    let id = request.param("id").ok();
    let path = request.path().trim_end_matches('/');
    let acknowledges = id.is_some() && path.ends_with("/acknowledge");
    request.allow(&[if acknowledges { "POST" } else { "GET" }])?;
    let who = suoke_identity::caller(&request)?;
    let db = Database::open("health").await?;
    match id {
        Some(id) if acknowledges => acknowledge(&db, &who.user_id, &id, &request).await,
        Some(id) => show(&db, &who.user_id, &id, &request).await,
        None => list(&db, &who.user_id, &request).await,
    }
}

async fn list(db: &Database, user_id: &str, request: &Request) -> Result<Reply, ApiError> {
    let asked: Page = request.query()?;
    let state = state(asked.state.as_deref())?;
    let limit = page::limit(asked.limit)?;
    let before = page::id_cursor(asked.cursor.as_deref())?;
    let rows = queries::page(db, user_id, state, before, limit + 1).await?;
    let lang = request.lang();
    let shown = view::page(rows, limit, lang);
    Ok(reply::json(&shown)?.header("content-language", lang.tag()))
}

fn state(asked: Option<&str>) -> Result<Option<State>, ApiError> {
    let Some(text) = asked else { return Ok(None) };
    let found = State::parse(text).map(Some);
    found.ok_or_else(|| {
        let message = "must be active, cleared or withdrawn";
        ApiError::invalid(vec![FieldError::new("state", "invalid_value", message)])
    })
}

async fn show(
    db: &Database,
    user_id: &str,
    id: &str,
    request: &Request,
) -> Result<Reply, ApiError> {
    let found = match ids::is_id(id) {
        true => queries::find(db, user_id, id).await?,
        false => None,
    };
    let row =
        found.ok_or_else(|| ApiError::not_found("There is no such alert.").zh("没有这条提醒。"))?;
    let lang = request.lang();
    let shown = view::alert(row, lang);
    Ok(reply::json(&shown)?.header("content-language", lang.tag()))
}

/// Doing it twice keeps the first time.
async fn acknowledge(
    db: &Database,
    user_id: &str,
    id: &str,
    request: &Request,
) -> Result<Reply, ApiError> {
    queries::acknowledge(db, user_id, id, clock::now_ms()).await?;
    show(db, user_id, id, request).await
}

#[cfg(test)]
mod tests;
