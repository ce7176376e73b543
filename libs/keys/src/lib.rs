//! Virtual keys: what programs of a user show instead of an access token.
//!
//! A key is shown once, when it is made or rotated; what is stored is its SHA-256,
//! which is enough, because a key has 256 random bits. After a rotation the key
//! before is good for a while, so that programs can be told the new one.

mod draft;
mod keys;
mod queries;
mod secret;
#[cfg(test)]
mod tests;

pub use draft::KeyDraft;
pub use keys::{
    Issued, Key, KeyChanged, OVERLAP_SECONDS_DEFAULT, OVERLAP_SECONDS_MAX, Status, create, get,
    list, revoke, rotate, status,
};
pub use secret::{KEY_PREFIX, digest, is_digest};

/// The database of keys.
pub const LABEL: &str = "ai";
