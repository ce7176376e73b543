//! Shows a person one of their readings, and takes one back that was wrong.

use suoke_guest::{ApiError, Reply, Request, clock, ids, reply};
use suoke_health::view::{ReadingView, Status, StoredReading};
use suoke_readings::{Cause, LABEL, Removed, find, remove};
use suoke_store::Database;

/// The name in events.
const COMPONENT: &str = "health-readings";

suoke_guest::http_service!(route);

async fn route(request: Request) -> Result<Reply, ApiError> {
    request.allow(&["GET", "DELETE"])?;
    let user = suoke_identity::caller(&request)?;
    let id = request.param("id")?;
    let mut db = Database::open(LABEL).await?;
    handle(&mut db, &request, &user.user_id, &id).await
}

async fn handle(
    db: &mut Database,
    request: &Request,
    user_id: &str,
    id: &str,
) -> Result<Reply, ApiError> {
    if request.method() != "DELETE" {
        let reading = existing(db, user_id, id).await?;
        return reply::json(&ReadingView::from(reading));
    }
    if !ids::is_id(id) {
        return Err(absent());
    }
    let cause = Cause::request(COMPONENT, request);
    match remove(db, user_id, id, clock::now_ms(), cause).await? {
        Removed::Now => reply::empty(),
        Removed::Absent => Err(absent()),
        Removed::Before => {
            // Deleted, unless it was corrected.
            existing(db, user_id, id).await?;
            let detail = "It was corrected: delete the reading that took its place.";
            Err(ApiError::conflict("reading_amended", detail)
                .zh("该记录已被更正，请删除更正后的记录。"))
        }
    }
}

/// A reading that was not deleted.
async fn existing(db: &Database, user_id: &str, id: &str) -> Result<StoredReading, ApiError> {
    let found = if ids::is_id(id) {
        find(db, user_id, id).await?
    } else {
        None
    };
    found
        .filter(|reading| reading.status != Status::EnteredInError)
        .ok_or_else(absent)
}

fn absent() -> ApiError {
    ApiError::not_found("There is no such reading.").zh("没有该条健康数据。")
}

#[cfg(test)]
mod tests;
