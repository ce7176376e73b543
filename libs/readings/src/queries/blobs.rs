//! The SQL of blobs.

use suoke_store::{Row, Sql, StoreError, params};

use crate::blobs::{Blob, key};

/// Keys of one statement.
const KEYS_MAX: usize = 500;

/// One blob of a person.
pub(crate) async fn one(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
) -> Result<Option<Blob>, StoreError> {
    sql.query_optional(
        "SELECT id, sha256, media_type, bytes, created_ms FROM blobs \
         WHERE user_id = ?1 AND id = ?2",
        params![user_id, id],
    )
    .await
}

/// Inserts what is known of a blob, unless it is there; whether it was not.
pub(crate) async fn insert(sql: &impl Sql, user_id: &str, blob: &Blob) -> Result<bool, StoreError> {
    let bytes = i64::try_from(blob.bytes).unwrap_or(i64::MAX);
    let inserted = sql
        .execute_counted(
            "INSERT INTO blobs (user_id, id, sha256, media_type, bytes, created_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            params![
                user_id,
                &blob.id,
                &blob.sha256,
                &blob.media_type,
                bytes,
                blob.created_ms
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// Which blobs are deleted.
pub(crate) enum Which {
    /// Whatever refers to it.
    All,
    /// Those that no reading refers to, whatever its status.
    Unreferenced,
}

/// Deletes what is known of a blob; whether it did.
pub(crate) async fn delete(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
    which: &Which,
) -> Result<bool, StoreError> {
    let text = match which {
        Which::All => "DELETE FROM blobs WHERE user_id = ?1 AND id = ?2",
        Which::Unreferenced => {
            "DELETE FROM blobs WHERE user_id = ?1 AND id = ?2 AND NOT EXISTS \
             (SELECT 1 FROM readings WHERE user_id = ?1 AND blob = ?2)"
        }
    };
    Ok(sql.execute_counted(text, params![user_id, id]).await? == 1)
}

/// What counts and refers to a blob.
pub(super) const USED: &str =
    "SELECT 1 FROM readings WHERE user_id = ?1 AND blob = ?2 AND status = 'final'";

/// Deletes what is known of a blob unless a reading refers to it that counts; whether it
/// did.
pub(crate) async fn delete_unused(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
) -> Result<bool, StoreError> {
    let text = format!("DELETE FROM blobs WHERE user_id = ?1 AND id = ?2 AND NOT EXISTS ({USED})");
    Ok(sql.execute_counted(&text, params![user_id, id]).await? == 1)
}

/// The first blobs of a person.
pub(crate) async fn ids(
    sql: &impl Sql,
    user_id: &str,
    limit: u32,
) -> Result<Vec<String>, StoreError> {
    sql.query(
        "SELECT id FROM blobs WHERE user_id = ?1 ORDER BY id LIMIT ?2",
        params![user_id, limit],
    )
    .await
}

/// Blobs of a media type, `%` for any, that no reading refers to, whatever its status.
pub(crate) async fn unused(
    sql: &impl Sql,
    media_type: &str,
    before_ms: i64,
    limit: u32,
) -> Result<Vec<(String, String)>, StoreError> {
    let rows: Vec<Row> = sql
        .query(
            "SELECT b.user_id, b.id FROM blobs AS b WHERE b.media_type LIKE ?1 AND b.created_ms < ?2 \
             AND NOT EXISTS (SELECT 1 FROM readings AS r WHERE r.user_id = b.user_id \
             AND r.blob = b.id) ORDER BY b.user_id, b.id LIMIT ?3",
            params![media_type, before_ms, limit],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((row.get("user_id")?, row.get("id")?)))
        .collect()
}

/// Of these keys, those that no row belongs to.
pub(crate) async fn without_row(
    sql: &impl Sql,
    keys: &[String],
) -> Result<Vec<String>, StoreError> {
    let mut without = Vec::new();
    for chunk in keys.chunks(KEYS_MAX) {
        let ids: Vec<&str> = chunk
            .iter()
            .filter_map(|key| key.rsplit_once('/'))
            .map(|(_, id)| id)
            .collect();
        let users: Vec<&str> = chunk
            .iter()
            .filter_map(|key| key.rsplit_once('/'))
            .map(|(user_id, _)| user_id)
            .collect();
        let rows: Vec<Row> = sql
            .query(
                "SELECT user_id, id FROM blobs WHERE user_id IN (SELECT value FROM json_each(?1)) \
                 AND id IN (SELECT value FROM json_each(?2))",
                params![super::read::json_list(&users), super::read::json_list(&ids)],
            )
            .await?;
        let mut known = std::collections::HashSet::with_capacity(rows.len());
        for row in rows {
            let (user_id, id): (String, String) = (row.get("user_id")?, row.get("id")?);
            known.insert(key(&user_id, &id));
        }
        without.extend(chunk.iter().filter(|key| !known.contains(*key)).cloned());
    }
    Ok(without)
}
