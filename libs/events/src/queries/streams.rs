//! `stream_events` and `stream_snapshots`.

use suoke_store::{Sql, StoreError, params};

/// A row that is new.
pub(crate) struct NewRow<'a> {
    pub(crate) id: String,
    pub(crate) stream_type: &'a str,
    pub(crate) stream_id: &'a str,
    pub(crate) version: u64,
    pub(crate) kind: &'a str,
    pub(crate) data: String,
    pub(crate) metadata: String,
}

/// A stored event.
pub(crate) struct StoredRow {
    pub(crate) id: String,
    pub(crate) version: u64,
    pub(crate) kind: String,
    pub(crate) data: String,
    pub(crate) metadata: String,
    pub(crate) created_at: i64,
}

suoke_store::from_row!(StoredRow {
    id,
    version,
    kind,
    data,
    metadata,
    created_at
});

/// A state that was stored whole.
pub(crate) struct Snapshot {
    pub(crate) version: u64,
    pub(crate) state: String,
}

suoke_store::from_row!(Snapshot { version, state });

fn signed(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

pub(crate) async fn version(
    sql: &impl Sql,
    stream_type: &str,
    stream_id: &str,
) -> Result<u64, StoreError> {
    let version: i64 = sql
        .query_one(
            "SELECT COALESCE(MAX(version), 0) FROM stream_events \
             WHERE stream_type = ?1 AND stream_id = ?2",
            params![stream_type, stream_id],
        )
        .await?;
    Ok(version.unsigned_abs())
}

pub(crate) async fn insert(sql: &impl Sql, row: NewRow<'_>, now_ms: i64) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO stream_events \
         (id, stream_type, stream_id, version, type, data, metadata, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            row.id,
            row.stream_type,
            row.stream_id,
            signed(row.version),
            row.kind,
            row.data,
            row.metadata,
            now_ms
        ],
    )
    .await
}

pub(crate) async fn read(
    sql: &impl Sql,
    stream_type: &str,
    stream_id: &str,
    after_version: u64,
    limit: u32,
) -> Result<Vec<StoredRow>, StoreError> {
    sql.query(
        "SELECT id, version, type AS kind, data, metadata, created_at FROM stream_events \
         WHERE stream_type = ?1 AND stream_id = ?2 AND version > ?3 ORDER BY version LIMIT ?4",
        params![stream_type, stream_id, signed(after_version), limit],
    )
    .await
}

pub(crate) async fn snapshot(
    sql: &impl Sql,
    stream_type: &str,
    stream_id: &str,
) -> Result<Option<Snapshot>, StoreError> {
    sql.query_optional(
        "SELECT version, state FROM stream_snapshots WHERE stream_type = ?1 AND stream_id = ?2",
        params![stream_type, stream_id],
    )
    .await
}

pub(crate) async fn save_snapshot(
    sql: &impl Sql,
    stream_type: &str,
    stream_id: &str,
    version: u64,
    state: String,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO stream_snapshots (stream_type, stream_id, version, state, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (stream_type, stream_id) DO UPDATE \
         SET version = excluded.version, state = excluded.state, created_at = excluded.created_at",
        params![stream_type, stream_id, signed(version), state, now_ms],
    )
    .await
}
