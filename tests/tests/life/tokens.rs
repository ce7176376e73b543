//! Access tokens: who issues them and which are accepted.

use super::*;

/// The parts of a token.
fn parts(token: &str) -> (Value, Value, Vec<u8>) {
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let json = |part: &str| serde_json::from_slice(&decode(part)).unwrap();
    (json(parts[0]), json(parts[1]), decode(parts[2]))
}

/// A token with these claims, signed as ours are.
fn signed(kid: &Value, claims: &Value, seed: &[u8; 32]) -> String {
    let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": kid });
    let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let text = format!("{}.{}", encode(&header), encode(claims));
    let signature = SigningKey::from_bytes(seed)
        .sign(text.as_bytes())
        .to_bytes();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn published_keys_verify_the_tokens_that_are_issued() {
    let life = Life::embedded().await;
    let token = life.register("fang@example.com").await;
    let (header, claims, signature) = parts(&token);
    let keys = life
        .host
        .get("/.well-known/jwks.json")
        .await
        .expect(200)
        .json();
    let keys = keys["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"] == header["kid"]).unwrap();
    assert_eq!(
        (&key["kty"], &key["crv"]),
        (&json!("OKP"), &json!("Ed25519"))
    );
    assert!(key.get("d").is_none(), "the private key is published");
    let public = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
    let public = VerifyingKey::from_bytes(&public.try_into().unwrap()).unwrap();
    let (text, _) = token.rsplit_once('.').unwrap();
    let signature = Signature::from_slice(&signature).unwrap();
    public.verify_strict(text.as_bytes(), &signature).unwrap();
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&json!(ISSUER), &json!(AUDIENCE))
    );
    let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(lifetime, 1800);
    assert!(!token.contains("fang"), "nothing personal is in a token");
    let discovery = life
        .host
        .get("/.well-known/openid-configuration")
        .await
        .expect(200)
        .json();
    assert_eq!(discovery["issuer"], ISSUER);
}

/// The key of the epoch that a token was issued in.
fn key_at(issued_seconds: i64) -> [u8; 32] {
    let epoch = issued_seconds / (30 * 24 * 60 * 60);
    let mut key = [0; 32];
    hkdf::Hkdf::<sha2::Sha256>::new(None, &SEED)
        .expand(
            format!("suoke access token key {epoch}").as_bytes(),
            &mut key,
        )
        .unwrap();
    key
}

/// Every path that needs a token, with a method it knows.
const GUARDED: [(&str, &str); 6] = [
    ("GET", "/api/v1/consultations"),
    ("POST", "/api/v1/consultations"),
    ("POST", "/consultation"),
    ("GET", "/api/v1/health/readings"),
    ("GET", "/api/v1/health/aggregates?type=heart_rate"),
    ("POST", "/api/v1/diagnosis/inquiry"),
];

#[tokio::test]
async fn only_tokens_that_are_ours_and_still_good_are_accepted() {
    let life = Life::embedded().await;
    let token = life.register("fang@example.com").await;
    let (header, claims, _) = parts(&token);
    let kid = &header["kid"];
    let issued = claims["iat"].as_i64().unwrap();
    let key = key_at(issued);
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        signed(kid, &claims, &key)
    };
    let (text, signature) = token.rsplit_once('.').unwrap();
    let (head, payload) = text.split_once('.').unwrap();
    let unsigned = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "kid": kid }).to_string());
    let other = URL_SAFE_NO_PAD.encode(json!({ "sub": "somebody else" }).to_string());
    let tokens = [
        (String::new(), "token_missing"),
        ("nonsense".to_owned(), "token_invalid"),
        (format!("{head}.{other}.{signature}"), "token_invalid"),
        (
            format!("{text}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
            "token_invalid",
        ),
        (format!("{unsigned}.{payload}."), "token_invalid"),
        (signed(kid, &claims, &[8; 32]), "token_invalid"),
        // The secret itself signs nothing.
        (signed(kid, &claims, &SEED), "token_invalid"),
        (signed(&json!("unknown"), &claims, &key), "token_invalid"),
        (with("aud", json!("another application")), "token_invalid"),
        (with("iss", json!("http://elsewhere")), "token_invalid"),
        (with("exp", json!(issued - 3600)), "token_expired"),
    ];
    // What is signed here is what is issued there.
    life.get("/api/v1/consultations", &signed(kid, &claims, &key))
        .await
        .expect(200);
    for (method, path) in GUARDED {
        for (token, code) in &tokens {
            let mut request = life
                .host
                .request(method, path)
                .header("content-type", "application/json");
            if !token.is_empty() {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let answer = life.host.send(request.body(whole("{}")).unwrap()).await;
            println!("{method} {path} {token}");
            problem(&answer, 401, code, None);
            assert!(answer.header("www-authenticate").starts_with("Bearer"));
        }
    }
    life.get("/api/v1/consultations", &token).await.expect(200);
}
