//! Bytes that belong to a person: images, sounds, the samples of waveforms. The bytes
//! are in the key-value store `blobs` under `{user_id}/{id}`, what is known of them in
//! the table `blobs`.
//!
//! The bytes are written before their row and deleted before it, so that a row always
//! had its bytes, and whoever deletes can do so again. Bytes without a row are what an
//! upload that broke off has left; they are swept.

mod bytes;

use suoke_guest::ApiError;
use suoke_health::batch::Candidate;
use suoke_health::blob::{SAMPLES_MEDIA_TYPE, blob_id, sha256};
use suoke_store::{Database, Sql, StoreError, erased};

pub use bytes::Bytes;

use crate::queries::blobs as queries;

/// What is known of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its id: made of its owner and its content.
    pub id: String,
    /// SHA-256 of the bytes, in hex.
    pub sha256: String,
    /// Such as `image/jpeg`.
    pub media_type: String,
    /// How many bytes.
    pub bytes: u64,
    /// When it was stored, in milliseconds since the Unix epoch.
    pub created_ms: i64,
}

suoke_store::from_row!(Blob {
    id,
    sha256,
    media_type,
    bytes,
    created_ms
});

/// What became of a blob that was to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovedBlob {
    /// It is gone.
    Now,
    /// A reading that counts refers to it.
    InUse,
    /// There is none with this id.
    Absent,
}

/// The key of a person's blob.
#[must_use]
pub fn key(user_id: &str, id: &str) -> String {
    format!("{user_id}/{id}")
}

/// What is known of a blob of a person.
///
/// # Errors
/// When the database fails.
pub async fn find(sql: &impl Sql, user_id: &str, id: &str) -> Result<Option<Blob>, StoreError> {
    queries::one(sql, user_id, id).await
}

/// Stores bytes of a person; the second is whether they are new.
///
/// # Errors
/// 401 `account_erased`, or when a store fails.
pub async fn put(
    db: &mut Database,
    user_id: &str,
    media_type: &str,
    content: &[u8],
    now_ms: i64,
) -> Result<(Blob, bool), ApiError> {
    let blob = Blob {
        id: blob_id(user_id, content),
        sha256: sha256(content),
        media_type: media_type.to_owned(),
        bytes: content.len() as u64,
        created_ms: now_ms,
    };
    // Nothing is left behind by whoever was erased long ago.
    if erased::is_erased(db, user_id).await? {
        return Err(crate::record::erased());
    }
    let bytes = Bytes::open().await?;
    let key = key(user_id, &blob.id);
    bytes.set(&key, content).await?;
    let stored = db
        .transaction(async |tx| -> Result<_, ApiError> {
            if erased::is_erased(tx, user_id).await? {
                return Ok(None);
            }
            let is_new = queries::insert(tx, user_id, &blob).await?;
            Ok(Some((find(tx, user_id, &blob.id).await?, is_new)))
        })
        .await?;
    match stored {
        Some((stored, is_new)) => Ok((stored.unwrap_or(blob), is_new)),
        None => {
            bytes.delete(&key).await?;
            Err(crate::record::erased())
        }
    }
}

/// The bytes of a person's blob.
///
/// # Errors
/// When the store of bytes fails.
pub async fn content(user_id: &str, id: &str) -> Result<Option<Vec<u8>>, ApiError> {
    Bytes::open().await?.get(&key(user_id, id)).await
}

/// Removes a blob that no reading needs.
///
/// # Errors
/// When a store fails.
pub async fn remove(db: &mut Database, user_id: &str, id: &str) -> Result<RemovedBlob, ApiError> {
    if find(db, user_id, id).await?.is_none() {
        return Ok(RemovedBlob::Absent);
    }
    if queries::is_used(db, user_id, id).await? {
        return Ok(RemovedBlob::InUse);
    }
    Bytes::open().await?.delete(&key(user_id, id)).await?;
    queries::delete(db, user_id, id).await?;
    Ok(RemovedBlob::Now)
}

