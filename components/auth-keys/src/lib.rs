//! Publishes the public keys that access tokens are verified with.

use serde_json::{Value, json};
use suoke_guest::{ApiError, Reply, Request, clock, reply};
use suoke_identity::Settings;
use suoke_identity::jwks::Jwks;

suoke_guest::http_service!(route);

/// Verifiers may keep the keys for this long.
const CACHE: &str = "public, max-age=300";

async fn route(request: Request) -> Result<Reply, ApiError> {
    request.allow(&["GET"])?;
    let settings = Settings::load().await?;
    let found = match request.path().trim_end_matches('/') {
        "/.well-known/jwks.json" => {
            let keys = settings.keys.published(clock::now_ms() / 1000);
            reply::json(&Jwks::of(&keys))?
        }
        "/.well-known/openid-configuration" => {
            reply::json(&configuration(&settings.verification.issuer))?
        }
        _ => return Err(ApiError::not_found("There is nothing at this path.")),
    };
    Ok(found.header("cache-control", CACHE))
}

/// What verifiers of tokens and OAuth clients read: OpenID Connect Discovery and
/// the metadata of RFC 8414.
fn configuration(issuer: &str) -> Value {
    let base = issuer.trim_end_matches('/');
    json!({
        "issuer": issuer,
        "jwks_uri": format!("{base}/.well-known/jwks.json"),
        "token_endpoint": format!("{base}/api/v1/auth/token"),
        "revocation_endpoint": format!("{base}/api/v1/auth/revoke"),
        "grant_types_supported": ["password", "client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported":
            ["none", "client_secret_basic", "client_secret_post"],
        "revocation_endpoint_auth_methods_supported":
            ["none", "client_secret_basic", "client_secret_post"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "claims_supported": ["sub", "roles", "scopes", "iss", "aud", "iat", "nbf", "exp", "jti",
            "sid", "ver"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_lies_below_the_issuer() {
        for issuer in ["https://life.example", "https://life.example/"] {
            let found = configuration(issuer);
            assert_eq!(found["issuer"], issuer);
            for (name, path) in [
                ("jwks_uri", "/.well-known/jwks.json"),
                ("token_endpoint", "/api/v1/auth/token"),
                ("revocation_endpoint", "/api/v1/auth/revoke"),
            ] {
                assert_eq!(found[name], format!("https://life.example{path}"));
            }
        }
    }
}
