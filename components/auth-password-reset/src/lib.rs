//! Sets a password anew: mails a token, and takes it back with the new password.

use serde::{Deserialize, Serialize};
use suoke_guest::{ApiError, Reply, Request, reply};
use suoke_identity::accounts::LABEL;
use suoke_identity::events::Origin;
use suoke_identity::{SealingKey, passwords};
use suoke_store::Database;

suoke_guest::http_service!(route);

const COMPONENT: &str = "auth-password-reset";

/// Where a token is asked for.
const REQUEST_PATH: &str = "/api/v1/auth/password/reset-request";

/// Who wants a token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    email: String,
}

/// The token that was mailed, and what is to be the password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    token: String,
    new_password: String,
}

/// The same whether the address is known or not.
#[derive(Serialize)]
struct Accepted {
    status: &'static str,
}

async fn route(mut request: Request) -> Result<Reply, ApiError> {
    request.allow(&["POST"])?;
    if request.path().trim_end_matches('/') == REQUEST_PATH {
        let ask: Ask = request.json().await?;
        let sealing = SealingKey::load().await?;
        let mut db = Database::open(LABEL).await?;
        passwords::request_reset(&mut db, &sealing, &ask.email, request.lang()).await?;
        return reply::accepted(&Accepted { status: "accepted" });
    }
    let reset: Reset = request.json().await?;
    let mut db = Database::open(LABEL).await?;
    let origin = Origin::request(COMPONENT, &request);
    let effects = passwords::reset(&mut db, &reset.token, &reset.new_password, origin).await?;
    effects.tell(&db).await;
    reply::empty()
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn each_path_knows_its_own_fields() {
        let ask = |path: &str, body: &str| {
            let request = Request::new("POST", path).with_json(body);
            let reply = block_on(suoke_guest::answer(request, route));
            String::from_utf8(reply.body_bytes().to_vec()).unwrap()
        };
        let asked = ask(REQUEST_PATH, r#"{"token":"x"}"#);
        assert!(asked.contains("\"field\":\"token\""), "{asked}");
        let reset = ask("/api/v1/auth/password/reset", r#"{"email":"x"}"#);
        assert!(reset.contains("\"field\":\"email\""), "{reset}");
    }

    #[test]
    fn other_methods_are_refused() {
        let request = Request::new("GET", REQUEST_PATH);
        let reply = block_on(suoke_guest::answer(request, route));
        assert_eq!(reply.status(), 405);
    }
}
