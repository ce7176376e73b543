//! Programs that get tokens of their own: the grant `client_credentials`.

use serde::Serialize;
use suoke_events::outbox;
use suoke_guest::secret::is_same;
use suoke_guest::{ApiError, FieldError, Invalid, clock, ids};
use suoke_store::{Database, Sql, StoreError};

use crate::denylist::{Denial, Effects};
use crate::events::{self, ClientEvent, Origin, TokenIssued};
use crate::queries::clients::{self as queries, ClientRow};
use crate::settings::Settings;
use crate::token::{self, Holder};
use crate::{refresh, sessions};

/// How long a name may be, in characters.
const NAME_CHARS_MAX: usize = 100;

/// How many scopes a client may have.
const SCOPES_MAX: usize = 20;

/// How long a scope may be.
const SCOPE_SIZE_BYTES_MAX: usize = 64;

/// How many clients there may be: the list has no pages.
const CLIENTS_MAX: i64 = 500;

/// What the id of a client begins with, so that it is never that of a user.
const ID_START: &str = "client-";

/// A client as operators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Client {
    /// The client.
    pub client_id: String,
    /// What operators call it.
    pub name: String,
    /// What its tokens may be for.
    pub scopes: Vec<String>,
    /// Who made it: a user, or `operator`.
    pub created_by: String,
    /// When, in RFC 3339.
    pub created_at: String,
}

/// A client whose secret was right.
pub struct Authenticated(ClientRow);

impl Authenticated {
    /// The client.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }
}

/// Adds a client and gives its secret, which is not kept.
///
/// # Errors
/// 400 that names `name` or `scopes`; 409 `too_many_clients`.
pub async fn create(
    db: &mut Database,
    name: &str,
    scopes: &[String],
    by: &str,
    origin: Origin<'_>,
) -> Result<(Client, String, Effects), ApiError> {
    let name = name.trim();
    check(name, scopes)?;
    let (secret, secret_hash) = refresh::generate()?;
    let now_ms = clock::now_ms();
    let row = ClientRow {
        id: format!("{ID_START}{}", ids::new_id()),
        name: name.to_owned(),
        secret_hash,
        scopes: scopes.join(" "),
        token_version: 1,
        created_at: now_ms,
        created_by: by.to_owned(),
    };
    let effects: Result<Effects, ApiError> = db
        .transaction(async |tx| {
            if queries::count(tx).await? >= CLIENTS_MAX {
                let detail = format!("There are {CLIENTS_MAX} clients already; delete one.");
                return Err(
                    ApiError::conflict("too_many_clients", detail).zh("客户端数量已达上限。")
                );
            }
            queries::insert(tx, &row).await?;
            let event = client_event(origin, events::CLIENT_CREATED, &row.id, by, now_ms)?;
            Ok(Effects::of(vec![outbox(tx, event).await?]))
        })
        .await;
    Ok((row.into(), secret, effects?))
}

/// The clients, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list(sql: &impl Sql) -> Result<Vec<Client>, StoreError> {
    let rows = queries::all(sql).await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Takes a client away; its tokens are no longer good, and the sessions that users
/// have started through it end. Tell the effects.
///
/// # Errors
/// 404 when there is none.
pub async fn delete(
    db: &mut Database,
    client_id: &str,
    by: &str,
    origin: Origin<'_>,
) -> Result<Effects, ApiError> {
    let now_ms = clock::now_ms();
    db.transaction(async |tx| {
        if !queries::delete(tx, client_id, now_ms).await? {
            return Err(ApiError::not_found("There is no such client.").zh("没有这个客户端。"));
        }
        let event = client_event(origin, events::CLIENT_DELETED, client_id, by, now_ms)?;
        let mut effects = Effects {
            denials: vec![Denial::Subject {
                subject: client_id.to_owned(),
            }],
            events: vec![outbox(tx, event).await?],
        };
        effects.extend(sessions::end_of_client(tx, origin, client_id).await?);
        Ok(effects)
    })
    .await
}

/// Whether there is a client of this id.
pub(crate) async fn exists(sql: &impl Sql, client_id: &str) -> Result<bool, StoreError> {
    Ok(queries::find(sql, client_id).await?.is_some())
}

