//! Settings in SQL: label `platform`.

use suoke_store::{FromRow, Row, Sql, StoreError, params};

use crate::layer::{Layer, Place};
use crate::names::Address;
use crate::value::Written;

/// A value that holds in its layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueRow {
    /// The key.
    pub key: String,
    /// The layer.
    pub place: Place,
    /// It, as JSON.
    pub value: String,
    /// The YAML that it was written as.
    pub yaml: Option<String>,
    /// The version of the key that it came with.
    pub version: i64,
    /// Who set it.
    pub changed_by: String,
    /// When, in milliseconds since the Unix epoch.
    pub changed_at: i64,
}

/// A change of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    /// Counts the changes of the key.
    pub version: i64,
    /// `set`, `removed` or `rolled_back`.
    pub action: String,
    /// The layer.
    pub place: Place,
    /// The value, as JSON; none where it was removed.
    pub value: Option<String>,
    /// The YAML that it was written as.
    pub yaml: Option<String>,
    /// Who did it.
    pub changed_by: String,
    /// When, in milliseconds since the Unix epoch.
    pub changed_at: i64,
}

fn place(row: &Row) -> Result<Place, StoreError> {
    let layer: String = row.get("layer")?;
    Ok(Place {
        // The table holds no other layers.
        layer: Layer::parse(&layer).unwrap_or(Layer::Default),
        environment: row.get("environment")?,
    })
}

impl FromRow for ValueRow {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            key: row.get("key")?,
            place: place(row)?,
            value: row.get("value")?,
            yaml: row.get("yaml")?,
            version: row.get("version")?,
            changed_by: row.get("changed_by")?,
            changed_at: row.get("changed_at")?,
        })
    }
}

impl FromRow for ChangeRow {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            version: row.get("version")?,
            action: row.get("action")?,
            place: place(row)?,
            value: row.get("value")?,
            yaml: row.get("yaml")?,
            changed_by: row.get("changed_by")?,
            changed_at: row.get("changed_at")?,
        })
    }
}

/// The version of a key; none where there never was one.
pub(crate) async fn version(sql: &impl Sql, at: &Address) -> Result<Option<i64>, StoreError> {
    sql.query_optional(
        "SELECT version FROM config_keys WHERE service = ?1 AND key = ?2",
        params![&at.service, &at.key],
    )
    .await
}

/// How many keys a service has or had.
pub(crate) async fn count_keys(sql: &impl Sql, service: &str) -> Result<i64, StoreError> {
    sql.query_one(
        "SELECT count(*) FROM config_keys WHERE service = ?1",
        params![service],
    )
    .await
}

pub(crate) async fn set_version(
    sql: &impl Sql,
    at: &Address,
    version: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO config_keys (service, key, version) VALUES (?1, ?2, ?3) \
         ON CONFLICT (service, key) DO UPDATE SET version = excluded.version",
        params![&at.service, &at.key, version],
    )
    .await
}

/// The values of a key in all layers.
pub(crate) async fn values(sql: &impl Sql, at: &Address) -> Result<Vec<ValueRow>, StoreError> {
    sql.query(
        "SELECT key, layer, environment, value, yaml, version, changed_by, changed_at \
         FROM config_values WHERE service = ?1 AND key = ?2",
        params![&at.service, &at.key],
    )
    .await
}

/// The values that count in an environment, of all layers, by key: of the keys after
/// one, at most `keys_max` of those that have such values.
pub(crate) async fn of_service(
    sql: &impl Sql,
    service: &str,
    environment: Option<&str>,
    after: &str,
    keys_max: u32,
) -> Result<Vec<ValueRow>, StoreError> {
    sql.query(
        "SELECT key, layer, environment, value, yaml, version, changed_by, changed_at \
         FROM config_values WHERE service = ?1 \
         AND (layer <> 'environment' OR environment = ?2) \
         AND key IN (SELECT DISTINCT key FROM config_values WHERE service = ?1 AND key > ?3 \
         AND (layer <> 'environment' OR environment = ?2) ORDER BY key LIMIT ?4) \
         ORDER BY key",
        params![service, environment, after, keys_max],
    )
    .await
}

/// How many environments a key has values of.
pub(crate) async fn count_environments(sql: &impl Sql, at: &Address) -> Result<i64, StoreError> {
    sql.query_one(
        "SELECT count(*) FROM config_values \
         WHERE service = ?1 AND key = ?2 AND layer = 'environment'",
        params![&at.service, &at.key],
    )
    .await
}

