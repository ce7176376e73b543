//! Shows somebody their sessions, and ends them.

use serde::Serialize;
use suoke_guest::{ApiError, Reply, Request, reply};
use suoke_identity::accounts::LABEL;
use suoke_identity::events::Origin;
use suoke_identity::sessions::{self, Session};
use suoke_store::Database;

suoke_guest::http_service!(route);

const COMPONENT: &str = "auth-sessions";

/// Why these sessions end.
const REASON: &str = "logged_out";

/// The sessions of the caller.
#[derive(Serialize)]
struct Sessions {
    sessions: Vec<Session>,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    let id = request.param("id").ok();
    request.allow(if id.is_some() {
        &["DELETE"]
    } else {
        &["GET", "DELETE"]
    })?;
    let who = sessions::signed_in(&request)?;
    let mut db = Database::open(LABEL).await?;
    match id {
        Some(id) => end(&mut db, &request, &who.user_id, &id).await,
        None if request.method() == "DELETE" => {
            end_others(&mut db, &request, &who.user_id, &who.session_id).await
        }
        None => {
            let sessions = sessions::list(&db, &who.user_id, &who.session_id).await?;
            reply::json(&Sessions { sessions })
        }
    }
}

async fn end(
    db: &mut Database,
    request: &Request,
    user_id: &str,
    session_id: &str,
) -> Result<Reply, ApiError> {
    let origin = Origin::request(COMPONENT, request);
    let ended: Result<_, ApiError> = db
        .transaction(async |tx| sessions::end(tx, origin, user_id, session_id, REASON).await)
        .await;
    let Some(effects) = ended? else {
        return Err(ApiError::not_found("There is no such session.").zh("没有这个会话。"));
    };
    effects.tell(db).await;
    reply::empty()
}

async fn end_others(
    db: &mut Database,
    request: &Request,
    user_id: &str,
    current: &str,
) -> Result<Reply, ApiError> {
    let origin = Origin::request(COMPONENT, request);
    let ended: Result<_, ApiError> = db
        .transaction(async |tx| sessions::end_all(tx, origin, user_id, current, REASON).await)
        .await;
    ended?.tell(db).await;
    reply::empty()
}

#[cfg(test)]
mod tests;
