//! Shows a person one of their readings, and takes one back that was wrong.

use suoke_guest::{ApiError, Reply, Request, clock, ids, reply};
use suoke_health::view::{ReadingView, Status, StoredReading};
use suoke_readings::{Cause, LABEL, find, remove};
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
    let reading = existing(db, user_id, id).await?;
    if request.method() != "DELETE" {
        return reply::json(&ReadingView::from(reading));
    }
    if reading.status == Status::Amended {
        let detail = "It was corrected: delete the reading that took its place.";
        return Err(ApiError::conflict("reading_amended", detail)
            .zh("该记录已被更正，请删除更正后的记录。"));
    }
    let cause = Cause::request(COMPONENT, request);
    remove(db, user_id, id, clock::now_ms(), cause).await?;
    reply::empty()
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
        .ok_or_else(|| ApiError::not_found("There is no such reading.").zh("没有该条健康数据。"))
}

#[cfg(test)]
mod tests;