/// The size of all values of a service, with their YAML.
pub(crate) async fn size_bytes(sql: &impl Sql, service: &str) -> Result<i64, StoreError> {
    sql.query_one(
        "SELECT coalesce(sum(octet_length(value) + coalesce(octet_length(yaml), 0)), 0) \
         FROM config_values WHERE service = ?1",
        params![service],
    )
    .await
}

pub(crate) async fn has_value(
    sql: &impl Sql,
    at: &Address,
    place: &Place,
) -> Result<bool, StoreError> {
    let found: Option<i64> = sql
        .query_optional(
            "SELECT 1 FROM config_values \
             WHERE service = ?1 AND key = ?2 AND layer = ?3 AND environment = ?4",
            params![
                &at.service,
                &at.key,
                place.layer.as_str(),
                &place.environment
            ],
        )
        .await?;
    Ok(found.is_some())
}

pub(crate) async fn set_value(
    sql: &impl Sql,
    at: &Address,
    place: &Place,
    written: &Written,
    version: i64,
    changed_by: &str,
    changed_at: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO config_values \
         (service, key, layer, environment, value, yaml, version, changed_by, changed_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
         ON CONFLICT (service, key, layer, environment) DO UPDATE SET \
         value = excluded.value, yaml = excluded.yaml, version = excluded.version, \
         changed_by = excluded.changed_by, changed_at = excluded.changed_at",
        params![
            &at.service,
            &at.key,
            place.layer.as_str(),
            &place.environment,
            &written.json,
            written.yaml.as_deref(),
            version,
            changed_by,
            changed_at
        ],
    )
    .await
}

pub(crate) async fn remove_value(
    sql: &impl Sql,
    at: &Address,
    place: &Place,
) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM config_values \
         WHERE service = ?1 AND key = ?2 AND layer = ?3 AND environment = ?4",
        params![
            &at.service,
            &at.key,
            place.layer.as_str(),
            &place.environment
        ],
    )
    .await
}

pub(crate) async fn add_change(
    sql: &impl Sql,
    at: &Address,
    row: &ChangeRow,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO config_changes (service, key, version, action, layer, environment, \
         value, yaml, changed_by, changed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            &at.service,
            &at.key,
            row.version,
            &row.action,
            row.place.layer.as_str(),
            &row.place.environment,
            row.value.as_deref(),
            row.yaml.as_deref(),
            &row.changed_by,
            row.changed_at
        ],
    )
    .await
}

/// Forgets the changes up to a version.
pub(crate) async fn forget_changes(
    sql: &impl Sql,
    at: &Address,
    version: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM config_changes WHERE service = ?1 AND key = ?2 AND version <= ?3",
        params![&at.service, &at.key, version],
    )
    .await
}

/// Forgets the oldest changes, so that those of a key have at most `bytes_max`; the one
/// with the version `kept` stays.
pub(crate) async fn forget_bytes(
    sql: &impl Sql,
    at: &Address,
    kept: i64,
    bytes_max: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM config_changes WHERE service = ?1 AND key = ?2 AND version < ?3 \
         AND version <= (SELECT max(version) FROM (SELECT version, \
         sum(coalesce(octet_length(value), 0) + coalesce(octet_length(yaml), 0)) \
         OVER (ORDER BY version DESC) AS bytes \
         FROM config_changes WHERE service = ?1 AND key = ?2) AS sizes WHERE bytes > ?4)",
        params![&at.service, &at.key, kept, bytes_max],
    )
    .await
}

/// One change.
pub(crate) async fn change(
    sql: &impl Sql,
    at: &Address,
    version: i64,
) -> Result<Option<ChangeRow>, StoreError> {
    sql.query_optional(
        "SELECT version, action, layer, environment, value, yaml, changed_by, changed_at \
         FROM config_changes WHERE service = ?1 AND key = ?2 AND version = ?3",
        params![&at.service, &at.key, version],
    )
    .await
}

/// The changes before a version, newest first.
pub(crate) async fn changes(
    sql: &impl Sql,
    at: &Address,
    before: i64,
    limit: u32,
) -> Result<Vec<ChangeRow>, StoreError> {
    sql.query(
        "SELECT version, action, layer, environment, value, yaml, changed_by, changed_at \
         FROM config_changes WHERE service = ?1 AND key = ?2 AND version < ?3 \
         ORDER BY version DESC LIMIT ?4",
        params![&at.service, &at.key, before, limit],
    )
    .await
}
