//! Publishes the public keys that access tokens are verified with.

use serde_json::{Value, json};
use suoke_guest::{ApiError, Reply, Request, reply};
use suoke_identity::Settings;
use suoke_identity::jwks::Jwks;

suoke_guest::http_service!(route);

/// Verifiers may keep the keys for this long.
const CACHE: &str = "public, max-age=300";

async fn route(request: Request) -> Result<Reply, ApiError> {
    request.allow(&["GET"])?;
    let settings = Settings::load().await?;
    let found = match request.path().trim_end_matches('/') {
        "/.well-known/jwks.json" => reply::json(&Jwks::of(&[settings.key.public()]))?,
        "/.well-known/openid-configuration" => {
            reply::json(&configuration(&settings.verification.issuer))?
        }
        _ => return Err(ApiError::not_found("There is nothing at this path.")),
    };
    Ok(found.header("cache-control", CACHE))
}

/// The part of OpenID Connect Discovery that a token verifier reads.
fn configuration(issuer: &str) -> Value {
    let base = issuer.trim_end_matches('/');
    json!({
        "issuer": issuer,
        "jwks_uri": format!("{base}/.well-known/jwks.json"),
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "claims_supported": ["sub", "roles", "scopes", "iss", "aud", "iat", "nbf", "exp", "jti"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_set_lies_below_the_issuer() {
        for issuer in ["https://life.example", "https://life.example/"] {
            let found = configuration(issuer);
            assert_eq!(found["issuer"], issuer);
            assert_eq!(
                found["jwks_uri"],
                "https://life.example/.well-known/jwks.json"
            );
        }
    }
}
