//! Codes of the second factor, and what they protect.

use futures::executor::block_on;
use suoke_guest::Request;

use super::*;
use crate::accounts::tests::{PASSWORD, add, log_in_with, store, told as shown};
use crate::sealed::tests::{KEY, key};

const EMAIL: &str = "fang@example.com";

/// The secret of RFC 6238, appendix B, for SHA-1.
const RFC6238_SECRET: &[u8] = b"12345678901234567890";

/// A code as an app shows it, some steps from now.
fn app(secret: &str, steps: i64) -> String {
    let mut bits = String::new();
    for letter in secret.bytes() {
        let index = BASE32.iter().position(|digit| *digit == letter).unwrap();
        bits.push_str(&format!("{index:05b}"));
    }
    let bytes: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect();
    code_at(&bytes, clock::now_ms() / 30_000 + steps)
}

async fn confirmed(
    db: &mut Database,
    user_id: &str,
    code: &str,
) -> Result<(Vec<String>, Effects), ApiError> {
    let request = Request::new("POST", "/");
    confirm(
        db,
        &key(),
        user_id,
        code,
        Origin::request("auth-totp", &request),
    )
    .await
}

async fn removed(db: &mut Database, user_id: &str, code: &str) -> Result<Effects, ApiError> {
    let request = Request::new("DELETE", "/");
    remove(
        db,
        &key(),
        user_id,
        code,
        Origin::request("auth-totp", &request),
    )
    .await
}

/// Somebody with a second factor: who, its secret, and the recovery codes.
async fn protected(db: &mut Database) -> (String, String, Vec<String>) {
    let (user, ..) = add(db, EMAIL).await.unwrap();
    let secret = enrol(db, &key(), &user.user_id).await.unwrap().secret;
    // The step before leaves the present one for the login.
    let code = app(&secret, -1);
    let (codes, effects) = confirmed(db, &user.user_id, &code).await.unwrap();
    assert_eq!(effects.events[0].kind, "auth.totp.enabled");
    (user.user_id, secret, codes)
}

async fn log_in(db: &mut Database, totp: Option<&str>) -> Result<(), (u16, String)> {
    let done = log_in_with(db, EMAIL, PASSWORD, totp).await;
    done.map(|_| ()).map_err(|error| {
        let (status, code) = shown(&error);
        (status, code.to_owned())
    })
}

#[test]
fn codes_are_those_of_rfc_6238() {
    for (seconds, code) in [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000_i64, "353130"),
    ] {
        assert_eq!(code_at(RFC6238_SECRET, seconds / 30), code, "{seconds}");
    }
}

#[test]
fn base32_is_that_of_rfc_4648() {
    for (bytes, text) in [
        ("", ""),
        ("f", "MY"),
        ("fo", "MZXQ"),
        ("foo", "MZXW6"),
        ("foob", "MZXW6YQ"),
        ("fooba", "MZXW6YTB"),
        ("foobar", "MZXW6YTBOI"),
    ] {
        assert_eq!(base32(bytes.as_bytes()), text);
    }
}

#[test]
fn a_secret_is_shown_for_apps_and_counts_only_once_confirmed() {
    block_on(async {
        let mut db = store().await;
        let (user, ..) = add(&mut db, EMAIL).await.unwrap();
        let enrolled = enrol(&mut db, &key(), &user.user_id).await.unwrap();
        let expected = format!(
            "otpauth://totp/Suoke%20Life%3Afang%40example.com?secret={}\
             &issuer=Suoke%20Life&digits=6&period=30",
            enrolled.secret
        );
        assert_eq!(
            (enrolled.otpauth_uri, enrolled.secret.len()),
            (expected, 32)
        );
        assert_eq!(log_in(&mut db, None).await, Ok(()));
        let wrong = confirmed(&mut db, &user.user_id, "x").await.unwrap_err();
        assert_eq!(shown(&wrong), (400, "totp_invalid"));
        // A second secret takes the place of the first.
        let second = enrol(&mut db, &key(), &user.user_id).await.unwrap();
        let old = confirmed(&mut db, &user.user_id, &app(&enrolled.secret, 0)).await;
        assert_eq!(shown(&old.unwrap_err()), (400, "totp_invalid"));
        confirmed(&mut db, &user.user_id, &app(&second.secret, 0))
            .await
            .unwrap();
        for refused in [
            enrol(&mut db, &key(), &user.user_id).await.err().unwrap(),
            confirmed(&mut db, &user.user_id, &app(&second.secret, 1))
                .await
                .unwrap_err(),
        ] {
            assert_eq!(shown(&refused), (409, "totp_enabled"));
        }
    });
}

