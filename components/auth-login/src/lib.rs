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
