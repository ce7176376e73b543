//! Clients and their tokens.

use futures::executor::block_on;
use suoke_guest::Request;

use super::*;
use crate::accounts::tests::{settings, store};
use crate::denylist::status;

fn words(scopes: &[&str]) -> Vec<String> {
    scopes.iter().map(|scope| (*scope).to_owned()).collect()
}

async fn added(
    db: &mut Database,
    name: &str,
    scopes: &[&str],
) -> Result<(Client, String), ApiError> {
    let request = Request::new("POST", "/");
    let origin = Origin::request("auth-clients", &request);
    let (client, secret, effects) = create(db, name, &words(scopes), "operator", origin).await?;
    assert_eq!(effects.events[0].kind, "auth.client.created");
    Ok((client, secret))
}

async fn token(db: &mut Database, client: &Authenticated, asked: &[&str]) -> Option<ClientToken> {
    let request = Request::new("POST", "/");
    let origin = Origin::request("auth-token", &request);
    issue(db, &settings(), client, asked, origin).await.unwrap()
}

#[test]
fn only_the_right_secret_is_a_client() {
    block_on(async {
        let mut db = store().await;
        let (client, secret) = added(&mut db, " reports ", &["config:read"]).await.unwrap();
        assert_eq!(client.name, "reports");
        let id = &client.client_id;
        let known = async |id: &str, secret: &str| {
            let found = authenticate(&db, id, secret).await.unwrap();
            found.is_some()
        };
        assert!(known(id, &secret).await);
        assert!(!known(id, "").await);
        assert!(!known(id, &secret[1..]).await);
        assert!(!known("client-other", &secret).await);
        assert_eq!(list(&db).await.unwrap(), [client]);
    });
}

#[test]
fn a_token_is_for_what_was_asked_for_and_may_be_had() {
    block_on(async {
        let mut db = store().await;
        let (client, secret) = added(&mut db, "a", &["config:read", "events:write"])
            .await
            .unwrap();
        let id = &client.client_id;
        let known = authenticate(&db, id, &secret).await.unwrap().unwrap();
        for (asked, granted) in [
            (vec![], vec!["config:read", "events:write"]),
            (vec!["config:read"], vec!["config:read"]),
        ] {
            let issued = token(&mut db, &known, &asked).await.unwrap();
            assert_eq!(issued.scopes, granted);
            let now = clock::now_ms() / 1000;
            let (settings, key) = (settings(), settings().signing_key(now));
            let claims = token::verify(
                &issued.access_token,
                key.public(),
                &settings.verification,
                now,
            )
            .unwrap();
            assert_eq!((claims.sub, claims.scopes), (id.clone(), words(&granted)));
            assert!(claims.roles.is_empty() && claims.sid.is_empty());
        }
        assert!(token(&mut db, &known, &["admin:all"]).await.is_none());
    });
}

#[test]
fn a_client_that_was_taken_away_is_denied() {
    block_on(async {
        let mut db = store().await;
        let (client, secret) = added(&mut db, "a", &["config:read"]).await.unwrap();
        let id = &client.client_id;
        assert!(status(&db, "t", "", id, 1).await.unwrap().valid);
        let request = Request::new("DELETE", "/");
        let origin = Origin::request("auth-clients", &request);
        let effects = delete(&mut db, id, "operator", origin).await.unwrap();
        let denied = Denial::Subject {
            subject: id.clone(),
        };
        assert_eq!(effects.denials, [denied]);
        let found = status(&db, "t", "", id, 1).await.unwrap();
        assert_eq!(found.reason, Some("subject"));
        assert!(authenticate(&db, id, &secret).await.unwrap().is_none());
        assert!(list(&db).await.unwrap().is_empty());
        let again = delete(&mut db, id, "operator", origin).await;
        assert_eq!(again.unwrap_err().status(), 404);
    });
}

#[test]
fn odd_names_and_scopes_are_named() {
    block_on(async {
        let mut db = store().await;
        let long = format!("a:{}", "b".repeat(63));
        let many: Vec<String> = (0..21).map(|number| format!("a:b{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (name, scopes, field) in [
            ("", vec!["a:b"], "name"),
            ("a\nb", vec!["a:b"], "name"),
            ("a", vec![], "scopes"),
            ("a", many, "scopes"),
            ("a", vec!["a:b", "a:b"], "scopes[1]"),
            ("a", vec!["a b:c"], "scopes[0]"),
            ("a", vec!["read"], "scopes[0]"),
            ("a", vec![":read"], "scopes[0]"),
            ("a", vec![long.as_str()], "scopes[0]"),
        ] {
            let error = added(&mut db, name, &scopes).await.unwrap_err();
            assert_eq!(error.errors()[0].field, field, "{name:?} {scopes:?}");
        }
    });
}
