//! The token endpoint of OAuth 2.0: passwords, refresh tokens, and clients with a
//! secret.

use serde::{Deserialize, Serialize};
use suoke_guest::{ApiError, Reply, Request, reply};
use suoke_identity::accounts::{self, Credentials, Tokens, User};
use suoke_identity::clients::{self, Authenticated};
use suoke_identity::events::Origin;
use suoke_identity::oauth::{self, OAuthError};
use suoke_identity::token::ACCESS_SECONDS;
use suoke_identity::{Client, SealingKey, Settings, refresh};
use suoke_store::Database;

suoke_guest::http_service!(route);

const COMPONENT: &str = "auth-token";

/// What is asked for; what the standard does not know is ignored, as it demands.
#[derive(Deserialize)]
struct Asked {
    grant_type: String,
    username: Option<String>,
    /// The same as `username`.
    email: Option<String>,
    password: Option<String>,
    totp: Option<String>,
    refresh_token: Option<String>,
    scope: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

impl Asked {
    /// The scopes that are asked for.
    fn scopes(&self) -> Vec<&str> {
        let scope = self.scope.as_deref().unwrap_or_default();
        scope.split(' ').filter(|scope| !scope.is_empty()).collect()
    }

    /// Whether a token is to be for something alone: a user's is never narrower
    /// than their roles.
    fn wants_scopes(&self) -> bool {
        !self.scopes().is_empty()
    }
}

/// What is answered to a user.
#[derive(Serialize)]
struct UserTokens {
    #[serde(flatten)]
    tokens: Tokens,
    user_info: User,
}

/// What is answered to a client.
#[derive(Serialize)]
struct ClientTokens {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    scope: String,
}

/// What a grant comes to: a reply, or an error of the standard.
type Granted = Result<Reply, OAuthError>;

async fn route(mut request: Request) -> Result<Reply, ApiError> {
    request.allow(&["POST"])?;
    let granted = match grant(&mut request).await {
        Ok(granted) => granted,
        Err(error) => Err(OAuthError::from_api(error)?),
    };
    match granted {
        Ok(reply) => Ok(reply.header("pragma", "no-cache")),
        Err(error) => error.reply(),
    }
}

async fn grant(request: &mut Request) -> Result<Granted, ApiError> {
    let asked: Asked = request.form_or_json(oauth::BODY_SIZE_BYTES_MAX).await?;
    let (id, secret) = (asked.client_id.as_deref(), asked.client_secret.as_deref());
    let presented = match oauth::presented(request, id, secret) {
        Ok(presented) => presented,
        Err(error) => return Ok(Err(error)),
    };
    let settings = Settings::load().await?;
    let mut db = Database::open(accounts::LABEL).await?;
    let client = match oauth::authenticated(&db, &presented).await? {
        Ok(client) => client,
        Err(error) => return Ok(Err(error)),
    };
    match (asked.grant_type.as_str(), client) {
        ("password" | "refresh_token", _) if asked.wants_scopes() => {
            let description = "Tokens of users are for whatever they may do; send no scope.";
            Ok(Err(OAuthError::new(400, "invalid_scope", description)))
        }
        ("password", client) => {
            let from = Client::of(request).shown_as(client.as_ref());
            by_password(&mut db, &settings, &asked, &from, request).await
        }
        ("refresh_token", client) => {
            let from = Client::of(request).shown_as(client.as_ref());
            by_refresh_token(&mut db, &settings, &asked, &from, request).await
        }
        ("client_credentials", Some(client)) => {
            by_secret(&mut db, &settings, &client, &asked, request).await
        }
        ("client_credentials", None) => Ok(Err(OAuthError::invalid_client())),
        _ => {
            let description = "Known: password, refresh_token, client_credentials.";
            let error = OAuthError::new(400, "unsupported_grant_type", description);
            Ok(Err(error))
        }
    }
}

async fn by_password(
    db: &mut Database,
    settings: &Settings,
    asked: &Asked,
    from: &Client,
    request: &Request,
) -> Result<Granted, ApiError> {
    let address = asked.username.as_ref().or(asked.email.as_ref());
    let (Some(address), Some(password)) = (address, &asked.password) else {
        let error = OAuthError::invalid_request("username and password are required");
        return Ok(Err(error));
    };
    let credentials = Credentials {
        address,
        password,
        totp: asked.totp.as_deref(),
    };
    let sealing = SealingKey::load().await?;
    let origin = Origin::request(COMPONENT, request);
    let (user_info, tokens, effects) =
        accounts::log_in(db, settings, &sealing, credentials, from, origin).await?;
    effects.tell(db).await;
    Ok(Ok(reply::json(&UserTokens { tokens, user_info })?))
}

async fn by_refresh_token(
    db: &mut Database,
    settings: &Settings,
    asked: &Asked,
    from: &Client,
    request: &Request,
) -> Result<Granted, ApiError> {
    let Some(token) = &asked.refresh_token else {
        let error = OAuthError::invalid_request("refresh_token is required");
        return Ok(Err(error));
    };
    let origin = Origin::request(COMPONENT, request);
    let refreshed = refresh::refresh(db, settings, token, from, origin).await?;
    refreshed.effects.tell(db).await;
    let (user_info, tokens) = refreshed.outcome?;
    Ok(Ok(reply::json(&UserTokens { tokens, user_info })?))
}

async fn by_secret(
    db: &mut Database,
    settings: &Settings,
    client: &Authenticated,
    asked: &Asked,
    request: &Request,
) -> Result<Granted, ApiError> {
    let scopes = asked.scopes();
    let origin = Origin::request(COMPONENT, request);
    let Some(issued) = clients::issue(db, settings, client, &scopes, origin).await? else {
        let description = "The client does not have all of these scopes.";
        let error = OAuthError::new(400, "invalid_scope", description);
        return Ok(Err(error));
    };
    issued.effects.tell(db).await;
    Ok(Ok(reply::json(&ClientTokens {
        access_token: issued.access_token,
        token_type: "bearer",
        expires_in: ACCESS_SECONDS,
        scope: issued.scopes.join(" "),
    })?))
}

#[cfg(test)]
mod tests;
