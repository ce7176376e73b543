//! What the manifest tells the identity functions.

use suoke_guest::{ApiError, variables};

use crate::keyring::KeyRing;
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
    /// The keys that sign them, one after the other.
    pub keys: KeyRing,
}

impl Settings {
    /// Reads the variables `identity_signing_key` (secret),
    /// `identity_signing_key_previous` (a secret that is being replaced),
    /// `identity_key_rotation_days`, and those of [`Verification`].
    ///
    /// # Errors
    /// 500 when one of them is missing or is not what it must be.
    pub async fn load() -> Result<Self, ApiError> {
        let secret = variables::get("identity_signing_key").await?;
        let previous = variables::get("identity_signing_key_previous").await?;
        let rotation_days = variables::get("identity_key_rotation_days").await?;
        Ok(Self {
            verification: Verification::load().await?,
            keys: KeyRing::new(&secret, &previous, &rotation_days)?,
        })
    }

    /// The key that signs at this time.
    #[must_use]
    pub fn signing_key(&self, now_seconds: i64) -> SigningKey {
        self.keys.current(now_seconds)
    }
}
