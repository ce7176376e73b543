//! Operators add, list and delete programs that get tokens of their own.

use serde::{Deserialize, Serialize};
use suoke_guest::{ApiError, Reply, Request, reply};
use suoke_identity::accounts::LABEL;
use suoke_identity::clients::{self, Client};
use suoke_identity::events::Origin;
use suoke_store::Database;

suoke_guest::http_service!(route);

const COMPONENT: &str = "auth-clients";

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    scopes: Vec<String>,
}

/// The new client with its secret, which is shown once.
#[derive(Serialize)]
struct Created {
    #[serde(flatten)]
    client: Client,
    client_secret: String,
}

/// All clients.
#[derive(Serialize)]
struct Clients {
    clients: Vec<Client>,
}

async fn route(mut request: Request) -> Result<Reply, ApiError> {
    let id = request.param("id").ok();
    request.allow(if id.is_some() {
        &["DELETE"]
    } else {
        &["GET", "POST"]
    })?;
    let who = suoke_identity::operator(&request)?;
    if let Some(id) = id {
        let mut db = Database::open(LABEL).await?;
        let origin = Origin::request(COMPONENT, &request);
        let effects = clients::delete(&mut db, &id, &who.user_id, origin).await?;
        effects.tell(&db).await;
        return reply::empty();
    }
    if request.method() != "POST" {
        let db = Database::open(LABEL).await?;
        let clients = clients::list(&db).await?;
        return reply::json(&Clients { clients });
    }
    let new: New = request.json().await?;
    let mut db = Database::open(LABEL).await?;
    let origin = Origin::request(COMPONENT, &request);
    let created = clients::create(&mut db, &new.name, &new.scopes, &who.user_id, origin).await;
    let (client, client_secret, effects) = created?;
    effects.tell(&db).await;
    let location = format!("/api/v1/auth/clients/{}", client.client_id);
    reply::created(
        &location,
        &Created {
            client,
            client_secret,
        },
    )
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use suoke_identity::caller::headers;

    use super::*;

    fn ask(request: Request) -> u16 {
        block_on(suoke_guest::answer(request, route)).status()
    }

    fn as_role(method: &str, role: &str) -> Request {
        Request::new(method, "/api/v1/auth/clients")
            .with_header(headers::USER_ID, "u1")
            .with_header(headers::USER_ROLES, role)
            .with_header(headers::TOKEN_EXPIRES_AT, "1800000000")
            .with_header(headers::AUTH_METHOD, "jwt")
    }

    #[test]
    fn only_operators_and_administrators_get_in() {
        assert_eq!(ask(Request::new("GET", "/")), 401);
        assert_eq!(ask(as_role("GET", "user")), 403);
        assert_eq!(ask(as_role("PUT", "admin")), 405);
        for body in [
            "{}",
            r#"{"name":"a","scopes":"all"}"#,
            r#"{"name":"a","scopes":[],"x":1}"#,
        ] {
            assert_eq!(ask(as_role("POST", "admin").with_json(body)), 400, "{body}");
        }
    }
}
