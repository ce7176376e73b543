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
    let (user, tokens, events) =
        accounts::register(&mut db, &settings, &request, registration).await?;
    suoke_events::announce(&events).await;
    let location = format!("/api/v1/users/{}", user.user_id);
    reply::created(&location, &Registered { user, tokens })
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    fn ask(method: &str, body: &str) -> Reply {
        let request = Request::new(method, "/api/v1/users/register").with_json(body);
        block_on(suoke_guest::answer(request, route))
    }

    #[test]
    fn only_post_is_known() {
        let reply = ask("GET", "{}");
        assert_eq!(
            (reply.status(), reply.header_value("allow")),
            (405, Some("POST"))
        );
    }

    #[test]
    fn wrong_and_unknown_fields_are_named() {
        for (body, field) in [
            (r#"{"email":"a@b.cn","password":"abcdefg1"}"#, "name"),
            (
                r#"{"email":"a@b.cn","password":"abcdefg1","name":"x","roles":["admin"]}"#,
                "roles",
            ),
            (r#"{"email":"a","password":"abcdefg1","name":"x"}"#, "email"),
            (
                r#"{"email":"a@b.cn","password":"abc","name":"x"}"#,
                "password",
            ),
        ] {
            let reply = ask("POST", body);
            let told = String::from_utf8_lossy(reply.body_bytes()).into_owned();
            assert_eq!(reply.status(), 400, "{told}");
            assert!(told.contains(&format!("\"field\":\"{field}\"")), "{told}");
        }
    }
}
