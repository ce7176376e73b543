//! Settings as callers see them.

use serde::Serialize;
use serde_json::Value;
use suoke_config::config::{ChangeRow, ValueRow};
use suoke_config::{Address, Layer};
use suoke_guest::{ApiError, clock};

/// A value that holds.
#[derive(Serialize)]
pub(crate) struct Shown {
    service: String,
    key: String,
    /// For which environment it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    value: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    yaml: Option<String>,
    /// The layer that answers.
    layer: Layer,
    version: i64,
    changed_by: String,
    changed_at: String,
}

/// A part of the values of a service.
#[derive(Serialize)]
pub(crate) struct All {
    service: String,
    values: Vec<Shown>,
    next_cursor: Option<String>,
}

/// A change that was made.
#[derive(Serialize)]
pub(crate) struct Changed<'a> {
    service: &'a str,
    key: &'a str,
    version: i64,
}

/// A line of the history.
#[derive(Serialize)]
struct Change {
    version: i64,
    action: String,
    layer: Layer,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    /// None where it was removed.
    value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    yaml: Option<String>,
    changed_by: String,
    changed_at: String,
}

/// A part of the history.
#[derive(Serialize)]
pub(crate) struct History<'a> {
    service: &'a str,
    key: &'a str,
    changes: Vec<Change>,
    next_cursor: Option<String>,
}

pub(crate) fn changed(address: &Address, version: i64) -> Changed<'_> {
    Changed {
        service: &address.service,
        key: &address.key,
        version,
    }
}

pub(crate) fn one(
    address: &Address,
    row: ValueRow,
    environment: Option<&str>,
) -> Result<Shown, ApiError> {
    shown(&address.service, row, environment)
}

pub(crate) fn all(
    service: &str,
    rows: Vec<ValueRow>,
    environment: Option<&str>,
    next_cursor: Option<String>,
) -> Result<All, ApiError> {
    let rows = rows.into_iter();
    let values: Result<Vec<Shown>, ApiError> =
        rows.map(|row| shown(service, row, environment)).collect();
    Ok(All {
        service: service.to_owned(),
        values: values?,
        next_cursor,
    })
}

fn shown(service: &str, row: ValueRow, environment: Option<&str>) -> Result<Shown, ApiError> {
    Ok(Shown {
        service: service.to_owned(),
        key: row.key,
        environment: environment.map(str::to_owned),
        value: serde_json::from_str(&row.value)?,
        yaml: row.yaml,
        layer: row.place.layer,
        version: row.version,
        changed_by: row.changed_by,
        changed_at: clock::rfc3339(row.changed_at),
    })
}

pub(crate) fn history(
    address: &Address,
    rows: Vec<ChangeRow>,
    next_cursor: Option<String>,
) -> Result<History<'_>, ApiError> {
    let changes: Result<Vec<Change>, ApiError> = rows.into_iter().map(change).collect();
    Ok(History {
        service: &address.service,
        key: &address.key,
        changes: changes?,
        next_cursor,
    })
}

fn change(row: ChangeRow) -> Result<Change, ApiError> {
    let value = row.value.as_deref().map(serde_json::from_str).transpose()?;
    Ok(Change {
        version: row.version,
        action: row.action,
        layer: row.place.layer,
        environment: Some(row.place.environment).filter(|name| !name.is_empty()),
        value,
        yaml: row.yaml,
        changed_by: row.changed_by,
        changed_at: clock::rfc3339(row.changed_at),
    })
}