/// The client of this id, if the secret is its own.
///
/// # Errors
/// When the database fails.
pub async fn authenticate(
    sql: &impl Sql,
    client_id: &str,
    secret: &str,
) -> Result<Option<Authenticated>, StoreError> {
    let found = queries::find(sql, client_id).await?;
    let given = refresh::hash(secret);
    Ok(found
        .filter(|client| is_same(&client.secret_hash, &given))
        .map(Authenticated))
}

/// A token for a client.
#[derive(Debug)]
pub struct ClientToken {
    /// The access token.
    pub access_token: String,
    /// What it is for.
    pub scopes: Vec<String>,
    /// Announce it.
    pub effects: Effects,
}

/// Issues a token to a client for the scopes that it asks for, or for all it has;
/// `None` when it asks for one that it does not have.
///
/// # Errors
/// When the database fails.
pub async fn issue(
    db: &mut Database,
    settings: &Settings,
    client: &Authenticated,
    asked: &[&str],
    origin: Origin<'_>,
) -> Result<Option<ClientToken>, ApiError> {
    let Authenticated(client) = client;
    let owned: Vec<&str> = client.scopes.split(' ').collect();
    if asked.iter().any(|scope| !owned.contains(scope)) {
        return Ok(None);
    }
    let granted = if asked.is_empty() { &owned } else { asked };
    let scopes: Vec<String> = granted.iter().map(|scope| (*scope).to_owned()).collect();
    let now_ms = clock::now_ms();
    let holder = Holder {
        subject: &client.id,
        roles: &[],
        scopes: &scopes,
        session_id: "",
        version: client.token_version,
    };
    let key = settings.signing_key(now_ms / 1000);
    let access_token = token::issue(&key, &settings.verification, &holder, now_ms / 1000)?;
    let issued = TokenIssued {
        subject: client.id.clone(),
        session_id: None,
        grant: "client_credentials".to_owned(),
        issued_at: clock::rfc3339(now_ms),
    };
    let event = origin.tells(
        events::TOKEN_ISSUED,
        format!("client/{}", client.id),
        &issued,
    )?;
    let event: Result<_, ApiError> = db
        .transaction(async |tx| Ok(outbox(tx, event).await?))
        .await;
    Ok(Some(ClientToken {
        access_token,
        scopes,
        effects: Effects::of(vec![event?]),
    }))
}

/// A client without scopes could do whatever its token is not restricted from.
fn check(name: &str, scopes: &[String]) -> Result<(), ApiError> {
    let mut invalid = Invalid::new();
    let length = name.chars().count();
    if length == 0 || length > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        let message = "must have 1 to 100 characters without control characters";
        invalid.add(FieldError::new("name", "invalid_name", message));
    }
    if scopes.is_empty() || scopes.len() > SCOPES_MAX {
        let message = format!("must be 1 to {SCOPES_MAX} scopes");
        invalid.add(FieldError::new("scopes", "invalid_value", message));
    }
    for (index, scope) in scopes.iter().enumerate() {
        if !is_scope(scope) || scopes.iter().take(index).any(|before| before == scope) {
            let message = "must be different words such as config:read";
            let field = format!("scopes[{index}]");
            invalid.add(FieldError::new(field, "invalid_value", message));
        }
    }
    invalid.finish()
}

/// `config:read`: lower-case letters, digits, `.`, `_`, `-` and one colon.
fn is_scope(scope: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)
            })
    };
    scope.len() <= SCOPE_SIZE_BYTES_MAX
        && scope
            .split_once(':')
            .is_some_and(|(noun, verb)| is_word(noun) && is_word(verb))
}

fn client_event(
    origin: Origin<'_>,
    kind: &str,
    client_id: &str,
    by: &str,
    now_ms: i64,
) -> Result<suoke_events::Event, ApiError> {
    let data = ClientEvent {
        client_id: client_id.to_owned(),
        by: by.to_owned(),
        at: clock::rfc3339(now_ms),
    };
    Ok(origin.tells(kind, format!("client/{client_id}"), &data)?)
}

impl From<ClientRow> for Client {
    fn from(row: ClientRow) -> Self {
        Self {
            client_id: row.id,
            name: row.name,
            scopes: row.scopes.split(' ').map(str::to_owned).collect(),
            created_by: row.created_by,
            created_at: clock::rfc3339(row.created_at),
        }
    }
}

#[cfg(test)]
mod tests;
