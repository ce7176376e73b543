//! Exchanges a refresh token for a new pair of tokens.

use serde::Deserialize;
use suoke_guest::{ApiError, Reply, Request, reply};
use suoke_identity::accounts::LABEL;
use suoke_identity::events::Origin;
use suoke_identity::{Client, Settings, refresh};
use suoke_store::Database;

suoke_guest::http_service!(route);

const COMPONENT: &str = "auth-refresh";

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refresh {
    refresh_token: String,
}

async fn route(mut request: Request) -> Result<Reply, ApiError> {
    request.allow(&["POST"])?;
    let asked: Refresh = request.json().await?;
    let settings = Settings::load().await?;
    let mut db = Database::open(LABEL).await?;
    let (client, origin) = (Client::of(&request), Origin::request(COMPONENT, &request));
    let refreshed =
        refresh::refresh(&mut db, &settings, &asked.refresh_token, &client, origin).await?;
    // A copied token ends its session: that is told although the answer is 401.
    refreshed.effects.tell(&db).await;
    let (_, tokens) = refreshed.outcome?;
    reply::json(&tokens)
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
            ("POST", r#"{"refresh_token":7}"#, 400),
            ("POST", r#"{"refresh_token":"x","scope":"all"}"#, 400),
        ] {
            let request = Request::new(method, "/api/v1/auth/refresh").with_json(body);
            let reply = block_on(suoke_guest::answer(request, route));
            assert_eq!(reply.status(), status, "{method} {body}");
        }
    }
}
