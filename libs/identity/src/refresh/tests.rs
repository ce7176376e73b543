//! Refresh tokens on a real SQLite.

use futures::executor::block_on;
use suoke_guest::Request;
use suoke_store::{Sql, params};

use super::*;
use crate::accounts::tests::{PASSWORD, add, claims, settings, store};
use crate::accounts::{Credentials, log_in};
use crate::clients;
use crate::denylist::Denial;
use crate::sealed::tests::key;

/// Refreshes as a client of this name.
async fn refreshed(db: &mut Database, token: &str, agent: &str) -> Refreshed {
    let request = Request::new("POST", "/").with_header("user-agent", agent);
    let (client, origin) = (
        Client::of(&request),
        Origin::request("auth-refresh", &request),
    );
    refresh(db, &settings(), token, &client, origin)
        .await
        .unwrap()
}

/// The code of what is wrong.
fn code(refreshed: &Refreshed) -> String {
    let error = refreshed.outcome.as_ref().unwrap_err();
    assert_eq!(error.status(), 401);
    error.code().to_owned()
}

/// Lets the time of the tokens pass.
async fn pass(db: &Database, ms: i64) {
    for text in [
        "UPDATE refresh_tokens SET expires_at = expires_at - ?1, used_at = used_at - ?1",
        "UPDATE sessions SET expires_at = expires_at - ?1",
    ] {
        db.execute(text, params![ms]).await.unwrap();
    }
}

#[test]
fn each_use_gives_a_new_pair_of_the_same_session() {
    block_on(async {
        let mut db = store().await;
        let (user, mut tokens, _) = add(&mut db, "fang@example.com").await.unwrap();
        let sid = claims(&tokens).sid;
        for _ in 0..3 {
            let next = refreshed(&mut db, &tokens.refresh_token, "curl").await;
            assert_eq!(next.effects.events[0].kind, "auth.token.refreshed");
            let (found, next) = next.outcome.unwrap();
            assert_eq!(found.user_id, user.user_id);
            assert_ne!(next.refresh_token, tokens.refresh_token);
            assert_eq!(claims(&next).sid, sid);
            tokens = next;
        }
    });
}

#[test]
fn a_copied_token_ends_its_session_and_no_other() {
    block_on(async {
        let mut db = store().await;
        let (_, tokens, _) = add(&mut db, "fang@example.com").await.unwrap();
        let (_, other, _) = add(&mut db, "li@example.com").await.unwrap();
        let next = refreshed(&mut db, &tokens.refresh_token, "curl").await;
        let (_, next) = next.outcome.unwrap();
        let stolen = refreshed(&mut db, &tokens.refresh_token, "thief").await;
        assert_eq!(code(&stolen), "token_reused");
        let kinds: Vec<&str> = stolen
            .effects
            .events
            .iter()
            .map(|event| event.kind.as_str())
            .collect();
        assert_eq!(kinds, ["auth.token.reuse_detected", "auth.session.ended"]);
        let sid = claims(&tokens).sid;
        assert_eq!(stolen.effects.denials, [Denial::Session { sid }]);
        // Neither of the two gets on.
        let owner = refreshed(&mut db, &next.refresh_token, "curl").await;
        assert_eq!(code(&owner), "token_revoked");
        let thief = refreshed(&mut db, &tokens.refresh_token, "thief").await;
        assert_eq!(code(&thief), "token_revoked");
        let other = refreshed(&mut db, &other.refresh_token, "curl").await;
        assert!(other.outcome.is_ok());
    });
}

#[test]
fn a_client_that_missed_the_answer_may_ask_again_for_ten_seconds() {
    block_on(async {
        let mut db = store().await;
        let (_, tokens, _) = add(&mut db, "fang@example.com").await.unwrap();
        let token = &tokens.refresh_token;
        let first = refreshed(&mut db, token, "curl").await.outcome.unwrap().1;
        let again = refreshed(&mut db, token, "curl").await.outcome.unwrap().1;
        for pair in [first, again] {
            let next = refreshed(&mut db, &pair.refresh_token, "curl").await;
            assert!(next.outcome.is_ok());
        }
        pass(&db, 10_000).await;
        assert_eq!(
            code(&refreshed(&mut db, token, "curl").await),
            "token_reused"
        );
    });
}

#[test]
fn a_token_is_good_for_seven_days() {
    block_on(async {
        let mut db = store().await;
        let (_, tokens, _) = add(&mut db, "fang@example.com").await.unwrap();
        pass(&db, REFRESH_MS).await;
        let late = refreshed(&mut db, &tokens.refresh_token, "curl").await;
        assert_eq!(code(&late), "token_expired");
    });
}

