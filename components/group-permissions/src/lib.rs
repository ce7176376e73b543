//! The rules of a group: shown, replaced, asked.

use serde::{Deserialize, Serialize};
use suoke_events::announce;
use suoke_groups::permission::Rule;
use suoke_groups::{Actor, Cause, LABEL, groups, members, rules};
use suoke_guest::{ApiError, Reply, Request, reply, version};
use suoke_identity::{Identity, caller};
use suoke_store::Database;

/// Who says what happened.
const COMPONENT: &str = "group-permissions";

/// How large a list of rules may be.
const BODY_SIZE_BYTES_MAX: usize = 128 * 1024;

suoke_guest::http_service!(route);

/// What is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    action: String,
    resource: String,
    /// Another member, for who manages the group.
    user_id: Option<String>,
}

/// The rules.
#[derive(Serialize)]
struct Permissions<'a> {
    permissions: &'a [Rule],
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    let is_question = request.path().ends_with("/check");
    request.allow(if is_question {
        &["GET"]
    } else {
        &["GET", "PUT"]
    })?;
    let who = caller(&request)?;
    let group_id = groups::id(request.param("id")?)?;
    let mut db = Database::open(LABEL).await?;
    handle(&mut db, request, &who, &group_id, is_question).await
}

async fn handle(
    db: &mut Database,
    mut request: Request,
    who: &Identity,
    group_id: &str,
    is_question: bool,
) -> Result<Reply, ApiError> {
    match request.method() {
        "PUT" => {
            let wanted: Vec<Rule> = request.json_list(BODY_SIZE_BYTES_MAX).await?;
            let (version, event) =
                rules::replace(db, &actor(who, &request), group_id, &wanted).await?;
            announce(&[event]).await;
            shown(&wanted, version)
        }
        _ if is_question => {
            let asked: Question = request.query()?;
            let user_id = asked.user_id.map(members::id).transpose()?;
            let (actor, user_id) = (actor(who, &request), user_id.as_deref());
            let (action, resource) = (&asked.action, &asked.resource);
            let check = rules::check(db, &actor, group_id, user_id, action, resource);
            reply::json(&check.await?)
        }
        _ => {
            let (rules, version) = rules::list(db, &actor(who, &request), group_id).await?;
            shown(&rules, version)
        }
    }
}

/// The version is the group's.
fn shown(permissions: &[Rule], version: i64) -> Result<Reply, ApiError> {
    Ok(reply::json(&Permissions { permissions })?.header("etag", version::etag(version)))
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
