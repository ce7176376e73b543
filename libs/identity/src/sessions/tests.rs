//! Sessions begin, are listed and end.

use futures::executor::block_on;
use suoke_store::params;

use super::*;
use crate::accounts::tests::{PASSWORD, add, claims, log_in_with, store};
use crate::denylist::status;

async fn sessions_of(db: &Database, user_id: &str) -> Vec<String> {
    let list = list(db, user_id, "").await.unwrap();
    list.into_iter().map(|session| session.session_id).collect()
}

/// Runs something in a transaction for a request.
async fn ending<T>(
    db: &mut Database,
    work: impl AsyncFnOnce(&Transaction<'_>, Origin<'_>) -> Result<T, ApiError>,
) -> T {
    let request = Request::new("DELETE", "/");
    let origin = Origin::request("auth-sessions", &request);
    db.transaction(async |tx| work(tx, origin).await)
        .await
        .unwrap()
}

#[test]
fn a_login_is_a_session_with_its_client() {
    block_on(async {
        let mut db = store().await;
        let (user, first, _) = add(&mut db, "fang@example.com").await.unwrap();
        let (_, second) = log_in_with(&mut db, "fang@example.com", PASSWORD, None)
            .await
            .unwrap();
        let current = claims(&second).sid;
        let list = list(&db, &user.user_id, &current).await.unwrap();
        assert_eq!(list.len(), 2);
        let marked: Vec<&Session> = list.iter().filter(|session| session.is_current).collect();
        assert_eq!(marked.len(), 1);
        assert_eq!(marked[0].session_id, current);
        assert_eq!(marked[0].user_agent.as_deref(), Some("curl"));
        assert!(
            list.iter()
                .any(|session| session.session_id == claims(&first).sid)
        );
        assert_eq!(
            sessions_of(&db, "somebody else").await,
            Vec::<String>::new()
        );
    });
}

#[test]
fn an_ended_session_has_no_good_token_and_is_ended_once() {
    block_on(async {
        let mut db = store().await;
        let (user, tokens, _) = add(&mut db, "fang@example.com").await.unwrap();
        let claims = claims(&tokens);
        let still_good = async |db: &Database| {
            let status = status(db, &claims.jti, &claims.sid, &claims.sub, claims.ver).await;
            status.unwrap().valid
        };
        assert!(still_good(&db).await);
        let stranger = ending(&mut db, async |tx, origin| {
            end(tx, origin, "somebody else", &claims.sid, "logged_out").await
        });
        assert!(stranger.await.is_none());
        let ended = ending(&mut db, async |tx, origin| {
            end(tx, origin, &user.user_id, &claims.sid, "logged_out").await
        });
        let ended = ended.await.unwrap();
        let denied = Denial::Session {
            sid: claims.sid.clone(),
        };
        assert_eq!(ended.denials, [denied]);
        assert_eq!(ended.events[0].kind, "auth.session.ended");
        assert!(!still_good(&db).await);
        let again = ending(&mut db, async |tx, origin| {
            end(tx, origin, &user.user_id, &claims.sid, "logged_out").await
        });
        assert!(again.await.is_none());
    });
}

#[test]
fn all_sessions_but_one_end() {
    block_on(async {
        let mut db = store().await;
        let (user, ..) = add(&mut db, "fang@example.com").await.unwrap();
        let (_, other, _) = add(&mut db, "li@example.com").await.unwrap();
        let (_, kept) = log_in_with(&mut db, "fang@example.com", PASSWORD, None)
            .await
            .unwrap();
        let kept = claims(&kept).sid;
        let effects = ending(&mut db, async |tx, origin| {
            end_all(tx, origin, &user.user_id, &kept, "logged_out").await
        })
        .await;
        assert_eq!((effects.denials.len(), effects.events.len()), (1, 1));
        assert_eq!(sessions_of(&db, &user.user_id).await, [kept]);
        let other = claims(&other);
        assert_eq!(sessions_of(&db, &other.sub).await, [other.sid]);
    });
}

#[test]
fn one_session_too_many_ends_the_one_that_was_used_least_lately() {
    block_on(async {
        let mut db = store().await;
        let (user, oldest, _) = add(&mut db, "fang@example.com").await.unwrap();
        for number in 0..i64::from(SESSIONS_MAX) - 1 {
            db.execute(
                "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) \
                 VALUES (?1, ?2, 0, 9e15, 9e15)",
                params![format!("s{number}"), &user.user_id],
            )
            .await
            .unwrap();
        }
        log_in_with(&mut db, "fang@example.com", PASSWORD, None)
            .await
            .unwrap();
        let left = sessions_of(&db, &user.user_id).await;
        assert_eq!(left.len(), 50);
        assert!(!left.contains(&claims(&oldest).sid));
    });
}

#[test]
fn an_erased_user_leaves_nothing_that_signs_in() {
    block_on(async {
        let mut db = store().await;
        let (user, ..) = add(&mut db, "fang@example.com").await.unwrap();
        let effects = ending(&mut db, async |tx, origin| {
            erase(tx, origin, &user.user_id).await
        })
        .await;
        let denied = Denial::Subject {
            subject: user.user_id.clone(),
        };
        assert!(effects.denials.contains(&denied));
        for left in [
            "SELECT count(*) FROM refresh_tokens",
            "SELECT count(*) FROM sessions WHERE ended_at IS NULL OR user_agent IS NOT NULL",
        ] {
            let count: i64 = db.query_one(left, params![]).await.unwrap();
            assert_eq!(count, 0, "{left}");
        }
    });
}

#[test]
fn what_is_over_for_a_day_is_deleted_and_nothing_else() {
    block_on(async {
        let mut db = store().await;
        add(&mut db, "fang@example.com").await.unwrap();
        let now = clock::now_ms();
        assert_eq!(prune(&db, now).await.unwrap(), 0);
        let expired = now + refresh::REFRESH_MS + 1;
        assert_eq!(prune(&db, expired).await.unwrap(), 0);
        assert_eq!(prune(&db, expired + KEPT_MS + 60_000).await.unwrap(), 2);
    });
}

#[test]
fn only_who_has_logged_in_changes_how_they_sign_in() {
    use crate::caller::headers;
    let with = |method: &str, session: &str| {
        let request = Request::new("POST", "/")
            .with_header(headers::USER_ID, "u1")
            .with_header(headers::SESSION_ID, session)
            .with_header(headers::TOKEN_EXPIRES_AT, "1800000000")
            .with_header(headers::AUTH_METHOD, method);
        signed_in(&request)
    };
    assert_eq!(with("jwt", "s1").unwrap().session_id, "s1");
    for (method, session) in [("jwt", ""), ("key", "s1"), ("operator", "s1")] {
        assert_eq!(with(method, session).unwrap_err().status(), 403, "{method}");
    }
    let nobody = signed_in(&Request::new("POST", "/")).unwrap_err();
    assert_eq!(nobody.status(), 401);
}
