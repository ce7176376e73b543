//! Ed25519 keys and their names.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use sha2::{Digest, Sha256};

/// A key that cannot be read. The message never repeats the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyError(pub(crate) &'static str);

impl std::fmt::Display for KeyError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for KeyError {}

/// The key that signs access tokens.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    public: PublicKey,
}

/// The key that verifies access tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    kid: String,
}

/// Reads a secret: 32 bytes in base64url without padding.
pub(crate) fn secret_bytes(text: &str) -> Result<[u8; 32], KeyError> {
    let problem = "a secret key must be 32 bytes in base64url without padding";
    let bytes = URL_SAFE_NO_PAD
        .decode(text.trim())
        .map_err(|_| KeyError(problem))?;
    <[u8; 32]>::try_from(bytes).map_err(|_| KeyError(problem))
}

impl SigningKey {
    /// Reads the seed: 32 bytes in base64url without padding.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_seed(text: &str) -> Result<Self, KeyError> {
        Ok(Self::from_bytes(&secret_bytes(text)?))
    }

    /// The key of a seed.
    pub(crate) fn from_bytes(seed: &[u8; 32]) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = PublicKey::from_key(key.verifying_key());
        Self { key, public }
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl PublicKey {
    /// Reads `x` of a JSON Web Key: 32 bytes in base64url without padding.
    ///
    /// # Errors
    /// When it is something else, or no point of the curve.
    pub fn from_x(x: &str) -> Result<Self, KeyError> {
        let problem = "the public key must be an Ed25519 point in base64url";
        let bytes = URL_SAFE_NO_PAD.decode(x).map_err(|_| KeyError(problem))?;
        let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| KeyError(problem))?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError(problem))?;
        if key.is_weak() {
            return Err(KeyError(problem));
        }
        Ok(Self::from_key(key))
    }

    fn from_key(key: VerifyingKey) -> Self {
        let x = URL_SAFE_NO_PAD.encode(key.as_bytes());
        let thumbprint = Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#));
        let kid = URL_SAFE_NO_PAD.encode(thumbprint);
        Self { key, kid }
    }

    /// The name of the key: its thumbprint after RFC 7638.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The point in base64url, as in a JSON Web Key.
    #[must_use]
    pub fn x(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key.as_bytes())
    }

    /// Whether the signature is of this key; malleable ones are refused.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The key of RFC 8037, appendix A.1.
    pub(crate) const RFC8037_SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";

    #[test]
    fn the_key_of_rfc_8037_has_its_point_and_thumbprint() {
        let key = SigningKey::from_seed(RFC8037_SEED).unwrap();
        assert_eq!(
            key.public().x(),
            "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        );
        assert_eq!(
            key.public().kid(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn the_signature_of_rfc_8037_is_made_and_verified() {
        let key = SigningKey::from_seed(RFC8037_SEED).unwrap();
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = key.sign(message);
        assert_eq!(
            URL_SAFE_NO_PAD.encode(signature),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
        assert!(key.public().verifies(message, &signature));
        assert!(!key.public().verifies(b"other", &signature));
        assert!(!key.public().verifies(message, &signature[..63]));
    }

    #[test]
    fn what_is_no_key_is_refused_without_repeating_it() {
        for bad in [
            "",
            "short",
            &"A".repeat(44),
            "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
        ] {
            let error = SigningKey::from_seed(bad).err().unwrap().to_string();
            assert!(bad.is_empty() || !error.contains(bad), "{error}");
        }
        // The neutral element is a point, but everything verifies under it.
        let neutral = URL_SAFE_NO_PAD.encode([
            1u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 0, 0,
        ]);
        assert!(PublicKey::from_x(&neutral).is_err());
    }
}
