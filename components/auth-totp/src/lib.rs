//! The second factor of a user: a secret, its confirmation, and its end.

use serde::{Deserialize, Serialize};
use suoke_guest::{ApiError, Reply, Request, reply};
use suoke_identity::accounts::LABEL;
use suoke_identity::events::Origin;
use suoke_identity::{SealingKey, sessions, totp};
use suoke_store::Database;

suoke_guest::http_service!(route);

const COMPONENT: &str = "auth-totp";

/// Where a secret is confirmed.
const CONFIRM_PATH: &str = "/api/v1/auth/totp/confirm";

/// A code of the second factor, or a recovery code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    code: String,
}

/// What logs in when the app is lost, each once.
#[derive(Serialize)]
struct Recovery {
    recovery_codes: Vec<String>,
}

async fn route(mut request: Request) -> Result<Reply, ApiError> {
    if let Ok(id) = request.param("id") {
        return take_away(&request, &id).await;
    }
    let is_confirmation = request.path().trim_end_matches('/') == CONFIRM_PATH;
    request.allow(if is_confirmation {
        &["POST"]
    } else {
        &["POST", "DELETE"]
    })?;
    let user_id = sessions::signed_in(&request)?.user_id;
    if !is_confirmation && request.method() == "POST" {
        let sealing = SealingKey::load().await?;
        let mut db = Database::open(LABEL).await?;
        return reply::json_with(201, &totp::enrol(&mut db, &sealing, &user_id).await?);
    }
    let Code { code } = request.json().await?;
    let sealing = SealingKey::load().await?;
    let mut db = Database::open(LABEL).await?;
    let origin = Origin::request(COMPONENT, &request);
    if is_confirmation {
        let (recovery_codes, effects) =
            totp::confirm(&mut db, &sealing, &user_id, &code, origin).await?;
        effects.tell(&db).await;
        return reply::json(&Recovery { recovery_codes });
    }
    let effects = totp::remove(&mut db, &sealing, &user_id, &code, origin).await?;
    effects.tell(&db).await;
    reply::empty()
}

/// The factor of another user, which they have lost.
async fn take_away(request: &Request, user_id: &str) -> Result<Reply, ApiError> {
    request.allow(&["DELETE"])?;
    let who = suoke_identity::operator(request)?;
    let mut db = Database::open(LABEL).await?;
    let origin = Origin::request(COMPONENT, request);
    let effects = totp::take_away(&mut db, user_id, &who.user_id, origin).await?;
    effects.tell(&db).await;
    reply::empty()
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use suoke_identity::caller::headers;

    use super::*;

    fn ask(request: Request) -> Reply {
        block_on(suoke_guest::answer(request, route))
    }

    #[test]
    fn nobody_and_odd_requests_are_refused() {
        assert_eq!(ask(Request::new("POST", "/api/v1/auth/totp")).status(), 401);
        assert_eq!(ask(Request::new("GET", "/api/v1/auth/totp")).status(), 405);
        let confirm = ask(Request::new("DELETE", CONFIRM_PATH));
        assert_eq!(confirm.header_value("allow"), Some("POST"));
        let request = Request::new("POST", CONFIRM_PATH)
            .with_header(headers::USER_ID, "u1")
            .with_header(headers::SESSION_ID, "s1")
            .with_header(headers::TOKEN_EXPIRES_AT, "1800000000")
            .with_header(headers::AUTH_METHOD, "jwt")
            .with_json(r#"{"code":123456}"#);
        assert_eq!(ask(request).status(), 400);
    }

    #[test]
    fn a_lost_factor_is_for_operators_and_administrators() {
        let of_another = |method: &str| {
            Request::new(method, "/api/v1/users/u2/totp").with_header("spin-path-match-id", "u2")
        };
        let as_user = |request: Request| {
            request
                .with_header(headers::USER_ID, "u1")
                .with_header(headers::USER_ROLES, "user")
                .with_header(headers::TOKEN_EXPIRES_AT, "1800000000")
                .with_header(headers::AUTH_METHOD, "jwt")
        };
        assert_eq!(ask(of_another("DELETE")).status(), 401);
        assert_eq!(ask(as_user(of_another("DELETE"))).status(), 403);
        let enrolling = ask(as_user(of_another("POST")));
        assert_eq!(enrolling.header_value("allow"), Some("DELETE"));
    }
}
