//! Starts a session with an e-mail address and a password, and with a code where
//! the user has a second factor.

use serde::{Deserialize, Serialize};
use suoke_guest::{ApiError, Reply, Request, reply};
use suoke_identity::accounts::{self, Credentials, Tokens, User};
use suoke_identity::events::Origin;
use suoke_identity::{Client, SealingKey, Settings};
use suoke_store::Database;

suoke_guest::http_service!(route);

const COMPONENT: &str = "auth-login";

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    email: String,
    password: String,
    /// A code of the second factor, or a recovery code.
    totp: Option<String>,
}

/// What is answered.
#[derive(Serialize)]
struct LoggedIn {
    #[serde(flatten)]
    tokens: Tokens,
    user_info: User,
}

async fn route(mut request: Request) -> Result<Reply, ApiError> {
    request.allow(&["POST"])?;
    let asked: Login = request.json().await?;
    let (settings, sealing) = (Settings::load().await?, SealingKey::load().await?);
    let mut db = Database::open(accounts::LABEL).await?;
    let (client, origin) = (Client::of(&request), Origin::request(COMPONENT, &request));
    let credentials = Credentials {
        address: &asked.email,
        password: &asked.password,
        totp: asked.totp.as_deref(),
    };
    let (user_info, tokens, effects) =
        accounts::log_in(&mut db, &settings, &sealing, credentials, &client, origin).await?;
    effects.tell(&db).await;
    reply::json(&LoggedIn { tokens, user_info })
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn odd_requests_are_refused_before_anything_is_looked_up() {
        for (method, body, status) in [
            ("GET", "{}", 405),
            ("POST", "{}", 400),
            ("POST", r#"{"email":"a@b.cn","password":7}"#, 400),
            (
                "POST",
                r#"{"email":"a@b.cn","password":"x","remember":true}"#,
                400,
            ),
        ] {
            let request = Request::new(method, "/api/v1/auth/login").with_json(body);
            let reply = block_on(suoke_guest::answer(request, route));
            assert_eq!(reply.status(), status, "{method} {body}");
        }
    }
}
