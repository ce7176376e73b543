//! Tokens that must be refused, and the one that must not.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::keys::tests::RFC8037_SEED;

const NOW: i64 = 1_800_000_000;

fn key() -> SigningKey {
    SigningKey::from_seed(RFC8037_SEED).unwrap()
}

fn ours() -> Verification {
    Verification {
        issuer: "https://suoke.example".to_owned(),
        audience: "suoke-life".to_owned(),
    }
}

fn token() -> String {
    let holder = Holder {
        subject: "u1",
        roles: &["user".to_owned()],
        scopes: &[],
        session_id: "s1",
        version: 3,
    };
    issue(&key(), &ours(), &holder, NOW).unwrap()
}

fn check(token: &str, now: i64) -> Result<Claims, TokenError> {
    verify(token, key().public(), &ours(), now)
}

/// A token with any header and claims, signed with our key.
fn crafted(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(key().sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn good_header() -> Value {
    json!({"alg": "EdDSA", "typ": "JWT", "kid": key().public().kid()})
}

fn good_claims() -> Value {
    json!({"sub": "u1", "roles": ["user"], "iss": "https://suoke.example", "aud": "suoke-life",
        "iat": NOW, "nbf": NOW, "exp": NOW + 1800, "jti": "t1"})
}

fn with(base: Value, name: &str, value: Value) -> Value {
    let mut base = base;
    base[name] = value;
    base
}

#[test]
fn an_issued_token_is_verified_and_standard() {
    let claims = check(&token(), NOW).unwrap();
    assert_eq!(
        (claims.sub.as_str(), claims.roles.as_slice()),
        ("u1", ["user".to_owned()].as_slice())
    );
    assert_eq!((claims.iat, claims.nbf, claims.exp), (NOW, NOW, NOW + 1800));
    assert_eq!((claims.sid.as_str(), claims.ver), ("s1", 3));
    let token = token();
    let payload = URL_SAFE_NO_PAD
        .decode(token.split('.').nth(1).unwrap())
        .unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(payload["aud"], "suoke-life");
    assert!(payload.get("scopes").is_none());
}

#[test]
fn times_have_a_leeway_of_a_minute() {
    assert!(check(&token(), NOW + 1800 + 59).is_ok());
    assert_eq!(check(&token(), NOW + 1800 + 60), Err(TokenError::Expired));
    assert!(check(&token(), NOW - 60).is_ok());
    assert_eq!(
        check(&token(), NOW - 61),
        Err(TokenError::Invalid("not yet valid"))
    );
}

#[test]
fn other_algorithms_are_refused() {
    for alg in ["none", "None", "HS256", "RS256", "ES256", "eddsa", ""] {
        let token = crafted(&with(good_header(), "alg", json!(alg)), &good_claims());
        assert_eq!(
            check(&token, NOW),
            Err(TokenError::Invalid("algorithm")),
            "{alg}"
        );
    }
    let unsigned = format!("{}.", token().rsplit_once('.').unwrap().0);
    assert_eq!(check(&unsigned, NOW), Err(TokenError::Invalid("signature")));
}

#[test]
fn each_wrong_part_is_refused() {
    let head =
        |name: &str, value: Value| crafted(&with(good_header(), name, value), &good_claims());
    let body =
        |name: &str, value: Value| crafted(&good_header(), &with(good_claims(), name, value));
    for (token, reason) in [
        (head("kid", json!("other")), "key id"),
        (head("kid", Value::Null), "no key id"),
        (head("typ", json!("JWE")), "type"),
        (head("crit", json!(["b64"])), "critical header"),
        (body("aud", json!("other")), "audience"),
        (body("aud", json!([])), "audience"),
        (body("iss", json!("https://evil.example")), "issuer"),
        (body("sub", json!("")), "subject"),
        (body("exp", json!("soon")), "claims"),
        (body("nbf", json!(NOW + 61)), "not yet valid"),
        ("a.b".to_owned(), "encoding"),
        (String::new(), "header"),
        ("x".repeat(9000), "too large"),
    ] {
        assert_eq!(
            check(&token, NOW),
            Err(TokenError::Invalid(reason)),
            "{reason}"
        );
    }
    let many = body("aud", json!(["other", "suoke-life"]));
    assert!(check(&many, NOW).is_ok());
}

#[test]
fn another_key_does_not_verify() {
    let other = SigningKey::from_seed(&URL_SAFE_NO_PAD.encode([7u8; 32])).unwrap();
    assert_eq!(
        verify(&token(), other.public(), &ours(), NOW),
        Err(TokenError::Invalid("key id"))
    );
}

#[test]
fn failures_are_told_apart() {
    for (error, code) in [
        (TokenError::Missing, "token_missing"),
        (TokenError::Invalid("x"), "token_invalid"),
        (TokenError::Expired, "token_expired"),
    ] {
        let error = ApiError::from(error);
        assert_eq!((error.status(), error.code()), (401, code));
    }
}

proptest! {
    #[test]
    fn any_changed_byte_is_refused(at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let mut bytes = token().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != with);
        bytes[at] = with;
        let changed = String::from_utf8_lossy(&bytes).into_owned();
        prop_assert!(check(&changed, NOW).is_err());
    }

    #[test]
    fn no_text_breaks_the_verifier(text in ".{0,200}") {
        prop_assert!(check(&text, NOW).is_err());
    }
}
