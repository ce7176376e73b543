//! Shows a person the figures of their readings by time, and where they go.

mod aggregates;
mod asked;
mod special;
mod trends;

use suoke_guest::{ApiError, Reply, Request, clock, reply};
use suoke_readings::LABEL;
use suoke_store::Database;

suoke_guest::http_service!(route);

async fn route(request: Request) -> Result<Reply, ApiError> {
    request.allow(&["GET"])?;
    let now_ms = clock::now_ms();
    if request.path().ends_with("/trends") {
        let asked: asked::Trends = request.query()?;
        let user_id = whose(&request, asked.user_id.as_deref())?;
        let (kind, days) = asked.check()?;
        let db = Database::open_for_reading(LABEL).await?;
        return reply::json(&trends::shown(&db, &user_id, kind, days, now_ms).await?);
    }
    let asked: asked::Aggregates = request.query()?;
    let user_id = whose(&request, asked.user_id.as_deref())?;
    let asked = asked.check(now_ms)?;
    let db = Database::open_for_reading(LABEL).await?;
    reply::json(&aggregates::shown(&db, &user_id, &asked).await?)
}

/// Whose figures: one's own, or those of whom an operator names.
fn whose(request: &Request, named: Option<&str>) -> Result<String, ApiError> {
    let caller = suoke_identity::caller(request)?;
    match named {
        Some(user_id) if user_id != caller.user_id => {
            suoke_identity::operator(request)?;
            Ok(user_id.to_owned())
        }
        _ => Ok(caller.user_id),
    }
}

#[cfg(test)]
mod tests;
