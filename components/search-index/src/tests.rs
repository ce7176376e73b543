//! The index follows a consultation, whichever event comes when, and forgets people.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use futures::executor::block_on;
use serde_json::json;
use suoke_care::testing::{CONSULTATION, USER, care};
use suoke_search::{Found, Search};
use suoke_store::{Sql, params};

use super::*;

async fn health() -> Database {
    Database::open_in_memory("health").await.unwrap()
}

fn created() -> Event {
    let data = json!({
        "consultation_id": CONSULTATION, "user_id": USER, "agent": "xiaoai", "chief_complaint": "失眠",
    });
    Event::new(HEALTH_CONSULTATION, "consultation-create", &data).unwrap()
}

fn ended(kind: &str, saga: &str) -> Event {
    let data = json!({ "saga_id": suoke_care::saga_id(CONSULTATION), "saga": saga, "status": "x" });
    Event::new(kind, "saga-orchestrator", &data).unwrap()
}

async fn take(db: &mut Database, care: &Database, event: &Event) -> Result<Vec<Event>, EventError> {
    let care = async || Ok::<&Database, StoreError>(care);
    handle(db, None::<&Shelf>, event, care).await
}

/// A server that knows whose documents it has, and fails when it is told to.
#[derive(Default)]
struct Shelf {
    owners: RefCell<BTreeSet<String>>,
    failures: Cell<u32>,
}

impl Shelf {
    /// The next answer is a failure, whether or not the work was done.
    fn answer(&self) -> Result<(), EventError> {
        match self.failures.get().checked_sub(1) {
            Some(left) => {
                self.failures.set(left);
                Err(failed(ApiError::unavailable("away")))
            }
            None => Ok(()),
        }
    }
}

impl Server for Shelf {
    async fn put(&self, found: &Documents) -> Result<(), EventError> {
        self.owners.borrow_mut().insert(found.owner.clone());
        self.answer()
    }

    async fn remove(&self, owner: &str) -> Result<(), EventError> {
        self.answer()?;
        self.owners.borrow_mut().remove(owner);
        Ok(())
    }
}

async fn find(db: &Database, user_id: &str, text: &str) -> Found {
    let search = Search {
        text: text.to_owned(),
        limit: 10,
        ..Search::default()
    };
    store::search(db, user_id, &search).await.unwrap()
}

/// Notes a record of the consultation with the health of its owner.
async fn note(db: &Database) {
    let text = "INSERT INTO health_records VALUES ('r1', ?1, 'consultation', ?2, 'p1', \
         '{\"red_flags\":[\"rf_acs\"],\"syndromes\":[\"heart_kidney\"]}', 5)";
    db.execute(text, params![USER, CONSULTATION]).await.unwrap();
}

#[test]
fn a_consultation_is_found_by_its_owner_alone() {
    block_on(async {
        let (mut db, care) = (health().await, care("created", "总是睡不着").await);
        for _ in 0..2 {
            assert!(take(&mut db, &care, &created()).await.unwrap().is_empty());
        }
        let found = find(&db, USER, "失眠").await;
        let hit = found.hits.first().unwrap();
        assert_eq!((found.total, hit.id.as_str()), (1, CONSULTATION));
        assert_eq!((hit.kind.as_str(), hit.at_ms), ("consultation", Some(1)));
        assert_eq!(find(&db, "u2", "失眠").await.total, 0);
    });
}

#[test]
fn what_came_of_it_is_found_when_it_is_there_to_stay() {
    block_on(async {
        let (mut db, care) = (health().await, care("diagnosed", "总是睡不着").await);
        note(&db).await;
        take(&mut db, &care, &created()).await.unwrap();
        assert_eq!(find(&db, USER, "心肾不交").await.total, 0);
        take(&mut db, &care, &ended(SAGA_COMPLETED, SAGA))
            .await
            .unwrap();
        for text in ["心肾不交", "急性冠脉综合征"] {
            let found = find(&db, USER, text).await;
            let ids: Vec<&str> = found.hits.iter().map(|hit| hit.id.as_str()).collect();
            assert_eq!(ids, ["r1"], "{text}");
        }
        // The first event comes again, late.
        take(&mut db, &care, &created()).await.unwrap();
        assert_eq!(find(&db, USER, "心肾不交").await.total, 1);
    });
}

