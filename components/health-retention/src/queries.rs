//! The SQL that deletes what is over.

use suoke_store::{Sql, StoreError, params};

/// Deletes readings for good that were deleted before then; at most `limit`.
pub(crate) async fn purge_deleted(
    sql: &impl Sql,
    before_ms: i64,
    limit: u32,
) -> Result<u64, StoreError> {
    sql.execute_counted(
        "DELETE FROM readings WHERE (user_id, id) IN (SELECT user_id, id FROM readings \
         WHERE status = 'entered_in_error' AND changed_ms < ?1 ORDER BY changed_ms LIMIT ?2)",
        params![before_ms, limit],
    )
    .await
}

/// What is kept for each person, with the query for the next one after `?1`: people are
/// found by the first column of the primary key, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Readings,
    Days,
    Alerts,
    Imports,
}

impl Of {
    fn next(self) -> &'static str {
        match self {
            Self::Readings => {
                "SELECT user_id FROM readings WHERE user_id > ?1 ORDER BY user_id LIMIT 1"
            }
            Self::Days => "SELECT user_id FROM days WHERE user_id > ?1 ORDER BY user_id LIMIT 1",
            Self::Alerts => {
                "SELECT user_id FROM alerts WHERE user_id > ?1 ORDER BY user_id LIMIT 1"
            }
            Self::Imports => {
                "SELECT user_id FROM imports WHERE user_id > ?1 ORDER BY user_id LIMIT 1"
            }
        }
    }
}

/// The next person after this one of whom there is any.
pub(crate) async fn next_user(
    sql: &impl Sql,
    of: Of,
    after: &str,
) -> Result<Option<String>, StoreError> {
    sql.query_optional(of.next(), params![after]).await
}

/// Deletes what is older of a person; at most `limit` rows.
pub(crate) async fn delete(
    sql: &impl Sql,
    of: Of,
    user_id: &str,
    before_ms: i64,
    limit: u32,
) -> Result<u64, StoreError> {
    let text = match of {
        Of::Readings => return delete_old(sql, user_id, before_ms, limit).await,
        Of::Days => {
            "DELETE FROM days WHERE (user_id, metric, day_ms) IN (SELECT user_id, metric, day_ms \
             FROM days WHERE user_id = ?1 AND end_ms <= ?2 LIMIT ?3)"
        }
        Of::Alerts => {
            "DELETE FROM alerts WHERE (user_id, id) IN (SELECT user_id, id \
             FROM alerts WHERE user_id = ?1 AND last_ms < ?2 LIMIT ?3)"
        }
        Of::Imports => {
            let rejects = "DELETE FROM import_rejects WHERE (user_id, import_id, line) IN \
                 (SELECT r.user_id, r.import_id, r.line FROM import_rejects AS r \
                 JOIN imports AS i ON i.user_id = r.user_id AND i.id = r.import_id \
                 WHERE r.user_id = ?1 AND i.changed_ms < ?2 LIMIT ?3)";
            let values = params![user_id, before_ms, limit];
            let rows = sql.execute_counted(rejects, values).await?;
            // The import is what its lines are found by.
            if rows > 0 {
                return Ok(rows);
            }
            "DELETE FROM imports WHERE (user_id, id) IN (SELECT user_id, id \
             FROM imports WHERE user_id = ?1 AND changed_ms < ?2 LIMIT ?3)"
        }
    };
    sql.execute_counted(text, params![user_id, before_ms, limit])
        .await
}

/// Deletes readings of a person that were measured before then; at most `limit`. Ids
/// begin with the instant, so that the oldest are the first of the primary key and the
/// first one that stays ends the search.
async fn delete_old(
    sql: &impl Sql,
    user_id: &str,
    before_ms: i64,
    limit: u32,
) -> Result<u64, StoreError> {
    sql.execute_counted(
        "DELETE FROM readings WHERE user_id = ?1 AND id IN (SELECT id FROM readings \
         WHERE user_id = ?1 AND id < ?2 AND effective_ms < ?3 ORDER BY id LIMIT ?4)",
        params![user_id, first_id(before_ms), before_ms, limit],
    )
    .await
}

/// Sorts after every id of an instant before this one.
fn first_id(ms: i64) -> String {
    let digits = format!("{:012x}", ms.max(1));
    let (high, low) = digits.split_at_checked(8).unwrap_or((&digits, ""));
    format!("{high}-{low}")
}
