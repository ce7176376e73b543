//! Bytes that belong to a person: images, sounds, the samples of waveforms. The bytes
//! are in the key-value store `blobs` under `{user_id}/{id}`, what is known of them in
//! the table `blobs`.
//!
//! A row always has its bytes: they are written before it, and the transaction that
//! writes it looks whether they are still there. A removal deletes the row, and in a second
//! transaction of the person the bytes, unless a row came meanwhile. Bytes without a row
//! are what an upload or a removal that broke off has left; they are swept.

mod bytes;

use std::collections::BTreeMap;

use suoke_guest::ApiError;
use suoke_health::batch::Candidate;
use suoke_health::blob::{SAMPLES_MEDIA_TYPE, blob_id, sha256};
use suoke_store::{Database, Sql, StoreError, erased};

pub use bytes::Bytes;

use crate::queries::blobs::{self as queries, Which};

/// Keys that are looked at together.
const PIECE_KEYS: usize = 500;

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
    bytes.set(&key(user_id, &blob.id), content).await?;
    note(db, user_id, blob, content).await
}

/// Stores what is known of bytes that were stored before.
async fn note(
    db: &mut Database,
    user_id: &str,
    blob: Blob,
    content: &[u8],
) -> Result<(Blob, bool), ApiError> {
    let (bytes, key) = (Bytes::open().await?, key(user_id, &blob.id));
    let stored = db
        .transaction_of(user_id, async |tx| -> Result<_, ApiError> {
            if erased::is_erased(tx, user_id).await? {
                return Ok(None);
            }
            let is_new = queries::insert(tx, user_id, &blob).await?;
            bytes.keep(&key, content).await?;
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

/// Removes a blob that no reading needs. Whoever stores a reading that refers to it does
/// so before, and it stays, or after, and there is none.
///
/// # Errors
/// When a store fails.
pub async fn remove(db: &mut Database, user_id: &str, id: &str) -> Result<RemovedBlob, ApiError> {
    let removed = remove_row(db, user_id, id).await?;
    if removed == RemovedBlob::Now {
        delete_bytes(db, user_id, &[key(user_id, id)]).await?;
    }
    Ok(removed)
}

async fn remove_row(db: &mut Database, user_id: &str, id: &str) -> Result<RemovedBlob, ApiError> {
    db.transaction_of(user_id, async |tx| {
        if queries::delete_unused(tx, user_id, id).await? {
            return Ok(RemovedBlob::Now);
        }
        let is_there = find(tx, user_id, id).await?.is_some();
        Ok(if is_there {
            RemovedBlob::InUse
        } else {
            RemovedBlob::Absent
        })
    })
    .await
}

/// Deletes those of a person's bytes that have no row; how many. Nobody gives them one
/// meanwhile: that takes a transaction of the person, too.
async fn delete_bytes(db: &mut Database, user_id: &str, keys: &[String]) -> Result<u64, ApiError> {
    let bytes = Bytes::open().await?;
    db.transaction_of(user_id, async |tx| {
        let left = queries::without_row(tx, keys).await?;
        for key in &left {
            bytes.delete(key).await?;
        }
        Ok(left.len() as u64)
    })
    .await
}

/// Removes up to `limit` blobs of a person, whatever refers to them; how many.
///
/// # Errors
/// When a store fails.
pub async fn erase(db: &mut Database, user_id: &str, limit: u32) -> Result<u64, ApiError> {
    let ids = queries::ids(db, user_id, limit).await?;
    delete_all(db, user_id, &ids, &Which::All).await
}

/// Deletes all bytes of a person, also those without a row; how many.
///
/// # Errors
/// When the store of bytes fails.
pub async fn erase_bytes(user_id: &str) -> Result<u64, ApiError> {
    let bytes = Bytes::open().await?;
    let (prefix, mut theirs) = (key(user_id, ""), Vec::new());
    bytes
        .walk(PIECE_KEYS, async |keys| {
            theirs.extend(keys.into_iter().filter(|key| key.starts_with(&prefix)));
            Ok(())
        })
        .await?;
    for key in &theirs {
        bytes.delete(key).await?;
    }
    Ok(theirs.len() as u64)
}

/// Removes up to `limit` blobs of samples that were stored before `before_ms` and that
/// no reading refers to any more; how many.
///
/// # Errors
/// When a store fails.
pub async fn sweep_samples(db: &mut Database, before_ms: i64, limit: u32) -> Result<u64, ApiError> {
    sweep_unused(db, SAMPLES_MEDIA_TYPE, before_ms, limit).await
}

/// Removes up to `limit` blobs of any kind that were stored before `before_ms` and that
/// no reading refers to; how many.
///
/// # Errors
/// When a store fails.
pub async fn sweep_old(db: &mut Database, before_ms: i64, limit: u32) -> Result<u64, ApiError> {
    sweep_unused(db, "%", before_ms, limit).await
}

async fn sweep_unused(
    db: &mut Database,
    media_type: &str,
    before_ms: i64,
    limit: u32,
) -> Result<u64, ApiError> {
    let mut of_people = BTreeMap::<String, Vec<String>>::new();
    for (user_id, id) in queries::unused(db, media_type, before_ms, limit).await? {
        of_people.entry(user_id).or_default().push(id);
    }
    let mut count = 0;
    for (user_id, ids) in of_people {
        count += delete_all(db, &user_id, &ids, &Which::Unreferenced).await?;
    }
    Ok(count)
}

/// Deletes blobs of a person, rows first; how many.
async fn delete_all(
    db: &mut Database,
    user_id: &str,
    ids: &[String],
    which: &Which,
) -> Result<u64, ApiError> {
    let deleted: Vec<String> = db
        .transaction_of(user_id, async |tx| -> Result<_, ApiError> {
            let mut deleted = Vec::with_capacity(ids.len());
            for id in ids {
                if queries::delete(tx, user_id, id, which).await? {
                    deleted.push(key(user_id, id));
                }
            }
            Ok(deleted)
        })
        .await?;
    if !deleted.is_empty() {
        delete_bytes(db, user_id, &deleted).await?;
    }
    Ok(deleted.len() as u64)
}

/// Deletes bytes whose key is of no row, `keys_max` at most; how many. All keys are looked
/// at. An upload that is under way has bytes and no row yet: only what still has none
/// after `wait`, which lasts longer than any upload, is deleted.
///
/// # Errors
/// When a store fails.
pub async fn sweep_bytes(
    db: &mut Database,
    keys_max: usize,
    wait: impl AsyncFnOnce(),
) -> Result<u64, ApiError> {
    let suspects = suspects(db, keys_max).await?;
    if suspects.is_empty() {
        return Ok(0);
    }
    wait().await;
    sweep_suspects(db, suspects).await
}

/// Keys of no row, `keys_max` at most.
async fn suspects(sql: &impl Sql, keys_max: usize) -> Result<Vec<String>, ApiError> {
    let bytes = Bytes::open().await?;
    let mut suspects = Vec::new();
    bytes
        .walk(PIECE_KEYS, async |keys| {
            if suspects.len() < keys_max {
                suspects.extend(queries::without_row(sql, &keys).await?);
            }
            Ok(())
        })
        .await?;
    suspects.truncate(keys_max);
    Ok(suspects)
}

/// Deletes the bytes of these keys that still have no row; how many.
async fn sweep_suspects(db: &mut Database, suspects: Vec<String>) -> Result<u64, ApiError> {
    let mut of_people = BTreeMap::<String, Vec<String>>::new();
    for key in suspects {
        let user_id = key.rsplit_once('/').map_or("", |(user_id, _)| user_id);
        of_people.entry(user_id.to_owned()).or_default().push(key);
    }
    let mut count = 0;
    for (user_id, keys) in of_people {
        count += delete_bytes(db, &user_id, &keys).await?;
    }
    Ok(count)
}

/// The keys and bytes of samples that came with readings.
fn sent(candidates: &[Candidate]) -> impl Iterator<Item = (&str, &[u8])> {
    let samples = candidates.iter().filter_map(|each| each.samples.as_ref());
    samples.filter_map(|samples| Some((samples.blob.as_str(), samples.bytes.as_deref()?)))
}

/// Stores the samples that came with readings: their bytes.
///
/// # Errors
/// 401 `account_erased`, or when a store fails.
pub(crate) async fn put_samples(
    sql: &impl Sql,
    user_id: &str,
    candidates: &[Candidate],
) -> Result<(), ApiError> {
    let mut bytes = None;
    for (blob, content) in sent(candidates) {
        let bytes = match &mut bytes {
            Some(bytes) => bytes,
            none => {
                // Nothing is left behind by whoever was erased long ago.
                if erased::is_erased(sql, user_id).await? {
                    return Err(crate::record::erased());
                }
                none.insert(Bytes::open().await?)
            }
        };
        bytes.set(&key(user_id, blob), content).await?;
    }
    Ok(())
}

/// Deletes the bytes of samples that came with readings of somebody who is erased.
pub(crate) async fn take_samples_back(
    user_id: &str,
    candidates: &[Candidate],
) -> Result<(), ApiError> {
    for (blob, _) in sent(candidates) {
        Bytes::open().await?.delete(&key(user_id, blob)).await?;
    }
    Ok(())
}

/// Stores the samples that came with new readings: their rows. In a transaction of the
/// person.
pub(crate) async fn note_samples(
    sql: &impl Sql,
    user_id: &str,
    candidates: &[&Candidate],
    now_ms: i64,
) -> Result<(), ApiError> {
    let mut bytes = None;
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
        let bytes = match &mut bytes {
            Some(bytes) => bytes,
            none => none.insert(Bytes::open().await?),
        };
        // Somebody may have removed the same ones since they were stored.
        bytes.keep(&key(user_id, &samples.blob), content).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
