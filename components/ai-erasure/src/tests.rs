//! Keys, secrets and quota of one person go, and nothing of another.

use futures::executor::block_on;
use serde_json::json;
use suoke_store::{Sql, params};

use super::*;

async fn fill(db: &Database, user_id: &str) {
    for text in [
        "INSERT INTO virtual_keys (id, user_id, name, models, metadata, created_at) \
         VALUES ('k' || ?1, ?1, '家里的电脑', '[]', '{}', 1), ('l' || ?1, ?1, 'b', '[]', '{}', 1)",
        "INSERT INTO virtual_key_secrets (digest, key_id, last4, is_current, created_at) \
         SELECT 'd' || id, id, 'abcd', 1, 1 FROM virtual_keys WHERE user_id = ?1",
        "INSERT INTO quotas (user_id, period, soft_limit_percent, set_by, created_at, \
         updated_at) VALUES (?1, 'month', 80, 'default', 1, 1)",
        "INSERT INTO event_failures VALUES ('a' || ?1, 'c', 't', \
         '{\"data\":{\"user_id\":\"' || ?1 || '\"}}', 'r', 1, 1, 1, NULL)",
        "INSERT INTO event_failures VALUES ('b' || ?1, 'c', 't', \
         '{\"subject\":\"user/' || ?1 || '\"}', 'r', 1, 1, 1, NULL)",
    ] {
        db.execute(text, params![user_id]).await.unwrap();
    }
}

async fn left(db: &Database) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in [
        "virtual_keys",
        "virtual_key_secrets",
        "quotas",
        "event_failures",
    ] {
        let text = format!("SELECT count(*) FROM {table}");
        counts.push(db.query_one(&text, params![]).await.unwrap());
    }
    counts
}

#[test]
fn everything_of_one_person_goes_and_nothing_of_another() {
    block_on(async {
        let mut db = Database::open_in_memory("ai").await.unwrap();
        fill(&db, "u1").await;
        fill(&db, "u2").await;
        let poison = "INSERT INTO event_failures VALUES ('p', 'c', 't', '{', 'r', 1, 1, 1, NULL)";
        db.execute(poison, params![]).await.unwrap();
        let event = Event::new(USER_DELETED, "users", &json!({"user_id": "u1"})).unwrap();
        for _ in 0..2 {
            assert!(on_event(&mut db, &event).await.unwrap().is_empty());
            assert_eq!(left(&db).await, [2, 2, 1, 3]);
        }
        assert!(erased::is_erased(&db, "u1").await.unwrap());
        assert!(!erased::is_erased(&db, "u2").await.unwrap());
    });
}

#[test]
fn other_events_and_events_about_nobody_are_dead_letters() {
    block_on(async {
        let mut db = Database::open_in_memory("ai").await.unwrap();
        for (kind, data) in [
            ("user.created", json!({"user_id": "u1"})),
            (USER_DELETED, json!({})),
        ] {
            let event = Event::new(kind, "users", &data).unwrap();
            let error = on_event(&mut db, &event).await.unwrap_err();
            assert!(error.is_permanent(), "{error}");
        }
    });
}
