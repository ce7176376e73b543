//! Settings: read by layers, changed with versions, taken back.

use serde::{Deserialize, Serialize};
use suoke_events::{Event, outbox};
use suoke_guest::{ApiError, Request, clock, version};
use suoke_store::{Database, Sql, Transaction};

use crate::layer::{Layer, Place, winner};
use crate::names::Address;
use crate::value::Written;

mod queries;
#[cfg(test)]
mod tests;

pub use queries::{ChangeRow, ValueRow};

/// [`ConfigChanged`]
pub const CONFIG_CHANGED: &str = "config.changed";

/// How many keys a service may have.
const KEYS_MAX: i64 = 1_000;

/// How many changes of a key are kept.
const CHANGES_MAX: i64 = 1_000;

/// How many bytes of changes of a key are kept, its YAML included; the last change is
/// kept in any case.
const CHANGES_SIZE_BYTES_MAX: i64 = 1024 * 1024;

/// How many environments a key may have values of.
const ENVIRONMENTS_MAX: i64 = 20;

/// How many bytes all values of a service may have, in every layer and with their YAML.
const SERVICE_SIZE_BYTES_MAX: i64 = 4 * 1024 * 1024;

/// A setting has another value, in some layer. The value itself is not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigChanged {
    /// The service.
    pub service: String,
    /// The key.
    pub key: String,
    /// Counts the changes of the key.
    pub version: i64,
    /// `set`, `removed` or `rolled_back`.
    pub action: String,
    /// The layer.
    pub layer: Layer,
    /// The environment, where the layer is of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Who changed it: a user or `operator`.
    pub changed_by: String,
}

/// What holds for a key.
#[derive(Clone, Debug)]
pub struct Found {
    /// Counts the changes of the key in all layers; 0 where there never was one.
    pub version: i64,
    /// The value that wins, if any does.
    pub value: Option<ValueRow>,
}

/// A change that is asked for.
struct Change<'a> {
    address: &'a Address,
    place: &'a Place,
    action: &'static str,
    written: Option<&'a Written>,
}

/// Who changes something, in which request.
#[derive(Clone, Copy)]
pub struct By<'a> {
    /// The request; its `If-Match` is looked at.
    pub request: &'a Request,
    /// The user or operator.
    pub user_id: &'a str,
}

/// What holds for a key in an environment.
///
/// # Errors
/// When the database fails.
pub async fn get(
    sql: &impl Sql,
    address: &Address,
    environment: Option<&str>,
) -> Result<Found, ApiError> {
    // First: a change in between is then seen by whoever waits for the next.
    let version = queries::version(sql, address).await?.unwrap_or(0);
    let values = queries::values(sql, address).await?;
    let value = winner(&values, |row| &row.place, environment).cloned();
    Ok(Found { version, value })
}

/// The version of a key alone: what a long poll looks at.
///
/// # Errors
/// When the database fails.
pub async fn current_version(sql: &impl Sql, address: &Address) -> Result<i64, ApiError> {
    Ok(queries::version(sql, address).await?.unwrap_or(0))
}

/// What holds for the keys of a service in an environment, by key: those after one that
/// was shown, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn service(
    sql: &impl Sql,
    service: &str,
    environment: Option<&str>,
    after: &str,
    limit: u32,
) -> Result<Vec<ValueRow>, ApiError> {
    let rows = queries::of_service(sql, service, environment, after, limit).await?;
    let of_keys = rows.chunk_by(|one, next| one.key == next.key);
    let winners = of_keys.filter_map(|rows| winner(rows, |row| &row.place, environment));
    Ok(winners.cloned().collect())
}

/// Changes of a key before a version, newest first.
///
/// # Errors
/// When the database fails.
pub async fn history(
    sql: &impl Sql,
    address: &Address,
    before: i64,
    limit: u32,
) -> Result<Vec<ChangeRow>, ApiError> {
    Ok(queries::changes(sql, address, before, limit).await?)
}

/// Sets a value in a layer; gives its version, and the event to announce.
///
/// # Errors
/// 409 `version_conflict` when another was faster; `too_many_keys`,
/// `too_many_environments`, `service_full` over the bounds.
pub async fn set(
    db: &mut Database,
    by: By<'_>,
    address: &Address,
    place: &Place,
    written: &Written,
) -> Result<(i64, Event), ApiError> {
    let change = Change {
        address,
        place,
        action: "set",
        written: Some(written),
    };
    db.transaction(async |tx| apply(tx, by, &change).await)
        .await
}