#[test]
fn unknown_tokens_and_suspended_users_get_nothing() {
    block_on(async {
        let mut db = store().await;
        let (_, tokens, _) = add(&mut db, "fang@example.com").await.unwrap();
        for token in ["", "nonsense", &tokens.access_token, &"x".repeat(100_000)] {
            let unknown = refreshed(&mut db, token, "curl").await;
            assert_eq!(code(&unknown), "token_invalid");
        }
        db.execute("UPDATE users SET status = 'suspended'", params![])
            .await
            .unwrap();
        let suspended = refreshed(&mut db, &tokens.refresh_token, "curl").await;
        assert_eq!(code(&suspended), "token_revoked");
    });
}

#[test]
fn roles_and_version_are_those_of_now() {
    block_on(async {
        let mut db = store().await;
        let (_, tokens, _) = add(&mut db, "fang@example.com").await.unwrap();
        let raised = "UPDATE users SET roles = '[\"user\",\"admin\"]', token_version = 5";
        db.execute(raised, params![]).await.unwrap();
        let next = refreshed(&mut db, &tokens.refresh_token, "curl").await;
        let claims = claims(&next.outcome.unwrap().1);
        assert_eq!((claims.roles.len(), claims.ver), (2, 5));
    });
}

#[test]
fn the_session_of_a_registered_client_is_its_own_and_ends_with_it() {
    block_on(async {
        let mut db = store().await;
        add(&mut db, "fang@example.com").await.unwrap();
        let request = Request::new("POST", "/");
        let origin = Origin::request("auth-token", &request);
        let mut registered = Vec::new();
        for name in ["one", "another"] {
            let scopes = ["config:read".to_owned()];
            let made = clients::create(&mut db, name, &scopes, "operator", origin).await;
            let (made, secret, _) = made.unwrap();
            let shown = clients::authenticate(&db, &made.client_id, &secret).await;
            registered.push(Client::of(&request).shown_as(shown.unwrap().as_ref()));
        }
        let (own, nobody) = (registered[0].clone(), Client::of(&request));
        let log_in = async |db: &mut Database| {
            let credentials = Credentials {
                address: "fang@example.com",
                password: PASSWORD,
                totp: None,
            };
            log_in(db, &settings(), &key(), credentials, &own, origin).await
        };
        let (_, tokens, _) = log_in(&mut db).await.unwrap();
        for wrong in [&registered[1], &nobody] {
            let told = refresh(&mut db, &settings(), &tokens.refresh_token, wrong, origin).await;
            let told = told.unwrap();
            assert_eq!(
                (code(&told).as_str(), told.effects.events.len()),
                ("token_invalid", 0)
            );
        }
        let next = refresh(&mut db, &settings(), &tokens.refresh_token, &own, origin).await;
        let (_, next) = next.unwrap().outcome.unwrap();
        let id = own.registered_id.clone().unwrap();
        let effects = clients::delete(&mut db, &id, "operator", origin)
            .await
            .unwrap();
        let sid = claims(&tokens).sid;
        assert_eq!(effects.denials[1..], [Denial::Session { sid }]);
        let over = refresh(&mut db, &settings(), &next.refresh_token, &own, origin).await;
        assert_eq!(code(&over.unwrap()), "token_revoked");
        // It has shown its secret just before it was taken away.
        let late = log_in(&mut db).await.unwrap_err();
        assert_eq!(late.code(), "invalid_credentials");
    });
}

/// What is known of a token: who used it first, and when.
type Used = Option<(bool, i64)>;

/// What a use of a token should come to; a session that ended stays so.
fn expected(used: &mut Used, has_ended: &mut bool, is_owner: bool, now: i64) -> &'static str {
    if *has_ended {
        return "token_revoked";
    }
    match *used {
        None => {
            *used = Some((is_owner, now));
            "ok"
        }
        Some((by, at)) if by == is_owner && now - at < GRACE_MS => "ok",
        Some(_) => {
            *has_ended = true;
            "token_reused"
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    /// Whoever uses which token when: nobody gets on after a copy was used.
    #[test]
    fn a_family_ends_with_the_first_copy_that_is_used(
        uses in proptest::collection::vec(
            (proptest::prelude::any::<proptest::sample::Index>(), proptest::bool::ANY,
                proptest::sample::select(vec![0, 4_000, 11_000])), 1..12),
    ) {
        block_on(async {
            let mut db = store().await;
            let (_, tokens, _) = add(&mut db, "fang@example.com").await.unwrap();
            let mut known: Vec<(String, Used)> = vec![(tokens.refresh_token, None)];
            let (mut now, mut has_ended) = (0, false);
            for (which, is_owner, waited) in uses {
                pass(&db, waited).await;
                now += waited;
                let which = which.index(known.len());
                let (token, used) = &mut known[which];
                let token = token.clone();
                let should = expected(used, &mut has_ended, is_owner, now);
                let agent = if is_owner { "owner" } else { "thief" };
                let found = refreshed(&mut db, &token, agent).await;
                match found.outcome {
                    Ok((_, next)) => {
                        assert_eq!(should, "ok");
                        known.push((next.refresh_token, None));
                    }
                    Err(error) => assert_eq!(error.code(), should),
                }
            }
        });
    }
}
