//! Virtual keys: made, shown once, rotated and withdrawn by the user they belong to.

use serde::{Deserialize, Serialize};
use suoke_events::announce;
use suoke_guest::{ApiError, Reply, Request, page, reply};
use suoke_identity::{AuthMethod, Identity, caller};
use suoke_keys::{Key, KeyDraft, LABEL, OVERLAP_SECONDS_DEFAULT};
use suoke_store::Database;

suoke_guest::http_service!(route);

/// How large a body may be: a key with all its models and notes.
const BODY_SIZE_BYTES_MAX: usize = 64 * 1024;

/// The query of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: Option<u32>,
    /// The last one that was shown: ids are in the order of time.
    cursor: Option<String>,
    /// Whose keys, for administrators.
    user_id: Option<String>,
}

/// A part of the list.
#[derive(Serialize)]
struct Keys {
    keys: Vec<Key>,
    next_cursor: Option<String>,
}

/// The body of a rotation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotate {
    overlap_seconds: Option<u32>,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    let id = request.param("id").ok();
    let rotates = request.route().ends_with("/rotate");
    request.allow(match (&id, rotates) {
        (Some(_), true) => &["POST"],
        (Some(_), false) => &["GET", "DELETE"],
        (None, _) => &["GET", "POST"],
    })?;
    let who = caller(&request)?;
    may(&who)?;
    let mut db = Database::open(LABEL).await?;
    handle(&mut db, request, &who, id.as_deref()).await
}

/// A key must not make keys: whoever finds one could keep the access for good.
fn may(who: &Identity) -> Result<(), ApiError> {
    if who.method == AuthMethod::Key {
        let detail = "A key cannot manage keys; log in.";
        return Err(ApiError::forbidden(detail).zh("密钥不能管理密钥，请先登录。"));
    }
    Ok(())
}

async fn handle(
    db: &mut Database,
    request: Request,
    who: &Identity,
    id: Option<&str>,
) -> Result<Reply, ApiError> {
    let owner = (!who.is_admin()).then_some(who.user_id.as_str());
    match (id, request.method()) {
        (None, "POST") => create(db, request, who).await,
        (None, _) => list(db, &request, who).await,
        (Some(id), "POST") => rotate(db, request, who, id).await,
        (Some(id), "DELETE") => {
            let event = suoke_keys::revoke(db, &request, id, owner, &who.user_id).await?;
            announce(&[event]).await;
            reply::empty()
        }
        (Some(id), _) => reply::json(&suoke_keys::get(db, id, owner).await?),
    }
}

/// Keys belong to users: who logged in has a session, operators and clients have none.
async fn create(
    db: &mut Database,
    mut request: Request,
    who: &Identity,
) -> Result<Reply, ApiError> {
    if who.session_id.is_none() {
        let detail = "Keys belong to users; log in as one.";
        return Err(ApiError::forbidden(detail).zh("密钥属于用户，请以用户身份登录。"));
    }
    let draft: KeyDraft = request.json_within(BODY_SIZE_BYTES_MAX).await?;
    let (issued, event) = suoke_keys::create(db, &request, &who.user_id, draft).await?;
    announce(&[event]).await;
    let location = format!("/api/v1/keys/{}", issued.about.key_id);
    reply::created(&location, &issued)
}

async fn rotate(
    db: &mut Database,
    mut request: Request,
    who: &Identity,
    id: &str,
) -> Result<Reply, ApiError> {
    let asked: Rotate = request.json().await?;
    let overlap = asked.overlap_seconds.unwrap_or(OVERLAP_SECONDS_DEFAULT);
    // Nobody but the owner sees a secret, administrators neither.
    let (issued, event) = suoke_keys::rotate(db, &request, &who.user_id, id, overlap).await?;
    announce(&[event]).await;
    reply::json(&issued)
}

async fn list(db: &Database, request: &Request, who: &Identity) -> Result<Reply, ApiError> {
    let asked: Page = request.query()?;
    let limit = page::limit(asked.limit)?;
    let before = page::id_cursor(asked.cursor.as_deref())?;
    let user_id = who.subject(asked.user_id.as_deref())?;
    let mut keys = suoke_keys::list(db, &user_id, before, limit + 1).await?;
    let next_cursor = page::cut(&mut keys, limit).map(|key| key.key_id.clone());
    reply::json(&Keys { keys, next_cursor })
}

#[cfg(test)]
mod tests;
