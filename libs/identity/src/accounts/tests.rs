//! Registering and logging in on a real SQLite.

use futures::executor::block_on;
use suoke_store::{Sql, params};

use super::*;
use crate::keyring::KeyRing;
use crate::keys::tests::RFC8037_SEED;
use crate::sealed::tests::key;
use crate::settings::Verification;
use crate::{refresh, token};

pub(crate) const PASSWORD: &str = "correct horse 1";

pub(crate) fn settings() -> Settings {
    Settings {
        verification: Verification {
            issuer: "https://suoke.example".to_owned(),
            audience: "suoke-life".to_owned(),
        },
        keys: KeyRing::new(RFC8037_SEED, "", "30").unwrap(),
    }
}

pub(crate) async fn store() -> Database {
    Database::open_in_memory(LABEL).await.unwrap()
}

pub(crate) async fn add(
    db: &mut Database,
    email: &str,
) -> Result<(User, Tokens, Vec<Event>), ApiError> {
    let registration = Registration::new(email, PASSWORD, " 王芳 ")?;
    let request = Request::new("POST", "/").with_header("x-request-id", "r1");
    register(db, &settings(), &request, registration).await
}

async fn try_in(
    db: &mut Database,
    email: &str,
    password: &str,
) -> Result<(User, Tokens), ApiError> {
    log_in_with(db, email, password, None).await
}

/// Logs in as `curl` does, with a code or without.
pub(crate) async fn log_in_with(
    db: &mut Database,
    address: &str,
    password: &str,
    totp: Option<&str>,
) -> Result<(User, Tokens), ApiError> {
    let credentials = Credentials {
        address,
        password,
        totp,
    };
    let request = Request::new("POST", "/").with_header("user-agent", "curl");
    let (client, origin) = (
        Client::of(&request),
        Origin::request("auth-login", &request),
    );
    let (user, tokens, _) = log_in(db, &settings(), &key(), credentials, &client, origin).await?;
    Ok((user, tokens))
}

/// What an access token says.
pub(crate) fn claims(tokens: &Tokens) -> token::Claims {
    let (settings, now) = (settings(), clock::now_ms() / 1000);
    let key = settings.signing_key(now);
    token::verify(
        &tokens.access_token,
        key.public(),
        &settings.verification,
        now,
    )
    .unwrap()
}

pub(crate) fn told(error: &ApiError) -> (u16, &str) {
    (error.status(), error.code())
}

#[test]
fn a_user_is_stored_with_its_event_and_session() {
    block_on(async {
        let mut db = store().await;
        let (user, tokens, events) = add(&mut db, "Fang@Example.com").await.unwrap();
        assert_eq!(
            (user.email.as_str(), user.name.as_str()),
            ("fang@example.com", "王芳")
        );
        assert_eq!((tokens.token_type, tokens.expires_in), ("bearer", 1800));
        assert_eq!(events[0].correlationid.as_deref(), Some("r1"));
        assert_eq!(
            events[0].data_as::<UserCreated>().unwrap().user_id,
            user.user_id
        );
        let claims = claims(&tokens);
        assert_eq!((&claims.sub, claims.ver), (&user.user_id, 1));
        let stored: Vec<u8> = db
            .query_one::<suoke_store::Row>("SELECT token_hash FROM refresh_tokens", params![])
            .await
            .unwrap()
            .first()
            .unwrap();
        assert_eq!(stored, refresh::hash(&tokens.refresh_token));
        let events: i64 = db
            .query_one(
                "SELECT count(*) FROM event_outbox WHERE type = 'user.created'",
                params![],
            )
            .await
            .unwrap();
        assert_eq!(events, 1);
    });
}

#[test]
fn an_address_registers_once() {
    block_on(async {
        let mut db = store().await;
        add(&mut db, "fang@example.com").await.unwrap();
        let error = add(&mut db, "FANG@example.com").await.unwrap_err();
        assert_eq!(told(&error), (409, "email_exists"));
        assert_eq!(error.errors()[0].field, "email");
        let users: i64 = db
            .query_one("SELECT count(*) FROM users", params![])
            .await
            .unwrap();
        assert_eq!(users, 1);
    });
}

