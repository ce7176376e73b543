//! Users: shown, listed, changed, erased, by themselves or by administrators.

use serde::Serialize;
use suoke_groups::members::{Succession, leave_all};
use suoke_groups::permission::Rule;
use suoke_groups::{Actor, Cause, rules};
use suoke_guest::{ApiError, Reply, Request, reply, version};
use suoke_identity::accounts::LABEL;
use suoke_identity::denylist::Effects;
use suoke_identity::events::Origin;
use suoke_identity::users::{self, Account, Asked, UserChange, cached};
use suoke_identity::{Identity, caller, operator};
use suoke_store::Database;

/// Who says what happened.
const COMPONENT: &str = "users";

/// How large a body may be: a profile and settings, and what is around them.
const BODY_SIZE_BYTES_MAX: usize = 64 * 1024;

suoke_guest::http_service!(route);

/// What somebody may do wherever they are.
#[derive(Serialize)]
struct Permissions {
    permissions: Vec<Rule>,
}

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Users,
    User,
    Permissions,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    let id = request.param("id").ok();
    let (place, methods): (_, &[&str]) = match id {
        None => (Place::Users, &["GET"]),
        Some(_) if request.path().ends_with("/permissions") => (Place::Permissions, &["GET"]),
        Some(_) => (Place::User, &["GET", "PUT", "DELETE"]),
    };
    request.allow(methods)?;
    let who = match place {
        Place::Users => operator(&request)?,
        Place::User | Place::Permissions => caller(&request)?,
    };
    let user_id = id.map(|id| users::whom(&who, &id)).transpose()?;
    let mut db = Database::open(LABEL).await?;
    handle(&mut db, request, &who, place, &user_id.unwrap_or_default()).await
}

async fn handle(
    db: &mut Database,
    mut request: Request,
    who: &Identity,
    place: Place,
    user_id: &str,
) -> Result<Reply, ApiError> {
    match (place, request.method()) {
        (Place::Users, _) => {
            let asked: Asked = request.query()?;
            reply::json(&users::list(db, asked).await?)
        }
        (Place::Permissions, _) => {
            users::get(db, user_id).await?;
            let permissions = rules::of_user(db, user_id).await?;
            reply::json(&Permissions { permissions })
        }
        (Place::User, "PUT") => {
            let change: UserChange = request.json_within(BODY_SIZE_BYTES_MAX).await?;
            let (account, effects) = users::update(db, who, &request, user_id, change).await?;
            cached::try_forget(user_id).await;
            effects.tell(db).await;
            shown(&account)
        }
        (Place::User, "DELETE") => {
            let effects = erase(db, &request, who, user_id).await?;
            cached::try_forget(user_id).await;
            effects.tell(db).await;
            reply::empty()
        }
        (Place::User, _) => shown(&cached::get(db, user_id).await?),
    }
}

/// Account and groups in one transaction; once more it changes nothing.
async fn erase(
    db: &mut Database,
    request: &Request,
    who: &Identity,
    user_id: &str,
) -> Result<Effects, ApiError> {
    let origin = Origin::request(COMPONENT, request);
    let actor = Actor {
        user_id: &who.user_id,
        is_admin: who.is_admin(),
        cause: Cause::Request(request),
        component: COMPONENT,
    };
    db.transaction(async |tx| {
        let account = users::get(tx, user_id).await?;
        version::expect(request, account.version)?;
        let Some(mut effects) = users::erase(tx, origin, user_id, &who.user_id).await? else {
            return Ok(Effects::default());
        };
        let left = leave_all(tx, &actor, user_id, Succession::Admins).await?;
        effects.events.extend(left);
        Ok(effects)
    })
    .await
}

fn shown(account: &Account) -> Result<Reply, ApiError> {
    Ok(reply::json(account)?.header("etag", version::etag(account.version)))
}

#[cfg(test)]
mod tests;
