//! Feature flags: operators keep them, everybody asks what they are for them.

use serde::{Deserialize, Serialize};
use suoke_config::LABEL;
use suoke_config::config::By;
use suoke_config::flags::{self, Evaluation, Flag, FlagDraft};
use suoke_events::announce;
use suoke_groups::{Actor, Cause, groups};
use suoke_guest::{ApiError, FieldError, Reply, Request, page, reply, version};
use suoke_identity::{Identity, caller, operator};
use suoke_store::{Database, Sql};

suoke_guest::http_service!(route);

/// Who asks groups for their members.
const COMPONENT: &str = "flags";

/// How large a body may be: the longest list of users.
const BODY_SIZE_BYTES_MAX: usize = 256 * 1024;

/// How long the id of a user may be.
const USER_ID_BYTES_MAX: usize = 128;

/// The query of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: Option<u32>,
    /// The name of the last one that was shown.
    cursor: Option<String>,
}

/// For whom a flag is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whom {
    user_id: Option<String>,
}

/// A part of the list.
#[derive(Serialize)]
struct Flags {
    flags: Vec<Flag>,
    next_cursor: Option<String>,
}

/// What a flag is for somebody.
#[derive(Serialize)]
struct Evaluated {
    flag: String,
    user_id: String,
    #[serde(flatten)]
    evaluation: Evaluation,
    version: i64,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    let name = request.param("name").ok();
    let evaluates = request.path().trim_end_matches('/').ends_with("/evaluate")
        && request.route().ends_with("/evaluate");
    request.allow(match (&name, evaluates) {
        (Some(_), false) => &["GET", "PUT", "DELETE"],
        _ => &["GET"],
    })?;
    let who = if evaluates {
        caller(&request)?
    } else {
        operator(&request)?
    };
    let mut db = Database::open(LABEL).await?;
    match name {
        Some(name) if evaluates => {
            let user_id = whom(&request, who)?;
            let flag = flags::get(&db, &name).await?;
            let is_member = if flag.asks_for_groups(&user_id) {
                let identity = Database::open(groups::LABEL).await?;
                is_member(&identity, &request, &user_id, &flag.groups).await?
            } else {
                false
            };
            evaluated(flag, user_id, is_member)
        }
        name => keep(&mut db, request, &who.user_id, name.as_deref()).await,
    }
}

/// Lists, shows, makes and takes away.
async fn keep(
    db: &mut Database,
    mut request: Request,
    user_id: &str,
    name: Option<&str>,
) -> Result<Reply, ApiError> {
    match (name, request.method()) {
        (None, _) => list(db, &request).await,
        (Some(name), "PUT") => {
            let draft: FlagDraft = request.json_within(BODY_SIZE_BYTES_MAX).await?;
            let (flag, event) = flags::set(db, by(&request, user_id), name, draft).await?;
            announce(&[event]).await;
            shown(&flag)
        }
        (Some(name), "DELETE") => {
            let event = flags::remove(db, by(&request, user_id), name).await?;
            announce(&[event]).await;
            reply::empty()
        }
        (Some(name), _) => shown(&flags::get(db, name).await?),
    }
}

fn by<'a>(request: &'a Request, user_id: &'a str) -> By<'a> {
    By { request, user_id }
}

fn shown(flag: &Flag) -> Result<Reply, ApiError> {
    Ok(reply::json(flag)?.header("etag", version::etag(flag.version)))
}

async fn list(db: &Database, request: &Request) -> Result<Reply, ApiError> {
    let asked: Page = request.query()?;
    let limit = page::limit(asked.limit)?;
    let after = asked.cursor.unwrap_or_default();
    let mut flags = flags::list(db, &after, limit + 1).await?;
    let next_cursor = page::cut(&mut flags, limit).map(|flag| flag.name.clone());
    reply::json(&Flags { flags, next_cursor })
}

/// The caller; operators may ask for others.
fn whom(request: &Request, who: Identity) -> Result<String, ApiError> {
    let asked: Whom = request.query()?;
    let user_id = who.subject(asked.user_id.as_deref())?;
    if user_id == who.user_id || (1..=USER_ID_BYTES_MAX).contains(&user_id.len()) {
        return Ok(user_id);
    }
    let message = "must be 1 to 128 bytes long";
    let error = FieldError::new("user_id", "out_of_range", message);
    Err(ApiError::invalid(vec![error]))
}

/// Whether a user belongs to any of these groups.
async fn is_member(
    sql: &impl Sql,
    request: &Request,
    user_id: &str,
    group_ids: &[String],
) -> Result<bool, ApiError> {
    let actor = Actor {
        user_id,
        is_admin: false,
        cause: Cause::Request(request),
        component: COMPONENT,
    };
    for id in group_ids {
        // Whoever does not belong to a group does not find it.
        match groups::get(sql, &actor, id).await {
            Ok(_) => return Ok(true),
            Err(error) if error.status() == 404 => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

fn evaluated(flag: Flag, user_id: String, is_member: bool) -> Result<Reply, ApiError> {
    let evaluation = flag.evaluate(&user_id, is_member);
    reply::json(&Evaluated {
        evaluation,
        version: flag.version,
        flag: flag.name,
        user_id,
    })
}

#[cfg(test)]
mod tests;
