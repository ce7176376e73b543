//! Bytes that belong to a person: images, sounds, the samples of waveforms. The bytes
//! are in the key-value store `blobs` under `{user_id}/{id}`, what is known of them in
//! the table `blobs`.
//!
//! The bytes are written before their row and deleted after it, so that a row always
//! has its bytes; bytes without a row are nobody's, and swept.

use suoke_store::{Sql, StoreError};

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

/// What is known of a blob of a person.
///
/// # Errors
/// When the database fails.
pub async fn find(sql: &impl Sql, user_id: &str, id: &str) -> Result<Option<Blob>, StoreError> {
    queries::one(sql, user_id, id).await
}
