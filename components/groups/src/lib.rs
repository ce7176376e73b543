//! Groups: made, shown, changed and ended by who belongs to them.

use serde::{Deserialize, Serialize};
use suoke_events::announce;
use suoke_groups::groups::{self, Group, GroupChange, NewGroup};
use suoke_groups::{Actor, Cause, LABEL};
use suoke_guest::{ApiError, Reply, Request, page, reply};
use suoke_identity::{Identity, caller};
use suoke_store::Database;

/// Who says what happened.
const COMPONENT: &str = "groups";

/// How large a body may be: name, description and settings.
const BODY_SIZE_BYTES_MAX: usize = 64 * 1024;

suoke_guest::http_service!(route);

/// The query of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: Option<u32>,
    /// The last one that was shown: ids are in the order of time.
    cursor: Option<String>,
    /// Every group, for administrators.
    #[serde(default)]
    all: bool,
}

/// A part of the list.
#[derive(Serialize)]
struct Groups {
    groups: Vec<Group>,
    next_cursor: Option<String>,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    let id = request.param("id").ok();
    request.allow(match id {
        Some(_) => &["GET", "PUT", "DELETE"],
        None => &["GET", "POST"],
    })?;
    let who = caller(&request)?;
    let id = id.map(groups::id).transpose()?;
    let mut db = Database::open(LABEL).await?;
    handle(&mut db, request, &who, id.as_deref()).await
}

async fn handle(
    db: &mut Database,
    mut request: Request,
    who: &Identity,
    id: Option<&str>,
) -> Result<Reply, ApiError> {
    match (id, request.method()) {
        (None, "POST") => {
            let wanted: NewGroup = request.json_within(BODY_SIZE_BYTES_MAX).await?;
            let (group, events) = groups::create(db, &actor(who, &request), wanted).await?;
            announce(&events).await;
            let location = format!("/api/v1/groups/{}", group.group_id);
            Ok(reply::created(&location, &group)?.header("etag", group.etag()))
        }
        (None, _) => list(db, &actor(who, &request), &request).await,
        (Some(id), "PUT") => {
            let change: GroupChange = request.json_within(BODY_SIZE_BYTES_MAX).await?;
            let (group, events) = groups::update(db, &actor(who, &request), id, change).await?;
            announce(&events).await;
            shown(&group)
        }
        (Some(id), "DELETE") => {
            let events = groups::delete(db, &actor(who, &request), id).await?;
            announce(&events).await;
            reply::empty()
        }
        (Some(id), _) => shown(&groups::get(db, &actor(who, &request), id).await?),
    }
}

async fn list(db: &Database, actor: &Actor<'_>, request: &Request) -> Result<Reply, ApiError> {
    let asked: Page = request.query()?;
    let limit = page::limit(asked.limit)?;
    let before = page::id_cursor(asked.cursor.as_deref())?;
    let mut groups = groups::list(db, actor, asked.all, before, limit + 1).await?;
    let next_cursor = page::cut(&mut groups, limit).map(|group| group.group_id.clone());
    reply::json(&Groups {
        groups,
        next_cursor,
    })
}

fn shown(group: &Group) -> Result<Reply, ApiError> {
    Ok(reply::json(group)?.header("etag", group.etag()))
}

fn actor<'a>(who: &'a Identity, request: &'a Request) -> Actor<'a> {
    Actor {
        user_id: &who.user_id,
        is_admin: who.is_admin(),
        cause: Cause::Request(request),
        component: COMPONENT,
    }
}

#[cfg(test)]
mod tests;
