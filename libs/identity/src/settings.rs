//! What the manifest tells the identity functions.

use suoke_guest::{ApiError, variables};

use crate::keys::SigningKey;

/// Whose tokens are accepted and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// `iss`, the variable `identity_issuer`.
    pub issuer: String,
    /// `aud`, the variable `identity_audience`.
    pub audience: String,
}

impl Verification {
    /// Reads the variables `identity_issuer` and `identity_audience`.
    ///
    /// # Errors
    /// 500 when one of them is not given to the component.
    pub async fn load() -> Result<Self, ApiError> {
        Ok(Self {
            issuer: variables::get("identity_issuer").await?,
            audience: variables::get("identity_audience").await?,
        })
    }
}

/// What issuing tokens takes.
pub struct Settings {
    /// Whose tokens they are and for whom.
    pub verification: Verification,
    /// The key that signs them, the secret variable `identity_signing_key`.
    pub key: SigningKey,
}

impl Settings {
    /// Reads the variables.
    ///
    /// # Errors
    /// 500 when one of them is missing or the key is none.
    pub async fn load() -> Result<Self, ApiError> {
        let key = variables::get("identity_signing_key").await?;
        Ok(Self {
            verification: Verification::load().await?,
            key: SigningKey::from_seed(&key)?,
        })
    }
}
