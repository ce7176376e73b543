//! Takes exports of other systems in, piece by piece, each line once.

mod asked;
mod owners;
mod queries;
mod store;
mod view;

use suoke_events::announce;
use suoke_guest::{ApiError, Reply, Request, clock, reply};
use suoke_readings::make_room;
use suoke_store::{Database, Transaction};

use asked::Asked;
use view::State;

suoke_guest::http_service!(route);

async fn route(request: Request) -> Result<Reply, ApiError> {
    let caller = suoke_identity::caller(&request)?;
    if request.path().trim_end_matches('/').ends_with("/import") {
        request.allow(&["POST"])?;
        let mut db = Database::open(suoke_readings::LABEL).await?;
        return take(&mut db, request, &caller, clock::now_ms()).await;
    }
    request.allow(&["GET"])?;
    let db = Database::open(suoke_readings::LABEL).await?;
    let id = request.param("id")?;
    show(&db, &request, &caller.user_id, &id).await
}

/// A piece of a file: its readings and how far the import has come are one transaction.
async fn take(
    db: &mut Database,
    mut request: Request,
    caller: &suoke_identity::Identity,
    now_ms: i64,
) -> Result<Reply, ApiError> {
    let asked = Asked::read(&mut request).await?;
    let piece = owners::sort(asked, caller, now_ms);
    for owned in &piece.owned {
        make_room(db, &owned.batch).await?;
    }
    let user_id = &caller.user_id;
    // Whose lines they are waits alone.
    let is_own = piece.owned.iter().all(|owned| owned.user_id == *user_id);
    let work = async |tx: &Transaction<'_>| store::take(tx, &request, user_id, piece, now_ms).await;
    let (taken, events) = if is_own {
        db.transaction_of(user_id, work).await?
    } else {
        db.transaction(work).await?
    };
    announce(&events).await;
    reply::json(&taken)
}

/// How far an import has come, and the lines that were refused.
async fn show(
    db: &Database,
    request: &Request,
    user_id: &str,
    id: &str,
) -> Result<Reply, ApiError> {
    let (after, limit) = view::page(request)?;
    let missing = || ApiError::not_found("There is no such import of yours.");
    let import = queries::find(db, user_id, id).await?.ok_or_else(missing)?;
    let rejects = queries::rejects(db, user_id, id, after, limit + 1).await?;
    reply::json(&State::new(id, import, rejects, limit))
}

#[cfg(test)]
mod tests;
