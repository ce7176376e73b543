//! Keys on a real SQLite.

use futures::executor::block_on;
use suoke_events::journal::{self, Filter};
use suoke_guest::{Request, clock};
use suoke_store::{Database, Sql, params};

use super::*;

fn draft() -> KeyDraft {
    KeyDraft {
        name: "ci".to_owned(),
        max_budget: Some(2.5),
        ..KeyDraft::default()
    }
}

fn request() -> Request {
    Request::new("POST", "/x")
}

async fn made(db: &mut Database, user: &str) -> Issued {
    create(db, &request(), user, draft()).await.unwrap().0
}

async fn is_good(db: &Database, key: &str, now_ms: i64) -> bool {
    let found = status(db, &digest(key), now_ms).await.unwrap();
    found.is_some_and(|status| status.valid)
}

#[test]
fn a_key_is_shown_once_and_known_by_its_hash() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let issued = made(&mut db, "u1").await;
        let found = status(&db, &digest(&issued.key), 0).await.unwrap().unwrap();
        assert_eq!((found.valid, found.user_id.as_str()), (true, "u1"));
        assert_eq!(
            (found.roles.len(), found.scopes),
            (0, vec!["ai".to_owned()])
        );
        assert_eq!(found.max_budget_micros, Some(2_500_000));
        assert_eq!(
            get(&db, &issued.about.key_id, Some("u1")).await.unwrap(),
            issued.about
        );
        for digest in [digest("sk-lyss-x"), "x".to_owned(), String::new()] {
            assert_eq!(status(&db, &digest, 0).await.unwrap(), None);
        }
        // Nowhere in the database is the key itself.
        let stored: Vec<String> = db
            .query(
                "SELECT digest || last4 FROM virtual_key_secrets \
                 UNION ALL SELECT name || metadata FROM virtual_keys \
                 UNION ALL SELECT payload FROM event_outbox",
                params![],
            )
            .await
            .unwrap();
        assert!(stored.len() > 2 && stored.iter().all(|text| !text.contains(&issued.key)));
    });
}

#[test]
fn keys_of_others_are_not_found() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let id = made(&mut db, "u1").await.about.key_id;
        assert_eq!(get(&db, &id, Some("u2")).await.unwrap_err().status(), 404);
        let rotated = rotate(&mut db, &request(), "u2", &id, 0).await;
        assert_eq!(rotated.err().unwrap().status(), 404);
        let revoked = revoke(&mut db, &request(), &id, Some("u2"), "u2").await;
        assert_eq!(revoked.unwrap_err().status(), 404);
        assert!(list(&db, "u2", None, 9).await.unwrap().is_empty());
        assert_eq!(get(&db, &id, None).await.unwrap().user_id, "u1");
        assert_eq!(get(&db, "x", None).await.unwrap_err().status(), 404);
    });
}

#[test]
fn after_a_rotation_the_key_before_is_good_for_a_while() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let first = made(&mut db, "u1").await;
        let id = first.about.key_id.clone();
        let (second, _) = rotate(&mut db, &request(), "u1", &id, 60).await.unwrap();
        let now_ms = clock::now_ms();
        assert!(second.about.rotated_at.is_some() && second.about.last4 != first.about.last4);
        assert!(is_good(&db, &first.key, now_ms).await && is_good(&db, &second.key, now_ms).await);
        assert!(!is_good(&db, &first.key, now_ms + 60_000).await);
        assert!(is_good(&db, &second.key, now_ms + 60_000).await);
        let (third, _) = rotate(&mut db, &request(), "u1", &id, 60).await.unwrap();
        assert!(!is_good(&db, &first.key, now_ms).await);
        let (_, _) = rotate(&mut db, &request(), "u1", &id, 0).await.unwrap();
        assert!(!is_good(&db, &second.key, now_ms).await);
        assert!(!is_good(&db, &third.key, clock::now_ms()).await);
        assert_eq!(list(&db, "u1", None, 9).await.unwrap().len(), 1);
        let long = rotate(&mut db, &request(), "u1", &id, OVERLAP_SECONDS_MAX + 1).await;
        assert_eq!(long.err().unwrap().status(), 400);
    });
}

#[test]
fn a_key_ends_with_its_time_or_when_it_is_withdrawn() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let now_ms = clock::now_ms();
        let ends = KeyDraft {
            expires_at: Some(clock::rfc3339(now_ms + 60_000)),
            ..draft()
        };
        let (issued, _) = create(&mut db, &request(), "u1", ends).await.unwrap();
        let found = status(&db, &digest(&issued.key), now_ms)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.expires_at, Some((now_ms + 60_000) / 1000));
        assert!(is_good(&db, &issued.key, now_ms).await);
        assert!(!is_good(&db, &issued.key, now_ms + 60_000).await);
        let event = revoke(&mut db, &request(), &issued.about.key_id, None, "operator")
            .await
            .unwrap();
        assert_eq!(event.kind, "key.revoked");
        assert!(!is_good(&db, &issued.key, now_ms).await);
        let events = journal::list(&[db], &Filter::default(), None, 9)
            .await
            .unwrap();
        assert_eq!(events.len(), 2);
    });
}

#[test]
fn a_user_has_a_bounded_number_of_keys() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        for _ in 0..50 {
            made(&mut db, "u1").await;
        }
        let more = create(&mut db, &request(), "u1", draft())
            .await
            .err()
            .unwrap();
        assert_eq!((more.status(), more.code()), (409, "too_many_keys"));
        made(&mut db, "u2").await;
        let page = list(&db, "u1", None, 20).await.unwrap();
        let next = list(&db, "u1", Some(&page[19].key_id), 100).await.unwrap();
        assert_eq!((page.len(), next.len()), (20, 30));
    });
}

#[test]
fn every_event_says_who_did_it() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let (issued, created) = create(&mut db, &request(), "u1", draft()).await.unwrap();
        let id = issued.about.key_id;
        let (_, rotated) = rotate(&mut db, &request(), "u1", &id, 0).await.unwrap();
        let revoked = revoke(&mut db, &request(), &id, None, "operator")
            .await
            .unwrap();
        for (event, by) in [(created, "u1"), (rotated, "u1"), (revoked, "operator")] {
            assert_eq!(event.data["changed_by"], by, "{}", event.kind);
            assert_eq!(event.data["user_id"], "u1");
        }
    });
}
