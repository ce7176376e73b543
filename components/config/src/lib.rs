//! The settings of services: read by layers, waited for, changed, taken back.

mod input;
mod poll;
mod view;

use suoke_config::config::{self, By};
use suoke_config::{Address, LABEL};
use suoke_events::announce;
use suoke_guest::{ApiError, Reply, Request, page, reply, version};
use suoke_identity::{Identity, caller};
use suoke_store::Database;

suoke_guest::http_service!(route);

/// The scope of services that read settings.
const SCOPE_READ: &str = "config:read";

/// The scope that operators' tokens must have where they are restricted.
const SCOPE_WRITE: &str = "config:write";

/// How large a body may be: the largest value as YAML, escaped.
const BODY_SIZE_BYTES_MAX: usize = 512 * 1024;

/// What a path stands for.
enum Asked {
    Service,
    Key,
    History,
    Rollback,
}

impl Asked {
    fn from(request: &Request) -> Result<Self, ApiError> {
        match (request.param("key").ok(), request.param("action").ok()) {
            (None, _) => Ok(Self::Service),
            (Some(_), None) => Ok(Self::Key),
            (Some(_), Some(action)) => match action.as_str() {
                "history" => Ok(Self::History),
                "rollback" => Ok(Self::Rollback),
                _ => Err(ApiError::not_found("There is nothing at this path.")),
            },
        }
    }

    fn methods(&self) -> &'static [&'static str] {
        match self {
            Self::Service | Self::History => &["GET"],
            Self::Key => &["GET", "PUT", "DELETE"],
            Self::Rollback => &["POST"],
        }
    }
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    let asked = Asked::from(&request)?;
    request.allow(asked.methods())?;
    let who = caller(&request)?;
    let reads = matches!(request.method(), "GET" | "HEAD");
    may(&who, reads)?;
    let mut db = Database::open(LABEL).await?;
    handle(&mut db, request, &asked, &who.user_id).await
}

/// Operators read and change; services with the scope read.
fn may(who: &Identity, reads: bool) -> Result<(), ApiError> {
    let named = who.scopes.iter().any(|scope| scope == SCOPE_READ);
    let scope = if reads { SCOPE_READ } else { SCOPE_WRITE };
    let is_operator = who.is_admin() && who.has_scope(scope);
    if is_operator || (reads && named) {
        return Ok(());
    }
    let detail = "Only operators may do this; services need the scope config:read to read.";
    Err(ApiError::forbidden(detail)
        .zh("只有运维人员可以执行此操作；服务读取配置需要 config:read 权限。"))
}

async fn handle(
    db: &mut Database,
    mut request: Request,
    asked: &Asked,
    user_id: &str,
) -> Result<Reply, ApiError> {
    let service = suoke_config::service(request.param("service")?)?;
    if matches!(asked, Asked::Service) {
        return all(db, &request, &service).await;
    }
    let address = Address::new(service, request.param("key")?)?;
    match (asked, request.method()) {
        (Asked::History, _) => history(db, &request, &address).await,
        (Asked::Rollback, _) => {
            let to_version = input::rollback(&mut request).await?;
            let by = By {
                request: &request,
                user_id,
            };
            let (version, event) = config::roll_back(db, by, &address, to_version).await?;
            announce(&[event]).await;
            changed(&address, version)
        }
        (_, "PUT") => {
            let (place, written) = input::set(&mut request).await?;
            let by = By {
                request: &request,
                user_id,
            };
            let (version, event) = config::set(db, by, &address, &place, &written).await?;
            announce(&[event]).await;
            changed(&address, version)
        }
        (_, "DELETE") => {
            let place = input::place_of_query(&request)?;
            let by = By {
                request: &request,
                user_id,
            };
            let event = config::remove(db, by, &address, &place).await?;
            announce(&[event]).await;
            reply::empty()
        }
        _ => one(db, &request, &address).await,
    }
}

fn changed(address: &Address, version: i64) -> Result<Reply, ApiError> {
    let reply = reply::json(&view::changed(address, version))?;
    Ok(indexed(reply, version))
}

/// The version of the key, for `If-Match` and for the next long poll.
fn indexed(reply: Reply, version: i64) -> Reply {
    reply
        .header("etag", version::etag(version))
        .header("x-config-index", version.to_string())
}

async fn one(db: &Database, request: &Request, address: &Address) -> Result<Reply, ApiError> {
    let asked = input::read(request)?;
    if let Some(wait) = &asked.wait {
        poll::until_newer(db, address, wait).await?;
    }
    let environment = asked.environment.as_deref();
    let found = config::get(db, address, environment).await?;
    let Some(row) = found.value else {
        let error = config::missing().header("x-config-index", found.version.to_string());
        return Err(error);
    };
    let shown = view::one(address, row, environment)?;
    Ok(indexed(reply::json(&shown)?, found.version))
}

async fn all(db: &Database, request: &Request, service: &str) -> Result<Reply, ApiError> {
    let asked = input::service(request)?;
    let environment = asked.environment.as_deref();
    let limit = asked.limit;
    let mut rows = config::service(db, service, environment, &asked.after, limit + 1).await?;
    let next = page::cut(&mut rows, limit).map(|row| row.key.clone());
    reply::json(&view::all(service, rows, environment, next)?)
}

async fn history(db: &Database, request: &Request, address: &Address) -> Result<Reply, ApiError> {
    let (before, limit) = input::history(request)?;
    let mut rows = config::history(db, address, before, limit + 1).await?;
    let next = page::cut(&mut rows, limit).map(|row| row.version.to_string());
    reply::json(&view::history(address, rows, next)?)
}

#[cfg(test)]
mod tests;
