//! Settings on a real SQLite.

use futures::executor::block_on;
use serde_json::json;
use suoke_events::journal::{self, Filter};

use super::*;
use crate::LABEL;

fn address() -> Address {
    Address::new("agents".to_owned(), "timeout".to_owned()).unwrap()
}

fn place(layer: Layer, environment: &str) -> Place {
    Place {
        layer,
        environment: environment.to_owned(),
    }
}

fn runtime() -> Place {
    place(Layer::Runtime, "")
}

async fn put(db: &mut Database, place: &Place, value: i64) -> i64 {
    let request = Request::new("PUT", "/");
    let by = By {
        request: &request,
        user_id: "operator",
    };
    let written = Written::json(&json!(value)).unwrap();
    let (version, event) = set(db, by, &address(), place, &written).await.unwrap();
    let told: ConfigChanged = event.data_as().unwrap();
    assert_eq!(told.version, version);
    version
}

async fn holds(db: &Database, environment: Option<&str>) -> (i64, Option<String>) {
    let found = get(db, &address(), environment).await.unwrap();
    (found.version, found.value.map(|row| row.value))
}

fn by(request: &Request) -> By<'_> {
    By {
        request,
        user_id: "operator",
    }
}

#[test]
fn the_first_layer_that_has_a_value_answers() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        assert_eq!(holds(&db, None).await, (0, None));
        put(&mut db, &place(Layer::Base, ""), 10).await;
        put(&mut db, &place(Layer::Environment, "staging"), 20).await;
        assert_eq!(holds(&db, None).await, (2, Some("10".to_owned())));
        assert_eq!(
            holds(&db, Some("staging")).await,
            (2, Some("20".to_owned()))
        );
        assert_eq!(holds(&db, Some("other")).await, (2, Some("10".to_owned())));
        put(&mut db, &runtime(), 30).await;
        assert_eq!(
            holds(&db, Some("staging")).await,
            (3, Some("30".to_owned()))
        );
        let all = service(&db, "agents", Some("staging"), "", 9)
            .await
            .unwrap();
        assert_eq!((all.len(), all[0].value.as_str()), (1, "30"));
        let none = service(&db, "agent", None, "", 9).await.unwrap();
        assert!(none.is_empty());
    });
}

#[test]
fn a_removed_value_lets_the_next_layer_answer_and_can_come_back() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        put(&mut db, &place(Layer::Base, ""), 10).await;
        let set_at = put(&mut db, &runtime(), 30).await;
        let request = Request::new("DELETE", "/");
        remove(&mut db, by(&request), &address(), &runtime())
            .await
            .unwrap();
        assert_eq!(holds(&db, None).await, (3, Some("10".to_owned())));
        let again = remove(&mut db, by(&request), &address(), &runtime()).await;
        assert_eq!(again.unwrap_err().status(), 404);
        let (version, _) = roll_back(&mut db, by(&request), &address(), set_at)
            .await
            .unwrap();
        assert_eq!(version, 4);
        assert_eq!(holds(&db, None).await, (4, Some("30".to_owned())));
        // The change that removed it can be gone back to as well.
        roll_back(&mut db, by(&request), &address(), 3)
            .await
            .unwrap();
        assert_eq!(holds(&db, None).await, (5, Some("10".to_owned())));
        let unknown = roll_back(&mut db, by(&request), &address(), 9).await;
        assert_eq!(unknown.unwrap_err().status(), 404);
    });
}

#[test]
fn the_history_has_every_change_newest_first() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        for value in 1..=3 {
            put(&mut db, &runtime(), value).await;
        }
        let rows = history(&db, &address(), i64::MAX, 2).await.unwrap();
        let versions: Vec<i64> = rows.iter().map(|row| row.version).collect();
        assert_eq!(versions, [3, 2]);
        let rows = history(&db, &address(), 2, 2).await.unwrap();
        assert_eq!((rows.len(), rows[0].value.as_deref()), (1, Some("1")));
    });
}

#[test]
fn of_two_who_have_seen_the_same_version_the_second_is_told() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        put(&mut db, &runtime(), 1).await;
        let seen = Request::new("PUT", "/").with_header("if-match", "\"1\"");
        let written = Written::json(&json!(2)).unwrap();
        set(&mut db, by(&seen), &address(), &runtime(), &written)
            .await
            .unwrap();
        let second = set(&mut db, by(&seen), &address(), &runtime(), &written).await;
        assert_eq!(second.unwrap_err().code(), "version_conflict");
        assert_eq!(holds(&db, None).await.0, 2);
    });
}