/// Takes a value out of a layer; gives the event to announce.
///
/// # Errors
/// 404 where the layer has none, 409 `version_conflict` when another was faster.
pub async fn remove(
    db: &mut Database,
    by: By<'_>,
    address: &Address,
    place: &Place,
) -> Result<Event, ApiError> {
    let change = Change {
        address,
        place,
        action: "removed",
        written: None,
    };
    db.transaction(async |tx| {
        if !queries::has_value(tx, address, place).await? {
            return Err(missing());
        }
        apply(tx, by, &change).await.map(|(_, event)| event)
    })
    .await
}

/// Makes the layer of an earlier change what that change had made it; gives the
/// new version and the event to announce.
///
/// # Errors
/// 404 where that change is not known any more, 409 like [`set`].
pub async fn roll_back(
    db: &mut Database,
    by: By<'_>,
    address: &Address,
    to_version: i64,
) -> Result<(i64, Event), ApiError> {
    db.transaction(async |tx| {
        let row = queries::change(tx, address, to_version).await?;
        let row = row.ok_or_else(missing)?;
        let written = row.value.map(|json| Written {
            json,
            yaml: row.yaml,
        });
        let change = Change {
            address,
            place: &row.place,
            action: "rolled_back",
            written: written.as_ref(),
        };
        apply(tx, by, &change).await
    })
    .await
}

/// What is not there.
#[must_use]
pub fn missing() -> ApiError {
    ApiError::not_found("There is no such setting.").zh("没有这个配置项。")
}

async fn apply(
    tx: &Transaction<'_>,
    by: By<'_>,
    change: &Change<'_>,
) -> Result<(i64, Event), ApiError> {
    let Change {
        address,
        place,
        action,
        written,
    } = change;
    let known = queries::version(tx, address).await?;
    version::expect(by.request, known.unwrap_or(0))?;
    if known.is_none() && queries::count_keys(tx, &address.service).await? >= KEYS_MAX {
        let detail = format!("A service has at most {KEYS_MAX} keys.");
        return Err(ApiError::conflict("too_many_keys", detail)
            .zh(format!("每个服务最多 {KEYS_MAX} 个配置项。")));
    }
    let version = known.unwrap_or(0) + 1;
    let now_ms = clock::now_ms();
    queries::set_version(tx, address, version).await?;
    match written {
        Some(written) => {
            queries::set_value(tx, address, place, written, version, by.user_id, now_ms).await?;
            fits(tx, address).await?;
        }
        None => queries::remove_value(tx, address, place).await?,
    }
    let row = ChangeRow {
        version,
        action: (*action).to_owned(),
        place: (*place).clone(),
        value: written.map(|written| written.json.clone()),
        yaml: written.and_then(|written| written.yaml.clone()),
        changed_by: by.user_id.to_owned(),
        changed_at: now_ms,
    };
    queries::add_change(tx, address, &row).await?;
    queries::forget_changes(tx, address, version - CHANGES_MAX).await?;
    queries::forget_bytes(tx, address, version, CHANGES_SIZE_BYTES_MAX).await?;
    let told = ConfigChanged {
        service: address.service.clone(),
        key: address.key.clone(),
        version,
        action: row.action,
        layer: place.layer,
        environment: Some(place.environment.clone()).filter(|name| !name.is_empty()),
        changed_by: row.changed_by,
    };
    let event = Event::new(CONFIG_CHANGED, "config", &told)?
        .about(format!("config/{}/{}", address.service, address.key))
        .from_request(by.request);
    Ok((version, outbox(tx, event).await?))
}

/// Fails when a value has come that a key or a service has no room for.
async fn fits(tx: &Transaction<'_>, address: &Address) -> Result<(), ApiError> {
    if queries::count_environments(tx, address).await? > ENVIRONMENTS_MAX {
        let detail = format!("A key has values of at most {ENVIRONMENTS_MAX} environments.");
        return Err(ApiError::conflict("too_many_environments", detail)
            .zh(format!("每个配置项最多 {ENVIRONMENTS_MAX} 个环境。")));
    }
    if queries::size_bytes(tx, &address.service).await? > SERVICE_SIZE_BYTES_MAX {
        let detail = format!(
            "The values of a service have at most {SERVICE_SIZE_BYTES_MAX} bytes; remove some."
        );
        return Err(
            ApiError::conflict("service_full", detail).zh("该服务的配置总量过大，请先删除一些。")
        );
    }
    Ok(())
}
