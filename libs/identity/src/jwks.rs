//! The public keys as a JSON Web Key Set.

use serde::{Deserialize, Serialize};

use crate::keys::PublicKey;

/// A set of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    /// The keys.
    pub keys: Vec<Jwk>,
}

/// One key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// The type: `OKP`.
    pub kty: String,
    /// The name.
    #[serde(default)]
    pub kid: String,
    /// What it is for: `sig`.
    #[serde(default, rename = "use", skip_serializing_if = "String::is_empty")]
    pub usage: String,
    /// The algorithm: `EdDSA`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alg: String,
    /// The curve: `Ed25519`.
    #[serde(default)]
    pub crv: String,
    /// The point in base64url.
    #[serde(default)]
    pub x: String,
}

impl Jwks {
    /// The set of these keys.
    #[must_use]
    pub fn of(keys: &[PublicKey]) -> Self {
        let keys = keys.iter().map(|key| Jwk {
            kty: "OKP".to_owned(),
            kid: key.kid().to_owned(),
            usage: "sig".to_owned(),
            alg: "EdDSA".to_owned(),
            crv: "Ed25519".to_owned(),
            x: key.x(),
        });
        Self {
            keys: keys.collect(),
        }
    }

    /// The keys that verify our tokens; others are left out.
    #[must_use]
    pub fn public_keys(&self) -> Vec<PublicKey> {
        let ours = self.keys.iter().filter(|key| {
            key.kty == "OKP"
                && key.crv == "Ed25519"
                && (key.usage.is_empty() || key.usage == "sig")
                && (key.alg.is_empty() || key.alg == "EdDSA")
        });
        ours.filter_map(|key| PublicKey::from_x(&key.x).ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SigningKey;
    use crate::keys::tests::RFC8037_SEED;

    #[test]
    fn a_set_is_standard_and_read_back() {
        let key = SigningKey::from_seed(RFC8037_SEED).unwrap();
        let set = Jwks::of(&[key.public().clone()]);
        assert_eq!(
            serde_json::to_value(&set).unwrap(),
            serde_json::json!({"keys": [{
                "kty": "OKP", "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "use": "sig",
                "alg": "EdDSA", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            }]})
        );
        assert_eq!(set.public_keys(), [key.public().clone()]);
    }

    #[test]
    fn other_keys_are_left_out() {
        let text = r#"{"keys":[{"kty":"RSA","n":"x","e":"AQAB"},{"kty":"OKP","crv":"X25519","x":"AA"},
            {"kty":"OKP","crv":"Ed25519","x":"broken"}]}"#;
        let set: Jwks = serde_json::from_str(text).unwrap();
        assert_eq!(set.public_keys(), []);
    }
}
