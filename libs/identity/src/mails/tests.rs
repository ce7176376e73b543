//! Mails are sent once, tried again, and given up.

use std::cell::RefCell;

use futures::executor::block_on;
use suoke_store::params;

use super::*;
use crate::accounts::tests::{add, store};
use crate::sealed::tests::key;

fn letter() -> Letter {
    Letter {
        to: "fang@example.com".to_owned(),
        subject: "s".to_owned(),
        text: "t".to_owned(),
    }
}

/// Stores a mail at time 0.
async fn queued(db: &mut Database, recipient: Recipient<'_>) {
    queued_for(db, recipient, GIVE_UP_MS).await;
}

/// Stores a mail at time 0 that is of use for so long.
async fn queued_for(db: &mut Database, recipient: Recipient<'_>, life_ms: i64) {
    let done: Result<(), ApiError> = db
        .transaction(async |tx| queue(tx, &key(), recipient, "p", &letter(), 0, life_ms).await)
        .await;
    done.unwrap();
}

async fn user(db: &mut Database) -> String {
    let (user, ..) = add(db, "fang@example.com").await.unwrap();
    user.user_id
}

async fn works(db: &Database, now_ms: i64) -> Sent {
    let send = async |_: &str, _: &Letter| Ok(());
    send_due(db, &key(), now_ms, send).await.unwrap()
}

async fn fails(db: &Database, now_ms: i64) -> Sent {
    let send = async |_: &str, _: &Letter| Err("503".to_owned());
    send_due(db, &key(), now_ms, send).await.unwrap()
}

const NOTHING: Sent = Sent {
    sent: 0,
    failed: 0,
    dead: 0,
};

#[test]
fn a_mail_is_sent_once_and_not_kept() {
    block_on(async {
        let mut db = store().await;
        let user = user(&mut db).await;
        queued(&mut db, Recipient::User(&user)).await;
        assert_eq!(waiting(&db).await.unwrap(), 1);
        let seen = RefCell::new(Vec::new());
        let send = async |_: &str, letter: &Letter| {
            seen.borrow_mut().push(letter.clone());
            Ok(())
        };
        let sent = send_due(&db, &key(), 0, send).await.unwrap();
        assert_eq!((sent.sent, seen.into_inner()), (1, vec![letter()]));
        assert_eq!(works(&db, i64::MAX / 2).await, NOTHING);
        let kept = "SELECT length(sealed) FROM mails";
        assert_eq!(db.query_one::<i64>(kept, params![]).await.unwrap(), 0);
    });
}

#[test]
fn what_lies_in_the_table_is_not_readable() {
    block_on(async {
        let mut db = store().await;
        let user = user(&mut db).await;
        queued(&mut db, Recipient::User(&user)).await;
        let sealed: Vec<u8> = db
            .query_one("SELECT sealed FROM mails", params![])
            .await
            .unwrap();
        assert!(!sealed.is_empty() && !sealed.windows(4).any(|part| part == b"fang"));
    });
}

#[test]
fn failures_are_tried_again_later_and_later_for_a_day() {
    block_on(async {
        let mut db = store().await;
        let user = user(&mut db).await;
        queued(&mut db, Recipient::User(&user)).await;
        let (mut now, mut tries) = (0, 0);
        while fails(&db, now).await.dead == 0 {
            tries += 1;
            assert_eq!(fails(&db, now).await, NOTHING, "at once again");
            let due = "SELECT next_attempt_at FROM mails";
            let next: i64 = db.query_one(due, params![]).await.unwrap();
            assert!(next - now <= BACK_OFF_MS_MAX);
            now = next;
        }
        assert!((GIVE_UP_MS..GIVE_UP_MS + BACK_OFF_MS_MAX).contains(&now));
        assert!((25..40).contains(&tries), "{tries}");
        assert_eq!(works(&db, now + BACK_OFF_MS_MAX).await, NOTHING);
        assert_eq!(waiting(&db).await.unwrap(), 0);
    });
}

#[test]
fn a_failure_that_passes_loses_nothing() {
    block_on(async {
        let mut db = store().await;
        let user = user(&mut db).await;
        queued(&mut db, Recipient::User(&user)).await;
        assert_eq!(fails(&db, 0).await.failed, 1);
        assert_eq!(works(&db, BACK_OFF_MS - 1).await, NOTHING);
        assert_eq!(works(&db, BACK_OFF_MS).await.sent, 1);
    });
}

#[test]
fn what_is_of_no_use_any_more_is_not_sent_and_not_kept() {
    block_on(async {
        for (life_ms, until_ms) in [(1000, 1000), (i64::MAX / 2, GIVE_UP_MS)] {
            let mut db = store().await;
            let user = user(&mut db).await;
            queued_for(&mut db, Recipient::User(&user), life_ms).await;
            assert_eq!(expire(&db, until_ms - 1).await.unwrap(), 0);
            let late = works(&db, until_ms).await;
            assert_eq!((late.sent, late.dead), (0, 1), "{life_ms}");
            assert_eq!(works(&db, until_ms).await, NOTHING);
            assert_eq!(waiting(&db).await.unwrap(), 0);
            let kept = "SELECT length(sealed) FROM mails";
            assert_eq!(db.query_one::<i64>(kept, params![]).await.unwrap(), 0);
        }
    });
}

#[test]
fn what_is_over_is_not_sent_although_more_is_over_than_is_given_up_at_once() {
    block_on(async {
        let mut db = store().await;
        let user = user(&mut db).await;
        for _ in 0..=EXPIRED_MAILS_MAX {
            queued_for(&mut db, Recipient::User(&user), 1000).await;
        }
        let late = works(&db, 1000).await;
        assert_eq!((late.sent, late.dead), (0, EXPIRED_MAILS_MAX));
        assert_eq!(works(&db, 1000).await.dead, 1);
    });
}

#[test]
fn nobody_gets_nothing() {
    block_on(async {
        let mut db = store().await;
        queued(&mut db, Recipient::Nobody).await;
        assert_eq!(works(&db, 0).await, NOTHING);
        let count = count_since(&db, &key(), "fang@example.com", -1).await;
        assert_eq!(count.unwrap(), 1);
    });
}

#[test]
fn what_another_key_sealed_is_given_up() {
    block_on(async {
        let mut db = store().await;
        let user = user(&mut db).await;
        queued(&mut db, Recipient::User(&user)).await;
        let other = SealingKey::new("BQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
        let send = async |_: &str, _: &Letter| Ok(());
        let sent = send_due(&db, &other, 0, send).await.unwrap();
        assert_eq!(sent.dead, 1);
    });
}
