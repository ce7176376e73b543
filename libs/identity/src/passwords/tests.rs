//! Passwords are changed and set anew.

use std::cell::RefCell;

use futures::executor::block_on;
use suoke_guest::Request;
use suoke_store::{Sql, params};

use super::*;
use crate::accounts::tests::{PASSWORD, add, claims, log_in_with, store, told};
use crate::sealed::tests::key;

const EMAIL: &str = "fang@example.com";
const NEW: &str = "battery staple 2";

async fn changed(
    db: &mut Database,
    user_id: &str,
    session_id: &str,
    current: &str,
    new: &str,
) -> Result<Effects, ApiError> {
    let request = Request::new("POST", "/");
    let origin = Origin::request("auth-password", &request);
    change(db, user_id, session_id, current, new, origin).await
}

async fn set_anew(db: &mut Database, token: &str, new: &str) -> Result<Effects, ApiError> {
    let request = Request::new("POST", "/");
    reset(
        db,
        token,
        new,
        Origin::request("auth-password-reset", &request),
    )
    .await
}

async fn asked(db: &mut Database, address: &str) {
    request_reset(db, &key(), address, Lang::En).await.unwrap();
}

/// What was mailed, oldest first.
async fn mailed(db: &Database) -> Vec<Letter> {
    let letters = RefCell::new(Vec::new());
    let send = async |_: &str, letter: &Letter| {
        letters.borrow_mut().push(letter.clone());
        Ok(())
    };
    mails::send_due(db, &key(), clock::now_ms(), send)
        .await
        .unwrap();
    letters.into_inner()
}

/// The token in a mail: its longest word.
fn token(letter: &Letter) -> String {
    let words = letter.text.split_whitespace();
    words.max_by_key(|word| word.len()).unwrap().to_owned()
}

#[test]
fn a_change_needs_the_old_password_and_ends_other_sessions() {
    block_on(async {
        let mut db = store().await;
        let (user, here, _) = add(&mut db, EMAIL).await.unwrap();
        let id = &user.user_id;
        let (_, there) = log_in_with(&mut db, EMAIL, PASSWORD, None).await.unwrap();
        let here = claims(&here).sid;
        let wrong = changed(&mut db, id, &here, "wrong horse 1", NEW).await;
        assert_eq!(told(&wrong.unwrap_err()), (403, "wrong_password"));
        let weak = changed(&mut db, id, &here, PASSWORD, "short").await;
        assert_eq!(weak.unwrap_err().errors()[0].field, "new_password");
        let effects = changed(&mut db, id, &here, PASSWORD, NEW).await.unwrap();
        assert_eq!(effects.events[0].kind, "auth.password.changed");
        let left = sessions::list(&db, id, &here).await.unwrap();
        assert_eq!((left.len(), left[0].is_current), (1, true));
        assert_ne!(left[0].session_id, claims(&there).sid);
        let old = log_in_with(&mut db, EMAIL, PASSWORD, None).await;
        assert_eq!(told(&old.unwrap_err()), (401, "invalid_credentials"));
        assert!(log_in_with(&mut db, EMAIL, NEW, None).await.is_ok());
    });
}

#[test]
fn guessing_the_old_password_locks() {
    block_on(async {
        let mut db = store().await;
        let (user, ..) = add(&mut db, EMAIL).await.unwrap();
        for _ in 0..5 {
            let wrong = changed(&mut db, &user.user_id, "", "wrong horse 1", NEW).await;
            assert_eq!(told(&wrong.unwrap_err()), (403, "wrong_password"));
        }
        let locked = changed(&mut db, &user.user_id, "", PASSWORD, NEW).await;
        assert_eq!(told(&locked.unwrap_err()), (423, "locked"));
    });
}

#[test]
fn a_mailed_token_sets_the_password_once_and_ends_all_sessions() {
    block_on(async {
        let mut db = store().await;
        let (user, ..) = add(&mut db, EMAIL).await.unwrap();
        asked(&mut db, " Fang@Example.com ").await;
        let letters = mailed(&db).await;
        assert_eq!((letters.len(), letters[0].to.as_str()), (1, EMAIL));
        let token = token(&letters[0]);
        let weak = set_anew(&mut db, &token, "short").await;
        assert_eq!(weak.unwrap_err().errors()[0].field, "new_password");
        let effects = set_anew(&mut db, &token, NEW).await.unwrap();
        assert_eq!(effects.events[0].kind, "auth.password.reset");
        let left = sessions::list(&db, &user.user_id, "").await.unwrap();
        assert!(left.is_empty());
        assert!(log_in_with(&mut db, EMAIL, NEW, None).await.is_ok());
        let again = set_anew(&mut db, &token, PASSWORD).await;
        assert_eq!(again.unwrap_err().errors()[0].field, "token");
    });
}