#[test]
fn a_code_logs_in_once() {
    block_on(async {
        let mut db = store().await;
        let (_, secret, _) = protected(&mut db).await;
        let required = Err((401, "totp_required".to_owned()));
        let invalid = Err((401, "totp_invalid".to_owned()));
        assert_eq!(log_in(&mut db, None).await, required);
        assert_eq!(log_in(&mut db, Some("000")).await, invalid);
        let code = app(&secret, 0);
        assert_eq!(log_in(&mut db, Some(&code)).await, Ok(()));
        assert_eq!(log_in(&mut db, Some(&code)).await, invalid);
        assert_eq!(log_in(&mut db, Some(&app(&secret, -1))).await, invalid);
        // Clocks differ.
        assert_eq!(log_in(&mut db, Some(&app(&secret, 1))).await, Ok(()));
    });
}

#[test]
fn a_recovery_code_logs_in_once_however_it_is_written() {
    block_on(async {
        let mut db = store().await;
        let (.., codes) = protected(&mut db).await;
        assert_eq!((codes.len(), codes[0].len()), (10, 19));
        let sloppy = codes[0].replace('-', " ").to_lowercase();
        assert_eq!(log_in(&mut db, Some(&sloppy)).await, Ok(()));
        assert!(log_in(&mut db, Some(&codes[0])).await.is_err());
        assert_eq!(log_in(&mut db, Some(&codes[1])).await, Ok(()));
    });
}

#[test]
fn guessing_codes_is_stopped() {
    block_on(async {
        let mut db = store().await;
        let (user_id, secret, _) = protected(&mut db).await;
        for _ in 0..5 {
            let wrong = log_in(&mut db, Some("000000")).await;
            assert_eq!(wrong, Err((401, "totp_invalid".to_owned())));
            let wrong = removed(&mut db, &user_id, "000000").await.unwrap_err();
            assert_eq!(shown(&wrong), (400, "totp_invalid"));
        }
        let locked = log_in(&mut db, Some(&app(&secret, 0))).await;
        assert_eq!(locked, Err((423, "locked".to_owned())));
        let locked = removed(&mut db, &user_id, &app(&secret, 0)).await;
        assert_eq!(shown(&locked.unwrap_err()), (423, "locked"));
    });
}

#[test]
fn the_second_factor_is_taken_away_with_a_code_of_it() {
    block_on(async {
        let mut db = store().await;
        let (user_id, secret, codes) = protected(&mut db).await;
        let effects = removed(&mut db, &user_id, &app(&secret, 0)).await.unwrap();
        assert_eq!(effects.events[0].kind, "auth.totp.disabled");
        assert_eq!(log_in(&mut db, None).await, Ok(()));
        let none = removed(&mut db, &user_id, &codes[0]).await.unwrap_err();
        assert_eq!(none.status(), 404);
        let none = confirmed(&mut db, &user_id, "1").await.unwrap_err();
        assert_eq!(shown(&none), (409, "totp_not_enrolled"));
    });
}

#[test]
fn an_operator_takes_a_lost_factor_away() {
    block_on(async {
        let mut db = store().await;
        let request = Request::new("DELETE", "/");
        let origin = Origin::request("auth-totp", &request);
        let (id, ..) = protected(&mut db).await;
        for _ in 0..5 {
            assert!(removed(&mut db, &id, "000000").await.is_err());
        }
        let effects = take_away(&mut db, &id, "operator", origin).await.unwrap();
        let told: UserEvent = effects.events[0].data_as().unwrap();
        assert_eq!(effects.events[0].kind, "auth.totp.disabled");
        assert_eq!(
            (told.user_id.as_str(), told.by.as_deref()),
            (id.as_str(), Some("operator"))
        );
        assert_eq!(log_in(&mut db, None).await, Ok(()));
        // What is not confirmed protects nothing, and can be confirmed later.
        let secret = enrol(&mut db, &key(), &id).await.unwrap().secret;
        for id in [id.as_str(), "nobody"] {
            let none = take_away(&mut db, id, "operator", origin).await;
            assert_eq!(shown(&none.unwrap_err()), (404, "not_found"));
        }
        assert!(confirmed(&mut db, &id, &app(&secret, 0)).await.is_ok());
    });
}

#[test]
fn a_login_seals_the_secret_with_the_new_key() {
    block_on(async {
        let mut db = store().await;
        let (id, secret, _) = protected(&mut db).await;
        let new = || SealingKey::new("BQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
        let accepted = async |db: &mut Database, sealing: &SealingKey, steps| {
            let (code, now) = (app(&secret, steps), clock::now_ms());
            let done: Result<_, ApiError> = db
                .transaction(async |tx| accept(tx, sealing, &id, &code, now).await)
                .await;
            done.unwrap()
        };
        assert_eq!(accepted(&mut db, &new(), 0).await, Some(false));
        let both = new().replacing(KEY).unwrap();
        assert_eq!(accepted(&mut db, &both, 0).await, Some(true));
        assert_eq!(accepted(&mut db, &new(), 1).await, Some(true));
        assert_eq!(accepted(&mut db, &key(), 1).await, Some(false));
    });
}
