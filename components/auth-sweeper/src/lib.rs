//! Time passes for sessions and tokens: what is over is deleted, and a Redis that
//! has forgotten what is denied gets it back.

use suoke_events::EventError;
use suoke_guest::cron::Tick;
use suoke_guest::{clock, log};
use suoke_identity::accounts::LABEL;
use suoke_identity::denylist::{self, READY_KEY};
use suoke_identity::{mails, sessions};
use suoke_redis::Redis;
use suoke_store::Database;

suoke_guest::scheduled!(tick);

/// How often it runs, as the manifest says: as long as a start, or a Redis that has
/// forgotten everything, costs requests a question to the database.
const EVERY_MS: i64 = 10_000;

/// How often all is copied to a Redis that says it has it.
const COPIED_EVERY_MS: i64 = 60_000;

async fn tick(_: Tick) -> Result<(), EventError> {
    let (db, now_ms) = (Database::open(LABEL).await?, clock::now_ms());
    let deleted = sessions::prune(&db, now_ms).await?;
    if deleted > 0 {
        log::info("identity swept", &[("deleted", &deleted.to_string())]);
    }
    let expired = mails::expire(&db, now_ms).await?;
    if expired > 0 {
        let mails = expired.to_string();
        log::warn("mails were not sent in time", &[("given_up", &mails)]);
    }
    let redis = Redis::open().await.map_err(EventError::work)?;
    copy(&db, &redis, now_ms).await
}

/// Everything is copied once a minute: a Redis that crashed may have lost a part
/// without having forgotten that it was whole.
async fn copy(db: &Database, redis: &Redis, now_ms: i64) -> Result<(), EventError> {
    let ready = redis.get(READY_KEY).await.map_err(EventError::work)?;
    if ready.is_some() && now_ms.rem_euclid(COPIED_EVERY_MS) >= EVERY_MS {
        return Ok(());
    }
    let written = denylist::rebuild(db, redis, now_ms).await;
    let written = written.map_err(EventError::work)?;
    if ready.is_none() {
        log::info("denylist built anew", &[("entries", &written.to_string())]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use suoke_redis::Memory;
    use suoke_store::{Sql, params};

    use super::*;

    const NOW: i64 = 1_800_000_000_000;

    /// A token that was revoked this long ago.
    async fn revoked(db: &Database, jti: &str, ago_ms: i64) {
        let text = "INSERT INTO revoked_tokens (jti, subject, revoked_at, expires_at) \
             VALUES (?1, 'u', ?2, 9000000000000000)";
        db.execute(text, params![jti, NOW - ago_ms]).await.unwrap();
    }

    async fn is_denied(redis: &Redis, jti: &str) -> bool {
        let key = denylist::token_key(jti);
        redis.get(&key).await.unwrap().is_some()
    }

    #[test]
    fn whatever_was_lost_comes_back_with_the_next_run() {
        block_on(async {
            let db = Database::open_in_memory(LABEL).await.unwrap();
            let redis = Redis::memory(&Memory::new());
            revoked(&db, "new", 60_000).await;
            revoked(&db, "old", 600_000).await;
            copy(&db, &redis, NOW).await.unwrap();
            assert!(redis.get(READY_KEY).await.unwrap().is_some());
            let later = NOW + EVERY_MS;
            for jti in ["new", "old"] {
                assert!(is_denied(&redis, jti).await, "{jti}");
                redis.delete(&[denylist::token_key(jti)]).await.unwrap();
                copy(&db, &redis, later).await.unwrap();
                assert!(!is_denied(&redis, jti).await, "{jti}: too early");
            }
            copy(&db, &redis, NOW).await.unwrap();
            for jti in ["new", "old"] {
                assert!(is_denied(&redis, jti).await, "{jti}");
            }
        });
    }

    #[test]
    fn the_copy_is_called_whole_while_the_sweeper_runs() {
        block_on(async {
            let db = Database::open_in_memory(LABEL).await.unwrap();
            let memory = Memory::new();
            let redis = Redis::memory(&memory);
            for _ in 0..5 {
                copy(&db, &redis, NOW).await.unwrap();
                memory.advance_ms(60_000);
                assert!(redis.get(READY_KEY).await.unwrap().is_some());
            }
            memory.advance_ms(120_000);
            assert_eq!(redis.get(READY_KEY).await.unwrap(), None);
        });
    }

    #[test]
    fn without_redis_nothing_is_called_whole() {
        block_on(async {
            let db = Database::open_in_memory(LABEL).await.unwrap();
            let memory = Memory::new();
            memory.set_broken(true);
            let redis = Redis::memory(&memory);
            assert!(copy(&db, &redis, NOW).await.is_err());
            memory.set_broken(false);
            assert_eq!(redis.get(READY_KEY).await.unwrap(), None);
        });
    }
}
