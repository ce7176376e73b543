//! Sagas for operators: look at them, let them go on, end them.

mod cursor;
mod view;

use serde::Deserialize;
use suoke_events::announce;
use suoke_guest::{ApiError, FieldError, Reply, Request, clock, log, page, reply};
use suoke_sagas::machine::{Input, Status};
use suoke_sagas::orchestrator::{self, LABEL, Operated};
use suoke_store::Database;

use cursor::Cursor;

suoke_guest::http_service!(route);

/// How many lines of a log are shown: more than a saga with all its tries has.
const LOG_LINES_MAX: u32 = 1_000;

/// The query of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    status: Option<String>,
    saga: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    let (id, action) = (request.param("id").ok(), request.param("action").ok());
    let allowed = if action.is_some() { "POST" } else { "GET" };
    request.allow(&[allowed])?;
    suoke_identity::operator(&request)?;
    let mut db = Database::open(LABEL).await?;
    match (id, action) {
        (None, _) => list(&db, &request).await,
        (Some(id), None) => one(&db, &id).await,
        (Some(id), Some(action)) => act(&mut db, &id, &action).await,
    }
}

async fn one(db: &Database, id: &str) -> Result<Reply, ApiError> {
    let found = suoke_sagas::summary(db, id).await?;
    let saga = found.ok_or_else(missing)?;
    let lines = suoke_sagas::log(db, id, LOG_LINES_MAX).await?;
    reply::json(&view::full(saga, lines))
}

async fn act(db: &mut Database, id: &str, action: &str) -> Result<Reply, ApiError> {
    let input = match action {
        "retry" => Input::Retry,
        "abandon" => Input::Abandon,
        "cancel" => Input::Cancel,
        _ => return Err(ApiError::not_found("There is nothing at this path.")),
    };
    match orchestrator::operate(db, id, input, clock::now_ms()).await? {
        Operated::Missing => Err(missing()),
        Operated::Refused(reason) => {
            let detail = format!("The saga stays as it is: {reason}.");
            Err(ApiError::conflict("saga_state_conflict", detail)
                .zh("流程当前的状态不允许这个操作。"))
        }
        Operated::Done(events) => {
            log::info(
                "operator acts on a saga",
                &[("saga.id", id), ("action", action)],
            );
            announce(&events).await;
            let found = suoke_sagas::summary(db, id).await?;
            reply::accepted(&view::saga(found.ok_or_else(missing)?))
        }
    }
}

async fn list(db: &Database, request: &Request) -> Result<Reply, ApiError> {
    let asked: Page = request.query()?;
    let limit = page::limit(asked.limit)?;
    let is_status = |text: &str| Status::ALL.iter().any(|one| one.as_str() == text);
    if asked.status.as_deref().is_some_and(|text| !is_status(text)) {
        let message =
            "must be running, completed, compensating, compensated, needs_attention or failed";
        let error = FieldError::new("status", "invalid_value", message);
        return Err(ApiError::invalid(vec![error]));
    }
    let after = match asked.cursor.as_deref() {
        None => Cursor::start(),
        Some(text) => Cursor::parse(text).ok_or_else(page::invalid_cursor)?,
    };
    let before = (after.created_at, after.id.as_str());
    let (status, saga) = (asked.status.as_deref(), asked.saga.as_deref());
    let sagas = suoke_sagas::page(db, status, saga, before, limit + 1).await?;
    reply::json(&view::page(sagas, limit))
}

fn missing() -> ApiError {
    ApiError::not_found("There is no such saga.").zh("没有这个流程。")
}

#[cfg(test)]
mod tests;
