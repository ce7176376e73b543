//! What `GET /api/v1/users/me` does, as a native server: axum, the signature and
//! the claims of an access token, one row of a SQLite file.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

const USER_ID: &str = "01890000-0000-7000-8000-000000000001";
const ISSUER: &str = "http://127.0.0.1:3000";
const AUDIENCE: &str = "suoke-life";
const LIFE_SECONDS: u64 = 3600;
pub(crate) const KEY: [u8; 32] = [7; 32];

/// Who asks.
#[derive(Deserialize, Serialize)]
pub(crate) struct Claims {
    pub(crate) sub: String,
    roles: Vec<String>,
    iss: String,
    aud: String,
    exp: u64,
}

#[derive(Serialize)]
struct User {
    id: String,
    email: String,
    name: String,
    status: String,
    created_at: String,
}

struct Server {
    key: VerifyingKey,
    token: String,
    /// Connections that nobody uses at the moment.
    connections: Mutex<Vec<Connection>>,
    file: std::path::PathBuf,
}

/// Serves until the process is ended.
pub(crate) fn serve(address: &str, folder: &Path) -> Result<()> {
    let file = folder.join("native.db");
    let connection = open(&file)?;
    connection.execute_batch(
        "CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT NOT NULL, name TEXT NOT NULL,
                             status TEXT NOT NULL, created_at TEXT NOT NULL) STRICT",
    )?;
    connection.execute(
        "INSERT INTO users VALUES (?1, 'bench@example.com', '王芳', 'active', '2026-01-01T00:00:00Z')",
        [USER_ID],
    )?;
    let key = SigningKey::from_bytes(&KEY);
    let server = Arc::new(Server {
        token: token(&key)?,
        key: key.verifying_key(),
        connections: Mutex::new(vec![connection]),
        file,
    });
    let router = Router::new()
        .route(
            "/token",
            get(async |State(server): State<Arc<Server>>| server.token.clone()),
        )
        .route("/api/v1/users/me", get(me))
        .with_state(server);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await?;
        println!("Serving http://{}", listener.local_addr()?);
        axum::serve(listener, router).await.context("serving")
    })
}

/// A database as the host opens it.
pub(crate) fn open(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// An access token.
pub(crate) fn token(key: &SigningKey) -> Result<String> {
    let claims = Claims {
        sub: USER_ID.to_owned(),
        roles: vec!["user".to_owned()],
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        exp: now() + LIFE_SECONDS,
    };
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","typ":"JWT","kid":"bench"}"#);
    let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims)?);
    let signed = format!("{head}.{body}");
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()).to_bytes());
    Ok(format!("{signed}.{signature}"))
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

async fn me(State(server): State<Arc<Server>>, headers: HeaderMap) -> Response {
    let Some(claims) = claims(&headers, &server.key) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    match server.user(&claims.sub) {
        Ok(Some(user)) => Json(user).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// What a good token claims.
pub(crate) fn claims(headers: &HeaderMap, key: &VerifyingKey) -> Option<Claims> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (signed, signature) = value.strip_prefix("Bearer ")?.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let signature = Signature::from_slice(&signature).ok()?;
    key.verify_strict(signed.as_bytes(), &signature).ok()?;
    let body = URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
    let claims: Claims = serde_json::from_slice(&body).ok()?;
    let is_good = claims.exp > now() && claims.iss == ISSUER && claims.aud == AUDIENCE;
    is_good.then_some(claims)
}

impl Server {
    fn user(&self, id: &str) -> rusqlite::Result<Option<User>> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open(&self.file)?,
        };
        let user = find(&connection, id);
        self.idle().push(connection);
        user
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn find(connection: &Connection, id: &str) -> rusqlite::Result<Option<User>> {
    let sql = "SELECT id, email, name, status, created_at FROM users WHERE id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let user = statement.query_row([id], |row| {
        Ok(User {
            id: row.get(0)?,
            email: row.get(1)?,
            name: row.get(2)?,
            status: row.get(3)?,
            created_at: row.get(4)?,
        })
    });
    user.optional()
}
