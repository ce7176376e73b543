//! Refresh tokens: 256 random bits that only their holder knows.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use suoke_guest::ApiError;

/// How long a refresh token is good for.
pub const REFRESH_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// A new token and the hash that is stored instead of it.
///
/// # Errors
/// When there is no randomness.
pub fn generate() -> Result<(String, Vec<u8>), ApiError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| ApiError::internal(error.to_string()))?;
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let hash = hash(&token);
    Ok((token, hash))
}

/// What is stored of a token.
#[must_use]
pub fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_different_and_stored_as_hashes() {
        let (first, stored) = generate().unwrap();
        let (second, _) = generate().unwrap();
        assert_eq!((first.len(), stored.len()), (43, 32));
        assert_ne!(first, second);
        assert_eq!(hash(&first), stored);
    }
}
