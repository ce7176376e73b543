//! What a person says about themselves, which their figures are judged by.

use serde::Serialize;
use suoke_guest::{ApiError, FieldError, Reply, Request, clock, reply, version};
use suoke_health::Violation;
use suoke_health::profile::Profile;
use suoke_readings::{LABEL, StoredProfile, profile, set_profile};
use suoke_store::Database;

/// How large a body may be.
const BODY_SIZE_BYTES_MAX: usize = 4 * 1024;

suoke_guest::http_service!(route);

/// A profile as it is answered.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    profile: Profile,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_at: Option<String>,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    request.allow(&["GET", "PUT"])?;
    let user = suoke_identity::caller(&request)?;
    let mut db = Database::open(LABEL).await?;
    handle(&mut db, request, &user.user_id, clock::now_ms()).await
}

async fn handle(
    db: &mut Database,
    mut request: Request,
    user_id: &str,
    now_ms: i64,
) -> Result<Reply, ApiError> {
    if request.method() != "PUT" {
        return shown(profile(db, user_id).await?);
    }
    let wanted: Profile = request.json_within(BODY_SIZE_BYTES_MAX).await?;
    wanted.check(now_ms).map_err(refused)?;
    shown(set_profile(db, &request, user_id, wanted, now_ms).await?)
}

fn shown(stored: StoredProfile) -> Result<Reply, ApiError> {
    let tag = version::etag(stored.version);
    let changed_at = (stored.version > 0).then(|| clock::rfc3339(stored.changed_ms));
    let shown = Shown {
        profile: stored.profile,
        changed_at,
    };
    Ok(reply::json(&shown)?.header("etag", tag))
}

fn refused(violation: Violation) -> ApiError {
    let code = violation.code.as_str();
    ApiError::invalid(vec![FieldError::new(
        violation.field,
        code,
        violation.message,
    )])
}

#[cfg(test)]
mod tests;
