//! Registers a user and starts the first session.

use serde::{Deserialize, Serialize};
use suoke_guest::{ApiError, Reply, Request, reply};
use suoke_identity::Settings;
use suoke_identity::accounts::{self, Registration, Tokens, User};
use suoke_store::Database;

suoke_guest::http_service!(route);

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Register {
    email: String,
    password: String,
    name: String,
}

/// What is answered.
#[derive(Serialize)]
struct Registered {
    user: User,
    #[serde(flatten)]
    tokens: Tokens,
}

async fn route(mut request: Request) -> Result<Reply, ApiError> {
    request.allow(&["POST"])?;
    let asked: Register = request.json().await?;
    let registration = Registration::new(&asked.email, &asked.password, &asked.name)?;
    let settings = Settings::load().await?;
    let mut db = Database::open(accounts::LABEL).await?;
    let (user, tokens, event) =
        accounts::register(&mut db, &settings, &request, registration).await?;
    suoke_events::announce(&db, &[event]).await;
    let location = format!("/api/v1/users/{}", user.user_id);
    reply::created(&location, &Registered { user, tokens })
}
