//! Changes the password of somebody who knows the old one, and ends their other
//! sessions.

use serde::Deserialize;
use suoke_guest::{ApiError, Reply, Request, reply};
use suoke_identity::accounts::LABEL;
use suoke_identity::events::Origin;
use suoke_identity::{passwords, sessions};
use suoke_store::Database;

suoke_guest::http_service!(route);

const COMPONENT: &str = "auth-password";

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    current_password: String,
    new_password: String,
}

async fn route(mut request: Request) -> Result<Reply, ApiError> {
    request.allow(&["POST"])?;
    let who = sessions::signed_in(&request)?;
    let change: Change = request.json().await?;
    let mut db = Database::open(LABEL).await?;
    let effects = passwords::change(
        &mut db,
        &who.user_id,
        &who.session_id,
        &change.current_password,
        &change.new_password,
        Origin::request(COMPONENT, &request),
    )
    .await?;
    effects.tell(&db).await;
    reply::empty()
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use suoke_identity::caller::headers;

    use super::*;

    fn ask(request: Request) -> u16 {
        block_on(suoke_guest::answer(request, route)).status()
    }

    #[test]
    fn nobody_and_odd_requests_are_refused() {
        assert_eq!(ask(Request::new("GET", "/")), 405);
        assert_eq!(ask(Request::new("POST", "/").with_json("{}")), 401);
        let request = Request::new("POST", "/")
            .with_header(headers::USER_ID, "u1")
            .with_header(headers::SESSION_ID, "s1")
            .with_header(headers::TOKEN_EXPIRES_AT, "1800000000")
            .with_header(headers::AUTH_METHOD, "jwt")
            .with_json(r#"{"new_password":"x"}"#);
        assert_eq!(ask(request), 400);
    }
}