#[test]
fn a_lock_is_opened_by_a_new_password() {
    block_on(async {
        let mut db = store().await;
        add(&mut db, EMAIL).await.unwrap();
        for _ in 0..6 {
            let _ = log_in_with(&mut db, EMAIL, "wrong horse 1", None).await;
        }
        asked(&mut db, EMAIL).await;
        let token = token(&mailed(&db).await[0]);
        set_anew(&mut db, &token, NEW).await.unwrap();
        assert!(log_in_with(&mut db, EMAIL, NEW, None).await.is_ok());
    });
}

#[test]
fn only_the_newest_token_is_good_and_for_half_an_hour() {
    block_on(async {
        let mut db = store().await;
        add(&mut db, EMAIL).await.unwrap();
        asked(&mut db, EMAIL).await;
        asked(&mut db, EMAIL).await;
        let tokens: Vec<String> = mailed(&db).await.iter().map(token).collect();
        let hash = refresh::hash(&tokens[0]);
        let known = "SELECT count(*) FROM one_time_tokens WHERE token_hash = ?1";
        let is_first_known: i64 = db.query_one(known, params![hash]).await.unwrap();
        let (old, new) = if is_first_known == 1 {
            (&tokens[1], &tokens[0])
        } else {
            (&tokens[0], &tokens[1])
        };
        assert!(set_anew(&mut db, old, NEW).await.is_err());
        let late = "UPDATE one_time_tokens SET expires_at = expires_at - 1800000";
        db.execute(late, params![]).await.unwrap();
        assert!(set_anew(&mut db, new, NEW).await.is_err());
    });
}

#[test]
fn unknown_and_suspended_people_get_no_mail_and_nobody_learns_of_it() {
    block_on(async {
        let mut db = store().await;
        add(&mut db, EMAIL).await.unwrap();
        db.execute("UPDATE users SET status = 'suspended'", params![])
            .await
            .unwrap();
        asked(&mut db, EMAIL).await;
        asked(&mut db, "nobody@example.com").await;
        assert!(mailed(&db).await.is_empty());
        let odd = request_reset(&mut db, &key(), "no address", Lang::En).await;
        assert_eq!(odd.unwrap_err().errors()[0].field, "email");
    });
}

#[test]
fn an_address_is_not_flooded() {
    block_on(async {
        let mut db = store().await;
        add(&mut db, EMAIL).await.unwrap();
        for _ in 0..8 {
            asked(&mut db, EMAIL).await;
        }
        assert_eq!(mailed(&db).await.len(), 5);
        let stored: i64 = db
            .query_one("SELECT count(*) FROM mails", params![])
            .await
            .unwrap();
        assert_eq!(stored, 5);
    });
}

#[test]
fn mails_are_in_the_language_of_who_asks() {
    for (lang, word) in [(Lang::ZhCn, "密码"), (Lang::En, "password")] {
        let letter = letter(EMAIL.to_owned(), "TOKEN", lang);
        assert!(letter.subject.contains(word) && letter.text.contains(word));
        assert!(letter.text.contains("TOKEN") && !letter.text.contains("://"));
    }
}

#[test]
fn a_code_is_not_mailed_after_its_time() {
    block_on(async {
        let mut db = store().await;
        add(&mut db, EMAIL).await.unwrap();
        asked(&mut db, EMAIL).await;
        let life = "SELECT expires_at - created_at FROM mails";
        let life: i64 = db.query_one(life, params![]).await.unwrap();
        assert_eq!(life, TOKEN_MS);
        let later = "UPDATE mails SET expires_at = expires_at - 1800000";
        db.execute(later, params![]).await.unwrap();
        assert!(mailed(&db).await.is_empty());
    });
}

#[test]
fn a_change_does_not_undo_a_password_that_was_set_while_the_old_one_was_compared() {
    block_on(async {
        for meanwhile in ["password_hash = 'another'", "status = 'suspended'"] {
            let mut db = store().await;
            let (user, ..) = add(&mut db, EMAIL).await.unwrap();
            // The try is counted after the user was read and before the comparison.
            let trigger = format!(
                "CREATE TRIGGER meanwhile AFTER INSERT ON login_attempts \
                 BEGIN UPDATE users SET {meanwhile}; END"
            );
            db.execute(&trigger, params![]).await.unwrap();
            let late = changed(&mut db, &user.user_id, "", PASSWORD, NEW).await;
            assert_eq!(told(&late.unwrap_err()), (403, "wrong_password"));
            let hash = "SELECT count(*) FROM event_outbox WHERE type = 'auth.password.changed'";
            assert_eq!(db.query_one::<i64>(hash, params![]).await.unwrap(), 0);
        }
    });
}
