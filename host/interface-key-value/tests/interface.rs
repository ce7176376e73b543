//! A real component uses the interface.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeMap;
use std::sync::Arc;

use host_app::Component;
use host_engine::Interface as _;
use host_interface_key_value::{KeyValue, SqliteStore};
use host_interface_sqlite::Sqlite;
use host_sqlite::{Database, SqliteLimits};
use host_testkit::Probe;
use serde_json::{Value, json};

async fn interface(name: &str) -> (KeyValue, Arc<SqliteStore>) {
    let database = Database::memory(name, SqliteLimits::default()).unwrap();
    let store = SqliteStore::open("default", database.clone())
        .await
        .unwrap();
    let forbidden = SqliteStore::open("forbidden", database).await.unwrap();
    let store = Arc::new(store);
    let stores = BTreeMap::from([
        ("default".to_owned(), store.clone()),
        ("forbidden".to_owned(), Arc::new(forbidden)),
    ]);
    (KeyValue::new(stores), store)
}

/// A probe that may use the store `default` alone.
async fn probe(name: &str) -> (Probe, Arc<SqliteStore>) {
    let (interface, store) = interface(name).await;
    let component = Component {
        key_value_stores: vec!["default".to_owned()],
        ..Component::default()
    };
    let probe = Probe::new(component, interface, Sqlite::new(BTreeMap::new()));
    (probe, store)
}

async fn ask(probe: &Probe, action: &str) -> Value {
    let (status, text) = probe.ask(action, "").await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn values_are_set_read_deleted_and_listed() {
    let (probe, store) = probe("functions").await;
    let seen = json!({ "a": [49], "deleted": null, "exists": true, "keys": ["b"] });
    assert_eq!(ask(&probe, "key-value").await, seen);
    assert_eq!(store.get("b".to_owned()).await.unwrap().unwrap(), b"2");
    assert_eq!(store.get("a".to_owned()).await.unwrap(), None);
}

#[tokio::test]
async fn thousands_of_keys_are_streamed() {
    let (probe, store) = probe("keys").await;
    for n in 0..3000 {
        store
            .set(format!("key {n:04} 键"), Vec::new())
            .await
            .unwrap();
    }
    let seen = ask(&probe, "key-value").await;
    let keys = seen["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 3001);
    assert_eq!(keys.last().unwrap(), "key 2999 键");
}

#[tokio::test]
async fn a_store_is_denied_unless_the_component_names_it() {
    let (probe, _store) = probe("denied").await;
    let error = ask(&probe, "key-value-denied").await;
    assert!(error.as_str().unwrap().contains("AccessDenied"), "{error}");
}

#[tokio::test]
async fn open_stores_of_an_instance_are_bounded() {
    let (probe, _store) = probe("bounded").await;
    for _ in 0..2 {
        let seen = ask(&probe, "key-value-many").await;
        assert_eq!(seen["opened"], 1024, "{seen}");
        assert!(
            seen["error"].as_str().unwrap().contains("StoreTableFull"),
            "{seen}"
        );
    }
}

#[tokio::test]
async fn a_label_that_is_not_configured_is_refused_with_those_that_are() {
    let (interface, _store) = interface("labels").await;
    let component = Component {
        key_value_stores: vec!["defualt".to_owned()],
        ..Component::default()
    };
    let reason = interface.configure(&component).err().unwrap();
    for word in ["\"defualt\"", "[key_value_store.defualt]", "default"] {
        assert!(reason.contains(word), "{reason}");
    }
}
