//! Forgets users in the cache who were changed.

use serde::Deserialize;
use suoke_events::{Event, EventError, consume};
use suoke_identity::users::{USER_DELETED, USER_SUSPENDED, USER_UPDATED, cached};
use suoke_store::Database;

/// The name in the inbox.
const CONSUMER: &str = "user-forget";

suoke_events::subscriber!(CONSUMER, "identity", on_event);

/// Whom the event is about.
#[derive(Deserialize)]
struct About {
    user_id: String,
}

/// Noted only when it is forgotten: without Redis the event comes again.
async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[USER_UPDATED, USER_SUSPENDED, USER_DELETED])?;
    let About { user_id } = event.data_as()?;
    cached::forget(&user_id).await.map_err(EventError::work)?;
    let done: Result<_, EventError> = consume(db, CONSUMER, event, async |_| Ok(())).await;
    done?;
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use serde_json::json;
    use suoke_store::{Sql, params};

    use super::*;

    #[test]
    fn without_redis_the_event_comes_again_and_odd_ones_do_not() {
        block_on(async {
            let mut db = Database::open_in_memory("identity").await.unwrap();
            for (kind, data, permanent) in [
                (USER_UPDATED, json!({"user_id": "u1"}), false),
                (USER_UPDATED, json!({}), true),
                ("user.created", json!({"user_id": "u1"}), true),
            ] {
                let event = Event::new(kind, "users", &data).unwrap();
                let error = on_event(&mut db, &event).await.unwrap_err();
                assert_eq!(error.is_permanent(), permanent, "{error}");
            }
            let noted: i64 = db
                .query_one("SELECT count(*) FROM event_inbox", params![])
                .await
                .unwrap();
            assert_eq!(noted, 0);
        });
    }
}
