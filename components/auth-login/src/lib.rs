//! Starts a session with an e-mail address and a password.

use serde::{Deserialize, Serialize};
use suoke_guest::{ApiError, Reply, Request, reply};
use suoke_identity::Settings;
use suoke_identity::accounts::{self, Tokens, User};
use suoke_store::Database;

suoke_guest::http_service!(route);

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    email: String,
    password: String,
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
    let settings = Settings::load().await?;
    let mut db = Database::open(accounts::LABEL).await?;
    let (user_info, tokens) =
        accounts::log_in(&mut db, &settings, &asked.email, &asked.password).await?;
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
