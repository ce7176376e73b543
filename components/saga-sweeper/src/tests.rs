//! What one sweep does, whenever it is.

use futures::executor::block_on;
use suoke_store::{Sql, params};

use super::*;

/// More than a participant remembers.
const LONG_MS: i64 = 401 * 24 * 60 * 60 * 1000;

/// A participant took part in so many sagas of 2020.
async fn take_part(db: &Database, count: u32) {
    db.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
         INSERT INTO saga_participations \
         (saga_id, step, participant, state, output, attempt, reply_to, updated_at) \
         SELECT i, 'one', 'p', 'done', 'null', 1, 'saga.reply', 1600000000000 FROM n",
        params![count],
    )
    .await
    .unwrap();
}

async fn left(db: &Database) -> i64 {
    let text = "SELECT count(*) FROM saga_participations";
    db.query_one(text, params![]).await.unwrap()
}

#[test]
fn every_sweep_forgets_a_piece_of_what_participants_did_long_ago() {
    block_on(async {
        let db = Database::open_in_memory("care").await.unwrap();
        take_part(&db, 1_001).await;
        // Neither is the first sweep of its hour.
        let now_ms = 1_600_000_000_000 + LONG_MS + 1_800_000;
        for (at_ms, expected) in [(now_ms, 1), (now_ms + 10_000, 0)] {
            forget(&db, at_ms).await.unwrap();
            assert_eq!(left(&db).await, expected);
        }
    });
}
