//! The copy of what is denied.

use futures::executor::block_on;
use serde_json::json;
use suoke_redis::Memory;
use suoke_store::params;

use super::*;
use crate::accounts::tests::{add, store};

async fn value(redis: &Redis, key: &str) -> Option<String> {
    let found = redis.get(key).await.unwrap();
    found.map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn denials_live_as_long_as_a_token_could() {
    block_on(async {
        let db = store().await;
        let memory = Memory::new();
        let redis = Redis::memory(&memory);
        let exp = clock::now_ms() / 1000 + 600;
        let denials = [
            Denial::Token {
                jti: "t1".to_owned(),
                expires_at: exp,
            },
            Denial::Token {
                jti: "old".to_owned(),
                expires_at: exp - 6000,
            },
            Denial::Session {
                sid: "s1".to_owned(),
            },
        ];
        deny(&db, &redis, &denials).await.unwrap();
        assert_eq!(value(&redis, "bl:t1").await.as_deref(), Some("1"));
        assert_eq!(value(&redis, "bl:old").await, None);
        assert_eq!(value(&redis, "auth:session:s1").await.as_deref(), Some("1"));
        memory.advance_ms(661_000);
        assert_eq!(value(&redis, "bl:t1").await, None);
        memory.advance_ms(1_200_000);
        assert_eq!(value(&redis, "auth:session:s1").await, None);
    });
}

#[test]
fn the_smallest_good_version_is_the_one_of_the_database() {
    block_on(async {
        let mut db = store().await;
        let redis = Redis::memory(&Memory::new());
        let (user, ..) = add(&mut db, "fang@example.com").await.unwrap();
        db.execute("UPDATE users SET token_version = 7", params![])
            .await
            .unwrap();
        let denials = [&user.user_id, "nobody"].map(|subject| Denial::Subject {
            subject: subject.to_owned(),
        });
        deny(&db, &redis, &denials).await.unwrap();
        let key = user_key(&user.user_id);
        assert_eq!(value(&redis, &key).await.as_deref(), Some("7"));
        // Whoever does not exist has no good token at all.
        let nobody = value(&redis, &user_key("nobody")).await.unwrap();
        assert!(nobody.parse::<i64>().unwrap() > 1 << 60);
    });
}

#[test]
fn a_redis_that_forgot_gets_everything_back_before_it_is_called_whole() {
    block_on(async {
        let mut db = store().await;
        let memory = Memory::new();
        let redis = Redis::memory(&memory);
        let (user, ..) = add(&mut db, "fang@example.com").await.unwrap();
        for number in 0..i64::from(COPY_ROWS_MAX) + 1 {
            db.execute(
                "INSERT INTO revoked_tokens (jti, subject, revoked_at, expires_at) \
                 VALUES (?1, 'u', ?2, 9e15)",
                params![format!("t{number}"), number],
            )
            .await
            .unwrap();
        }
        for text in [
            "UPDATE sessions SET ended_at = 100",
            "UPDATE users SET token_version = 2, token_version_at = 100",
        ] {
            db.execute(text, params![]).await.unwrap();
        }
        memory.set_broken(true);
        assert!(rebuild(&db, &redis, 100 + TTL_MS).await.is_err());
        memory.set_broken(false);
        assert_eq!(value(&redis, READY_KEY).await, None);
        assert_eq!(rebuild(&db, &redis, 100 + TTL_MS).await.unwrap(), 401 + 2);
        assert_eq!(value(&redis, READY_KEY).await.as_deref(), Some("1"));
        assert_eq!(value(&redis, "bl:t99").await, None);
        assert_eq!(value(&redis, "bl:t100").await.as_deref(), Some("1"));
        assert!(value(&redis, &user_key(&user.user_id)).await.is_some());
    });
}

#[test]
fn every_reason_is_told() {
    block_on(async {
        let mut db = store().await;
        let (user, tokens, _) = add(&mut db, "fang@example.com").await.unwrap();
        let claims = crate::accounts::tests::claims(&tokens);
        let id = &user.user_id;
        let reason = async |db: &Database, sid: &str, sub: &str, ver: i64| {
            status(db, "t", sid, sub, ver).await.unwrap().reason
        };
        assert_eq!(reason(&db, &claims.sid, id, 1).await, None);
        assert_eq!(reason(&db, &claims.sid, id, 0).await, Some("version"));
        assert_eq!(reason(&db, "another", id, 1).await, Some("session"));
        assert_eq!(reason(&db, "", "nobody", 1).await, Some("subject"));
        db.execute("UPDATE users SET status = 'suspended'", params![])
            .await
            .unwrap();
        assert_eq!(reason(&db, &claims.sid, id, 1).await, Some("subject"));
    });
}

#[test]
fn events_tell_what_is_denied() {
    let event = |kind, data| Event::new(kind, "c", &data).unwrap();
    let updated = event("user.updated", json!({ "user_id": "u1", "changes": [] }));
    let expected = Denial::Subject {
        subject: "u1".to_owned(),
    };
    assert_eq!(denials_of(&updated).unwrap(), [expected]);
    assert_eq!(
        denials_of(&event("auth.token.issued", json!({}))).unwrap(),
        []
    );
    let odd = denials_of(&event("auth.session.ended", json!({})));
    assert!(odd.is_err_and(|error| error.is_permanent()));
}

#[test]
fn a_denial_that_could_not_be_written_ends_the_trust_in_the_copy() {
    block_on(async {
        let mut db = store().await;
        let redis = Redis::memory(&Memory::new());
        let (user, ..) = add(&mut db, "fang@example.com").await.unwrap();
        rebuild(&db, &redis, TTL_MS).await.unwrap();
        let denials = [Denial::Subject {
            subject: user.user_id,
        }];
        deny_or_doubt(&db, &redis, &denials).await.unwrap();
        assert!(value(&redis, READY_KEY).await.is_some());
        db.execute("ALTER TABLE oauth_clients RENAME TO gone", params![])
            .await
            .unwrap();
        assert!(deny_or_doubt(&db, &redis, &denials).await.is_err());
        for key in [READY_KEY, REBUILD_KEY] {
            assert_eq!(value(&redis, key).await, None, "{key}");
        }
    });
}