/// Removes up to `limit` blobs of a person, whatever refers to them; how many.
///
/// # Errors
/// When a store fails.
pub async fn erase(sql: &impl Sql, user_id: &str, limit: u32) -> Result<u64, ApiError> {
    let ids = queries::ids(sql, user_id, limit).await?;
    delete_all(sql, ids.iter().map(|id| (user_id, id.as_str()))).await
}

/// Removes up to `limit` blobs of samples that were stored before `before_ms` and that
/// no reading refers to any more; how many.
///
/// # Errors
/// When a store fails.
pub async fn sweep_samples(sql: &impl Sql, before_ms: i64, limit: u32) -> Result<u64, ApiError> {
    let unused = queries::unused(sql, SAMPLES_MEDIA_TYPE, before_ms, limit).await?;
    let each = unused
        .iter()
        .map(|(user_id, id)| (user_id.as_str(), id.as_str()));
    delete_all(sql, each).await
}

/// Removes up to `limit` blobs of any kind that were stored before `before_ms` and that
/// no reading refers to; how many.
///
/// # Errors
/// When a store fails.
pub async fn sweep_old(sql: &impl Sql, before_ms: i64, limit: u32) -> Result<u64, ApiError> {
    let unused = queries::unused(sql, "%", before_ms, limit).await?;
    let each = unused
        .iter()
        .map(|(user_id, id)| (user_id.as_str(), id.as_str()));
    delete_all(sql, each).await
}

async fn delete_all<'a>(
    sql: &impl Sql,
    blobs: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<u64, ApiError> {
    let mut bytes = None;
    let mut count = 0;
    for (user_id, id) in blobs {
        let bytes = match &mut bytes {
            Some(bytes) => bytes,
            none => none.insert(Bytes::open().await?),
        };
        bytes.delete(&key(user_id, id)).await?;
        queries::delete(sql, user_id, id).await?;
        count += 1;
    }
    Ok(count)
}

/// Deletes bytes whose key is of no row, looking at `keys_max` keys at most; how many.
/// An upload that is under way has bytes and no row yet: only what still has none after
/// `wait`, which lasts longer than any upload, is deleted.
///
/// # Errors
/// When a store fails.
pub async fn sweep_bytes(
    sql: &impl Sql,
    keys_max: usize,
    wait: impl AsyncFnOnce(),
) -> Result<u64, ApiError> {
    let bytes = Bytes::open().await?;
    let keys = bytes.keys(keys_max).await?;
    let mut suspects = queries::without_row(sql, &keys).await?;
    if suspects.is_empty() {
        return Ok(0);
    }
    wait().await;
    suspects = queries::without_row(sql, &suspects).await?;
    for key in &suspects {
        bytes.delete(key).await?;
    }
    Ok(suspects.len() as u64)
}

/// Stores the samples that came with readings: their bytes.
pub(crate) async fn put_samples(user_id: &str, candidates: &[Candidate]) -> Result<(), ApiError> {
    let mut bytes = None;
    for samples in candidates.iter().filter_map(|each| each.samples.as_ref()) {
        let Some(content) = &samples.bytes else {
            continue;
        };
        let bytes = match &mut bytes {
            Some(bytes) => bytes,
            none => none.insert(Bytes::open().await?),
        };
        bytes.set(&key(user_id, &samples.blob), content).await?;
    }
    Ok(())
}

/// Stores the samples that came with new readings: their rows.
pub(crate) async fn note_samples(
    sql: &impl Sql,
    user_id: &str,
    candidates: &[&Candidate],
    now_ms: i64,
) -> Result<(), StoreError> {
    for samples in candidates.iter().filter_map(|each| each.samples.as_ref()) {
        let Some(content) = &samples.bytes else {
            continue;
        };
        let blob = Blob {
            id: samples.blob.clone(),
            sha256: sha256(content),
            media_type: SAMPLES_MEDIA_TYPE.to_owned(),
            bytes: content.len() as u64,
            created_ms: now_ms,
        };
        queries::insert(sql, user_id, &blob).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
