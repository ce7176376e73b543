//! Takes a token back before it expires, after RFC 7009.

use serde::Deserialize;
use suoke_guest::{ApiError, Reply, Request};
use suoke_identity::accounts::LABEL;
use suoke_identity::events::Origin;
use suoke_identity::oauth::{self, OAuthError};
use suoke_identity::{Settings, revoke};
use suoke_store::Database;

suoke_guest::http_service!(route);

const COMPONENT: &str = "auth-revoke";

/// What is asked for. What a token is, it tells itself: the hint is not needed.
#[derive(Deserialize)]
struct Asked {
    token: String,
    client_id: Option<String>,
    client_secret: Option<String>,
}

async fn route(mut request: Request) -> Result<Reply, ApiError> {
    request.allow(&["POST"])?;
    match revoked(&mut request).await {
        Ok(Ok(())) => Ok(Reply::new(200)),
        Ok(Err(error)) => error.reply(),
        Err(error) => OAuthError::from_api(error)?.reply(),
    }
}

async fn revoked(request: &mut Request) -> Result<Result<(), OAuthError>, ApiError> {
    let asked: Asked = request.form_or_json(oauth::BODY_SIZE_BYTES_MAX).await?;
    let (id, secret) = (asked.client_id.as_deref(), asked.client_secret.as_deref());
    let presented = match oauth::presented(request, id, secret) {
        Ok(presented) => presented,
        Err(error) => return Ok(Err(error)),
    };
    let settings = Settings::load().await?;
    let mut db = Database::open(LABEL).await?;
    if let Err(error) = oauth::authenticated(&db, &presented).await? {
        return Ok(Err(error));
    }
    let origin = Origin::request(COMPONENT, request);
    let effects = revoke::revoke(&mut db, &settings, &asked.token, origin).await?;
    effects.tell(&db).await;
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    fn ask(request: Request) -> Reply {
        block_on(suoke_guest::answer(request, route))
    }

    #[test]
    fn odd_requests_are_refused_before_anything_is_looked_up() {
        let odd = ask(Request::new("POST", "/").with_form("token_type_hint=access_token"));
        let told = String::from_utf8_lossy(odd.body_bytes()).into_owned();
        assert_eq!(odd.status(), 400);
        assert!(told.contains("token is required"), "{told}");
        assert_eq!(ask(Request::new("GET", "/")).status(), 405);
        let client = Request::new("POST", "/")
            .with_form("token=x")
            .with_header("authorization", "Basic !");
        assert_eq!(ask(client).status(), 401);
    }
}