#[test]
fn every_change_is_an_event_without_the_value() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        put(&mut db, &place(Layer::Environment, "staging"), 123_456).await;
        let dbs = [db];
        let found = journal::list(&dbs, &Filter::default(), None, 9)
            .await
            .unwrap();
        assert_eq!((found.len(), found[0].kind.as_str()), (1, CONFIG_CHANGED));
        assert_eq!(found[0].aggregate, "config/agents/timeout");
        let event = journal::find(&dbs, &[], &found[0].id)
            .await
            .unwrap()
            .unwrap()
            .event;
        assert_eq!(event["data"]["environment"], "staging");
        assert_eq!(event["data"]["changed_by"], "operator");
        assert!(!event.to_string().contains("123456"), "{event}");
    });
}

#[test]
fn a_service_has_a_bounded_number_of_keys() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
                    INSERT INTO config_keys SELECT 'agents', 'k' || i, 1 FROM n";
        db.execute(many, suoke_store::params![]).await.unwrap();
        let request = Request::new("PUT", "/");
        let written = Written::json(&json!(2)).unwrap();
        let error = set(&mut db, by(&request), &address(), &runtime(), &written).await;
        assert_eq!(error.unwrap_err().code(), "too_many_keys");
    });
}

#[test]
fn a_service_is_shown_in_parts_by_the_keys_that_hold() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let request = Request::new("PUT", "/");
        let written = Written::json(&json!(1)).unwrap();
        for (key, place) in [
            ("a", runtime()),
            ("a", place(Layer::Base, "")),
            ("b", place(Layer::Environment, "staging")),
            ("c", place(Layer::Default, "")),
            ("d", runtime()),
        ] {
            let at = Address::new("agents".to_owned(), key.to_owned()).unwrap();
            set(&mut db, by(&request), &at, &place, &written)
                .await
                .unwrap();
        }
        let keys = async |environment, after, limit| {
            let rows = service(&db, "agents", environment, after, limit).await;
            let keys: Vec<String> = rows.unwrap().into_iter().map(|row| row.key).collect();
            keys.join("")
        };
        assert_eq!(keys(None, "", 2).await, "ac");
        assert_eq!(keys(None, "c", 2).await, "d");
        assert_eq!(keys(Some("staging"), "", 9).await, "abcd");
        assert_eq!(keys(Some("staging"), "a", 1).await, "b");
    });
}

#[test]
fn a_key_has_a_bounded_number_of_environments() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        for number in 0..ENVIRONMENTS_MAX {
            put(
                &mut db,
                &place(Layer::Environment, &format!("e{number}")),
                1,
            )
            .await;
        }
        let request = Request::new("PUT", "/");
        let written = Written::json(&json!(2)).unwrap();
        let more = place(Layer::Environment, "more");
        let refused = set(&mut db, by(&request), &address(), &more, &written).await;
        assert_eq!(refused.unwrap_err().code(), "too_many_environments");
        // What is there changes, and other layers have room.
        put(&mut db, &place(Layer::Environment, "e0"), 2).await;
        put(&mut db, &runtime(), 2).await;
        assert_eq!(holds(&db, None).await.0, ENVIRONMENTS_MAX + 2);
    });
}

#[test]
fn the_values_of_a_service_and_the_changes_of_a_key_have_bounded_sizes() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let request = Request::new("PUT", "/");
        let large = Written::json(&json!("中".repeat(20_000))).unwrap();
        let fitting = SERVICE_SIZE_BYTES_MAX / 60_002;
        let at = |number| Address::new("agents".to_owned(), format!("k{number}")).unwrap();
        for number in 0..fitting {
            set(&mut db, by(&request), &at(number), &runtime(), &large)
                .await
                .unwrap();
        }
        let refused = set(&mut db, by(&request), &at(fitting), &runtime(), &large).await;
        assert_eq!(refused.unwrap_err().code(), "service_full");
        for _ in 0..20 {
            set(&mut db, by(&request), &at(0), &runtime(), &large)
                .await
                .unwrap();
        }
        let kept = history(&db, &at(0), i64::MAX, 100).await.unwrap();
        let fitting = usize::try_from(CHANGES_SIZE_BYTES_MAX / 60_002).unwrap();
        assert_eq!((kept.len(), kept[0].version), (fitting, 21));
        remove(&mut db, by(&request), &at(0), &runtime())
            .await
            .unwrap();
        // There is room again.
        set(&mut db, by(&request), &at(500), &runtime(), &large)
            .await
            .unwrap();
    });
}