#[test]
fn every_wrong_field_is_named() {
    let error = Registration::new("x", "short", "\n").err().unwrap();
    let fields: Vec<&str> = error
        .errors()
        .iter()
        .map(|error| error.field.as_str())
        .collect();
    assert_eq!(
        (told(&error), fields),
        (
            (400, "validation_failed"),
            vec!["email", "password", "name"]
        )
    );
}

#[test]
fn a_login_gives_a_session_and_failures_look_alike() {
    block_on(async {
        let mut db = store().await;
        let (user, ..) = add(&mut db, "fang@example.com").await.unwrap();
        let (found, tokens) = try_in(&mut db, " Fang@example.com", PASSWORD)
            .await
            .unwrap();
        assert_eq!(found, user);
        assert!(!tokens.access_token.is_empty());
        let wrong = try_in(&mut db, "fang@example.com", "wrong horse 1")
            .await
            .unwrap_err();
        let unknown = try_in(&mut db, "nobody@example.com", PASSWORD)
            .await
            .unwrap_err();
        let broken = try_in(&mut db, "no address", PASSWORD).await.unwrap_err();
        let long = "a1".repeat(100_000);
        let endless = try_in(&mut db, "fang@example.com", &long)
            .await
            .unwrap_err();
        assert_eq!(wrong.to_string(), endless.to_string());
        assert_eq!(told(&wrong), (401, "invalid_credentials"));
        assert_eq!(wrong.to_string(), unknown.to_string());
        assert_eq!(wrong.to_string(), broken.to_string());
    });
}

#[test]
fn five_failures_lock_known_and_unknown_addresses_alike() {
    block_on(async {
        let mut db = store().await;
        add(&mut db, "fang@example.com").await.unwrap();
        for address in ["fang@example.com", "nobody@example.com"] {
            for _ in 0..5 {
                let error = try_in(&mut db, address, "wrong horse 1").await.unwrap_err();
                assert_eq!(told(&error), (401, "invalid_credentials"));
            }
            let error = try_in(&mut db, address, PASSWORD).await.unwrap_err();
            assert_eq!(told(&error), (423, "locked"));
            let seconds: i64 = error.header_value("retry-after").unwrap().parse().unwrap();
            assert!((890..=900).contains(&seconds), "{seconds}");
        }
    });
}

#[test]
fn success_forgets_failures_and_suspended_users_stay_out() {
    block_on(async {
        let mut db = store().await;
        add(&mut db, "fang@example.com").await.unwrap();
        for _ in 0..3 {
            for _ in 0..4 {
                assert!(
                    try_in(&mut db, "fang@example.com", "wrong horse 1")
                        .await
                        .is_err()
                );
            }
            assert!(try_in(&mut db, "fang@example.com", PASSWORD).await.is_ok());
        }
        db.execute("UPDATE users SET status = 'suspended'", params![])
            .await
            .unwrap();
        let error = try_in(&mut db, "fang@example.com", PASSWORD)
            .await
            .unwrap_err();
        assert_eq!(told(&error), (401, "invalid_credentials"));
    });
}

#[test]
fn a_login_does_not_outlive_what_happened_while_the_password_was_compared() {
    block_on(async {
        for (meanwhile, version) in [
            ("UPDATE users SET password_hash = 'another'", None),
            ("UPDATE users SET status = 'suspended'", None),
            ("DELETE FROM users", None),
            ("UPDATE users SET token_version = 4", Some(4)),
        ] {
            let mut db = store().await;
            add(&mut db, "fang@example.com").await.unwrap();
            // The try is counted after the user was read and before the comparison.
            let trigger = format!(
                "CREATE TRIGGER meanwhile AFTER INSERT ON login_attempts BEGIN {meanwhile}; END"
            );
            db.execute(&trigger, params![]).await.unwrap();
            let done = try_in(&mut db, "fang@example.com", PASSWORD).await;
            match version {
                Some(version) => assert_eq!(claims(&done.unwrap().1).ver, version),
                None => assert_eq!(told(&done.unwrap_err()), (401, "invalid_credentials")),
            }
        }
    });
}
