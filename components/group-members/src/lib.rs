//! Who belongs to a group: shown, added, changed, taken out; and the group's history.

use serde::{Deserialize, Serialize};
use suoke_events::announce;
use suoke_events::streams::StreamEvent;
use suoke_groups::members::{self, Member};
use suoke_groups::{Actor, Cause, LABEL, Role, groups, history};
use suoke_guest::{ApiError, FieldError, Reply, Request, ids, page, reply};
use suoke_identity::{Identity, caller};
use suoke_store::Database;

/// Who says what happened.
const COMPONENT: &str = "group-members";

/// How large a body may be: an id and a role.
const BODY_SIZE_BYTES_MAX: usize = 4 * 1024;

suoke_guest::http_service!(route);

/// Who is to be a member.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMember {
    user_id: String,
    role: Role,
}

/// What a member is to be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRole {
    role: Role,
}

/// The query of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: Option<u32>,
    /// The last one that was shown.
    cursor: Option<String>,
}

/// The query of the history.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Past {
    limit: Option<u32>,
    /// The version that was shown last.
    cursor: Option<u64>,
}

/// A part of the list.
#[derive(Serialize)]
struct Members {
    members: Vec<Member>,
    next_cursor: Option<String>,
}

/// A part of the history.
#[derive(Serialize)]
struct History {
    events: Vec<StreamEvent>,
    next_cursor: Option<String>,
}

/// What a path names.
enum Place {
    Members,
    Member(String),
    History,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    let member = request.param("user_id").ok();
    let place = match member {
        Some(text) => {
            request.allow(&["PUT", "DELETE"])?;
            Place::Member(text)
        }
        None if request.path().ends_with("/history") => {
            request.allow(&["GET"])?;
            Place::History
        }
        None => {
            request.allow(&["GET", "POST"])?;
            Place::Members
        }
    };
    let who = caller(&request)?;
    let group_id = groups::id(request.param("id")?)?;
    let place = match place {
        Place::Member(text) => Place::Member(members::id(text)?),
        place => place,
    };
    let mut db = Database::open(LABEL).await?;
    handle(&mut db, request, &who, &group_id, place).await
}

async fn handle(
    db: &mut Database,
    mut request: Request,
    who: &Identity,
    group_id: &str,
    place: Place,
) -> Result<Reply, ApiError> {
    match (place, request.method()) {
        (Place::Members, "POST") => {
            let wanted: NewMember = request.json_within(BODY_SIZE_BYTES_MAX).await?;
            if !ids::is_id(&wanted.user_id) {
                let error = FieldError::new("user_id", "invalid_value", "must be a user's id");
                return Err(ApiError::invalid(vec![error]));
            }
            let actor = actor(who, &request);
            let (member, event) =
                members::add(db, &actor, group_id, &wanted.user_id, wanted.role).await?;
            announce(&[event]).await;
            let location = format!("/api/v1/groups/{group_id}/members/{}", member.user_id);
            reply::created(&location, &member)
        }
        (Place::Members, _) => list(db, &actor(who, &request), &request, group_id).await,
        (Place::Member(user_id), "PUT") => {
            let wanted: NewRole = request.json_within(BODY_SIZE_BYTES_MAX).await?;
            let actor = actor(who, &request);
            let (member, events) =
                members::change(db, &actor, group_id, &user_id, wanted.role).await?;
            announce(&events).await;
            reply::json(&member)
        }
        (Place::Member(user_id), _) => {
            let actor = actor(who, &request);
            let event = members::remove(db, &actor, group_id, &user_id).await?;
            announce(&[event]).await;
            reply::empty()
        }
        (Place::History, _) => past(db, &actor(who, &request), &request, group_id).await,
    }
}

async fn list(
    db: &Database,
    actor: &Actor<'_>,
    request: &Request,
    group_id: &str,
) -> Result<Reply, ApiError> {
    let asked: Page = request.query()?;
    let limit = page::limit(asked.limit)?;
    let after = page::id_cursor(asked.cursor.as_deref())?;
    let mut members = members::list(db, actor, group_id, after, limit + 1).await?;
    let next_cursor = page::cut(&mut members, limit).map(|member| member.user_id.clone());
    reply::json(&Members {
        members,
        next_cursor,
    })
}

async fn past(
    db: &Database,
    actor: &Actor<'_>,
    request: &Request,
    group_id: &str,
) -> Result<Reply, ApiError> {
    let asked: Past = request.query()?;
    let limit = page::limit(asked.limit)?;
    let after = asked.cursor.unwrap_or_default();
    if i64::try_from(after).is_err() {
        return Err(page::invalid_cursor());
    }
    let mut events = history(db, actor, group_id, after, limit + 1).await?;
    let next_cursor = page::cut(&mut events, limit).map(|event| event.version.to_string());
    reply::json(&History {
        events,
        next_cursor,
    })
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
