//! What the database `health` knows of somebody.

use suoke_store::{Sql, StoreError, params};

/// Deletes at most `?2` rows of the user `?1` each. Marks go first: nothing is computed
/// from what is left. Letters go before their events.
pub(crate) const PIECES: [&str; 15] = [
    "DELETE FROM profiles WHERE user_id IN \
     (SELECT user_id FROM profiles WHERE user_id = ?1 LIMIT ?2)",
    "DELETE FROM alerts WHERE (user_id, id) IN \
     (SELECT user_id, id FROM alerts WHERE user_id = ?1 LIMIT ?2)",
    "DELETE FROM dirty_days WHERE (user_id, type, utc_day) IN \
     (SELECT user_id, type, utc_day FROM dirty_days WHERE user_id = ?1 LIMIT ?2)",
    "DELETE FROM readings WHERE (user_id, id) IN \
     (SELECT user_id, id FROM readings WHERE user_id = ?1 LIMIT ?2)",
    "DELETE FROM days WHERE (user_id, metric, day_ms) IN \
     (SELECT user_id, metric, day_ms FROM days WHERE user_id = ?1 LIMIT ?2)",
    "DELETE FROM health_records WHERE id IN \
     (SELECT id FROM health_records WHERE user_id = ?1 LIMIT ?2)",
    "DELETE FROM search_postings WHERE (owner, term, document) IN \
     (SELECT owner, term, document FROM search_postings WHERE owner = ?1 LIMIT ?2)",
    "DELETE FROM search_documents WHERE (owner, document) IN \
     (SELECT owner, document FROM search_documents WHERE owner = ?1 LIMIT ?2)",
    "DELETE FROM search_owners WHERE owner IN \
     (SELECT owner FROM search_owners WHERE owner = ?1 LIMIT ?2)",
    "DELETE FROM import_rejects WHERE (user_id, import_id, line) IN \
     (SELECT user_id, import_id, line FROM import_rejects WHERE user_id = ?1 LIMIT ?2)",
    "DELETE FROM imports WHERE (user_id, id) IN \
     (SELECT user_id, id FROM imports WHERE user_id = ?1 LIMIT ?2)",
    "DELETE FROM event_failures WHERE (event_id, consumer) IN \
     (SELECT f.event_id, f.consumer FROM event_failures f \
     JOIN event_outbox o ON o.id = f.event_id WHERE o.aggregate = 'readings/' || ?1 LIMIT ?2)",
    "DELETE FROM event_failures WHERE (event_id, consumer) IN \
     (SELECT event_id, consumer FROM event_failures \
     WHERE type <> 'user.deleted' AND CASE WHEN json_valid(payload) THEN ?1 IN \
     (json_extract(payload, '$.data.user_id'), json_extract(payload, '$.data.context.user_id')) \
     END LIMIT ?2)",
    "DELETE FROM event_outbox WHERE position IN \
     (SELECT position FROM event_outbox WHERE aggregate = 'readings/' || ?1 LIMIT ?2)",
    "DELETE FROM event_sequences WHERE aggregate IN \
     (SELECT aggregate FROM event_sequences WHERE aggregate = 'readings/' || ?1 LIMIT ?2)",
];

/// Deletes a piece; how many rows that were.
pub(crate) async fn delete_piece(
    sql: &impl Sql,
    text: &str,
    user_id: &str,
    limit: u32,
) -> Result<u64, StoreError> {
    sql.execute_counted(text, params![user_id, limit]).await
}
