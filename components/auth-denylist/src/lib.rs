//! Brings into Redis what is denied, when the one who denied it could not: it
//! follows the events, which come again until they are acknowledged.

use suoke_events::{Event, EventError, consume};
use suoke_identity::accounts::LABEL;
use suoke_identity::denylist;
use suoke_redis::Redis;
use suoke_store::Database;

const CONSUMER: &str = "auth-denylist";

suoke_events::subscriber!(CONSUMER, LABEL, on_event);

async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    let redis = Redis::open().await.map_err(EventError::work)?;
    copy(db, &redis, event).await
}

/// Writing twice does no harm, so it is acknowledged afterwards.
async fn copy(db: &mut Database, redis: &Redis, event: &Event) -> Result<Vec<Event>, EventError> {
    let denials = denylist::denials_of(event)?;
    let written = denylist::deny(db, redis, &denials).await;
    written.map_err(EventError::work)?;
    let noted: Result<Option<()>, EventError> =
        consume(db, CONSUMER, event, async |_| Ok(())).await;
    noted.map(|_| Vec::new())
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use serde_json::json;
    use suoke_redis::Memory;
    use suoke_store::{Sql, params};

    use super::*;

    fn ended() -> Event {
        let data = json!({
            "user_id": "u1", "session_id": "s1", "reason": "logged_out", "ended_at": "x",
        });
        Event::new("auth.session.ended", "auth-sessions", &data).unwrap()
    }

    async fn acknowledged(db: &Database) -> i64 {
        let text = "SELECT count(*) FROM event_inbox WHERE consumer = 'auth-denylist'";
        db.query_one(text, params![]).await.unwrap()
    }

    #[test]
    fn an_end_is_copied_and_acknowledged() {
        block_on(async {
            let mut db = Database::open_in_memory(LABEL).await.unwrap();
            let redis = Redis::memory(&Memory::new());
            for _ in 0..2 {
                let event = ended();
                copy(&mut db, &redis, &event).await.unwrap();
            }
            let copied = redis.get("auth:session:s1").await.unwrap();
            assert_eq!(copied.as_deref(), Some(b"1".as_slice()));
            assert_eq!(acknowledged(&db).await, 2);
        });
    }

    #[test]
    fn it_is_not_acknowledged_before_it_is_copied() {
        block_on(async {
            let mut db = Database::open_in_memory(LABEL).await.unwrap();
            let memory = Memory::new();
            memory.set_broken(true);
            let redis = Redis::memory(&memory);
            let failed = copy(&mut db, &redis, &ended()).await;
            assert!(failed.is_err_and(|error| !error.is_permanent()));
            assert_eq!(acknowledged(&db).await, 0);
        });
    }

    #[test]
    fn bad_data_can_never_be_copied() {
        block_on(async {
            let mut db = Database::open_in_memory(LABEL).await.unwrap();
            let redis = Redis::memory(&Memory::new());
            let odd = Event::new("auth.session.ended", "c", &json!({})).unwrap();
            let failed = copy(&mut db, &redis, &odd).await;
            assert!(failed.is_err_and(|error| error.is_permanent()));
        });
    }
}