#[test]
fn what_changed_replaces_what_was() {
    block_on(async {
        let (mut db, care) = (health().await, care("created", "头痛").await);
        take(&mut db, &care, &created()).await.unwrap();
        let text = "UPDATE consultations SET chief_complaint = '咳嗽'";
        care.execute(text, params![]).await.unwrap();
        take(&mut db, &care, &ended(SAGA_COMPENSATED, SAGA))
            .await
            .unwrap();
        assert_eq!(find(&db, USER, "头痛").await.total, 0);
        assert_eq!(find(&db, USER, "咳嗽").await.total, 1);
    });
}

#[test]
fn nothing_comes_back_of_a_person_who_is_erased() {
    block_on(async {
        let (mut db, care) = (health().await, care("created", "头痛").await);
        let deleted = Event::new(USER_DELETED, "users", &json!({ "user_id": USER })).unwrap();
        take(&mut db, &care, &deleted).await.unwrap();
        take(&mut db, &care, &created()).await.unwrap();
        assert_eq!(find(&db, USER, "头痛").await.total, 0);
        let noted: i64 = db
            .query_one(
                "SELECT count(*) FROM event_inbox WHERE consumer = 'search-index'",
                params![],
            )
            .await
            .unwrap();
        assert_eq!(noted, 2);
    });
}

#[test]
fn nothing_goes_back_to_a_server_that_failed_once() {
    let deleted = Event::new(USER_DELETED, "users", &json!({ "user_id": USER })).unwrap();
    // The failure comes when it is put, when it is removed, or never.
    for failures in [[1, 0], [0, 1], [0, 0]] {
        block_on(async {
            let (mut db, care) = (health().await, care("created", "头痛").await);
            let shelf = Shelf::default();
            let care = async || Ok::<&Database, StoreError>(&care);
            let created = created();
            shelf.failures.set(failures[0]);
            let put = handle(&mut db, Some(&shelf), &created, care).await;
            assert_eq!(put.is_err(), failures[0] > 0);
            assert!(shelf.owners.borrow().contains(USER));
            shelf.failures.set(failures[1]);
            let removed = handle(&mut db, Some(&shelf), &deleted, care).await;
            assert_eq!(removed.is_err(), failures[1] > 0);
            // It comes again, and finds a person who is erased.
            handle(&mut db, Some(&shelf), &created, care).await.unwrap();
            assert!(shelf.owners.borrow().is_empty(), "{failures:?}");
        });
    }
}

#[test]
fn other_sagas_and_lost_consultations_are_noted_and_passed_over() {
    block_on(async {
        let (mut db, care) = (health().await, care("created", "头痛").await);
        take(&mut db, &care, &ended(SAGA_COMPLETED, "user_registration"))
            .await
            .unwrap();
        care.execute("DELETE FROM consultations", params![])
            .await
            .unwrap();
        take(&mut db, &care, &created()).await.unwrap();
        assert_eq!(find(&db, USER, "头痛").await.total, 0);
        let noted: i64 = db
            .query_one("SELECT count(*) FROM event_inbox", params![])
            .await
            .unwrap();
        assert_eq!(noted, 2);
    });
}

#[test]
fn events_about_nothing_are_dead_letters() {
    block_on(async {
        let (mut db, care) = (health().await, care("created", "头痛").await);
        for (kind, data) in [
            ("user.created", json!({ "user_id": "u1" })),
            (USER_DELETED, json!({})),
            (HEALTH_CONSULTATION, json!({})),
            (SAGA_COMPLETED, json!({ "saga": 1 })),
        ] {
            let event = Event::new(kind, "x", &data).unwrap();
            let failed = take(&mut db, &care, &event).await.unwrap_err();
            assert!(failed.is_permanent(), "{kind}: {failed}");
        }
    });
}
