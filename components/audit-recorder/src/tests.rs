//! What becomes an entry, and that it does so once.

use futures::executor::block_on;
use serde_json::{Value, json};
use suoke_readings::events::ACCESSED;
use suoke_store::{Sql, params};

use super::*;

async fn record(db: &mut Database, event: &Event) -> Vec<streams::StreamEvent> {
    on_event(db, event).await.unwrap();
    streams::read(db, STREAM_TYPE, event.aggregate(), 0, 100)
        .await
        .unwrap()
}

async fn identity() -> Database {
    Database::open_in_memory("identity").await.unwrap()
}

fn event(kind: &str, data: &Value) -> Event {
    Event::new(kind, "users", data).unwrap().about("user/u1")
}

#[test]
fn an_event_is_noted_once_with_who_did_it_and_in_its_subjects_stream() {
    block_on(async {
        let mut db = identity().await;
        let changed = event(
            "user.suspended",
            &json!({"user_id": "u1", "by": "a1", "at": "now"}),
        );
        for _ in 0..2 {
            let entries = record(&mut db, &changed).await;
            assert_eq!(
                (entries.len(), entries[0].kind.as_str()),
                (1, "user.suspended")
            );
            assert_eq!(entries[0].metadata["actor"], "a1");
            assert_eq!(entries[0].metadata["event_id"], json!(changed.id));
            assert_eq!(entries[0].data["details"], json!({"user_id": "u1"}));
        }
        let deleted = event("user.deleted", &json!({"user_id": "u1"}));
        let entries = record(&mut db, &deleted).await;
        assert_eq!((entries.len(), entries[1].version), (2, 2));
        assert_eq!(entries[1].metadata["actor"], "u1");
    });
}

#[test]
fn whoever_changes_a_setting_or_the_key_of_another_is_named() {
    block_on(async {
        let mut db = identity().await;
        for (kind, data) in [
            (
                "config.changed",
                json!({"service": "a", "key": "b", "changed_by": "operator"}),
            ),
            (
                "feature.flag.changed",
                json!({"name": "f", "changed_by": "operator"}),
            ),
            (
                "key.revoked",
                json!({"key_id": "k1", "user_id": "u1", "changed_by": "operator"}),
            ),
        ] {
            let entries = record(&mut db, &event(kind, &data)).await;
            assert_eq!(
                entries.last().unwrap().metadata["actor"],
                "operator",
                "{kind}"
            );
        }
    });
}

#[test]
fn whoever_looked_at_the_health_of_another_is_named_with_the_route() {
    block_on(async {
        let mut db = identity().await;
        let resource = "/api/v1/health/trends";
        let data = json!({"user_id": "u1", "by": "operator", "resource": resource});
        let event = Event::new(ACCESSED, "health-aggregates", &data).unwrap();
        let entries = record(&mut db, &event.about("readings/u1")).await;
        assert_eq!(entries[0].metadata["actor"], "operator");
        let details = json!({"user_id": "u1", "resource": resource});
        assert_eq!(entries[0].data["details"], details);
    });
}

#[test]
fn nothing_personal_gets_in() {
    block_on(async {
        let mut db = identity().await;
        let created = json!({
            "user_id": "u1", "email": "fang@example.com", "name": "王芳", "created_at": "now",
        });
        let updated = json!({"user_id": "u1", "updated_by": "u1", "changes": [
            {"field": "name", "old_value": "王芳", "new_value": "芳芳"},
            {"field": "profile", "old_value": null, "new_value": null},
        ]});
        record(&mut db, &event("user.created", &created)).await;
        let entries = record(&mut db, &event("user.updated", &updated)).await;
        assert_eq!(
            entries[0].data["fields"],
            json!(["created_at", "email", "name", "user_id"])
        );
        assert_eq!(entries[1].data["fields"], json!(["name", "profile"]));
        let rows: Vec<suoke_store::Row> = db
            .query("SELECT * FROM stream_events", params![])
            .await
            .unwrap();
        let text = format!("{rows:?}");
        assert!(!text.contains("芳") && !text.contains("fang@"), "{text}");
    });
}

#[test]
fn odd_data_is_noted_without_it() {
    block_on(async {
        let mut db = identity().await;
        for data in [
            json!(7),
            json!(null),
            json!({"by": 7, "role": ["x"], "reason": "r".repeat(999)}),
        ] {
            let entries = record(&mut db, &event("auth.odd", &data)).await;
            let last = entries.last().unwrap();
            assert_eq!(
                (&last.metadata["actor"], &last.data["details"]),
                (&Value::Null, &json!({}))
            );
        }
    });
}

#[test]
fn it_listens_to_everything_that_people_do_with_accounts_and_groups() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spin.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    let users = [
        "user.created",
        "user.updated",
        "user.suspended",
        "user.deleted",
    ];
    let settings = [
        "config.changed",
        "feature.flag.changed",
        "key.created",
        "key.rotated",
        "key.revoked",
    ];
    let all = users.into_iter().chain(settings).chain([ACCESSED]);
    for channel in all.chain(suoke_groups::events::ALL) {
        let entry = format!("channel = \"{channel}\"\ncomponent = \"{CONSUMER}\"");
        assert!(manifest.contains(&entry), "no trigger for {channel}");
    }
}
