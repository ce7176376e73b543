//! What clients are told. What is granted is tested in the library.

use futures::executor::block_on;
use suoke_identity::KeyRing;
use suoke_identity::Verification;
use suoke_store::{Sql, params};

use super::*;

fn ask(request: Request) -> (u16, String) {
    let reply = block_on(suoke_guest::answer(request, route));
    let body = String::from_utf8(reply.body_bytes().to_vec()).unwrap();
    (reply.status(), body)
}

fn settings() -> Settings {
    Settings {
        verification: Verification {
            issuer: "https://suoke.example".to_owned(),
            audience: "suoke-life".to_owned(),
        },
        keys: KeyRing::new("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "", "30").unwrap(),
    }
}

fn asked(scope: Option<&str>) -> Asked {
    Asked {
        grant_type: "client_credentials".to_owned(),
        username: None,
        email: None,
        password: None,
        totp: None,
        refresh_token: None,
        scope: scope.map(str::to_owned),
        client_id: None,
        client_secret: None,
    }
}

#[test]
fn what_cannot_be_understood_is_told_as_the_standard_does() {
    for (body, described) in [
        ("", "grant_type is required"),
        (
            "grant_type=password&grant_type=x",
            "grant_type is given twice",
        ),
        (
            "grant_type=password&client_secret=x",
            "client_id is required",
        ),
    ] {
        let (status, told) = ask(Request::new("POST", "/").with_form(body));
        assert_eq!(status, 400, "{told}");
        assert!(told.contains("\"error\":\"invalid_request\""), "{told}");
        assert!(told.contains(described), "{told}");
    }
    let (status, told) = ask(Request::new("POST", "/").with_json("{"));
    assert_eq!((status, told.contains("malformed_json")), (400, true));
    assert_eq!(ask(Request::new("POST", "/")).0, 400);
    assert_eq!(ask(Request::new("GET", "/")).0, 405);
}

#[test]
fn a_header_that_is_no_client_is_told_how_to_be_one() {
    let request = Request::new("POST", "/")
        .with_form("grant_type=client_credentials")
        .with_header("authorization", "Basic !");
    let reply = block_on(suoke_guest::answer(request, route));
    assert_eq!(reply.status(), 401);
    let challenge = reply.header_value("www-authenticate");
    assert_eq!(challenge, Some("Basic realm=\"suoke\""));
}

#[test]
fn a_client_gets_a_token_for_its_scopes_and_no_others() {
    block_on(async {
        let mut db = Database::open_in_memory(accounts::LABEL).await.unwrap();
        let request = Request::new("POST", "/");
        let origin = Origin::request("auth-clients", &request);
        let scopes = ["config:read".to_owned(), "events:write".to_owned()];
        let (client, secret, _) = clients::create(&mut db, "a", &scopes, "operator", origin)
            .await
            .unwrap();
        let known = clients::authenticate(&db, &client.client_id, &secret).await;
        let known = known.unwrap().unwrap();
        for (scope, granted) in [
            (None, Some("config:read events:write")),
            (Some(" config:read "), Some("config:read")),
            (Some("config:read admin:all"), None),
        ] {
            let told = by_secret(&mut db, &settings(), &known, &asked(scope), &request)
                .await
                .unwrap();
            match granted {
                Some(granted) => {
                    let body = told.unwrap().into_parts().2;
                    let body = String::from_utf8(body).unwrap();
                    assert!(body.contains(&format!("\"scope\":\"{granted}\"")), "{body}");
                    assert!(!body.contains("refresh_token"), "{body}");
                }
                None => assert_eq!(told.unwrap_err().reply().unwrap().status(), 400),
            }
        }
    });
}

#[test]
fn a_refresh_token_is_exchanged_here_too() {
    block_on(async {
        let mut db = Database::open_in_memory(accounts::LABEL).await.unwrap();
        for (text, values) in [
            (
                "INSERT INTO users (id, email, name, password_hash, created_at, updated_at) \
                 VALUES ('u1', 'a@b.cn', 'x', 'x', 0, 0)",
                params![],
            ),
            (
                "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) \
                 VALUES ('s1', 'u1', 0, 0, 9000000000000000)",
                params![],
            ),
            (
                "INSERT INTO refresh_tokens (token_hash, family, user_id, created_at, expires_at) \
                 VALUES (?1, 's1', 'u1', 0, 9000000000000000)",
                params![refresh::hash("token")],
            ),
        ] {
            db.execute(text, values).await.unwrap();
        }
        let request = Request::new("POST", "/");
        let from = Client::of(&request);
        let mut asked = asked(None);
        let none = by_refresh_token(&mut db, &settings(), &asked, &from, &request).await;
        assert!(none.unwrap().is_err());
        asked.refresh_token = Some("token".to_owned());
        let granted = by_refresh_token(&mut db, &settings(), &asked, &from, &request).await;
        assert_eq!(granted.unwrap().unwrap().status(), 200);
        asked.refresh_token = Some("other".to_owned());
        let refused = by_refresh_token(&mut db, &settings(), &asked, &from, &request).await;
        let told = OAuthError::from_api(refused.unwrap_err()).unwrap();
        assert_eq!(told, OAuthError::invalid_grant("token_invalid"));
    });
}

#[test]
fn nobody_is_told_that_a_token_is_narrower_than_it_is() {
    for (scope, is_wanted) in [
        (None, false),
        (Some(""), false),
        (Some("  "), false),
        (Some("config:read"), true),
    ] {
        assert_eq!(asked(scope).wants_scopes(), is_wanted, "{scope:?}");
    }
}
