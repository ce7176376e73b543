//! Tokens are taken back, whatever they are.

use futures::executor::block_on;
use suoke_guest::Request;

use super::*;
use crate::accounts::tests::{add, claims, settings, store};
use crate::denylist::{denials_of, status};

async fn revoked(db: &mut Database, token: &str) -> Effects {
    let request = Request::new("POST", "/");
    let origin = Origin::request("auth-revoke", &request);
    revoke(db, &settings(), token, origin).await.unwrap()
}

#[test]
fn an_access_token_is_denied_alone_and_once() {
    block_on(async {
        let mut db = store().await;
        let (_, tokens, _) = add(&mut db, "fang@example.com").await.unwrap();
        let claims = claims(&tokens);
        let effects = revoked(&mut db, &tokens.access_token).await;
        let denial = Denial::Token {
            jti: claims.jti.clone(),
            expires_at: claims.exp,
        };
        assert_eq!(effects.denials, [denial]);
        assert_eq!(denials_of(&effects.events[0]).unwrap(), effects.denials);
        let found = status(&db, &claims.jti, &claims.sid, &claims.sub, claims.ver).await;
        assert_eq!(found.unwrap().reason, Some("token"));
        let sibling = status(&db, "another", &claims.sid, &claims.sub, claims.ver).await;
        assert!(sibling.unwrap().valid);
        assert!(
            revoked(&mut db, &tokens.access_token)
                .await
                .events
                .is_empty()
        );
    });
}

#[test]
fn a_refresh_token_takes_its_session_along() {
    block_on(async {
        let mut db = store().await;
        let (_, tokens, _) = add(&mut db, "fang@example.com").await.unwrap();
        let claims = claims(&tokens);
        let effects = revoked(&mut db, &tokens.refresh_token).await;
        assert_eq!(denials_of(&effects.events[0]).unwrap(), effects.denials);
        let found = status(&db, &claims.jti, &claims.sid, &claims.sub, claims.ver).await;
        assert_eq!(found.unwrap().reason, Some("session"));
        assert!(
            revoked(&mut db, &tokens.refresh_token)
                .await
                .events
                .is_empty()
        );
    });
}

#[test]
fn what_is_no_token_of_ours_changes_nothing() {
    block_on(async {
        let mut db = store().await;
        let (_, tokens, _) = add(&mut db, "fang@example.com").await.unwrap();
        let (text, _) = tokens.access_token.rsplit_once('.').unwrap();
        for token in [
            "",
            "nonsense",
            text,
            &format!("{text}.AAAA"),
            &"x".repeat(100_000),
        ] {
            let effects = revoked(&mut db, token).await;
            assert!(
                effects.denials.is_empty() && effects.events.is_empty(),
                "{token}"
            );
        }
    });
}
